"""Failures: how long to wait before replacing Pods that ended for good."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.status import Failures
from reconciler.passes.desire.crash_backoff import Counts, count_ends, in_a_row, retry_at
from reconciler.rules.labels import TEMPLATE_HASH
from tests.builders import NOON, pod

HASH = "present"


def _ended(template: str = HASH, **more: Any) -> Pod:
    return pod("p", phase=more.pop("phase", "Failed"), annotations={TEMPLATE_HASH: template}, **more)


def _failures(count: int, last: datetime = NOON, template: str = HASH) -> Counts:
    return Counts(failures=Failures(count=count, last_time=last, template_hash=template))


def _losses(count: int) -> Counts:
    return Counts(losses=Failures(count=count, last_time=NOON, template_hash=HASH))


def _lost(**more: Any) -> Pod:
    return _ended(**{"disrupted": True, **more})


@pytest.mark.parametrize(
    ("count", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1000, 300)]
)
def test_each_failure_in_a_row_doubles_the_wait(count: int, seconds: int) -> None:
    """10 s, 20 s, 40 s, 80 s, 160 s, and 5 minutes from the sixth."""
    assert retry_at(_failures(count), HASH, NOON) == NOON + timedelta(seconds=seconds)


def test_nothing_speaks_against_what_has_not_failed() -> None:
    """No failure, or one of another template, is nothing to wait for."""
    assert retry_at(Counts(), HASH, NOON) is None
    assert retry_at(Counts(Failures(), Failures()), HASH, NOON) is None
    assert retry_at(_failures(5, template="old"), HASH, NOON) is None


@pytest.mark.parametrize(("minutes", "counts"), [(-60, True), (0, True), (5, True), (6, False), (1440, False)])
@pytest.mark.parametrize(("name", "how"), [("failures", {}), ("losses", {"disrupted": True})])
def test_an_end_far_in_the_future_says_nothing(name: str, how: dict[str, Any], minutes: int, *, counts: bool) -> None:
    """A clock that was wrong saw it; the next one is the first again, at the time that it is."""
    seen = Failures(count=3, last_time=NOON + timedelta(minutes=minutes), template_hash=HASH)
    known = Counts(**{name: seen})
    assert (retry_at(known, HASH, NOON) is not None) is counts
    assert bool(in_a_row(known, HASH, NOON)) is counts
    if not counts:
        counted = count_ends(known, [_ended(age=timedelta(hours=1), **how)], HASH, NOON)[name]
        assert (counted["count"], counted["lastTime"]) == (1, "2026-01-31T12:00:00Z")


def test_pods_that_end_together_count_once() -> None:
    """A hundred workers of one broken image are one failure."""
    counted = count_ends(Counts(), [_ended()] * 100, HASH, NOON)
    failures = {"count": 1, "lastTime": "2026-01-31T12:00:00Z", "templateHash": HASH, "message": "failed"}
    assert counted.keys() == {"failures"}
    assert counted["failures"].items() >= failures.items()


@pytest.mark.parametrize(
    ("pods", "counts"),
    [
        ([_ended()], True),
        ([_ended(phase="Succeeded")], True),
        ([_ended(disrupted=True)], False),
        ([_ended(reason="Evicted")], True),
        ([_ended(phase="Succeeded", disrupted=True)], False),
        ([_ended(reason="Preempting")], False),
        ([_ended(reason="NodeShutdown")], False),
        ([_ended("old")], False),
        ([_ended("old"), _ended(disrupted=True)], False),
        ([_ended("old"), _ended()], True),
        ([], False),
    ],
)
def test_only_what_the_present_template_brought_about_counts(pods: list[Pod], *, counts: bool) -> None:
    """A lost node, a preemption and an older template say nothing about the image."""
    assert ("failures" in count_ends(Counts(), pods, HASH, NOON)) is counts


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(20, 3), (30, 3), (20 + 599, 3), (20 + 600, 1), (86400, 1)],
)
def test_after_ten_quiet_minutes_a_failure_is_the_first_again(seconds: int, count: int) -> None:
    """Counted from the end of the wait."""
    replacement = _ended(age=timedelta(seconds=-20))
    counted = count_ends(_failures(2), [replacement], HASH, NOON + timedelta(seconds=seconds))
    assert counted["failures"]["count"] == count


@pytest.mark.parametrize("seconds", [0, 1, 19])
def test_what_ends_while_one_waits_neither_counts_nor_lengthens_the_wait(seconds: int) -> None:
    """Or a large group that loses a worker now and then would never get one back."""
    for age in (timedelta(hours=1), timedelta(0), timedelta(seconds=-1)):
        ended = _ended(age=age)
        assert count_ends(_failures(2), [ended], HASH, NOON + timedelta(seconds=seconds)) == {}


@pytest.mark.parametrize(("age_seconds", "counts"), [(3600, False), (1, False), (0, False), (-1, True), (-20, True)])
def test_only_a_replacement_that_fails_again_counts(age_seconds: int, *, counts: bool) -> None:
    """A worker that was there at the last failure already did not fail for its sake."""
    ended = _ended(age=timedelta(seconds=age_seconds))
    counted = count_ends(_failures(2), [ended], HASH, NOON + timedelta(seconds=60))
    assert bool(counted) is counts


def test_a_new_template_begins_anew() -> None:
    """Its first failure is a first failure."""
    counted = count_ends(_failures(6, template="old"), [_ended()], HASH, NOON)["failures"]
    assert (counted["count"], counted["templateHash"]) == (1, HASH)


@pytest.mark.parametrize(
    ("count", "seconds"), [(1, 0), (2, 0), (3, 10), (4, 20), (5, 40), (6, 80), (7, 160), (8, 300), (1000, 300)]
)
def test_two_losses_in_a_row_are_made_up_for_at_once_and_the_third_waits(count: int, seconds: int) -> None:
    """A node that refuses Pod after Pod, or takes them away again and again, makes no storm."""
    assert retry_at(_losses(count), HASH, NOON) == NOON + timedelta(seconds=seconds)


def test_losses_are_counted_apart_from_failures() -> None:
    """Each by itself, in one write; what waits longest is waited for, and told."""
    counted = count_ends(Counts(), [_ended(), _lost()], HASH, NOON)
    assert {name: one["count"] for name, one in counted.items()} == {"failures": 1, "losses": 1}
    both = Counts(_failures(1).failures, _losses(4).losses)
    assert retry_at(both, HASH, NOON) == NOON + timedelta(seconds=20)
    assert in_a_row(both, HASH, NOON) == "4 times in a row"
    assert in_a_row(_failures(3), HASH, NOON) == "3 times in a row"
    assert in_a_row(_failures(1), HASH, NOON) == "once"
    assert in_a_row(Counts(), HASH, NOON) == ""


def test_how_the_last_one_ended_is_remembered() -> None:
    """While one waits, the Pod itself is gone."""
    evicted = _ended(reason="Evicted", message="Usage of EmptyDir volume exceeds the limit. " * 9)
    failures = Failures.model_validate(count_ends(Counts(), [evicted], HASH, NOON)["failures"])
    words = in_a_row(Counts(failures), HASH, NOON)
    assert words.startswith("once; the last one failed: Evicted: Usage of EmptyDir volume exceeds the limit.")
    assert len(words) < 250


@pytest.mark.parametrize(("seconds", "count"), [(10, 4), (10 + 599, 4), (10 + 600, 1)])
def test_ten_quiet_minutes_end_a_row_of_losses(seconds: int, count: int) -> None:
    """A spot node now and then is no row."""
    counted = count_ends(_losses(3), [_lost(age=timedelta(seconds=-5))], HASH, NOON + timedelta(seconds=seconds))
    assert counted["losses"]["count"] == count


def test_only_a_replacement_that_is_lost_again_is_a_loss_in_a_row() -> None:
    """Of a large group, a node takes many that were there already."""
    later = NOON + timedelta(seconds=1)
    assert count_ends(_losses(1), [_lost()], HASH, later) == {}
    assert count_ends(_losses(1), [_lost(age=timedelta(seconds=-1))], HASH, later)["losses"]["count"] == 2


def test_a_worker_that_gave_up_before_there_was_a_scheduler_is_a_loss() -> None:
    """It says nothing about the worker's image."""
    counted = count_ends(Counts(), [_ended(exit_code=1)], HASH, NOON, lost={"p"})
    assert list(counted) == ["losses"]


@pytest.mark.parametrize(
    "error", [timedelta(days=-1), timedelta(seconds=-20), timedelta(seconds=20), timedelta(days=1)]
)
def test_a_clock_that_is_wrong_makes_no_storm(error: timedelta) -> None:
    """Which Pods were there is told by the API server's clock alone: each replacement that ends counts."""
    counted, now = Counts(), NOON
    for count in range(1, 8):
        ended = _ended(age=NOON - now)
        found = count_ends(counted, [ended], HASH, now + error, there=[_ended(age=NOON - now + timedelta(hours=1))])
        counted = Counts(failures=Failures.model_validate(found["failures"]))
        assert counted.failures is not None
        assert counted.failures.count == count
        assert count_ends(counted, [_ended(age=NOON - now)], HASH, now + error) == {}
        until = retry_at(counted, HASH, now + error)
        assert until is not None
        now = until - error + timedelta(seconds=1)
