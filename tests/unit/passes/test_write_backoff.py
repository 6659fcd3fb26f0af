"""Backoff after errors: each resource by itself, longer each time, ended by an edit or a success."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from models.kinds import Key
from models.snapshot import Snapshot
from reconciler.passes.values import Response, Result, Verb
from reconciler.passes.write_backoff import Wait, next_waits, waiting
from reconciler.rules.reasons import Reason
from tests.builders import NOON, action, cluster, response, world

ONE, TWO = cluster("one"), cluster("two")
WORLD = world(ONE, TWO)


def _response(result: Result, owner: str = "one", **more: float) -> Response:
    return response(action(Verb.CREATE, owner=owner), result, error="exceeded quota", **more)


def _after(
    *results: Response, waits: Mapping[Key, Wait] | None = None, now: datetime = NOON, snapshot: Snapshot = WORLD
) -> Mapping[Key, Wait]:
    return next_waits(waits or {}, results, snapshot, now)


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 64), (8, 128), (9, 256), (10, 300), (11, 300), (99, 300)],
)
def test_each_error_in_a_row_doubles_the_wait_up_to_five_minutes(errors: int, seconds: int) -> None:
    """1 s, 2 s, 4 s, … 5 minutes."""
    waits: Mapping[Key, Wait] = {}
    for _ in range(errors):
        waits = _after(_response(Result.REFUSED), waits=waits)
    assert waits[ONE.key].errors == errors
    assert waits[ONE.key].until == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("result", [Result.REFUSED, Result.UNAVAILABLE, Result.UNKNOWN])
def test_errors_that_may_last_are_waited_for(result: Result) -> None:
    """A refusal, an unavailable server and silence all count."""
    assert ONE.key in _after(_response(result))


@pytest.mark.parametrize("result", [Result.CONFLICT, Result.SKIPPED, Result.DONE])
def test_conflicts_do_not_count(result: Result) -> None:
    """The next pass sees the truth and tries at once."""
    assert _after(_response(result)) == {}


def test_resources_wait_each_by_themselves() -> None:
    """One resource's error delays no other."""
    waits = _after(_response(Result.REFUSED, "one"), _response(Result.DONE, "two"))
    assert list(waits) == [ONE.key]
    assert list(waiting(waits, WORLD, NOON)) == [ONE.key]


def test_several_errors_of_one_pass_count_once() -> None:
    """A thousand refused Pods are one error."""
    assert _after(*[_response(Result.REFUSED)] * 1000)[ONE.key].errors == 1


def test_a_success_ends_the_wait_unless_something_failed_as_well() -> None:
    """A write that succeeds shows that the trouble is over; one that fails beside it shows that it is not."""
    waits = _after(_response(Result.REFUSED))
    assert _after(_response(Result.DONE), waits=waits) == {}
    mixed = _after(_response(Result.DONE), _response(Result.REFUSED), _response(Result.DONE), waits=waits)
    assert mixed[ONE.key].errors == 2


def test_an_edit_ends_the_wait() -> None:
    """Another generation is tried at once, and its first error is a first error."""
    waits = _after(*[_response(Result.REFUSED)])
    edited = world(cluster("one", generation=2), TWO)
    assert waiting(waits, edited, NOON) == {}
    assert _after(snapshot=edited, waits=waits) == {}
    assert _after(_response(Result.REFUSED), waits=waits, snapshot=edited)[ONE.key].errors == 1


def test_a_namesake_created_anew_waits_for_nothing() -> None:
    """Another uid is another resource."""
    waits = _after(_response(Result.REFUSED))
    namesake = world(cluster("one", uid="another"), TWO)
    assert waiting(waits, namesake, NOON) == {}
    assert _after(waits=waits, snapshot=namesake) == {}


def test_a_resource_that_is_not_seen_keeps_its_wait_until_it_is_over() -> None:
    """Its list may have failed; once the wait is over, what is gone is forgotten."""
    waits = _after(_response(Result.REFUSED))
    assert _after(waits=waits, snapshot=world(TWO)) == waits
    assert _after(waits=waits, snapshot=world(TWO, at=NOON + timedelta(seconds=1))) == {}
    assert _after(_response(Result.REFUSED), snapshot=world(TWO)) == {}


def test_the_server_may_ask_for_a_longer_wait() -> None:
    """Retry-After is honoured where it is longer than the wait would be, and only there."""
    asked = _after(_response(Result.UNAVAILABLE, retry_after_seconds=30))
    assert asked[ONE.key].until == NOON + timedelta(seconds=30)
    short = _after(_response(Result.UNAVAILABLE, retry_after_seconds=0.5))
    assert short[ONE.key].until == NOON + timedelta(seconds=1)


def test_while_one_waits_the_owner_is_told_the_error_and_the_time() -> None:
    """Who looks at the resource sees why nothing happens and until when."""
    waits = _after(_response(Result.REFUSED))
    finding = waiting(waits, WORLD, NOON)[ONE.key].finding(ONE.key)
    assert finding.reason is Reason.BACK_OFF
    assert "could not create Pod default/p: exceeded quota" in finding.message
    assert "2026-01-31T12:00:01Z" in finding.message
    assert waiting(waits, WORLD, NOON + timedelta(seconds=1)) == {}


def test_an_error_at_the_first_try_after_a_wait_is_the_next_in_a_row() -> None:
    """Only a turn at which something succeeds, or nothing is left to do, begins the count anew."""
    waits = _after(_response(Result.REFUSED))
    later = NOON + timedelta(seconds=1)
    then = world(ONE, TWO, at=later)
    assert _after(_response(Result.REFUSED), waits=waits, now=later, snapshot=then)[ONE.key].errors == 2
    assert _after(_response(Result.CONFLICT), waits=waits, now=later, snapshot=then)[ONE.key].errors == 1
    assert _after(waits=waits, now=later, snapshot=then) == {}


def test_no_server_can_ask_for_more_than_the_longest_wait() -> None:
    """A Retry-After of a day is a mistake."""
    asked = _after(_response(Result.UNAVAILABLE, retry_after_seconds=86400))
    assert asked[ONE.key].until == NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("result", "verb", "postponed"),
    [
        (Result.REFUSED, Verb.CREATE, {Verb.CREATE, Verb.UPDATE}),
        (Result.REFUSED, Verb.UPDATE, {Verb.CREATE, Verb.UPDATE}),
        (Result.REFUSED, Verb.RECORD, set(Verb)),
        (Result.REFUSED, Verb.DELETE, set(Verb)),
        (Result.UNAVAILABLE, Verb.CREATE, set(Verb)),
        (Result.UNKNOWN, Verb.CREATE, set(Verb)),
    ],
)
def test_a_refused_object_holds_up_no_decision_and_no_delete(result: Result, verb: Verb, postponed: set[Verb]) -> None:
    """A quota that refuses Pods keeps no outcome from being written; a server in trouble is left alone altogether."""
    wait = _after(response(action(verb, owner="one"), result))[ONE.key]
    assert {each for each in Verb if wait.postpones(action(each, owner="one"))} == postponed


def test_what_was_not_held_up_does_not_end_the_wait() -> None:
    """A delete that succeeds says nothing about the quota."""
    waits = _after(_response(Result.REFUSED))
    delete = response(action(Verb.DELETE, owner="one"), Result.DONE)
    assert _after(delete, waits=waits) == waits
