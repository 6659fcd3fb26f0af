"""The only stage that writes.

    error                             result        what follows
    Conflict                          conflict      the tree rests until the next pass
    AlreadyExists, of the same owner  done          the object is taken as it is, unless it is one that has children:
                                      conflict      nobody has listed those, and the tree rests until the next pass
    AlreadyExists, of another         conflict      it goes into the picture, its owner is told, the rest goes on
    NotFound on a delete or report    done          it is gone
    NotFound on another change        conflict      it is gone, and the tree rests until the next pass
    Invalid, Forbidden, NotFound      refused       the same write of the same owner rests, and backs off
    TooManyRequests, 5xx, no way      unavailable   the tree rests; what was tried backs off; after so many in a row
                                                    (MOST_UNAVAILABLE), nothing more is sent for any tree
    silence, half an answer           unknown       not repeated but looked at in the next pass

In what order they are sent, and how many at a time, `lanes` says.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

import structlog

from models.kinds import EVENT, Key
from models.snapshot import Observed, Owner, Unreadable
from reconciler.passes.lanes import Lanes
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.wire.errors import AlreadyExists, ApiError, Conflict, NotFound, Refused, UnknownOutcome
from reconciler.wire.parse import NotAListError, parse_list, parse_object
from reconciler.wire.protocol import API, Reply, Subresource

IN_HAND = 32
"""So many trees are in hand at a time, if there are more: further ones are asked for as others are through."""
MOST_UNAVAILABLE = 8
"""After so many writes in a row that found the server in trouble, nothing more is sent in this pass."""

AndThen = Callable[[Sequence[Response]], Sequence[Action]]
"""What follows for trees from the answers to all their writes."""
More = Callable[[], Sequence[Action]]
"""What is to be written for further trees; nothing when there are none."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


@dataclass(frozen=True, slots=True)
class Writers:
    """The threads that write.

    Args:
        executor: Where writes run.
        parallel: How many may be under way at once.
        may_begin: Whether a further write may be sent; asked before each.
        note: Told of each answer as soon as it is there.
    """

    executor: Executor
    parallel: int
    may_begin: Callable[[], bool] = lambda: True
    note: Callable[[Response], None] = lambda _: None


def apply(
    api: API,
    actions: Sequence[Action],
    writers: Writers,
    and_then: AndThen = lambda _: (),
    more: More = lambda: (),
) -> tuple[Response, ...]:
    """Carry the actions out.

    Args:
        api: The API to write to.
        actions: What to do. Those of one tree are begun in their order; trees are independent of each other.
        writers: The threads that write.
        and_then: Asked what else to do for trees whose writes were all answered, with these answers.
        more: Asked what to do for further trees.

    Returns:
        A response for each action, those that followed among them, in the order in which they were asked for, so that
        the same refusals are told in the same words.
    """
    actions = list(actions)
    lanes = Lanes()
    lanes.add(actions)
    responses: dict[int, Response] = {}
    under_way: dict[Future[Response], Action] = {}
    unavailable = 0

    def may_send() -> bool:
        return unavailable < MOST_UNAVAILABLE and writers.may_begin()

    while True:
        while lanes.in_hand < IN_HAND and may_send() and (further := more()):
            actions += further
            lanes.add(further)
        while len(under_way) < writers.parallel and may_send():
            action = lanes.next()
            if action is None:
                break
            under_way[writers.executor.submit(_carry_out, api, action)] = action
        if lanes.through:
            following = and_then(lanes.take_through())
            actions += following
            lanes.add(following)
        elif under_way:
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                action = under_way.pop(future)
                response = responses[id(action)] = _response(action, future)
                lanes.note(response)
                unavailable = unavailable + 1 if response.result is Result.UNAVAILABLE else 0
                writers.note(response)
        else:
            return tuple(responses.get(id(action)) or Response(action, Result.SKIPPED) for action in actions)


def _response(action: Action, future: "Future[Response]") -> Response:
    """What came of a write; a bug in reading its answer ends that tree's turn and no other's."""
    bug = future.exception()
    if bug is None:
        return future.result()
    log.error("write.crashed", key=str(action.key), action=action.verb.value, exc_info=bug)
    return Response(action, Result.UNKNOWN, error=f"{type(bug).__name__}: {bug}"[:200], reason="InternalError")


