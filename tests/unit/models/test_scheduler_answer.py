"""What an answer comes to together with those before it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from models.scheduler_answer import CHANGES_A_SECOND, IDLE_AFTER, DaskWorker, SchedulerAnswer
from tests.builders import NOON

IDLE = DaskWorker("w", "", managed_bytes=0)
BUSY, HOLDING = replace(IDLE, tasks=1), replace(IDLE, managed_bytes=9)
OLD = replace(IDLE, managed_bytes=None)
MINUTES = 60


def _answers(*told: tuple[float, Sequence[DaskWorker]]) -> SchedulerAnswer:
    """The last of several answers: at how many seconds, and of which workers."""
    answer = SchedulerAnswer("uid")
    for seconds, workers in told:
        at = NOON + timedelta(seconds=seconds)
        answer = SchedulerAnswer("uid", at, tuple(workers)).after(answer)
    return answer


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([(0, BUSY)], True, id="at work"),
        pytest.param([(0, HOLDING)], True, id="holds a result"),
        pytest.param([(0, OLD), (6 * MINUTES, OLD)], True, id="of a release that does not tell what it holds"),
        pytest.param([(0, IDLE)], None, id="idle a moment ago"),
        pytest.param([(0, IDLE), (4 * MINUTES, IDLE)], None, id="idle for too short a time"),
        pytest.param([(0, IDLE), (5 * MINUTES, IDLE)], False, id="idle for long"),
        pytest.param([(0, BUSY), (1, IDLE), (2, BUSY), (3, IDLE)], True, id="between two tasks"),
        pytest.param([(0, BUSY), (1, IDLE), (302, IDLE)], False, id="idle since its last task"),
        pytest.param([(0, IDLE), (5 * MINUTES, IDLE), (310, BUSY)], True, id="at work again"),
    ],
)
def test_a_worker_counts_as_needed_until_it_has_been_idle_for_a_while(
    told: list[tuple[float, DaskWorker]], *, expected: bool | None
) -> None:
    """Work that comes and goes by the second makes no changes."""
    (worker,) = _answers(*((at, [one]) for at, one in told)).workers
    assert worker.counts_as_needed is expected


def test_of_many_workers_few_change_in_a_second() -> None:
    """Each change is a write."""
    many = [replace(BUSY, name=f"w-{number}") for number in range(20 * CHANGES_A_SECOND)]
    counted = [
        sum(one.counts_as_needed is True for one in _answers((0, many), (seconds, many)).workers)
        for seconds in range(21)
    ]
    steps = [after - before for before, after in pairwise(counted)]
    assert max(steps) <= 2 * CHANGES_A_SECOND
    assert counted[-1] == len(many)
    idle = [replace(one, tasks=0) for one in many]
    begun = _answers((0, idle), (IDLE_AFTER.total_seconds(), idle))
    assert 0 < sum(one.counts_as_needed is False for one in begun.workers) <= 2 * CHANGES_A_SECOND
