"""Why a Pod is not ready, in words."""

from typing import Any

import pytest

from models.observed import Pod
from reconciler.passes.report.pod_trouble import explain, explain_end, summarize
from reconciler.rules.labels import SCHEDULER_GATE
from tests.builders import pod, terminated
from tests.unit.passes.report.podstates import (
    NEW,
    NO_IMAGE,
    NO_NODE,
    READY,
    SCHEDULED,
    SUCCEEDED,
    UNSCHEDULABLE,
    container,
    failed,
    on_node,
    waiting,
)

CLAIMS = f"{NO_NODE} no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful."
STALE_GATE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked.",
}
PREEMPTION = f"{NO_NODE} preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
KUEUE_GATE = "kueue.x-k8s.io/admission"
CRASH_LOOP = "back-off 5m0s restarting failed container=main pod=x_default(0d5f)"


def gated(*gates: str) -> Pod:
    return pod("x", {}, gates=gates)


def initializing(**status: Any) -> Pod:
    state = {"initContainerStatuses": [container("fetch", **status)]}
    return pod("x", on_node(waiting("PodInitializing"), **state))


EXPLANATIONS: list[tuple[Pod, str]] = [
    (pod("x", READY), ""),
    (pod("x", NEW), "must wait to be scheduled"),
    (pod("x", UNSCHEDULABLE), "cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu"),
    (
        pod("x", {"conditions": [{"type": "PodScheduled", "status": "False", "message": PREEMPTION}]}),
        "cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu",
    ),
    (
        pod("x", {"conditions": [{"type": "PodScheduled", "status": "False", "message": CLAIMS}]}),
        "cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu",
    ),
    (pod("x", {"conditions": [STALE_GATE]}), "must wait to be scheduled"),
    (gated(SCHEDULER_GATE), "must wait until the scheduler is ready"),
    (gated("example.com/quota"), "must wait for whoever set the scheduling gate example.com/quota"),
    (gated("example.com/quota", SCHEDULER_GATE), "must wait until the scheduler is ready"),
    (pod("x", SCHEDULED), "must wait for the node to start the containers"),
    (pod("x", on_node(waiting("ContainerCreating"))), "must wait for the containers: ContainerCreating"),
    (
        pod("x", on_node(waiting("ErrImagePull", "pull access denied: authorization failed"))),
        "cannot start: ErrImagePull: pull access denied: authorization failed",
    ),
    (pod("x", NO_IMAGE), 'cannot start: ImagePullBackOff: Back-off pulling image "dask"'),
    # Between two attempts as at the attempt itself: a condition must not change from the one to the other.
    (
        pod("x", on_node(waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: no such host'))),
        "cannot start: ErrImagePull: no such host",
    ),
    (
        pod("x", on_node(container("main", ready=True), {**waiting("ErrImagePull", "no such host"), "name": "log"})),
        "cannot start: container log: ErrImagePull: no such host",
    ),
    (
        pod("x", on_node(waiting("CrashLoopBackOff", CRASH_LOOP, lastState=terminated(137, "OOMKilled")))),
        "crashed: CrashLoopBackOff, exit code 137 (OOMKilled): started again after 5m0s",
    ),
    (
        pod(
            "x",
            on_node(waiting("CrashLoopBackOff", CRASH_LOOP, lastState=terminated(1, "Error", "No module\nnamed x"))),
        ),
        "crashed: CrashLoopBackOff, exit code 1 (Error): No module named x; started again after 5m0s",
    ),
    (
        pod("x", on_node(waiting("CrashLoopBackOff", CRASH_LOOP))),
        "crashed: CrashLoopBackOff: started again after 5m0s",
    ),
    (pod("x", on_node(waiting("CrashLoopBackOff"))), "crashed: CrashLoopBackOff"),
    (pod("x", on_node(container(state=terminated(2)))), "crashed: exit code 2 (Error)"),
    (pod("x", on_node(container(state=terminated(0, "Completed")))), "ended: exit code 0 (Completed)"),
    (
        pod("x", on_node(container(), phase="Running")),
        "started, but did not pass the readiness probe yet",
    ),
    (
        pod("x", on_node(container(restartCount=3, lastState=terminated(137, "OOMKilled")), phase="Running")),
        "had to start again and did not become ready yet: exit code 137 (OOMKilled)",
    ),
    (
        pod("x", on_node(container(ready=True), phase="Running"), node="n1"),
        "started, but cannot be called ready: node n1 may be down",
    ),
    (
        pod(
            "x",
            on_node(container(ready=True), conditions=[{"type": "Ready", "status": "False", "message": "gate"}]),
            node="n1",
        ),
        "started, but cannot be called ready: gate",
    ),
    (
        initializing(state={"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}),
        "cannot start: init container fetch: ImagePullBackOff: no such host",
    ),
    (initializing(state=terminated(1)), "crashed: init container fetch: exit code 1 (Error)"),
    (initializing(), "must wait for the init container fetch"),
    (
        initializing(ready=True, state=terminated(0, "Completed")),
        "must wait for the containers: PodInitializing",
    ),
    (
        pod("x", READY, deleting=True),
        "cannot be used any more: deletion was requested",
    ),
    (
        pod("x", {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}),
        "failed: Evicted: The node was low on memory",
    ),
    (pod("x", failed(137, "OOMKilled")), "failed: exit code 137 (OOMKilled)"),
    (pod("x", {"phase": "Failed"}), "failed"),
    (pod("x", SUCCEEDED), "ended: exit code 0 (Completed)"),
    (
        pod("x", on_node(container("a", state=terminated(0)), container("b", state=terminated(3)), phase="Failed")),
        "failed: container b: exit code 3 (Error)",
    ),
    (
        pod(
            "x", on_node(container("a", state=terminated(2)), container("worker", state=terminated(3)), phase="Failed")
        ),
        "failed: container worker: exit code 3 (Error)",
    ),
    (
        pod("x", on_node(waiting("ErrImagePull", "no"), {**waiting("CrashLoopBackOff"), "name": "worker"})),
        "crashed: container worker: CrashLoopBackOff",
    ),
    (
        pod("x", {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu."}),
        "was refused by its node: OutOfcpu: Node didn't have enough resource: cpu",
    ),
    (gated(KUEUE_GATE), f"must wait for Kueue to admit it (scheduling gate {KUEUE_GATE})"),
    (gated("a/b", KUEUE_GATE), "must wait for whoever set the scheduling gate a/b"),
]


@pytest.mark.parametrize(("observed", "words"), EXPLANATIONS, ids=[words or "ready" for _, words in EXPLANATIONS])
def test_a_pod_is_explained_by_the_first_thing_that_keeps_it_from_being_ready(observed: Pod, words: str) -> None:
    """An explanation is read after the Pod's name and names the cause."""
    assert explain(observed) == words


def test_how_a_pod_ended_is_told_even_while_it_is_being_deleted() -> None:
    """A job's outcome does not hide behind the removal of its Pod."""
    going = pod("x", failed(3), deleting=True)
    assert explain_end(going) == "failed: exit code 3 (Error)"


def test_one_pod_in_trouble_is_named() -> None:
    """With a single Pod there is nothing to count."""
    assert summarize([pod("a", READY), pod("b", NO_IMAGE)]) == [
        'Pod b cannot start: ImagePullBackOff: Back-off pulling image "dask"'
    ]


def test_many_pods_are_counted_by_kind_with_one_of_them_named() -> None:
    """The most frequent kind comes first, and no more than three kinds are told apart."""
    troubles = [
        *(pod(f"a{n}", UNSCHEDULABLE) for n in range(30)),
        *(pod(f"b{n}", NO_IMAGE) for n in range(7)),
        pod("c", failed(1)),
        pod("d", SCHEDULED),
        pod("e", on_node(container())),
    ]
    assert summarize(troubles) == [
        "30 cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu (Pod a0, …)",
        '7 cannot start: ImagePullBackOff: Back-off pulling image "dask" (Pod b0, …)',
        "1 failed: exit code 1 (Error) (Pod c)",
        "2 for other reasons",
    ]


def test_pods_in_the_same_trouble_count_together_whatever_their_own_messages() -> None:
    """A message that holds the Pod's own name or a container's id does not make it a kind of its own."""
    troubles = [pod(name, on_node(waiting("RunContainerError", f"container {name} broke"))) for name in "ab"]
    assert summarize(troubles) == ["2 cannot start: RunContainerError: container a broke (Pod a, …)"]
