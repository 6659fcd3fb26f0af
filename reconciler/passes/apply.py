"""The only stage that writes.

    error                             result        what follows
    Conflict                          conflict      the tree rests until the next pass
    AlreadyExists, of the same owner  done          the object is taken as it is, unless it is one that has children:
                                      conflict      nobody has listed those, and the tree rests until the next pass
    AlreadyExists, of another         conflict      it goes into the picture, its owner is told, the rest goes on
    NotFound on a delete or report    done          it is gone
    NotFound on another change        conflict      it is gone, and the tree rests until the next pass
    Invalid, Forbidden, NotFound      refused       its owner rests, backs off, and is told
    TooManyRequests, 5xx, no way      unavailable   the tree rests and backs off
    silence, half an answer           unknown       not repeated but looked at in the next pass

Writes run side by side, but each owner's in growing batches (1, 2, 4, …), so that what is refused is refused a few
times and not a thousand.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

from models.kinds import EVENT, Key
from models.snapshot import Observed, Owner, Unreadable
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.wire.errors import AlreadyExists, ApiError, Conflict, NotFound, Refused, UnknownOutcome
from reconciler.wire.parse import NotAListError, parse_list, parse_object
from reconciler.wire.protocol import API, Reply, Subresource

_ENDS_CHAIN = (Result.CONFLICT, Result.UNAVAILABLE, Result.UNKNOWN)
_ENDS_OWNER = (*_ENDS_CHAIN, Result.REFUSED)


def apply(api: API, actions: Sequence[Action], writers: Executor) -> tuple[Response, ...]:
    """Carry the actions out.

    Args:
        api: The API to write to.
        actions: What to do. Those of one owner are begun in their order; those of different owners are independent
            but for errors that end a tree.
        writers: The threads that write.

    Returns:
        A response for each action, in the order of the actions, so that the same refusals are told in the same words.
    """
    lanes = _lanes(actions)
    position = {id(action): number for number, action in enumerate(actions)}
    ended: set[Key] = set()
    responses: list[Response] = []
    under_way: dict[Future[Response], _Lane] = {}
    while True:
        for lane in lanes:
            if lane.outstanding == 0:
                responses += lane.give_up_if(ended)
                for action in lane.next_batch():
                    under_way[writers.submit(_carry_out, api, action)] = lane
        if not under_way:
            return tuple(sorted(responses, key=lambda response: position[id(response.action)]))
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            response = future.result()
            responses.append(response)
            under_way.pop(future).outstanding -= 1
            ended |= _ended_by(response)


@dataclass(slots=True)
class _Lane:
    """One owner's actions, in order."""

    queue: deque[Action]
    outstanding: int = 0
    batch: int = 1

    def next_batch(self) -> list[Action]:
        """The actions to begin now: up to twice as many as the last time."""
        taken: list[Action] = []
        while self.queue and len(taken) < self.batch:
            taken.append(self.queue.popleft())
        self.batch *= 2
        self.outstanding = len(taken)
        return taken

    def give_up_if(self, ended: Iterable[Key]) -> list[Response]:
        """Skip what is left if the owner or its tree has met an error."""
        if not self.queue or not {self.queue[0].owner, self.queue[0].tree}.intersection(ended):
            return []
        skipped = [Response(action, Result.SKIPPED) for action in self.queue]
        self.queue.clear()
        return skipped


def is_occupied(response: Response) -> bool:
    """Whether a create found the name taken by someone else's object: that is known now, and no reason to stop."""
    is_create = response.action.verb is Verb.CREATE
    return is_create and response.result is Result.CONFLICT and response.objects.get(response.action.key) is not None


def _lanes(actions: Iterable[Action]) -> list[_Lane]:
    lanes: dict[Key, _Lane] = {}
    for action in actions:
        lanes.setdefault(action.owner, _Lane(deque())).queue.append(action)
    return list(lanes.values())


def _ended_by(response: Response) -> set[Key]:
    ended: set[Key] = set()
    if is_occupied(response):
        return ended
    if response.result in _ENDS_OWNER:
        ended.add(response.action.owner)
    if response.result in _ENDS_CHAIN:
        ended.add(response.action.tree)
    return ended


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
    except ApiError as failed:
        return _failed(action, failed)
    except NotAListError:
        return _failed(action, error)
    if found is None or isinstance(found, Unreadable):
        return _failed(action, error)
    wanted = {owner["uid"] for owner in action.body["metadata"].get("ownerReferences", ())}
    owners = {owner.uid for owner in found.metadata.owner_references}
    if wanted & owners and isinstance(found, Owner):
        return _failed(action, error)
    result = Result.DONE if wanted & owners else Result.CONFLICT
    return Response(action, result, {action.key: found}, error="" if result is Result.DONE else error.message)


def _failed(action: Action, error: ApiError) -> Response:
    if isinstance(error, NotFound) and action.verb is not Verb.CREATE:
        if action.verb in (Verb.DELETE, Verb.REPORT):
            return Response(action, Result.DONE, {action.key: None})
        return Response(action, Result.CONFLICT, {action.key: None}, error=error.message, reason=error.reason)
    if isinstance(error, Conflict | AlreadyExists):
        result = Result.CONFLICT
    elif isinstance(error, Refused):
        result = Result.REFUSED
    elif isinstance(error, UnknownOutcome):
        result = Result.UNKNOWN
    else:
        result = Result.UNAVAILABLE
    return Response(
        action,
        result,
        error=error.message,
        reason=error.reason,
        retry_after_seconds=error.retry_after_seconds,
    )
