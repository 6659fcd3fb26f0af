"""Ends: whose doing it was that a Pod ended, for each reason that a kubelet gives."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.observed import Pod
from reconciler.rules.labels import DEFAULT_CONTAINER
from reconciler.rules.pod_end import (
    End,
    awaited,
    end_of,
    ended_before_deletion,
    gave_up_waiting,
    how_it_ended,
    is_kept_by_a_finalizer,
)
from tests.builders import NOON, RUNNING, ended, pod

BEFORE, AFTER = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)
RAN = {"containers": {"main": ended(137)}}

REFUSALS = (
    "AppArmor",
    "InitContainerRestartPolicyForbidden",
    "InvalidNodeInfo",
    "NodeAffinity",
    "NodeName",
    "NodePorts",
    "NodeShutdown",
    "OutOfcpu",
    "OutOfephemeral-storage",
    "OutOfmemory",
    "OutOfnvidia.com/gpu",
    "OutOfpods",
    "PodFeatureUnsupported",
    "PodLevelResourcesNotSupported",
    "PodOSNotSupported",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "SMTAlignmentError",
    "SupplementalGroupsPolicyNotSupported",
    "SysctlForbidden",
    "TaintToleration",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "UnexpectedPredicateFailureType",
    "UnknownReason",
    "VolumeAttachmentLimitExceeded",
)
"""What kubelets of Kubernetes 1.31 and later write when they do not take a Pod."""


def _failed(**more: Any) -> Pod:
    return pod("p", phase="Failed", **more)


@pytest.mark.parametrize("reason", [*REFUSALS, "SomethingNew"])
def test_a_pod_that_its_kubelet_did_not_take_was_no_attempt(reason: str) -> None:
    """Also for a reason that a later kubelet may have, as long as no container ran."""
    assert end_of(_failed(reason=reason)) is End.REFUSED
    assert end_of(_failed(reason=reason)).is_lost  # type: ignore[union-attr]  # the line above


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_kubelet_that_is_started_again_may_refuse_what_has_run(reason: str) -> None:
    """Then the Pod is lost through no doing of its own."""
    assert end_of(_failed(reason=reason, **RAN)) is End.DISRUPTED


@pytest.mark.parametrize("reason", ["NodeLost", "Preempting", "Shutdown", "Terminated"])
@pytest.mark.parametrize("containers", [{}, RAN], ids=["before it ran", "while it ran"])
def test_what_its_node_does_to_a_pod_is_a_disruption(reason: str, containers: dict[str, Any]) -> None:
    """A shutdown of the node, or a critical Pod that needs the room."""
    assert end_of(_failed(reason=reason, **containers)) is End.DISRUPTED


@pytest.mark.parametrize("more", [{}, {"reason": "Evicted"}, RAN, {**RAN, "reason": "Evicted"}])
def test_a_disruption_target_was_disrupted(more: dict[str, Any]) -> None:
    """Node pressure, preemption, a drain, a taint or a collected node: Kubernetes says so in this condition."""
    assert end_of(_failed(disrupted=True, **more)) is End.DISRUPTED


LIMITS = (
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    'Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ',
    'Container worker exceeded its local ephemeral storage limit "1Gi". ',
    "",
)


@pytest.mark.parametrize("message", LIMITS)
@pytest.mark.parametrize("containers", [{}, RAN], ids=["statuses unknown", "while it ran"])
def test_an_eviction_for_ones_own_limits_is_a_failure(message: str, containers: dict[str, Any]) -> None:
    """It has no DisruptionTarget, and comes again."""
    assert end_of(_failed(reason="Evicted", message=message, **containers)) is End.FAILED


def test_a_node_under_pressure_refuses_by_an_eviction() -> None:
    """The kubelet's reason is the same, its message is not."""
    message = "Pod was rejected: The node had condition: [DiskPressure]. "
    assert end_of(_failed(reason="Evicted", message=message)) is End.REFUSED


@pytest.mark.parametrize("more", [{}, {"reason": "DeadlineExceeded"}, RAN, {**RAN, "reason": "SomethingNew"}])
def test_everything_else_is_the_pods_own_doing(more: dict[str, Any]) -> None:
    """Its deadline, whether or not a container ran; and what is not known."""
    assert end_of(_failed(**more)) is End.FAILED


@pytest.mark.parametrize("more", [{}, {"disrupted": True}, {"reason": "Terminated"}, {"containers": {"a": ended(0)}}])
def test_what_has_succeeded_has_succeeded(more: dict[str, Any]) -> None:
    """Even if its node went at the same time."""
    assert end_of(pod("p", phase="Succeeded", **more)) is End.SUCCEEDED


@pytest.mark.parametrize(
    ("at", "more", "end"),
    [
        (BEFORE, {"disrupted": True}, End.SUCCEEDED),
        (AFTER, {"disrupted": True}, End.DISRUPTED),
        (None, {"disrupted": True}, End.DISRUPTED),
        (BEFORE, {"reason": "Terminated"}, End.DISRUPTED),
        (BEFORE, {"reason": "Evicted"}, End.SUCCEEDED),
        (BEFORE, {}, End.SUCCEEDED),
    ],
)
def test_an_exit_code_of_0_counts_unless_the_container_was_told_to_end(
    at: datetime | None, more: dict[str, Any], end: End
) -> None:
    """Many programs end with 0 on SIGTERM."""
    assert end_of(_failed(containers={"main": ended(0, at=at), "istio-proxy": ended(137)}, **more)) is end


