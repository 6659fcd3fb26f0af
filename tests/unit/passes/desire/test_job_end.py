"""How a job ends: what is its outcome, and what is run again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.resources import DaskJob
from models.snapshot import Observed
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules import names
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import runner_hash
from tests.builders import NOON, RUNNING, ended, job, job_cluster, reasons, runner, scheduler, world

ONE = job()
OF_ONE = job_cluster(ONE)
READY = scheduler(OF_ONE)


def _desired(of: DaskJob, *objects: Observed) -> Desired:
    return desire(of, world(of, *objects), Naming.CLASSIC)


def _wanted(desired: Desired) -> list[tuple[str, bool]]:
    return [(str(wanted.key), wanted.present is not None) for wanted in desired.wanted]


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ({"phase": "Succeeded"}, "Successful"),
        ({"phase": "Failed"}, "Failed"),
        ({"phase": "Failed", "reason": "DeadlineExceeded"}, "Failed"),
        ({"phase": "Failed", "reason": "Evicted"}, "Failed"),
        ({"phase": "Succeeded", "disrupted": True}, "Successful"),
    ],
)
def test_the_runners_end_is_the_outcome_and_is_written_before_anything_else(ended: dict[str, Any], status: str) -> None:
    """With the times and the Pod, and nothing else in the same write."""
    desired = _desired(ONE, OF_ONE, READY, runner(ONE, **ended))
    (record,) = desired.records
    assert record.body["status"] == {
        "jobStatus": status,
        "jobRunnerPodName": "train-runner",
        "startTime": "2026-01-31T12:00:00Z",
        "endTime": "2026-01-31T12:00:00Z",
    }
    assert (desired.wanted, desired.unwanted) == ((), ())


def test_nothing_ends_before_it_began() -> None:
    """Though the start was written by a clock that was ahead: whoever reads the two works out how long it took."""
    ahead = job(status={"jobStatus": "Running", "startTime": "2026-01-31T13:00:00Z"})
    (record,) = _desired(ahead, OF_ONE, READY, runner(ahead, phase="Succeeded")).records
    assert record.body["status"]["endTime"] == record.body["status"]["startTime"] == "2026-01-31T13:00:00Z"


def test_the_start_that_was_seen_stays() -> None:
    """The outcome does not overwrite it."""
    one = job(status={"jobStatus": "Running", "startTime": "2026-01-31T11:00:00Z"})
    (record,) = _desired(one, OF_ONE, runner(one, phase="Succeeded")).records
    assert record.body["status"]["startTime"] == "2026-01-31T11:00:00Z"


VAULT = {"vault-agent": RUNNING}


@pytest.mark.parametrize(
    ("policy", "exit_code", "status"),
    [
        ("Never", 0, "Successful"),
        ("Never", 3, "Failed"),
        ("OnFailure", 0, "Successful"),
        ("OnFailure", 3, None),
        ("Always", 0, None),
    ],
)
def test_the_main_container_decides_although_a_sidecar_runs_on(policy: str, exit_code: int, status: str | None) -> None:
    """Unless the kubelet starts it again; the sidecar stands first, as it often does."""
    containers = {**VAULT, "main": ended(exit_code)}
    running = runner(ONE, containers=containers, restart_policy=policy, ready=False)
    desired = _desired(ONE, OF_ONE, READY, running)
    assert [record.body["status"]["jobStatus"] for record in desired.records] == ([status] if status else [])
    assert desired.unwanted == ()


@pytest.mark.parametrize(("phase", "exit_code", "status"), [("Failed", 0, "Successful"), ("Failed", 1, "Failed")])
def test_a_sidecar_that_is_killed_at_the_end_changes_no_outcome(phase: str, exit_code: int, status: str) -> None:
    """Seen early or late, the outcome is the same."""
    containers = {"istio-proxy": ended(137), "job-runner": ended(exit_code)}
    (record,) = _desired(ONE, OF_ONE, READY, runner(ONE, phase=phase, containers=containers)).records
    assert record.body["status"]["jobStatus"] == status


LOST = [
    {"reason": "Evicted", "disrupted": True},
    {"disrupted": True},
    {"reason": "NodeShutdown"},
    {"reason": "OutOfcpu"},
    {"reason": "UnexpectedAdmissionError"},
]


def _losses(count: int, time: str = "2026-01-31T11:59:59Z") -> dict[str, Any]:
    return {"decisions": {"losses": {"count": count, "lastTime": time, "templateHash": runner_hash(ONE)}}}


@pytest.mark.parametrize("how", LOST)
def test_a_runner_that_was_lost_is_no_outcome_and_runs_again(how: dict[str, Any]) -> None:
    """The loss is counted, then the Pod is deleted, and the next one takes its name."""
    lost = runner(ONE, phase="Failed", age=timedelta(seconds=10), **how)
    first = _desired(ONE, OF_ONE, READY, lost)
    (record,) = first.records
    assert list(record.body["status"]) == ["decisions"]
    assert record.body["status"]["decisions"]["losses"]["count"] == 1
    assert (first.wanted, first.unwanted) == ((), ())
    counted = job(status=record.body["status"])
    desired = _desired(counted, OF_ONE, READY, lost)
    assert [unwanted.present.metadata.name for unwanted in desired.unwanted] == ["train-runner"]
    assert _wanted(_desired(counted, OF_ONE, READY))[1] == ("Pod default/train-runner", False)


def test_the_third_runner_lost_in_a_row_is_waited_for() -> None:
    """A node that refuses Pod after Pod does not run the command in a storm."""
    lost = runner(ONE, phase="Failed", reason="UnexpectedAdmissionError", age=timedelta(0))
    (record,) = _desired(job(status=_losses(2)), OF_ONE, READY, lost).records
    assert record.body["status"]["decisions"]["losses"]["count"] == 3
    waiting = _desired(job(status=_losses(3)), OF_ONE, READY)
    assert _wanted(waiting) == [("DaskCluster default/train-cluster", True)]
    assert reasons(waiting.findings) == [Reason.BACK_OFF]
    assert "lost 3 times in a row; the next one starts at 2026-01-31T12:00:09Z" in waiting.findings[0].message
    over = _desired(job(status=_losses(3, "2026-01-31T11:59:50Z")), OF_ONE, READY)
    assert (_wanted(over)[1:], over.findings) == ([("Pod default/train-runner", False)], ())


KUEUE = {"finalizers": ["kueue.x-k8s.io/managed"]}
AT = {"deleting": NOON, "deletionGracePeriodSeconds": 0, **KUEUE}


@pytest.mark.parametrize(
    ("exit_code", "end", "more", "status"),
    [
        (0, NOON - timedelta(seconds=1), AT, "Successful"),
        (3, NOON - timedelta(seconds=1), AT, "Failed"),
        (143, NOON, {**AT, "deletionGracePeriodSeconds": 30}, None),
        (0, NOON + timedelta(seconds=1), AT, None),
        (0, None, AT, None),
    ],
    ids=["had ended well", "had failed", "was killed by the deletion", "ended after it", "nobody knows when"],
)
def test_a_runner_that_had_ended_before_it_was_deleted_is_the_outcome(
    exit_code: int, end: datetime | None, more: dict[str, Any], status: str | None
) -> None:
    """A finalizer, such as Kueue's, may keep it for long; one that the deletion ended runs again."""
    phase = "Failed" if exit_code else "Succeeded"
    leaving = runner(ONE, phase=phase, containers={"main": ended(exit_code, at=end)}, uid="held", **more)
    desired = _desired(ONE, OF_ONE, READY, leaving)
    assert [record.body["status"]["jobStatus"] for record in desired.records] == ([status] if status else [])
    if status is None:
        assert _wanted(desired)[1] == (f"Pod default/{names.replacement('train-runner', 'held')}", False)


def test_a_runner_that_has_yet_to_begin_goes_once_the_job_has_an_outcome() -> None:
    """A reconciler with an old picture made it; whoever opens its gate would run the command again."""
    over = job(status={"jobStatus": "Successful", "jobRunnerPodName": "train-runner"})
    first = runner(over, phase="Succeeded")
    late = runner(over, phase="Pending", name="train-runner-2", gated=True)
    desired = _desired(over, first, late)
    assert _wanted(desired) == [("Pod default/train-runner", True)]
    assert [unwanted.present for unwanted in desired.unwanted] == [late]
    alone = runner(over, phase="Pending", gated=True)
    desired = _desired(over, alone)
    assert (desired.wanted, [unwanted.present for unwanted in desired.unwanted]) == ((), [alone])
