"""Backoff after errors: each object by itself, longer each time, ended by progress, an edit, or nothing left to do."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from models.kinds import SERVICE, Key
from models.snapshot import Snapshot
from reconciler.passes.values import Action, Change, Response, Result, Subject, Verb
from reconciler.passes.write_backoff import FORGOTTEN_AFTER, Backoff, Turn, Wait, next_backoff, retry_after
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, world
from tests.unit.passes.planning import action

ONE, TWO = cluster("one"), cluster("two")
WORLD = world(ONE, TWO)
NONE = Backoff()


def _pod(name: str = "p", owner: str = "one") -> Action:
    """The create of a Pod of which one is as good as another."""
    return replace(action(Verb.CREATE, name, owner=owner), after_record=True)


def _refused(of: Action, **more: Any) -> Response:
    return Response(of, Result.REFUSED, error="exceeded quota", **more)


def _done(of: Action) -> Response:
    return Response(of, Result.DONE)


def _after(  # noqa: PLR0913 - all that a turn is made of, each by its name
    *responses: Response,
    before: Backoff = NONE,
    at: float = 0.0,
    there: Snapshot = WORLD,
    owners: Collection[Key] = (ONE.key, TWO.key),
    planned: Collection[Action] | None = None,
    undone: dict[Subject, str] | None = None,
) -> Backoff:
    """What is remembered after a pass in which, unless something else is said, only that was planned."""
    actions = [each.action for each in responses] if planned is None else planned
    return next_backoff(before, Turn(there, owners, actions, responses, undone or {}), NOON, at)


def _only(backoff: Backoff) -> Wait:
    (wait,) = backoff.waits.values()
    return wait


SCHEDULER = action(Verb.CREATE, "scheduler", owner="one")
ELSEWHERE = action(Verb.CREATE, "scheduler", owner="two")


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 64), (8, 128), (9, 256), (10, 300), (11, 300), (99, 300)],
)
def test_each_error_in_a_row_doubles_the_wait_up_to_five_minutes(errors: int, seconds: int) -> None:
    """1 s, 2 s, 4 s, … 5 minutes."""
    backoff = NONE
    for _ in range(errors):
        backoff = _after(_refused(SCHEDULER), before=backoff)
    wait = _only(backoff)
    assert (wait.errors, wait.until_seconds) == (errors, seconds)
    assert list(backoff.waiting(WORLD, seconds - 0.1)) == [SCHEDULER.subject]
    assert backoff.waiting(WORLD, seconds) == {}


@pytest.mark.parametrize("result", [Result.REFUSED, Result.UNAVAILABLE, Result.UNKNOWN])
def test_errors_that_may_last_are_waited_for(result: Result) -> None:
    """A refusal, an unavailable server and silence all count."""
    assert list(_after(Response(SCHEDULER, result)).waits) == [SCHEDULER.subject]


@pytest.mark.parametrize("result", [Result.CONFLICT, Result.SKIPPED])
def test_what_says_nothing_neither_begins_nor_changes_a_wait(result: Result) -> None:
    """After a conflict the next pass sees the truth and tries at once; what was not tried has not failed."""
    assert _after(Response(SCHEDULER, result)) == NONE
    before = _after(_refused(SCHEDULER))
    assert _after(Response(SCHEDULER, result), before=before, at=1.0) == before


def test_each_object_waits_by_itself() -> None:
    """A refused scheduler delays neither the Service beside it, nor its own deletion, nor another's scheduler."""
    service = action(Verb.CREATE, "scheduler", owner="one", kind=SERVICE)
    delete = action(Verb.DELETE, "scheduler", owner="one")
    backoff = _after(_refused(SCHEDULER), _done(service), _done(delete), _done(ELSEWHERE))
    assert list(backoff.waits) == [SCHEDULER.subject]
    assert backoff.waiting(WORLD, 0.0).keys().isdisjoint({service.subject, delete.subject, ELSEWHERE.subject})


def test_pods_of_which_one_is_as_good_as_another_wait_together() -> None:
    """A thousand refused workers are one error, whatever their names will be next time."""
    first = _after(*[_refused(_pod(f"w-{number}")) for number in range(1000)])
    assert _only(first).errors == 1
    second = _after(_refused(_pod("w-1000")), before=first, at=1.0)
    assert _only(second).errors == 2
    assert _pod("w-2000").subject in second.waiting(WORLD, 1.0)
    assert _pod("w-2000", "two").subject not in second.waiting(WORLD, 1.0)


def test_progress_ends_a_wait() -> None:
    """A write that succeeds; of Pods of which one is as good as another, any, and the next error is the first again."""
    before = _after(_refused(SCHEDULER))
    assert _after(_done(SCHEDULER), before=before, at=1.0) == NONE
    crowded = NONE
    for _ in range(5):
        crowded = _after(_refused(_pod()), before=crowded)
    assert _after(_done(_pod("a")), before=crowded, at=16.0) == NONE
    assert _only(_after(_done(_pod("a")), _refused(_pod("b")), before=crowded, at=16.0)).errors == 1


def test_an_edit_ends_the_wait() -> None:
    """Another generation is tried at once, and its first error is a first error."""
    before = _after(_refused(SCHEDULER))
    edited = world(cluster("one", generation=2), TWO)
    assert before.waiting(edited, 0.0) == {}
    assert _after(there=edited, before=before, planned=[SCHEDULER]) == NONE
    assert _only(_after(_refused(SCHEDULER), before=before, there=edited)).errors == 1


def test_a_namesake_created_anew_waits_for_nothing() -> None:
    """Deleting and creating it again, with the same name and generation, is a way to begin again."""
    before = _after(_refused(SCHEDULER))
    namesake = world(cluster("one", uid="another"), TWO)
    assert before.waiting(namesake, 0.0) == {}
    assert _only(_after(_refused(SCHEDULER), before=before, there=namesake)).errors == 1


