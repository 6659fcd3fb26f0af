"""What it means that no node takes a Pod, or that its node cannot do what the template asks."""

import pytest

from kubecluster.errors import PodRefused, TimedOut, Unschedulable
from tests.kubecluster.podcase import POD, Case
from tests.kubecluster.sights import CREATING, event, homeless, waits

HELPLESS = (
    " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)
NODES = "0/3 nodes are available: "
FEWER = "ask for less in `resources`"
NO_MOUNT = 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found'
ROOT = 'container has runAsNonRoot and image will run as root (pod: "simple-scheduler_ml(1cf49f31)", container: main)'

NODES_ARE_FULL = {
    "too few processors": Case(
        homeless(f"{NODES}1 node(s) were unschedulable, 2 Insufficient cpu.{HELPLESS}"),
        f"cannot be scheduled: {NODES}1 node(s) were unschedulable, 2 Insufficient cpu.",
        Unschedulable,
        "ask for less in `resources`",
    ),
    "too few GPUs": Case(
        homeless(f"{NODES}3 Insufficient nvidia.com/gpu.{HELPLESS}"),
        f"cannot be scheduled: {NODES}3 Insufficient nvidia.com/gpu.",
        Unschedulable,
        "No node has that many nvidia.com/gpu free: ask for fewer",
    ),
    "a taint": Case(
        homeless(f"{NODES}3 node(s) had untolerated taint {{nvidia.com/gpu: present}}.{HELPLESS}"),
        f"cannot be scheduled: {NODES}3 node(s) had untolerated taint {{nvidia.com/gpu: present}}.",
        Unschedulable,
        "If the nodes with the taint nvidia.com/gpu: present are meant for this, tolerate it",
    ),
    "a selector": Case(
        homeless(f"{NODES}3 node(s) didn't match Pod's node affinity/selector.{HELPLESS}"),
        f"cannot be scheduled: {NODES}3 node(s) didn't match Pod's node affinity/selector.",
        Unschedulable,
        "Correct nodeSelector or affinity",
    ),
    "a volume in another zone": Case(
        homeless(f"{NODES}3 node(s) had volume node affinity conflict.{HELPLESS}"),
        f"cannot be scheduled: {NODES}3 node(s) had volume node affinity conflict.",
        Unschedulable,
        "See why the volume is not there",
    ),
    "no such claim": Case(
        homeless(f'{NODES}persistentvolumeclaim "data" not found. not found'),
        f'cannot be scheduled: {NODES}persistentvolumeclaim "data" not found. not found.',
        Unschedulable,
        "Create the PersistentVolumeClaim data",
    ),
    "nodes are being added": Case(
        homeless(f"{NODES}3 Insufficient cpu.{HELPLESS}"),
        f"cannot be scheduled: {NODES}3 Insufficient cpu.",
        Unschedulable,
        "Nodes are being added for it",
        events=(event(POD, "TriggeredScaleUp", "pod triggered scale-up: [{g 3->4 (max: 9)}]", "Normal"),),
    ),
    **{
        f"no nodes can be added: {later.get('reason')}, {later['message'][:20]}": Case(
            homeless(f"{NODES}3 Insufficient cpu.{HELPLESS}"),
            f"cannot be scheduled: {NODES}3 Insufficient cpu.",
            Unschedulable,
            remedy,
            events=(event(POD, "TriggeredScaleUp", "pod triggered scale-up", "Normal"), later),
        )
        for later, remedy in (
            (event(POD, "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max size reached", "Normal", 9), FEWER),
            (event(POD, "FailedScaleUp", "Node scale up in zones a failed: GCE out of resources"), FEWER),
            (event(POD, "ScaleUpFailed", "Scale up failed: quota exceeded"), FEWER),
            (event(POD, "FailedScheduling", 'incompatible with nodepool "default", no instance type'), FEWER),
            (event(POD, "FailedScheduling", f"{NODES}3 Insufficient cpu."), "Nodes are being added for it"),
        )
    },
}
TEMPLATES = {
    "no ConfigMap": Case(
        waits("CreateContainerConfigError", 'configmap "settings" not found'),
        'cannot start: CreateContainerConfigError: configmap "settings" not found.',
        PodRefused,
        "Create the ConfigMap settings",
    ),
    "no key in a Secret": Case(
        waits("CreateContainerConfigError", "couldn't find key token in Secret ml/keys"),
        "cannot start: CreateContainerConfigError: couldn't find key token in Secret ml/keys.",
        PodRefused,
        "Create the Secret ml/keys",
    ),
    "root is forbidden": Case(
        waits("CreateContainerConfigError", ROOT),
        f"cannot start: CreateContainerConfigError: {ROOT}.",
        PodRefused,
        "another user than root",
    ),
    "no ConfigMap for a volume": Case(
        CREATING,
        f"must wait for the containers: ContainerCreating: {NO_MOUNT}.",
        PodRefused,
        "Create the ConfigMap settings",
        events=(event(POD, "FailedMount", NO_MOUNT, count=7),),
    ),
    "a gate": Case(
        {"phase": "Pending"},
        "must wait for whoever set the scheduling gate example.com/quota.",
        TimedOut,
        "example.com/quota",
        spec={"schedulingGates": [{"name": "example.com/quota"}], "nodeName": ""},
    ),
}


@pytest.mark.parametrize("case", NODES_ARE_FULL.values(), ids=NODES_ARE_FULL.keys())
def test_a_pod_that_no_node_takes_is_explained(case: Case) -> None:
    """What to do depends on what the nodes lack; that others must go for it is no news."""
    case.check()


@pytest.mark.parametrize("case", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_template_that_asks_for_what_is_not_there_is_explained(case: Case) -> None:
    """The object that is missing is named."""
    case.check()
