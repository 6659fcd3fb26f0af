"""Failures: how long to wait before replacing Pods that ended for good."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.status import Failures
from reconciler.passes.desire.crash_backoff import count_failures, how_it_ended, retry_at
from reconciler.rules.labels import TEMPLATE_HASH
from tests.builders import NOON, pod

HASH = "present"


def _ended(template: str = HASH, **more: Any) -> Pod:
    return pod("p", phase=more.pop("phase", "Failed"), annotations={TEMPLATE_HASH: template}, **more)


def _failures(count: int, last: datetime = NOON, template: str = HASH) -> Failures:
    return Failures(count=count, last_time=last, template_hash=template)


@pytest.mark.parametrize(
    ("count", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1000, 300)]
)
def test_each_failure_in_a_row_doubles_the_wait(count: int, seconds: int) -> None:
    """10 s, 20 s, 40 s, 80 s, 160 s, and 5 minutes from the sixth."""
    assert retry_at(_failures(count), HASH, NOON) == NOON + timedelta(seconds=seconds)


def test_nothing_speaks_against_what_has_not_failed() -> None:
    """No failure, or one of another template, is nothing to wait for."""
    assert retry_at(None, HASH, NOON) is None
    assert retry_at(Failures(), HASH, NOON) is None
    assert retry_at(_failures(5, template="old"), HASH, NOON) is None


@pytest.mark.parametrize(("minutes", "counts"), [(-60, True), (0, True), (5, True), (6, False), (1440, False)])
def test_a_failure_far_in_the_future_says_nothing(minutes: int, *, counts: bool) -> None:
    """A clock that was wrong saw it; the next failure is the first again, at the time that it is."""
    seen = NOON + timedelta(minutes=minutes)
    known = _failures(3, seen)
    assert (retry_at(known, HASH, NOON) is not None) is counts
    if not counts:
        counted = count_failures(known, [_ended(age=timedelta(hours=1))], HASH, NOON)
        assert counted == {"count": 1, "lastTime": "2026-01-31T12:00:00Z", "templateHash": HASH}


def test_pods_that_end_together_count_once() -> None:
    """A hundred workers of one broken image are one failure."""
    counted = count_failures(None, [_ended()] * 100, HASH, NOON)
    assert counted == {"count": 1, "lastTime": "2026-01-31T12:00:00Z", "templateHash": HASH}


@pytest.mark.parametrize(
    ("pods", "counts"),
    [
        ([_ended()], True),
        ([_ended(phase="Succeeded")], True),
        ([_ended(disrupted=True)], False),
        ([_ended(reason="Evicted")], False),
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
    assert (count_failures(None, pods, HASH, NOON) is not None) is counts


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(20, 3), (30, 3), (20 + 599, 3), (20 + 600, 1), (86400, 1)],
)
def test_after_ten_quiet_minutes_a_failure_is_the_first_again(seconds: int, count: int) -> None:
    """Counted from the end of the wait."""
    replacement = _ended(age=timedelta(seconds=-20))
    counted = count_failures(_failures(2), [replacement], HASH, NOON + timedelta(seconds=seconds))
    assert counted is not None
    assert counted["count"] == count


@pytest.mark.parametrize("seconds", [0, 1, 19])
def test_what_ends_while_one_waits_neither_counts_nor_lengthens_the_wait(seconds: int) -> None:
    """Or a large group that loses a worker now and then would never get one back."""
    for age in (timedelta(hours=1), timedelta(0), timedelta(seconds=-1)):
        ended = _ended(age=age)
        assert count_failures(_failures(2), [ended], HASH, NOON + timedelta(seconds=seconds)) is None


@pytest.mark.parametrize(("age_seconds", "counts"), [(3600, False), (1, False), (0, False), (-1, True), (-20, True)])
def test_only_a_replacement_that_fails_again_counts(age_seconds: int, *, counts: bool) -> None:
    """A worker that was there at the last failure already did not fail for its sake."""
    ended = _ended(age=timedelta(seconds=age_seconds))
    counted = count_failures(_failures(2), [ended], HASH, NOON + timedelta(seconds=60))
    assert (counted is not None) is counts


def test_a_new_template_begins_anew() -> None:
    """Its first failure is a first failure."""
    counted = count_failures(_failures(6, template="old"), [_ended()], HASH, NOON)
    assert counted is not None
    assert (counted["count"], counted["templateHash"]) == (1, HASH)


def test_how_a_pod_ended_is_said_in_words() -> None:
    """Phase, reason, message and exit codes, as far as they are known."""
    assert how_it_ended(_ended()) == "it ended: Failed"
    assert how_it_ended(_ended(exit_code=137)) == "it ended: Failed, exit code 137 (Error)"
    assert how_it_ended(_ended(reason="Evicted")) == "it ended: Failed, Evicted"
