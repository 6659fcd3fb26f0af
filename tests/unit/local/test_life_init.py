"""Init containers and sidecars in a Pod's life."""

import pytest

from reconciler.local.pods.life import Kill, Start, Terminate
from tests.unit.local.podlives import PROBE, Node, container, pod, sidecar


def test_init_containers_run_one_after_another() -> None:
    """The others wait until each has succeeded."""
    node = Node(pod(initContainers=[container("first"), container("second")]))
    assert node.run() == (Start("first", 0),)
    assert (node.phase, node.condition("Initialized")) == ("Pending", "False")
    assert node.container()["state"] == {"waiting": {"reason": "PodInitializing"}}
    node.end(0, "first")
    assert node.container("first")["ready"]
    assert node.run() == (Start("second", 0),)
    node.end(0, "second")
    assert node.condition("Initialized") == "True"
    assert node.run() == (Start("main", 0),)
    assert (node.phase, node.is_ready) == ("Running", True)


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
def test_a_failed_init_container_is_tried_again(policy: str) -> None:
    """With the delays of any container; once it has succeeded it is done, whatever the policy."""
    node = Node(pod(initContainers=[container("first")], restartPolicy=policy))
    node.run()
    node.end(1, "first")
    assert node.phase == "Pending"
    assert node.run() == (Start("first", 1),)
    node.end(1, "first")
    assert node.due(after=9) == ()
    assert node.run(after=1) == (Start("first", 2),)
    node.end(0, "first")
    assert node.run() == (Start("main", 0),)


def test_a_failed_init_container_that_must_not_be_repeated_fails_the_pod() -> None:
    """The others never run."""
    node = Node(pod(initContainers=[sidecar("proxy"), container("first")], restartPolicy="Never"))
    node.run()
    node.run()
    node.end(1, "first")
    assert node.due() == (Terminate("proxy"),)
    assert node.phase == "Pending"
    node.end(143, "proxy")
    assert node.phase == "Failed"
    assert node.container()["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert node.due(after=1000) == ()


def test_a_sidecar_is_not_awaited_once_it_is_started() -> None:
    """Its startup probe decides when; it counts for the Pod's readiness."""
    proxy = sidecar("proxy", startupProbe=PROBE)
    node = Node(pod(initContainers=[proxy, container("first")]))
    assert node.run() == (Start("proxy", 0),)
    (check,) = node.due()
    assert node.condition("Initialized") == "False"
    node.answer(check, passed=True)
    assert node.run() == (Start("first", 0),)
    node.end(0, "first")
    assert node.run() == (Start("main", 0),)
    assert node.is_ready
    node.end(1, "proxy")
    assert (node.phase, node.is_ready, node.condition("Initialized")) == ("Running", False, "True")


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_a_sidecar_is_always_started_again(policy: str) -> None:
    """Whatever the Pod's policy, and whatever its exit code."""
    node = Node(pod(initContainers=[sidecar("proxy")], restartPolicy=policy))
    node.run()
    node.run()
    node.end(0, "proxy")
    assert node.run() == (Start("proxy", 1),)


def test_sidecars_end_last_and_keep_no_pod_from_succeeding() -> None:
    """The last to start is the first to end, whatever its exit code."""
    node = Node(pod(initContainers=[sidecar("a"), sidecar("b")], restartPolicy="Never"))
    for _ in range(3):
        node.run()
    node.end(0)
    assert node.phase == "Running"
    assert node.due() == (Terminate("b"),)
    node.end(143, "b")
    assert node.due() == (Terminate("a"),)
    assert node.due(after=30) == (Kill("a"),)
    node.end(137, "a")
    assert node.phase == "Succeeded"
    assert node.due(after=1000) == ()