@pytest.mark.parametrize(
    ("policy", "exit_code", "end"),
    [
        ("Never", 0, End.SUCCEEDED),
        ("Never", 1, End.FAILED),
        ("OnFailure", 0, End.SUCCEEDED),
        ("OnFailure", 1, None),
        ("Always", 0, None),
        ("Always", 1, None),
    ],
)
def test_a_pod_whose_main_container_is_not_started_again_has_ended(
    policy: str, exit_code: int, end: End | None
) -> None:
    """Whatever its sidecars do, which are not asked."""
    containers = {"vault-agent": RUNNING, "main": ended(exit_code)}
    assert end_of(pod("p", containers=containers, restart_policy=policy)) is end
    aside = {"vault-agent": ended(exit_code), "main": RUNNING}
    assert end_of(pod("p", containers=aside, restart_policy=policy)) is None


def test_what_is_not_known_as_a_sidecar_is_waited_for() -> None:
    """It may be work, too; then all of it must end, and end well."""
    begun = {"etl": ended(0), "upload": RUNNING}
    one = pod("p", containers=begun, restart_policy="Never")
    assert (end_of(one), awaited(one)) == (None, ["upload"])
    for exit_code, end in ((0, End.SUCCEEDED), (2, End.FAILED)):
        done = pod(
            "p", containers={**begun, "upload": ended(exit_code), "vault-agent": RUNNING}, restart_policy="Never"
        )
        assert (end_of(done), awaited(done)) == (end, [])
    chosen = pod("p", containers=begun, restart_policy="Never", annotations={DEFAULT_CONTAINER: "etl"})
    assert (end_of(chosen), awaited(chosen)) == (End.SUCCEEDED, [])
    assert awaited(pod("p", containers=begun, restart_policy="Always")) == []


@pytest.mark.parametrize("more", [{"deleting": NOON}, {"disrupted": True}])
def test_a_main_container_that_is_being_ended_is_no_end_of_its_own(more: dict[str, Any]) -> None:
    """The sidecar is only slower to go."""
    containers = {"vault-agent": RUNNING, "main": ended(143)}
    assert end_of(pod("p", containers=containers, restart_policy="Never", **more)) is None


def test_a_pod_that_runs_or_waits_has_not_ended() -> None:
    """Nor has one of which nothing is known."""
    assert end_of(pod("p")) is end_of(pod("p", phase="Pending")) is end_of(pod("p", phase="Unknown")) is None


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (_failed(), "failed"),
        (_failed(exit_code=137), "failed: exit code 137 (Error)"),
        (pod("p", phase="Succeeded", exit_code=0), "ended: exit code 0 (Error)"),
        (_failed(reason="Evicted", message=LIMITS[0]), f"failed: Evicted: {LIMITS[0].rstrip('. ')}"),
        (_failed(reason="OutOfcpu"), "was refused by its node: OutOfcpu"),
        (_failed(reason="Terminated"), "was disrupted: Terminated"),
        (
            _failed(containers={"vault-agent": ended(2), "main": ended(3)}),
            "failed: container main: exit code 3 (Error)",
        ),
        (
            _failed(containers={"main": ended(0), "vault-agent": ended(2)}),
            "ended: container main: exit code 0 (Error)",
        ),
    ],
)
def test_how_a_pod_ended_is_said_in_words(of: Pod, words: str) -> None:
    """Whose doing it was, and the kubelet's reason, or else how the main container ended."""
    assert how_it_ended(of) == words


def test_the_condition_says_what_disrupted_a_pod() -> None:
    """Where the kubelet gives no reason."""
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "for a/b."}
    one = pod("p", {"phase": "Failed", "conditions": [target]})
    assert how_it_ended(one) == "was disrupted: PreemptionByScheduler: for a/b"


@pytest.mark.parametrize(
    ("ready_since", "more", "gave_up"),
    [
        (None, {}, True),
        (AFTER, {}, True),
        (BEFORE, {}, False),
        (None, {"reason": "Evicted"}, False),
        (None, {"containers": {"main": ended(137, "OOMKilled", NOON)}}, False),
        (None, {"containers": {}}, False),
    ],
)
def test_a_worker_gave_up_if_it_ended_by_itself_before_there_was_a_scheduler(
    ready_since: datetime | None, more: dict[str, Any], *, gave_up: bool
) -> None:
    """Its memory and its disk are its own affair at any time."""
    one = _failed(**{"containers": {"main": ended(1, at=NOON)}, **more})
    assert gave_up_waiting(one, ready_since) is gave_up


@pytest.mark.parametrize(
    ("grace", "at", "before"), [(0, BEFORE, True), (0, NOON, True), (0, AFTER, False), (30, BEFORE, False)]
)
def test_a_pod_that_had_ended_is_deleted_without_grace(grace: int, at: datetime, *, before: bool) -> None:
    """That tells it from one that the deletion ended."""
    going = _failed(containers={"main": ended(1, at=at)}, deleting=NOON, deletionGracePeriodSeconds=grace)
    assert ended_before_deletion(going) is before


def test_only_a_finalizer_keeps_a_pod_that_has_ended() -> None:
    """One without is about to go, and one that runs needs its time."""
    held = {"deleting": NOON, "finalizers": ["kueue.x-k8s.io/managed"]}
    assert is_kept_by_a_finalizer(_failed(**held))
    assert not is_kept_by_a_finalizer(_failed(deleting=NOON))
    assert not is_kept_by_a_finalizer(_failed(finalizers=held["finalizers"]))
    assert not is_kept_by_a_finalizer(pod("p", **held))
