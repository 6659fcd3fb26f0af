"""Probes in a Pod's life: when they are attempted, and what follows from their answers."""

import pytest

from reconciler.local.pods.life import Check, Kill, Probe, Start, Terminate
from reconciler.wire.protocol import Body
from tests.unit.local.podlives import PROBE, container, probed, running


def test_the_first_readiness_attempt_comes_right_after_the_delay() -> None:
    """Until it has passed it is made every second, then every period."""
    node = running(probed(Probe.READINESS, initialDelaySeconds=5, periodSeconds=10))
    assert node.attempts(40, False, False, False, True) == [5, 6, 7, 8, 18, 28, 38]


@pytest.mark.parametrize("probe", [Probe.LIVENESS, Probe.STARTUP])
def test_other_probes_keep_to_their_period(probe: Probe) -> None:
    """Every 10 s by default, from the delay on."""
    node = running(probed(probe, initialDelaySeconds=3, failureThreshold=9))
    assert node.attempts(30, False) == [3, 13, 23]


def test_fields_inside_the_handler_are_ignored() -> None:
    """Kubernetes drops them, and with them the delay that the manifest's author meant."""
    misplaced = {"tcpSocket": {"port": 8786, "initialDelaySeconds": 15, "periodSeconds": 20}}
    node = running(container(livenessProbe=misplaced))
    assert node.attempts(20, True) == [0, 10, 20]


def test_a_container_with_a_readiness_probe_is_ready_when_it_passes() -> None:
    """Three failures in a row make it unready again, one success ready; the thresholds are the probe's."""
    node = running(probed(Probe.READINESS, periodSeconds=1))
    seen = []
    for passed in [False, True, False, False, True, False, False, False, True]:
        (check,) = node.due(after=1)
        node.answer(check, passed=passed)
        seen.append(node.is_ready)
    assert seen == [False, True, True, True, True, True, True, False, True]


def test_the_thresholds_are_the_probes() -> None:
    """`successThreshold` and `failureThreshold` count answers in a row."""
    node = running(probed(Probe.READINESS, periodSeconds=1, successThreshold=2, failureThreshold=1))
    seen = []
    for passed in [True, False, True, True, False, True, True]:
        (check,) = node.due(after=1)
        node.answer(check, passed=passed)
        seen.append(node.is_ready)
    assert seen == [False, False, False, True, False, False, True]


def test_an_attempt_is_not_repeated_while_it_is_under_way() -> None:
    """One that takes longer than the period is followed by the next as soon as it is answered."""
    node = running(probed(Probe.LIVENESS, periodSeconds=5))
    (check,) = node.due()
    assert node.due(after=60) == ()
    node.answer(check, passed=True)
    (following,) = node.due()
    assert following != check


def test_the_period_counts_from_the_attempt_before() -> None:
    """One that came late does not bring the next one nearer."""
    node = running(probed(Probe.LIVENESS, periodSeconds=5))
    (check,) = node.due(after=3)
    node.answer(check, passed=True)
    assert node.due(after=4.9) == ()
    assert len(node.due(after=0.1)) == 1


def test_the_startup_probe_comes_before_the_others() -> None:
    """Until it has passed, the container is neither started nor ready, and no other probe is attempted."""
    probes = {"startupProbe": {**PROBE, "periodSeconds": 1}, "livenessProbe": PROBE, "readinessProbe": PROBE}
    node = running(container(**probes))
    for _ in range(2):
        (check,) = node.due(after=1)
        assert isinstance(check, Check)
        assert check.probe is Probe.STARTUP
        node.answer(check, passed=False)
        assert (node.container()["started"], node.container()["ready"]) == (False, False)
    (check,) = node.due(after=1)
    node.answer(check, passed=True)
    assert (node.container()["started"], node.container()["ready"]) == (True, False)
    readiness, liveness = node.due()
    assert isinstance(readiness, Check)
    assert isinstance(liveness, Check)
    assert (readiness.probe, liveness.probe) == (Probe.READINESS, Probe.LIVENESS)
    node.answer(readiness, passed=True)
    assert node.is_ready
    assert all(isinstance(one, Check) and one.probe is not Probe.STARTUP for one in node.due(after=60))