def _carry_out(api: API, action: Action) -> Response:
    try:
        reply = _send(api, action)
    except AlreadyExists as error:
        return _already_there(api, action, error)
    except ApiError as error:
        return _failed(action, error)
    return Response(action, Result.DONE, _learned(action, reply), reply.warnings)


def _send(api: API, action: Action) -> Reply:
    subresource: Subresource | None = "status" if action.to_status else None
    match action.verb:
        case Verb.CREATE:
            return api.create(action.key.kind, action.body)
        case Verb.UPDATE | Verb.RECORD:
            return api.patch(action.key, action.body, subresource)
        case Verb.REPORT:
            return api.apply(action.key, action.body, subresource)
        case Verb.DELETE:
            return api.delete(action.key, action.uid, action.resource_version)


def _learned(action: Action, reply: Reply) -> dict[Key, Observed | None]:
    """What a successful write says about the object.

    A delete is answered with the object if it is on its way out, and if it is gone, with a Status, or an object without
    a deadline or without time until then.
    """
    if action.key.kind is EVENT:
        return {}
    is_object = reply.body.get("kind", action.key.kind.name) == action.key.kind.name and "metadata" in reply.body
    observed = parse_object(action.key.kind, reply.body) if is_object else None
    if isinstance(observed, Unreadable):
        return {}
    if action.verb is Verb.DELETE and (observed is None or not _is_leaving(observed, reply)):
        return {action.key: None}
    return {} if observed is None else {action.key: observed}


def _is_leaving(deleted: Observed, reply: Reply) -> bool:
    """Whether an object whose deletion was asked for is still there: a kubelet ends it, or a finalizer holds it."""
    has_time = reply.body["metadata"].get("deletionGracePeriodSeconds") != 0
    return deleted.metadata.deletion_timestamp is not None and (has_time or bool(deleted.metadata.finalizers))


def _already_there(api: API, action: Action, error: AlreadyExists) -> Response:
    """Look at who holds the name: ourselves, in a create whose answer was lost or another daemon's, or a stranger."""
    if action.key.kind is EVENT:
        return Response(action, Result.DONE)
    try:
        payload = api.list(action.key.kind, action.key.namespace, fields=f"metadata.name={action.key.name}")
        found = next(iter(parse_list(action.key.kind, payload)), None)
    except (Refused, NotAListError):  # it says nothing of the create
        return _failed(action, error)
    except ApiError as failed:
        return _failed(action, failed)
    if found is None or isinstance(found, Unreadable):
        return _failed(action, error)
    wanted = {owner["uid"] for owner in action.body["metadata"].get("ownerReferences", ())}
    owners = {owner.uid for owner in found.metadata.owner_references}
    if wanted & owners and isinstance(found, Owner):
        return _failed(action, error)
    result = Result.DONE if wanted & owners else Result.CONFLICT
    message = "" if result is Result.DONE else error.message
    return Response(action, result, {action.key: found}, error=message, was_there=True)


def _failed(action: Action, error: ApiError) -> Response:
    if isinstance(error, NotFound) and action.verb is not Verb.CREATE:
        if action.verb in (Verb.DELETE, Verb.REPORT):
            return Response(action, Result.DONE, {action.key: None})
        return Response(action, Result.CONFLICT, {action.key: None}, error=error.message, reason=error.reason)
    return Response(
        action,
        next((result for class_, result in _RESULTS if isinstance(error, class_)), Result.UNAVAILABLE),
        error=error.message,
        reason=error.reason,
        retry_after_seconds=error.retry_after_seconds,
    )


_RESULTS: Sequence[tuple[type[ApiError], Result]] = (
    (Conflict, Result.CONFLICT),
    (AlreadyExists, Result.CONFLICT),
    (Refused, Result.REFUSED),
    (UnknownOutcome, Result.UNKNOWN),
)
"""What an error comes to, the first that fits; every other means that the server is in trouble."""
