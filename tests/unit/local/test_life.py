"""One Pod's life: what is started when, how it ends, and what its status says meanwhile."""

from datetime import datetime, timedelta

import pytest

from models.base import wire_time
from models.observed import Pod
from reconciler.local.pods.life import Start
from tests.builders import NOON
from tests.unit.local.podlives import ADDRESS, Node, container, pod, running


def test_a_container_is_started_once() -> None:
    """Until it runs, the Pod is pending and the container on its way."""
    node = Node(pod())
    assert node.due() == (Start("main", 0),)
    assert node.due(after=60) == ()
    assert node.phase == "Pending"
    assert node.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert not node.is_ready


def test_a_pod_without_probes_is_ready_as_soon_as_it_runs() -> None:
    """The whole status is that of a kubelet."""
    node = running()
    noon = wire_time(NOON)
    true = {"status": "True", "lastProbeTime": None, "lastTransitionTime": noon}
    assert node.status == {
        "phase": "Running",
        "conditions": [{"type": kind, **true} for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")],
        "hostIP": "127.0.0.1",
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "startTime": noon,
        "containerStatuses": [
            {
                "name": "main",
                "image": "dask:1",
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": noon}},
                "lastState": {},
            }
        ],
    }
    assert Pod.model_validate({**pod(), "status": node.status}).is_ready


def test_all_containers_are_started_at_once() -> None:
    """The Pod is running when each has run, and ready when each is."""
    node = Node(pod(container("a"), container("b")))
    assert node.due() == (Start("a", 0), Start("b", 0))
    node.life.started("a", node.now)
    assert (node.phase, node.is_ready) == ("Pending", False)
    node.life.started("b", node.now)
    assert (node.phase, node.is_ready) == ("Running", True)


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_what_a_container_lacks_is_looked_for_every_two_seconds(policy: str) -> None:
    """A ConfigMap may come later; nothing ran, so that no policy holds and nothing is counted."""
    node = Node(pod(restartPolicy=policy))
    node.due()
    for _ in range(3):
        node.life.not_started("main", "CreateContainerConfigError", 'configmap "c" not found', node.now)
        waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "c" not found'}
        assert node.container()["state"] == {"waiting": waiting}
        assert node.phase == "Pending"
        assert node.due(after=1.9) == ()
        assert node.due(after=0.1) == (Start("main", 0),)
    node.life.started("main", node.now)
    assert node.is_ready
    assert node.life.last_exit_codes == {}


def test_what_cannot_be_executed_counts_as_ended_with_128() -> None:
    """It is tried again with the delays of a crash, and says why all along."""
    node = Node(pod())
    for restart, wait in enumerate([0, 0, 10, 20]):
        assert node.due(after=wait) == (Start("main", restart),)
        node.life.not_started("main", "RunContainerError", "no such program: x", node.now)
        status = node.container()
        assert status["state"] == {"waiting": {"reason": "RunContainerError", "message": "no such program: x"}}
        assert status["lastState"]["terminated"]["reason"] == "StartError"
        assert status["restartCount"] == restart
    assert node.phase == "Running"
    assert node.life.last_exit_codes == {"main": 128}


def test_what_cannot_be_executed_and_must_not_be_repeated_fails() -> None:
    """A job whose command is misspelt ends."""
    node = Node(pod(restartPolicy="Never"))
    node.due()
    node.life.not_started("main", "RunContainerError", "no such program: x", node.now)
    assert node.phase == "Failed"
    ended = node.container()["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (128, "StartError", "no such program: x")
    assert node.due(after=1000) == ()


@pytest.mark.parametrize(
    ("policy", "code", "again", "phase"),
    [
        (None, 0, True, "Running"),
        ("Always", 0, True, "Running"),
        ("Always", 1, True, "Running"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
        ("Never", 137, False, "Failed"),
    ],
)
def test_the_policy_says_whether_a_container_is_started_again(
    policy: str | None,
    code: int,
    again: bool,  # noqa: FBT001  # pytest gives it by name
    phase: str,
) -> None:
    """The first time it is at once."""
    node = running(restartPolicy=policy)
    node.end(code, after=5)
    assert node.phase == phase
    terminated = node.container()["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (code, "Error" if code else "Completed")
    assert (terminated["startedAt"], terminated["finishedAt"]) == (wire_time(NOON), wire_time(node.now))
    assert node.run() == ((Start("main", 1),) if again else ())
    assert node.container()["restartCount"] == int(again)
    assert node.life.last_exit_codes == {"main": code}


def test_each_crash_in_a_row_doubles_the_wait_up_to_five_minutes() -> None:
    """At once, 10 s, 20 s, … 5 minutes."""
    node = running()
    for restart, wait in enumerate([0, 10, 20, 40, 80, 160, 300, 300, 300], start=1):
        node.end(1, after=1)
        if wait:
            assert node.due(after=wait - 0.1) == ()
        assert node.run(after=0.1 if wait else 0) == (Start("main", restart),)


@pytest.mark.parametrize(("crashes", "shown"), [(2, "10s"), (3, "20s"), (5, "1m20s"), (6, "2m40s"), (9, "5m0s")])
def test_a_crash_loop_is_told_as_a_kubelet_does(crashes: int, shown: str) -> None:
    """The container waits, its last end is kept, and a process counts when it runs."""
    node = running()
    for _ in range(crashes - 1):
        node.end(7)
        node.run(after=300)
    node.end(8)
    message = f"back-off {shown} restarting failed container=main pod=p_default(u)"
    status = node.container()
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    assert status["lastState"]["terminated"]["exitCode"] == 8
    assert status["restartCount"] == crashes - 1
    assert (node.phase, node.is_ready) == ("Running", False)
    node.run(after=300)
    status = node.container()
    assert status["state"] == {"running": {"startedAt": wire_time(node.now)}}
    assert status["lastState"]["terminated"]["exitCode"] == 8
    assert status["restartCount"] == crashes


def test_a_long_run_makes_good_for_earlier_crashes() -> None:
    """After 10 minutes' running the container is started again at once, as the first time."""
    node = running()
    for _ in range(5):
        node.end(1)
        node.run(after=300)
    node.end(1, after=599)
    assert node.due() == ()
    node.run(after=300)
    node.end(1, after=600)
    assert len(node.run()) == 1
    node.end(1)
    assert node.due(after=9) == ()
    assert len(node.run(after=1)) == 1


def test_a_process_may_end_before_it_is_said_to_run() -> None:
    """That counts as a run."""
    node = Node(pod(restartPolicy="Never"))
    node.due()
    node.end(3)
    assert (node.phase, node.life.last_exit_codes) == ("Failed", {"main": 3})


def test_what_does_not_fit_is_ignored() -> None:
    """News about a process that is gone already, or that nobody asked for, changes nothing."""
    node = running(restartPolicy="Never")
    node.end(0)
    before = node.status
    node.end(1)
    node.life.started("main", node.now)
    node.life.not_started("main", "RunContainerError", "", node.now)
    assert node.status == before


def test_a_pod_ends_when_its_last_container_has_ended() -> None:
    """One failure among them makes it fail, and until then it runs without being ready."""
    node = running(container("a"), container("b"), restartPolicy="Never")
    node.end(1, "a")
    assert (node.phase, node.is_ready) == ("Running", False)
    assert node.due(after=1000) == ()
    node.end(0, "b")
    assert node.phase == "Failed"
    assert node.life.last_exit_codes == {"a": 1, "b": 0}


def test_a_container_that_succeeded_waits_for_one_that_is_tried_again() -> None:
    """With OnFailure a Pod succeeds at last."""
    node = running(container("a"), container("b"), restartPolicy="OnFailure")
    node.end(0, "a")
    node.end(1, "b")
    assert node.phase == "Running"
    assert node.run() == (Start("b", 1),)
    node.end(0, "b")
    assert node.phase == "Succeeded"
    status = node.container("b")
    assert (status["state"]["terminated"]["exitCode"], status["lastState"]["terminated"]["exitCode"]) == (0, 1)
    ready = next(one for one in node.status["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")


def times(node: Node) -> dict[str, str]:
    return {one["type"]: one["lastTransitionTime"] for one in node.status["conditions"]}


def test_a_condition_keeps_its_time_while_it_keeps_its_status() -> None:
    """Only a change is a transition."""
    node = Node(pod())
    noon = wire_time(NOON)
    assert set(times(node).values()) == {noon}
    node.run(after=5)
    later = wire_time(NOON + timedelta(seconds=5))
    expected = {"Initialized": noon, "PodScheduled": noon, "Ready": later, "ContainersReady": later}
    assert times(node) == expected
    node.due(after=60)
    assert times(node) == expected


def test_conditions_that_the_pod_had_are_kept() -> None:
    """It was scheduled when it was scheduled, and what others wrote stays."""
    earlier = wire_time(NOON - timedelta(hours=1))
    theirs = {"type": "example.com/quota", "status": "True", "lastTransitionTime": earlier}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": earlier}
    node = Node({**pod(), "status": {"phase": "Pending", "conditions": [theirs, scheduled]}})
    assert theirs in node.status["conditions"]
    assert scheduled in node.status["conditions"]
    assert len(times(node)) == 5


def test_conditions_name_the_containers_that_are_not_ready() -> None:
    """As a kubelet does, for people and programs that read it."""
    node = Node(pod(container("a"), container("b"), initContainers=[container("first")]))
    by_type = {one["type"]: one for one in node.status["conditions"]}
    assert by_type["Initialized"]["reason"] == "ContainersNotInitialized"
    assert by_type["Initialized"]["message"] == "containers with incomplete status: [first]"
    for kind in ("Ready", "ContainersReady"):
        assert by_type[kind]["reason"] == "ContainersNotReady"
        assert by_type[kind]["message"] == "containers with unready status: [a b]"


def test_a_time_is_in_utc_and_whole_seconds() -> None:
    """Whatever the fraction of a second at which it happens."""
    node = Node(pod())
    node.run(after=0.75)
    assert node.container()["state"] == {"running": {"startedAt": wire_time(NOON)}}
    assert datetime.fromisoformat(node.status["startTime"]) == NOON
