from typing import Any

import pytest

from models.base import wire_time
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.manifests import pod_spec
from tests.unit.local.localrows import condition, pod, shown

READY_NOW, UNREADY = [condition("Ready", "True", "Ready")], [condition("Ready", "False", "ContainersNotReady")]


def container(name: str = "main", *, ready: bool = False, restarts: int = 0, **state: Any) -> Body:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


CRASHED = {"reason": "Error", "exitCode": 3}


@pytest.mark.parametrize(
    ("status", "look"),
    [
        ({}, "busy Pending 0/1 0 Must wait to be scheduled."),
        (
            {"conditions": [condition("PodScheduled", "False", "Unschedulable", "no node has a GPU. preemption: no")]},
            "bad Pending 0/1 0 Cannot be scheduled: no node has a GPU.",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [condition("PodScheduled", "True", "Scheduled")],
                "containerStatuses": [container(waiting={"reason": "ContainerCreating"})],
            },
            "busy ContainerCreating 0/1 0 Must wait for the containers: ContainerCreating.",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [condition("PodScheduled", "True", "Scheduled")],
                "containerStatuses": [container(waiting={"reason": "CreateContainerConfigError", "message": "no map"})],
            },
            "bad CreateContainerConfigError 0/1 0 Cannot start: CreateContainerConfigError: no map.",
        ),
        (
            {"phase": "Running", "conditions": UNREADY, "containerStatuses": [container(running={})]},
            "busy Running 0/1 0 Started, but did not pass the readiness probe yet.",
        ),
        (
            {
                "phase": "Running",
                "conditions": UNREADY,
                "containerStatuses": [
                    {
                        **container(restarts=4, waiting={"reason": "CrashLoopBackOff"}),
                        "lastState": {"terminated": CRASHED},
                    }
                ],
            },
            "bad CrashLoopBackOff 0/1 4 Crashed: CrashLoopBackOff, exit code 3 (Error).",
        ),
        (
            {"phase": "Running", "conditions": UNREADY, "containerStatuses": [container(terminated=CRASHED)]},
            "bad Error 0/1 0 Crashed: exit code 3 (Error).",
        ),
        (
            {
                "phase": "Running",
                "conditions": READY_NOW,
                "initContainerStatuses": [container("init", ready=True, restarts=1, terminated={"exitCode": 0})],
                "containerStatuses": [container(ready=True, restarts=2, running={})],
            },
            "good Running 1/1 3 ",
        ),
        (
            {"phase": "Succeeded", "containerStatuses": [container(terminated={"exitCode": 0})]},
            "over Succeeded 0/1 0 Ended: exit code 0.",
        ),
        (
            {"phase": "Failed", "containerStatuses": [container(terminated=CRASHED)]},
            "bad Failed 0/1 0 Failed: exit code 3 (Error).",
        ),
        ({"phase": 5}, "bad Unknown  0 status.phase is 5; it must be text; put it in quotes."),
    ],
)
def test_a_pod_is_told_by_its_own_status(status: Body, look: str) -> None:
    """Its phase or what keeps it from it, how many of its containers are ready, their restarts, and why."""
    (row,) = shown(pod(spec={**pod_spec(), "nodeName": "here" if "conditions" in status else ""}, status=status))
    assert f"{row.state} {row.phase} {row.ready} {row.restarts} {row.reason}" == look


def test_a_pod_that_was_asked_to_go_is_terminating() -> None:
    """However its containers end then, that is no trouble."""
    status = {"phase": "Failed", "containerStatuses": [container(terminated=CRASHED)]}
    (row,) = shown(pod(status=status, deletionTimestamp=wire_time(NOON), deletionGracePeriodSeconds=30))
    assert (row.phase, row.state, row.reason) == ("Terminating", "busy", "")


@pytest.mark.parametrize(
    ("containers", "requests"),
    [
        ([{}], ""),
        ([{"requests": {"memory": "4Gi", "cpu": 2}}], "2 CPU, 4Gi"),
        ([{"requests": {"cpu": "500m"}}], "500m CPU"),
        ([{"limits": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": 1}}], "2 CPU, 4Gi, 1 gpu"),
        ([{"limits": {"memory": "4Gi"}, "requests": {"memory": "1G"}}], "1G"),
        (
            [{"requests": {"cpu": "1", "memory": "1Gi"}}, {"requests": {"cpu": "500m", "memory": "512Mi"}}],
            "1.5 CPU, 1.5Gi",
        ),
        ([{"requests": {"memory": "100"}}, {"requests": {"memory": "1k"}}], "1.07421875Ki"),
        ([{"requests": {"cpu": "much"}}, {"requests": {"cpu": "1"}}], "much + 1 CPU"),
        ([{"requests": None, "limits": None}, {}], ""),
    ],
)
def test_a_pods_requests_are_those_of_its_containers_together(containers: list[Body], requests: str) -> None:
    """As they were written if only one container asks, and what Kubernetes makes of a limit without a request."""
    spec = {"containers": [{"name": f"c{number}", "resources": one} for number, one in enumerate(containers)]}
    (row,) = shown(pod(spec=spec))
    assert row.requests == requests
