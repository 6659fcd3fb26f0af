"""Applying: each answer has one meaning, and what is refused is refused a few times and not a thousand."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from dataclasses import replace as changed
from threading import Barrier, Lock
from typing import Any

import pytest

from models.kinds import DASK_WORKER_GROUP, EVENT, POD, Key, Kind
from models.observed import Pod
from reconciler.passes.apply import apply
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.wire import errors
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import NAMESPACE, action
from tests.manifests import pod_spec

Answer = Reply | Exception
OURS, THEIRS = "simple-uid", "stranger-uid"


def _pod(name: str = "p", owner: str = OURS, **metadata: Any) -> Body:
    reference = {"apiVersion": "v1", "kind": "DaskCluster", "name": "c", "uid": owner, "controller": True}
    meta = {"name": name, "namespace": NAMESPACE, "uid": f"{name}-uid", "ownerReferences": [reference], **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


@dataclass
class Stub:
    """An API that answers writes as it is told, and remembers them."""

    answer: Callable[[Verb, Key], Answer] = lambda _, key: Reply(_pod(key.name))
    there: Body | Exception | bytes | None = None
    writes: list[tuple[Verb, str]] = field(default_factory=list)
    statuses: int = 0
    lock: Lock = field(default_factory=Lock)

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        assert (kind in (POD, DASK_WORKER_GROUP), namespace, labels, fields) == (True, NAMESPACE, "", "metadata.name=p")
        if isinstance(self.there, Exception):
            raise self.there
        if isinstance(self.there, bytes):
            return self.there
        return json.dumps({"items": [self.there] if self.there else []}).encode()

    def create(self, kind: Kind, body: Body) -> Reply:
        return self._reply(Verb.CREATE, Key(kind, NAMESPACE, body["metadata"]["name"]), None)

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        assert body
        return self._reply(Verb.UPDATE, key, subresource)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        assert body
        return self._reply(Verb.REPORT, key, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        assert all(isinstance(guard, str) for guard in (uid, resource_version))
        return self._reply(Verb.DELETE, key, None)

    def _reply(self, verb: Verb, key: Key, subresource: Subresource | None) -> Reply:
        with self.lock:
            self.writes.append((verb, key.name))
            self.statuses += subresource == "status"
        answer = self.answer(verb, key)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def writers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def _one(stub: Stub, what: Action, writers: ThreadPoolExecutor) -> Response:
    (response,) = apply(stub, [what], writers)
    assert response.action is what
    return response


ERRORS = [
    (errors.Conflict("x", status=409), Verb.UPDATE, Result.CONFLICT),
    (errors.Conflict("x", status=409), Verb.RECORD, Result.CONFLICT),
    (errors.Conflict("x", status=409), Verb.DELETE, Result.CONFLICT),
    (errors.NotFound("x", status=404), Verb.DELETE, Result.DONE),
    (errors.NotFound("x", status=404), Verb.REPORT, Result.DONE),
    (errors.NotFound("x", status=404), Verb.UPDATE, Result.CONFLICT),
    (errors.NotFound("x", status=404), Verb.RECORD, Result.CONFLICT),
    (errors.NotFound("x", status=404), Verb.CREATE, Result.REFUSED),
    (errors.Invalid("x", status=422), Verb.CREATE, Result.REFUSED),
    (errors.Forbidden("x", status=403), Verb.CREATE, Result.REFUSED),
    (errors.Forbidden("x", status=401), Verb.DELETE, Result.REFUSED),
    (errors.TooManyRequests("x", status=429, retry_after_seconds=7), Verb.CREATE, Result.UNAVAILABLE),
    (errors.ServerError("x", status=503), Verb.UPDATE, Result.UNAVAILABLE),
    (errors.Unreachable("x"), Verb.DELETE, Result.UNAVAILABLE),
    (errors.UnknownOutcome("x"), Verb.CREATE, Result.UNKNOWN),
    (errors.UnknownOutcome("x"), Verb.RECORD, Result.UNKNOWN),
]


@pytest.mark.parametrize(("error", "verb", "result"), ERRORS, ids=lambda one: getattr(one, "reason", str(one)))
def test_each_error_has_one_meaning(
    error: errors.ApiError, verb: Verb, result: Result, writers: ThreadPoolExecutor
) -> None:
    """The table in `apply`, row by row; a failed write is never repeated."""
    stub = Stub(lambda *_: error)
    response = _one(stub, action(verb), writers)
    assert response.result is result
    assert len(stub.writes) == 1
    assert response.retry_after_seconds == error.retry_after_seconds
    if result is not Result.DONE:
        assert response.error == "x"


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.REPORT, Verb.UPDATE, Verb.RECORD])
def test_what_is_not_found_is_known_to_be_gone(verb: Verb, writers: ThreadPoolExecutor) -> None:
    """The picture loses the object."""
    response = _one(Stub(lambda *_: errors.NotFound("x", status=404)), action(verb), writers)
    assert response.objects == {Key(POD, NAMESPACE, "p"): None}


def test_an_answer_tells_what_the_object_is_now(writers: ThreadPoolExecutor) -> None:
    """Uid and warnings come from the answer, so that no other list is needed."""
    stub = Stub(lambda *_: Reply(_pod(resourceVersion="7"), ("unknown field",)))
    response = _one(stub, action(Verb.CREATE), writers)
    (found,) = response.objects.values()
    assert isinstance(found, Pod)
    assert (found.metadata.uid, found.metadata.resource_version) == ("p-uid", "7")
    assert response.warnings == ("unknown field",)


@pytest.mark.parametrize(
    ("body", "is_there"),
    [
        ({"kind": "Status", "status": "Success"}, False),
        ({"kind": "Status", "metadata": {}, "status": "Success"}, False),
        (_pod(), False),
        (_pod(deletionTimestamp="2026-01-31T12:00:30Z", deletionGracePeriodSeconds=30), True),
        (_pod(deletionTimestamp="2026-01-31T12:00:00Z", deletionGracePeriodSeconds=0), False),
        (_pod(deletionTimestamp="2026-01-31T12:00:00Z", deletionGracePeriodSeconds=0, finalizers=["x"]), True),
        (_pod(deletionTimestamp="2026-01-31T12:00:00Z"), True),
    ],
)
def test_a_deleted_object_is_terminating_or_gone(body: Body, *, is_there: bool, writers: ThreadPoolExecutor) -> None:
    """A Status, an object without a deadline, or one without time until then, is gone."""
    response = _one(Stub(lambda *_: Reply(body)), action(Verb.DELETE), writers)
    assert response.result is Result.DONE
    (found,) = response.objects.values()
    assert (found is not None) is is_there
    assert found is None or found.metadata.deletion_timestamp is not None


def test_an_answer_that_cannot_be_read_teaches_nothing(writers: ThreadPoolExecutor) -> None:
    """The write is done; what the object is now, the next list tells."""
    odd = {**_pod(), "status": {"phase": 5}}
    response = _one(Stub(lambda *_: Reply(odd)), action(Verb.CREATE), writers)
    assert (response.result, response.objects) == (Result.DONE, {})


def test_decisions_and_reports_go_to_the_status_and_the_rest_does_not(writers: ThreadPoolExecutor) -> None:
    """The status subresource is written only where the action says so."""
    stub = Stub()
    to_status = [changed(action(verb, f"{verb}"), to_status=True) for verb in (Verb.RECORD, Verb.REPORT)]
    apply(stub, [*to_status, action(Verb.RECORD, "metadata"), action(Verb.UPDATE)], writers)
    assert stub.statuses == 2


EXISTS = errors.AlreadyExists("there is one", status=409)


def test_an_object_of_ours_that_is_there_already_is_taken_as_it_is(writers: ThreadPoolExecutor) -> None:
    """A create whose answer was lost, or that another daemon sent too, is done."""
    response = _one(Stub(lambda *_: EXISTS, there=_pod(uid="other")), action(Verb.CREATE), writers)
    assert response.result is Result.DONE
    (found,) = response.objects.values()
    assert found is not None
    assert found.metadata.uid == "other"


def test_a_parent_that_is_there_already_rests_until_its_children_are_listed(writers: ThreadPoolExecutor) -> None:
    """Taken as it is, a group that another daemon has made and filled would look empty, and be filled again."""
    there = {**_pod(), "spec": {"cluster": "c", "worker": {"spec": pod_spec()}}}
    response = _one(Stub(lambda *_: EXISTS, there=there), action(Verb.CREATE, kind=DASK_WORKER_GROUP), writers)
    assert (response.result, response.objects) == (Result.CONFLICT, {})


def test_a_strangers_object_in_its_place_is_a_conflict_that_is_known_now(writers: ThreadPoolExecutor) -> None:
    """It goes into the picture, so that its owner can be told whose it is."""
    for owner in (_pod(owner=THEIRS), _pod(ownerReferences=[])):
        response = _one(Stub(lambda *_: EXISTS, there=owner), action(Verb.CREATE), writers)
        assert response.result is Result.CONFLICT
        assert list(response.objects) == [Key(POD, NAMESPACE, "p")]
        assert response.error == "there is one"


@pytest.mark.parametrize(
    ("there", "result"),
    [
        (None, Result.CONFLICT),
        ({"metadata": {"name": "p"}, "status": {"phase": 5}}, Result.CONFLICT),
        (b"<html>", Result.CONFLICT),
        (errors.Unreachable("x"), Result.UNAVAILABLE),
        (errors.Forbidden("x", status=403), Result.REFUSED),
    ],
    ids=["gone again", "unreadable", "no list", "unreachable", "forbidden"],
)
def test_if_nobody_can_tell_who_holds_the_name_the_next_pass_looks(
    there: Any, result: Result, writers: ThreadPoolExecutor
) -> None:
    """Nothing is guessed."""
    assert _one(Stub(lambda *_: EXISTS, there=there), action(Verb.CREATE), writers).result is result


def test_an_event_that_is_there_already_is_done_without_a_look(writers: ThreadPoolExecutor) -> None:
    """Events have no owners that could be compared."""
    stub = Stub(lambda *_: EXISTS, there=AssertionError("Events are not listed"))
    assert _one(stub, action(Verb.CREATE, kind=EVENT), writers).result is Result.DONE


def test_one_owners_writes_begin_in_order(writers: ThreadPoolExecutor) -> None:
    """Deletes come before the creates that take their place."""
    stub = Stub()
    actions = [action(Verb.DELETE, "a"), action(Verb.UPDATE, "b"), action(Verb.CREATE, "c")]
    apply(stub, actions, writers)
    assert stub.writes[0] == (Verb.DELETE, "a")
    assert {response.result for response in apply(stub, actions, writers)} == {Result.DONE}


@pytest.mark.parametrize(("refused_from", "tried"), [(0, 1), (1, 3), (2, 3), (3, 7), (6, 7), (7, 15), (99, 100)])
def test_batches_double_and_stop_at_the_first_that_fails(
    refused_from: int, tried: int, writers: ThreadPoolExecutor
) -> None:
    """1, 2, 4, …: what is refused is refused a few times and not a thousand; the rest is skipped."""
    refused = errors.Forbidden("exceeded quota", status=403)
    stub = Stub(lambda _, key: refused if int(key.name) >= refused_from else Reply(_pod(key.name)))
    responses = apply(stub, [action(Verb.CREATE, f"{number}") for number in range(100)], writers)
    assert len(stub.writes) == tried
    assert len(responses) == 100
    results = [response.result for response in responses]
    assert results.count(Result.SKIPPED) == 100 - tried
    assert results.count(Result.DONE) == min(refused_from, 100)


@pytest.mark.parametrize(
    ("error", "neighbour"),
    [
        (errors.Forbidden("x", status=403), Result.DONE),
        (errors.Invalid("x", status=422), Result.DONE),
        (errors.Conflict("x", status=409), Result.SKIPPED),
        (errors.Unreachable("x"), Result.SKIPPED),
        (errors.UnknownOutcome("x"), Result.SKIPPED),
    ],
    ids=lambda one: getattr(one, "reason", str(one)),
)
def test_a_refusal_ends_its_owner_and_anything_worse_the_whole_chain(error: errors.ApiError, neighbour: Result) -> None:
    """Another tree goes on in any case."""
    stub = Stub(lambda _, key: error if key.name == "one-0" else Reply(_pod(key.name)))
    lanes = {"one": "top", "two": "top", "three": "other"}
    actions = [
        action(Verb.UPDATE, f"{owner}-{number}", owner=owner, tree=tree)
        for owner, tree in lanes.items()
        for number in range(20)
    ]
    with ThreadPoolExecutor(1) as writer:  # so that the first is answered first
        responses = apply(stub, actions, writer)
    last = {response.action.key.name: response.result for response in responses}
    assert last["one-19"] is Result.SKIPPED
    assert last["two-19"] is neighbour
    assert last["three-19"] is Result.DONE
    assert len(responses) == len(actions)


def test_a_name_that_a_stranger_holds_stops_nothing_else(writers: ThreadPoolExecutor) -> None:
    """What else the owner and its tree need is still done."""
    stub = Stub(lambda _, key: EXISTS if key.name == "p" else Reply(_pod(key.name)), there=_pod(owner=THEIRS))
    actions = [action(Verb.CREATE, "p"), *[action(Verb.CREATE, f"{number}") for number in range(9)]]
    actions += [action(Verb.CREATE, f"n{number}", owner="neighbour", tree="simple") for number in range(9)]
    results = {response.action.key.name: response.result for response in apply(stub, actions, writers)}
    assert results.pop("p") is Result.CONFLICT
    assert set(results.values()) == {Result.DONE}


def test_nothing_to_do_is_done_at_once(writers: ThreadPoolExecutor) -> None:
    """An empty plan has no responses."""
    assert apply(Stub(), [], writers) == ()


def test_owners_are_written_for_side_by_side(writers: ThreadPoolExecutor) -> None:
    """A slow write for one owner does not hold up another's."""
    barrier = Barrier(2, timeout=10)

    def meet(_: Verb, key: Key) -> Answer:
        barrier.wait()
        return Reply(_pod(key.name))

    actions = [action(Verb.CREATE, owner, owner=owner) for owner in ("one", "two")]
    assert [response.result for response in apply(Stub(meet), actions, writers)] == [Result.DONE] * 2
