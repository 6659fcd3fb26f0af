"""How retirements, requests to schedulers and workers that have joined are counted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from models.scheduler_answer import DaskWorker, SchedulerAnswer
from reconciler.daemon.metrics import Metrics
from reconciler.dask.connection import Call
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import Result
from tests.builders import NOON, default_group, worker, workers
from tests.unit.daemon.daskresults import CLUSTER, HEAD, deleted, empty, going, of, seen, told
from tests.unit.daemon.passresults import counted, value

GROUP = default_group(CLUSTER)
POD = worker(GROUP, CLUSTER)
OTHERS = workers(GROUP, CLUSTER, 2, 3)
HEIR = DaskWorker("heir", "")


def retired(answer: SchedulerAnswer | None, *, is_late: bool = False, asked: bool = True) -> CollectorRegistry:
    """A pass that deletes a worker that was chosen to go."""
    group = going(POD, asked=asked, left=timedelta() if is_late else timedelta(minutes=1))
    return counted(seen(CLUSTER, HEAD, group, POD, answer=answer, responses=[deleted(POD, group)]))


@pytest.mark.parametrize(
    ("registry", "outcome", "moved_and_lost"),
    [
        pytest.param(retired(told(empty(POD), HEIR)), "handed_over", (500, 0, 0, 0), id="all handed over"),
        pytest.param(
            retired(told(empty(POD, unique_keys=2, unique_bytes=200))), "last_ones", (300, 0, 2, 200), id="no heir"
        ),
        pytest.param(
            retired(told(empty(POD, running=1, unique_keys=1, unique_bytes=900), HEIR), is_late=True),
            "given_up",
            (0, 1, 1, 900),
            id="more than at first, at the deadline",
        ),
        pytest.param(
            retired(told(empty(POD, running=2), is_silent=True), is_late=True),
            "given_up",
            (500, 2, 0, 0),
            id="silent: as it told last",
        ),
        pytest.param(retired(None, is_late=True), "given_up", (0, 0, 0, 0), id="never answered"),
        pytest.param(retired(told(HEIR)), "not_joined", (0, 0, 0, 0), id="not there"),
        pytest.param(retired(told(HEIR), is_late=True), "not_joined", (0, 0, 0, 0), id="not there at the deadline"),
        pytest.param(retired(None, asked=False), "not_asked", (0, 0, 0, 0), id="nobody was asked"),
    ],
)
def test_retirements_count_by_how_they_end(
    registry: CollectorRegistry, outcome: str, moved_and_lost: tuple[int, ...]
) -> None:
    """What is moved is how much less the worker held in the end; what is lost is what its scheduler last told."""
    names = ("moved_bytes", "lost_tasks", "lost_results", "lost_bytes")
    assert value(registry, "retirements_total", outcome=outcome) == 1.0
    assert tuple(value(registry, f"retirement_{name}_total") for name in names) == moved_and_lost
    took = value(registry, "retirement_duration_seconds_sum", outcome=outcome)
    assert took == (None if outcome == "not_asked" else 20.0)


@pytest.mark.parametrize("result", Result)
def test_a_retirement_counts_when_its_pod_is_deleted(result: Result) -> None:
    """Not when that failed, nor again in a pass that only finds it ending."""
    group = going(POD)
    first = seen(CLUSTER, HEAD, group, POD, answer=told(empty(POD)), responses=[deleted(POD, group, result)])
    small = replace(seen(CLUSTER, HEAD, group, POD, answer=told(empty(POD))), coverage=_of_small())
    registry = counted(first, small, seen(CLUSTER, HEAD, group))
    assert value(registry, "retirements_total", outcome="handed_over") == float(result is Result.DONE)


def test_a_rehearsal_retires_nobody() -> None:
    """It deletes on a copy."""
    group = going(POD)
    whole = seen(CLUSTER, HEAD, group, POD, answer=told(empty(POD)), responses=[deleted(POD, group)])
    assert value(counted(whole, rehearsed=True), "retirements_total", outcome="handed_over") == 0.0


def test_a_worker_that_was_not_chosen_is_no_retirement() -> None:
    """Such as one that has ended by itself and is deleted to be replaced, before anything is recorded."""
    registry = counted(seen(CLUSTER, HEAD, GROUP, POD, answer=told(), responses=[deleted(POD, GROUP)]))
    assert {value(registry, "retirements_total", outcome=one) for one in ("not_asked", "not_joined")} == {0.0}


def test_requests_to_schedulers_count_by_handler_and_result() -> None:
    """Those that fail too, and how long each took."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, lambda: NOON)
    for call in (Call("identity", "ok", 0.5), Call("identity", "ok", 0.25), Call("identity", "silent", 5.0)):
        metrics.called(call)
    assert value(registry, "scheduler_calls_total", method="identity", result="ok") == 2.0
    assert value(registry, "scheduler_calls_total", method="identity", result="silent") == 1.0
    assert value(registry, "scheduler_call_duration_seconds_sum", method="identity") == 5.75


def test_workers_that_have_joined_and_retire_are_counted_by_cluster() -> None:
    """Joined are those that are ready and that their scheduler has; retiring those chosen to go and still there."""
    answer = told(empty(POD), DaskWorker(OTHERS[0].metadata.name, ""))
    registry = counted(seen(CLUSTER, HEAD, going(POD), POD, *OTHERS, answer=answer))
    counts = {name: value(registry, f"workers_{name}", **of(CLUSTER)) for name in ("ready", "joined", "retiring")}
    assert counts == {"ready": 3.0, "joined": 2.0, "retiring": 1.0}
    assert value(registry, "scheduler_last_answer_timestamp_seconds", **of(CLUSTER)) == NOON.timestamp()


@pytest.mark.parametrize("answer", [None, SchedulerAnswer(HEAD.metadata.uid), told(is_silent=True)])
def test_of_a_scheduler_that_does_not_answer_nobody_is_said_to_have_joined_or_not(
    answer: SchedulerAnswer | None,
) -> None:
    """No sample is no alert."""
    registry = counted(seen(CLUSTER, HEAD, GROUP, POD, answer=answer))
    assert value(registry, "workers_joined", **of(CLUSTER)) is None


def _of_small() -> Coverage:
    return Coverage(trees=frozenset({CLUSTER.key}))
