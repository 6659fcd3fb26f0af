"""How a Pod ends: because of its deadline, or because it was deleted."""

from datetime import timedelta

import pytest

from reconciler.local.pods.life import LEAST_GRACE, Kill, Probe, Terminate
from tests.unit.local.podlives import PROBE, Node, container, pod, probed, running, sidecar


def test_a_pod_that_takes_too_long_fails() -> None:
    """Its containers have their grace; then the Pod has failed, and says why."""
    node = running(activeDeadlineSeconds=60, terminationGracePeriodSeconds=5)
    assert node.due(after=59.9) == ()
    assert node.due(after=0.1) == (Terminate("main"),)
    assert (node.phase, node.is_ready) == ("Running", False)
    assert node.due(after=5) == (Kill("main"),)
    node.end(0)
    status = node.status
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert status["message"] == "Pod was active on the node longer than the specified deadline"
    assert not node.is_over()


def test_the_deadline_counts_while_nothing_runs() -> None:
    """A Pod that waits to be started again fails at once."""
    node = running(activeDeadlineSeconds=60)
    node.end(1)
    node.run()
    node.end(1, after=55)
    assert node.due(after=5) == ()
    assert node.status["reason"] == "DeadlineExceeded"
    assert "terminated" in node.container()["state"]


def test_a_deadline_does_not_touch_a_pod_that_has_succeeded() -> None:
    """What has ended stays as it ended."""
    node = running(activeDeadlineSeconds=60, restartPolicy="Never")
    node.end(0)
    assert node.due(after=100) == ()
    assert node.phase == "Succeeded"
    assert "reason" not in node.status


def test_a_deleted_pod_ends_within_its_grace() -> None:
    """Its containers are asked to end, then killed; it may be removed when none is left."""
    node = running(container("a"), container("b"))
    node.life.delete(20, node.now)
    assert not node.is_ready
    assert node.due() == (Terminate("a"), Terminate("b"))
    node.end(0, "a", after=10)
    assert node.due(after=9.9) == ()
    assert not node.is_over()
    assert node.due(after=0.1) == (Kill("b"),)
    node.end(137, "b")
    assert node.is_over()
    assert node.due(after=1000) == ()
    assert node.container("b")["state"]["terminated"]["reason"] == "Error"
    assert node.phase == "Failed"


def test_a_deleted_pod_that_ends_well_has_succeeded() -> None:
    """Even with a policy by which it would have been started again."""
    node = running()
    node.life.delete(20, node.now)
    node.due()
    node.end(0)
    assert (node.phase, node.life.is_over) == ("Succeeded", True)


@pytest.mark.parametrize(
    ("first", "second", "killed_after"), [(30, 5, 5), (30, 0, 0), (5, 30, 4), (5, 4, 4), (0.5, 30, 0)]
)
def test_a_grace_may_only_become_shorter(first: float, second: float, killed_after: float) -> None:
    """Asked for deletion again, a second later, what is left of the first grace is the most."""
    node = running()
    node.life.delete(first, node.now)
    assert node.due() == (Terminate("main"),)
    node.now += timedelta(seconds=1)
    node.life.delete(second, node.now)
    if killed_after:
        assert node.due(after=killed_after - 0.1) == ()
        assert node.due(after=0.1) == (Kill("main"),)
    else:
        assert node.due() == (Kill("main"),)


def test_without_grace_a_container_is_killed_at_once() -> None:
    """It is asked to end, and not waited for."""
    node = running()
    node.life.delete(0, node.now)
    assert node.due() == (Terminate("main"), Kill("main"))


