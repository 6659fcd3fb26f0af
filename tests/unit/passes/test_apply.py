"""Applying: each answer has one meaning, and a server in trouble is left alone."""

from dataclasses import replace
from typing import Any

import pytest

from models.kinds import DASK_WORKER_GROUP, EVENT, POD, Key
from models.observed import Pod
from reconciler.passes.apply import MOST_UNAVAILABLE, Writers, apply
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.wire import errors
from reconciler.wire.protocol import Body, Reply
from tests.builders import NAMESPACE
from tests.manifests import pod_spec
from tests.unit.passes.answers import AT_ONCE, ONE_BY_ONE, THEIRS, AtOnce, Stub, pod_answer
from tests.unit.passes.planning import action


def _one(stub: Stub, what: Action) -> Response:
    (response,) = apply(stub, [what], AT_ONCE)
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
def test_each_error_has_one_meaning(error: errors.ApiError, verb: Verb, result: Result) -> None:
    """The table in `apply`, row by row; a failed write is never repeated."""
    stub = Stub(lambda *_: error)
    response = _one(stub, action(verb))
    assert response.result is result
    assert len(stub.writes) == 1
    assert response.retry_after_seconds == error.retry_after_seconds
    if result is not Result.DONE:
        assert response.error == "x"


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.REPORT, Verb.UPDATE, Verb.RECORD])
def test_what_is_not_found_is_known_to_be_gone(verb: Verb) -> None:
    """The picture loses the object."""
    response = _one(Stub(lambda *_: errors.NotFound("x", status=404)), action(verb))
    assert response.objects == {Key(POD, NAMESPACE, "p"): None}


def test_an_answer_tells_what_the_object_is_now() -> None:
    """Uid and warnings come from the answer, so that no other list is needed."""
    stub = Stub(lambda *_: Reply(pod_answer(resourceVersion="7"), ("unknown field",)))
    response = _one(stub, action(Verb.CREATE))
    (found,) = response.objects.values()
    assert isinstance(found, Pod)
    assert (found.metadata.uid, found.metadata.resource_version) == ("p-uid", "7")
    assert response.warnings == ("unknown field",)


@pytest.mark.parametrize(
    ("body", "is_there"),
    [
        ({"kind": "Status", "status": "Success"}, False),
        ({"kind": "Status", "metadata": {}, "status": "Success"}, False),
        (pod_answer(), False),
        (pod_answer(deletionTimestamp="2026-01-31T12:00:30Z", deletionGracePeriodSeconds=30), True),
        (pod_answer(deletionTimestamp="2026-01-31T12:00:00Z", deletionGracePeriodSeconds=0), False),
        (pod_answer(deletionTimestamp="2026-01-31T12:00:00Z", deletionGracePeriodSeconds=0, finalizers=["x"]), True),
        (pod_answer(deletionTimestamp="2026-01-31T12:00:00Z"), True),
    ],
)
def test_a_deleted_object_is_terminating_or_gone(body: Body, *, is_there: bool) -> None:
    """A Status, an object without a deadline, or one without time until then, is gone."""
    response = _one(Stub(lambda *_: Reply(body)), action(Verb.DELETE))
    assert response.result is Result.DONE
    (found,) = response.objects.values()
    assert (found is not None) is is_there
    assert found is None or found.metadata.deletion_timestamp is not None


def test_an_answer_that_cannot_be_read_teaches_nothing() -> None:
    """The write is done; what the object is now, the next list tells."""
    odd = {**pod_answer(), "status": {"phase": 5}}
    response = _one(Stub(lambda *_: Reply(odd)), action(Verb.CREATE))
    assert (response.result, response.objects) == (Result.DONE, {})


def test_decisions_and_reports_go_to_the_status_and_the_rest_does_not() -> None:
    """The status subresource is written only where the action says so."""
    stub = Stub()
    to_status = [replace(action(verb, f"{verb}"), to_status=True) for verb in (Verb.RECORD, Verb.REPORT)]
    apply(stub, [*to_status, action(Verb.RECORD, "metadata"), action(Verb.UPDATE)], AT_ONCE)
    assert stub.statuses == 2


EXISTS = errors.AlreadyExists("there is one", status=409)


def test_an_object_of_ours_that_is_there_already_is_taken_as_it_is() -> None:
    """A create whose answer was lost, or that another daemon sent too, is done."""
    response = _one(Stub(lambda *_: EXISTS, there=pod_answer(uid="other")), action(Verb.CREATE))
    assert response.result is Result.DONE
    (found,) = response.objects.values()
    assert found is not None
    assert found.metadata.uid == "other"


def test_a_parent_that_is_there_already_rests_until_its_children_are_listed() -> None:
    """Taken as it is, a group that another daemon has made and filled would look empty, and be filled again."""
    there = {**pod_answer(), "spec": {"cluster": "c", "worker": {"spec": pod_spec()}}}
    response = _one(Stub(lambda *_: EXISTS, there=there), action(Verb.CREATE, kind=DASK_WORKER_GROUP))
    assert (response.result, response.objects) == (Result.CONFLICT, {})


def test_a_strangers_object_in_its_place_is_a_conflict_that_is_known_now() -> None:
    """It goes into the picture, so that its owner can be told whose it is."""
    for owner in (pod_answer(owner=THEIRS), pod_answer(ownerReferences=[])):
        response = _one(Stub(lambda *_: EXISTS, there=owner), action(Verb.CREATE))
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
        (errors.Forbidden("x", status=403), Result.CONFLICT),
    ],
    ids=["gone again", "unreadable", "no list", "unreachable", "forbidden"],
)
def test_if_nobody_can_tell_who_holds_the_name_the_next_pass_looks(there: Any, result: Result) -> None:
    """Nothing is guessed."""
    assert _one(Stub(lambda *_: EXISTS, there=there), action(Verb.CREATE)).result is result


def test_an_event_that_is_there_already_is_done_without_a_look() -> None:
    """Events have no owners that could be compared."""
    stub = Stub(lambda *_: EXISTS, there=AssertionError("Events are not listed"))
    assert _one(stub, action(Verb.CREATE, kind=EVENT)).result is Result.DONE


UNREACHABLE = errors.Unreachable("x")


def _trees(count: int) -> list[Action]:
    return [action(Verb.CREATE, f"{number}", owner=f"{number}") for number in range(count)]


def test_a_server_in_trouble_is_left_alone_altogether() -> None:
    """After eight unavailable answers in a row nothing more is sent; one success between them begins the count anew."""
    stub = Stub(lambda *_: UNREACHABLE)
    results = [response.result for response in apply(stub, _trees(20), ONE_BY_ONE)]
    assert results == [Result.UNAVAILABLE] * MOST_UNAVAILABLE + [Result.SKIPPED] * 12
    one_works = Stub(lambda _, key: Reply(pod_answer(key.name)) if key.name == "7" else UNREACHABLE)
    apply(one_works, _trees(20), ONE_BY_ONE)
    assert len(one_works.writes) == 16


def test_time_is_asked_for_before_each_write() -> None:
    """What there was no time for is skipped, and what was sent is answered."""
    stub = Stub()
    until_three = Writers(AtOnce(), 8, lambda: len(stub.writes) < 3)
    results = [response.result for response in apply(stub, _trees(10), until_three)]
    assert results == [Result.DONE] * 3 + [Result.SKIPPED] * 7
