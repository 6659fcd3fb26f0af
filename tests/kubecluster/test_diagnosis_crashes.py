"""What it means that a container ended, or that it is not ready yet."""

import pytest

from kubecluster.errors import CrashLoop, PodRefused, TimedOut
from tests.kubecluster.podcase import POD, Case
from tests.kubecluster.sights import CREATING, NOON, RUNNING, container, crashes, ended, event, on_node

NO_COMMAND = 'unable to start container process: exec: "dask-schedulr": executable file not found in $PATH: unknown'
PROBE = 'Readiness probe failed: Get "http://10.0.0.5:8787/health": dial tcp 10.0.0.5:8787: connect: connection refused'
SINCE_1970 = NOON.timestamp()
"""A container that could not be started is said to have begun in 1970."""
LIVENESS = 'Liveness probe failed: Get "http://10.0.0.5:8787/health": context deadline exceeded'
LIMITED = {"containers": [{"name": "main", "resources": {"limits": {"memory": "64Mi"}}}]}
INIT = {"initContainers": [{"name": "fetch"}], "containers": [{"name": "main"}]}
SIDECAR = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}], "containers": [{"name": "main"}]}
INITIALIZING = container({"waiting": {"reason": "PodInitializing"}})
LOOPING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=fetch"}}

CRASHED = {
    "its last words": Case(
        crashes(3, message="No module named x\n"),
        "crashed: CrashLoopBackOff, exit code 3 (Error): No module named x.",
        CrashLoop,
        "kubectl logs simple-scheduler --previous --namespace=ml",
    ),
    "again and again": Case(
        crashes(3, restarts=3),
        "crashed: CrashLoopBackOff, exit code 3 (Error).",
        CrashLoop,
        "last log lines",
        is_final=True,
    ),
    "after long runs": Case(
        crashes(3, restarts=9, ran_seconds=3600),
        "crashed: CrashLoopBackOff, exit code 3 (Error).",
        CrashLoop,
        "last log lines",
    ),
    "out of memory": Case(
        crashes(137, "OOMKilled"),
        "crashed: CrashLoopBackOff, exit code 137 (OOMKilled), memory limit 64Mi.",
        CrashLoop,
        "Raise the memory limit",
        spec=LIMITED,
    ),
    "the node is out of memory": Case(
        crashes(137, "OOMKilled"),
        "crashed: CrashLoopBackOff, exit code 137 (OOMKilled), no memory limit but the node's.",
        CrashLoop,
        "Raise the memory limit",
    ),
    "no such command": Case(
        crashes(128, "StartError", NO_COMMAND, restarts=3, ran_seconds=SINCE_1970),
        f"crashed: CrashLoopBackOff, exit code 128 (StartError): {NO_COMMAND}.",
        CrashLoop,
        "use an image that has it",
        is_final=True,
    ),
    "it ended well": Case(
        crashes(0, "Completed"), "crashed: CrashLoopBackOff, exit code 0 (Completed).", CrashLoop, "must keep running"
    ),
    "before the kubelet backs off": Case(
        on_node(container(ended(2)), phase="Running"), "crashed: exit code 2 (Error).", CrashLoop, "last log lines"
    ),
    "started again": Case(
        on_node(container({"running": {}}, restarts=1, last=ended(1)), phase="Running"),
        "had to start again and did not become ready yet: exit code 1 (Error).",
        CrashLoop,
        "--previous",
    ),
    "its liveness probe": Case(
        crashes(143),
        f"crashed: CrashLoopBackOff, exit code 143 (Error): {LIVENESS}.",
        CrashLoop,
        "last log lines",
        events=(
            event(POD, "Unhealthy", LIVENESS, count=12),
            event(POD, "Killing", "Container main failed liveness probe, will be restarted", "Normal", 2),
        ),
    ),
    "an init container": Case(
        on_node(INITIALIZING, initContainerStatuses=[container(LOOPING, name="fetch", restarts=1, last=ended(4))]),
        "crashed: init container fetch: CrashLoopBackOff, exit code 4 (Error).",
        CrashLoop,
        "kubectl logs simple-scheduler --container=fetch --previous",
        spec=INIT,
    ),
    "one of two": Case(
        on_node(container({"running": {}}, ready=True, name="proxy"), container(LOOPING, restarts=1, last=ended(5))),
        "crashed: container main: CrashLoopBackOff, exit code 5 (Error).",
        CrashLoop,
        "last log lines",
    ),
    "for good": Case(
        on_node(container(ended(6)), phase="Failed"), "failed: exit code 6 (Error).", CrashLoop, "last log lines"
    ),
}
ON_THE_WAY = {
    "created": Case(CREATING, "must wait for the containers: ContainerCreating.", TimedOut, "more time"),
    "pulling": Case(
        CREATING,
        'must wait for the containers: ContainerCreating: Pulling image "rapidsai/base:26.02".',
        TimedOut,
        "more time",
        events=(
            event(POD, "FailedMount", 'MountVolume.SetUp failed for volume "kube-api-access" : failed to fetch token'),
            event(POD, "Pulling", 'Pulling image "rapidsai/base:26.02"', "Normal", 2),
        ),
    ),
    "the probe": Case(
        RUNNING,
        f"started, but did not pass the readiness probe yet: {PROBE}.",
        TimedOut,
        "correct the probe",
        events=(event(POD, "Unhealthy", PROBE, count=25),),
    ),
    "an init container": Case(
        on_node(INITIALIZING, initContainerStatuses=[container({"running": {}}, name="fetch") | {"started": True}]),
        "must wait for the init container fetch.",
        TimedOut,
        "more time",
        spec=INIT,
    ),
    "beside a sidecar": Case(
        on_node(
            container({"running": {}}),
            initContainerStatuses=[container({"running": {}}, name="proxy") | {"started": True}],
            phase="Running",
        ),
        "started, but did not pass the readiness probe yet.",
        TimedOut,
        "more time",
        spec=SIDECAR,
    ),
    "unscheduled": Case(
        {"phase": "Pending"}, "must wait to be scheduled.", TimedOut, "more time", spec={"nodeName": ""}
    ),
    "a lost node": Case(
        on_node(container({"running": {}}, ready=True), conditions=[], phase="Running"),
        "started, but cannot be called ready: node n1 may be down.",
        TimedOut,
        "more time",
    ),
    "evicted": Case(
        {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
        "failed: Evicted: The node was low on resource: memory.",
        PodRefused,
        "The node gave it up",
    ),
}


@pytest.mark.parametrize("case", CRASHED.values(), ids=CRASHED.keys())
def test_a_crash_is_explained_and_wants_a_log(case: Case) -> None:
    """By how it ended, and its last words; a scheduler that crashed three times at its start will again."""
    case.check()
    assert case.verdict().pod == "simple-scheduler"


@pytest.mark.parametrize("case", ON_THE_WAY.values(), ids=ON_THE_WAY.keys())
def test_a_pod_on_its_way_is_explained(case: Case) -> None:
    """It only takes its time, unless its node gives it up."""
    case.check()