def test_a_deleted_pod_that_runs_nothing_is_over_at_once() -> None:
    """Whether it never began, waits to be started again or has ended."""
    for body in (pod(), pod(initContainers=[container("first")])):
        node = Node(body)
        node.life.delete(30, node.now)
        assert (node.life.is_over, node.due(), node.phase) == (True, (), "Failed")
    node = running()
    node.end(1)
    node.life.delete(30, node.now)
    assert (node.life.is_over, node.due(after=1000), node.phase) == (True, (), "Failed")
    assert node.container()["state"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_deletion_changes_nothing_about_how_a_pod_ended(code: int, phase: str) -> None:
    """A phase Succeeded or Failed is final."""
    node = running(restartPolicy="Never")
    node.end(code)
    before = node.status
    assert not node.is_over()
    node.life.delete(30, node.now)
    assert (node.life.is_over, node.status, node.phase) == (True, before, phase)


def test_a_process_that_is_just_being_started_is_awaited_and_ended() -> None:
    """The Pod is not over while one may turn up."""
    node = Node(pod())
    node.due()
    node.life.delete(30, node.now)
    assert (node.due(), node.life.is_over) == ((), False)
    node.life.started("main", node.now)
    assert node.due() == (Terminate("main"),)
    assert node.due(after=30) == (Kill("main"),)


@pytest.mark.parametrize("reason", ["RunContainerError", "CreateContainerConfigError"])
def test_a_process_that_could_not_be_started_meanwhile_is_not_tried_again(reason: str) -> None:
    """Nothing is started after deletion was asked for."""
    node = Node(pod())
    node.due()
    node.life.delete(30, node.now)
    node.life.not_started("main", reason, "", node.now)
    assert (node.life.is_over, node.due(after=1000), node.phase) == (True, (), "Failed")


def test_a_container_that_was_to_be_started_again_shows_how_it_ended() -> None:
    """There is nothing that it waits for any more."""
    node = running()
    node.end(7)
    node.due()
    node.life.delete(30, node.now)
    node.life.not_started("main", "CreateContainerConfigError", "", node.now)
    assert node.container()["state"]["terminated"]["exitCode"] == 7
    assert node.is_over()


def test_a_running_init_container_is_ended_too() -> None:
    """And the others are not started when it succeeds."""
    node = Node(pod(initContainers=[container("first")]))
    node.run()
    node.life.delete(30, node.now)
    assert node.due() == (Terminate("first"),)
    node.end(0, "first")
    assert (node.life.is_over, node.due(after=1000), node.phase) == (True, (), "Failed")


def test_sidecars_serve_until_the_others_have_ended() -> None:
    """If those take all the time there is, sidecars have two seconds more."""
    node = Node(pod(initContainers=[sidecar("a"), sidecar("b")]))
    for _ in range(3):
        node.run()
    node.life.delete(30, node.now)
    assert node.due() == (Terminate("main"),)
    assert node.due(after=29.9) == ()
    assert node.due(after=0.1) == (Terminate("a"), Terminate("b"), Kill("main"))
    assert node.due(after=1.9) == ()
    assert node.due(after=0.1) == (Kill("a"), Kill("b"))


def test_a_sidecar_that_is_about_to_end_is_not_probed() -> None:
    """Nor is it ready, though it runs on for the others."""
    node = Node(pod(initContainers=[sidecar("a", livenessProbe={**PROBE, "initialDelaySeconds": 10})]))
    node.run()
    node.run()
    node.life.delete(30, node.now)
    assert not node.container("a")["ready"]
    assert node.due() == (Terminate("main"),)
    assert node.due(after=20) == ()


def test_no_probe_is_attempted_after_deletion_was_asked_for() -> None:
    """Nor does a late answer end anything."""
    strict = {**PROBE, "failureThreshold": 1, "terminationGracePeriodSeconds": 3}
    probes = {"livenessProbe": strict, "readinessProbe": PROBE}
    node = running(container(**probes))
    readiness, liveness = node.due()
    node.life.delete(30, node.now)
    node.answer(liveness, passed=False)
    node.answer(readiness, passed=True)
    assert not node.is_ready
    assert node.due() == (Terminate("main"),)
    assert node.due(after=29) == ()


def test_deletion_shortens_the_end_of_a_container_that_failed_its_probe() -> None:
    """It is asked to end once."""
    node = running(probed(Probe.LIVENESS, failureThreshold=1))
    (check,) = node.due()
    node.answer(check, passed=False)
    assert node.due() == (Terminate("main"),)
    node.life.delete(5, node.now)
    assert node.due(after=4.9) == ()
    assert node.due(after=0.1) == (Kill("main"),)


@pytest.mark.parametrize("grace", [2**62, 2**31, -1, -(2**62)])
def test_no_grace_is_too_long_or_too_short(grace: int) -> None:
    """Whatever a manifest says, a Pod runs and can be asked to go; less than nothing is nothing."""
    node = running(terminationGracePeriodSeconds=grace, activeDeadlineSeconds=2**62)
    node.life.delete(grace, node.now)
    commands = node.due() + node.due(after=LEAST_GRACE.total_seconds())
    assert commands == ((Terminate("main"),) if grace > 0 else (Terminate("main"), Kill("main")))


@pytest.mark.parametrize("field", ["initialDelaySeconds", "periodSeconds", "failureThreshold"])
def test_no_number_of_a_probe_is_too_large(field: str) -> None:
    """A container whose probe is attempted after 68 years, or never fails, runs like any other."""
    node = running(probed(Probe.LIVENESS, **{field: 2**62}))
    for check in node.due():
        node.answer(check, passed=False)
    assert node.phase == "Running"
    assert not node.is_over()