def test_without_a_readiness_probe_a_container_is_ready_when_it_is_started() -> None:
    """The startup probe alone decides."""
    node = running(probed(Probe.STARTUP))
    assert not node.is_ready
    (check,) = node.due()
    node.answer(check, passed=True)
    assert node.is_ready


@pytest.mark.parametrize("probe", [Probe.LIVENESS, Probe.STARTUP])
@pytest.mark.parametrize(
    ("fields", "spec", "grace"),
    [
        ({}, {}, 30),
        ({}, {"terminationGracePeriodSeconds": 7}, 7),
        ({"terminationGracePeriodSeconds": 3}, {"terminationGracePeriodSeconds": 7}, 3),
    ],
)
def test_a_container_that_fails_its_probe_is_ended_and_started_again(
    probe: Probe, fields: Body, spec: Body, grace: int
) -> None:
    """It is asked to end, killed after the probe's grace or the Pod's, and its end says why."""
    node = running(probed(probe, periodSeconds=1, **fields), **spec)
    for _ in range(3):
        (check,) = node.due(after=1)
        node.answer(check, passed=False, message="HTTP probe failed with statuscode: 503")
    assert not node.container()["ready"]
    assert node.due() == (Terminate("main"),)
    assert node.due(after=grace - 0.1) == ()
    assert node.due(after=0.1) == (Kill("main"),)
    node.end(137)
    terminated = node.container()["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "Error")
    assert terminated["message"] == f"Container main failed its {probe} probe: HTTP probe failed with statuscode: 503"
    assert node.run()[0] == Start("main", 1)
    assert node.container()["lastState"]["terminated"] == terminated
    assert node.container()["restartCount"] == 1


def test_each_process_may_be_killed() -> None:
    """One that was started after a kill hangs like the one before."""
    node = running(probed(Probe.LIVENESS, failureThreshold=1))
    for _ in range(3):
        (check,) = node.due()
        node.answer(check, passed=False)
        assert node.due() == (Terminate("main"),)
        assert node.due(after=30) == (Kill("main"),)
        node.end(137)
        node.run(after=300)


@pytest.mark.parametrize(("policy", "again"), [("Always", True), ("OnFailure", True), ("Never", False)])
def test_a_failed_probe_counts_more_than_the_exit_code(policy: str, again: bool) -> None:  # noqa: FBT001
    """A program that ends well when it is asked to is started again all the same, unless the policy is Never."""
    node = running(probed(Probe.LIVENESS, failureThreshold=1), restartPolicy=policy)
    (check,) = node.due()
    node.answer(check, passed=False)
    node.due()
    node.end(0)
    assert node.run()[:1] == ((Start("main", 1),) if again else ())


def test_a_process_that_ends_by_itself_is_not_killed() -> None:
    """Its successor has a grace and probes of its own."""
    node = running(probed(Probe.LIVENESS, failureThreshold=1, periodSeconds=100))
    (check,) = node.due()
    node.answer(check, passed=False)
    assert node.due() == (Terminate("main"),)
    node.end(143, after=1)
    node.run()
    (check,) = node.due()
    node.answer(check, passed=True)
    assert node.due(after=60) == ()
    assert node.is_ready


def test_an_answer_about_an_earlier_process_is_ignored() -> None:
    """It says nothing about the one that runs now."""
    node = running(probed(Probe.LIVENESS, failureThreshold=1))
    (check,) = node.due()
    node.end(1)
    node.run()
    node.answer(check, passed=False)
    (following,) = node.due()
    assert isinstance(following, Check)
    node.answer(check, passed=False)
    assert node.due() == ()
    node.answer(following, passed=False)
    assert node.due() == (Terminate("main"),)


def test_readiness_is_earned_anew_by_each_process() -> None:
    """A container that was started again is not ready until its probe passes."""
    node = running(probed(Probe.READINESS))
    (check,) = node.due()
    node.answer(check, passed=True)
    assert node.is_ready
    node.end(1)
    node.run()
    assert not node.is_ready