def test_a_wait_ends_when_nothing_is_left_to_be_written() -> None:
    """Someone else did it, or it is not wanted any more; what a pass did not come to keeps its wait, over or not."""
    before = _after(_refused(SCHEDULER))
    assert _after(before=before) == NONE
    assert _after(before=before, planned=[SCHEDULER]) == before
    assert _after(before=before, owners=[TWO.key]) == before
    assert _after(before=before, owners=[TWO.key], at=3600.0) == before


def test_an_error_at_the_first_try_after_a_wait_is_the_next_in_a_row() -> None:
    """However long after its end that try was."""
    before = _after(_refused(SCHEDULER))
    assert _only(_after(_refused(SCHEDULER), before=before, at=3600.0)).errors == 2


def test_an_owner_that_is_not_seen_keeps_its_wait_until_it_is_over() -> None:
    """Its list may have failed; once the wait is over, what is gone is forgotten."""
    before = _after(_refused(SCHEDULER))
    unseen = world(TWO)
    assert _after(before=before, there=unseen, owners=[TWO.key], at=0.9) == before
    assert _after(before=before, there=unseen, owners=[TWO.key], at=1.0) == NONE
    assert _after(_refused(SCHEDULER), there=unseen) == NONE


@pytest.mark.parametrize(("asked", "seconds"), [(30.0, 30.0), (0.5, 1.0)])
def test_the_server_may_ask_for_a_longer_wait(asked: float, seconds: float) -> None:
    """Retry-After is honoured where it is longer than the wait would be."""
    limited = Response(SCHEDULER, Result.UNAVAILABLE, retry_after_seconds=asked)
    assert _only(_after(limited)).until_seconds == seconds


@pytest.mark.parametrize(("asked", "seconds"), [([], 0.0), ([None], 0.0), ([2.0, None, 7.0], 7.0)])
def test_the_longest_that_any_answer_asks_for_is_asked_of_the_whole_loop(
    asked: list[float | None], seconds: float
) -> None:
    """Of several the longest."""
    answers = [Response(SCHEDULER, Result.UNAVAILABLE, retry_after_seconds=one) for one in asked]
    assert retry_after(answers) == seconds


def test_while_one_waits_the_owner_is_told_the_error_and_the_time_of_day() -> None:
    """Who looks at the resource sees why nothing happens and until when."""
    finding = _only(_after(_refused(SCHEDULER))).finding
    assert (finding.about, finding.reason) == (ONE.key, Reason.BACK_OFF)
    assert finding.message == (
        "could not create Pod default/scheduler: exceeded quota; tried again at 2026-01-31T12:00:01Z"
    )


LABEL = replace(action(Verb.UPDATE, "p", owner="one"), uid="u", changes=(Change("metadata.labels.team", None, "x"),))
OTHER = replace(LABEL, changes=(Change("metadata.labels.team", None, "y"),))


def test_what_someone_takes_back_at_once_waits_although_it_was_written() -> None:
    """Its owner is told, each such pass in a row doubles the wait, and a write that holds for long ends it."""
    undone = {LABEL.subject: "metadata.labels.team of Pod default/p is set back by something else at once"}
    first = _after(_done(LABEL), undone=undone)
    assert (_only(first).errors, _only(first).finding.reason) == (1, Reason.UNDONE)
    assert _only(first).finding.message.startswith(undone[LABEL.subject])
    assert _only(_after(_done(LABEL), before=first, undone=undone, at=1.0)).errors == 2
    assert _only(_after(_done(LABEL), before=first, at=1.0)).errors == 1
    assert _after(_done(LABEL), before=first, at=60.0).waits == {}


def _repeated(*changes: Action, seconds_between: float = 5.0) -> Backoff:
    backoff = NONE
    for number, change in enumerate(changes):
        backoff = _after(_done(change), before=backoff, at=number * seconds_between)
    return backoff


@pytest.mark.parametrize(("times", "errors"), [(1, 0), (2, 0), (3, 1), (4, 2), (5, 3)])
def test_a_change_made_again_and_again_waits_from_the_third_time_on(times: int, errors: int) -> None:
    """Another controller sets it back between the passes; twice is no suspicion."""
    waits = _repeated(*[LABEL] * times).waits
    assert [wait.errors for wait in waits.values()] == [errors] * bool(errors)
    for wait in waits.values():
        assert wait.finding.reason is Reason.UNDONE
        expected = f"metadata.labels.team of Pod default/p was set {times} times; something else sets it back each time"
        assert wait.finding.message.startswith(expected)


def test_only_the_same_change_soon_after_is_a_repetition() -> None:
    """Another value, a refusal, a change long after the last, and one of each new object of a name are none."""
    assert _repeated(LABEL, LABEL, OTHER, LABEL).waits == {}
    assert _repeated(*(replace(LABEL, uid=uid) for uid in "abc")).waits == {}
    assert _repeated(LABEL, LABEL, LABEL, seconds_between=FORGOTTEN_AFTER.total_seconds()).waits == {}
    assert _only(_after(_refused(LABEL), before=_repeated(LABEL, LABEL), at=10.0)).finding.reason is Reason.BACK_OFF


def test_a_repeated_change_is_still_remembered_after_the_longest_wait() -> None:
    """Or the count would begin anew with each try."""
    backoff = NONE
    at = 0.0
    for _ in range(20):
        backoff = _after(_done(LABEL), before=backoff, at=at)
        at = max([at + 5.0, *(wait.until_seconds for wait in backoff.waits.values())])
    assert _only(backoff).errors == 18
