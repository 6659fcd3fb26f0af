"""How a Pod ended, and whose doing that was: decided here for everyone who acts on it or tells of it.

    end         what is seen                                                  a job    a worker, a scheduler
    SUCCEEDED   what it is there for ended with exit code 0                   is over  is replaced, counts
    FAILED      that ended with another code; it used more than its own       is over  is replaced, counts
                limits (Evicted without DisruptionTarget,
                DeadlineExceeded); anything else that is not known
    DISRUPTED   its node, a preemption or an eviction took it away            runs     is replaced; the third loss
                (DisruptionTarget, Terminated, Preempting, …)                 again    in a row waits, as a third
    REFUSED     its node's kubelet did not take it, and no container ran      runs     runner does
                (OutOfcpu, UnexpectedAdmissionError, NodeShutdown, …)         again

What a Pod is there for (rules/main_container.py) decides, although a sidecar keeps the Pod running, unless the kubelet
starts it again: always under restartPolicy Always, after a failure under OnFailure. What kubelets write as
`status.reason` is taken from their source: pkg/kubelet, kubelet.go, lifecycle/, eviction/, preemption/, nodeshutdown/.
"""

from datetime import datetime
from enum import StrEnum

from models.observed import ContainerStatus, Pod, PodCondition, Terminated
from reconciler.rules.main_container import working_first, working_of_pod

_OWN_LIMITS = frozenset({"Evicted", "DeadlineExceeded"})
"""What a Pod brings upon itself, whether or not a container of it ever ran."""
_BY_ITS_NODE = frozenset({"NodeLost", "Preempting", "Shutdown", "Terminated"})
"""What its node does to a Pod that it had taken."""
_ADMISSION = frozenset(
    {
        "AppArmor",
        "InitContainerRestartPolicyForbidden",
        "InvalidNodeInfo",
        "NodeAffinity",
        "NodeName",
        "NodePorts",
        "NodeShutdown",
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
    }
)
"""Why a kubelet does not take a Pod, beside OutOf… and a condition of the node. After a restart of the kubelet it may
hit Pods that have run for long."""
_BY_ITSELF = frozenset({"", "Completed", "Error"})
"""The reasons of a container that ended because its program did."""
_NODE_UNDER_PRESSURE = "The node had condition"
"""How a kubelet's message reads that evicts a Pod before it has begun."""


def has_begun(pod: Pod) -> bool:
    """Whether any container of the Pod has ever run, as far as its kubelet has told."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    ran = (one.state.waiting is None or one.restart_count or one.last_state.terminated for one in statuses)
    return pod.status.phase != "Pending" or any(ran)


class End(StrEnum):
    """How a Pod ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISRUPTED = "disrupted"
    REFUSED = "refused"

    @property
    def is_lost(self) -> bool:
        """Whether the Pod ended through no doing of its own: what it was to do is done again by another."""
        return self in (End.DISRUPTED, End.REFUSED)


_VERBS = {
    End.SUCCEEDED: "ended",
    End.FAILED: "failed",
    End.DISRUPTED: "was disrupted",
    End.REFUSED: "was refused by its node",
}


def has_ended(pod: Pod) -> bool:
    """Whether what the Pod is there for has come to its end and is not started again."""
    return pod.has_ended or end_of(pod) is not None


def end_of(pod: Pod) -> End | None:
    """How the Pod ended; `None` while it runs, or has yet to."""
    done = _final_ends(pod)
    has_succeeded = bool(done) and all(end.exit_code == 0 and not _was_made_to_end(pod, end) for end in done)
    if has_succeeded or pod.status.phase == "Succeeded":
        return End.SUCCEEDED
    if not pod.has_ended:
        return End.FAILED if done and not is_disruption_target(pod) else None
    if is_disruption_target(pod) or pod.status.reason in _BY_ITS_NODE:
        return End.DISRUPTED
    if _is_refusal(pod):
        return End.DISRUPTED if _has_run(pod) else End.REFUSED
    return End.FAILED


def is_disruption_target(pod: Pod) -> bool:
    """See https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions."""
    return _disruption(pod) is not None


def ended_before_deletion(pod: Pod) -> bool:
    """Whether the Pod had ended by itself when its deletion was asked for, if it was.

    A Pod that has ended is deleted without a grace period; a finalizer, such as Kueue's, may keep it for long.
    """
    end, deleted = ended_at(pod), pod.metadata.deletion_timestamp
    if deleted is None:
        return end_of(pod) is not None
    had_grace = pod.metadata.deletion_grace_period_seconds != 0
    return pod.has_ended and not had_grace and end is not None and end <= deleted


def ended_at(pod: Pod) -> datetime | None:
    """When the last of what the Pod is there for ended; `None` if that is not known."""
    ends = (one.state.terminated for one in _working(pod))
    return max((end.finished_at for end in ends if end is not None and end.finished_at is not None), default=None)


def awaited(pod: Pod) -> list[str]:
    """The names of the containers for which a Pod is still waited although another of its containers is done."""
    working = _working(pod)
    if not any(_is_final(pod, one) for one in working):
        return []
    return [one.name for one in working if not one.state.terminated]


def gave_up_waiting(pod: Pod, scheduler_ready_since: datetime | None) -> bool:
    """Whether a worker ended before there was a scheduler to join: that says nothing about the worker.

    Args:
        pod: A worker that has ended.
        scheduler_ready_since: Since when the scheduler has been ready; `None` if it is not.
    """
    end, ends = ended_at(pod), [one.state.terminated for one in _working(pod)]
    if pod.status.reason or not ends or any(one is None or one.reason not in _BY_ITSELF for one in ends):
        return False
    return scheduler_ready_since is None or (end is not None and end < scheduler_ready_since)


def is_kept_by_a_finalizer(pod: Pod) -> bool:
    """Whether nothing runs in the Pod any more, and only somebody's finalizer keeps it from going."""
    is_going = pod.metadata.deletion_timestamp is not None
    return is_going and pod.has_ended and bool(pod.metadata.finalizers)


def how_it_ended(pod: Pod) -> str:
    """How a Pod that has ended did so, to be read after its name or "it"."""
    verb, detail = verb_and_detail(pod)
    detail = " ".join(detail.split()).rstrip(". ")
    return f"{verb}: {detail}" if detail else verb


def verb_and_detail(pod: Pod) -> tuple[str, str]:
    """The same in two parts: what is the same for all Pods that ended so, and what is particular to this one."""
    verb, target = _verb(pod), _disruption(pod)
    if end_of(pod) is None and (target is not None or pod.is_terminating):
        return ("was taken away", "") if target is None else (f"was taken away: {target.reason}", target.message)
    if pod.status.reason or pod.status.message:
        return f"{verb}: {pod.status.reason}".rstrip(": "), pod.status.message
    if target is not None and target.reason and verb == _VERBS[End.DISRUPTED]:
        return f"{verb}: {target.reason}", target.message
    ends = [(one, one.state.terminated) for one in working_first(pod) if one.state.terminated]
    if not ends:
        return verb, ""
    if end_of(pod) is not End.SUCCEEDED:
        ends = [found for found in ends if found[1].exit_code != 0] or ends
    container, end = ends[0]
    return f"{verb}: {which(container, pod)}{how_container_ended(end)}", end.message


def how_container_ended(end: Terminated) -> str:
    """How a container ended, such as `exit code 137 (OOMKilled)`."""
    return f"exit code {end.exit_code}" + (f" ({end.reason})" if end.reason else "")


def which(container: ContainerStatus, pod: Pod) -> str:
    """Which container of the Pod, if there are several."""
    return f"container {container.name}: " if len(pod.status.container_statuses) > 1 else ""


def _verb(pod: Pod) -> str:
    end = end_of(pod)
    return "ended" if end is None else _VERBS[end]


def _working(pod: Pod) -> list[ContainerStatus]:
    """What is known of the containers that the Pod is there for."""
    names = working_of_pod(pod)
    return [one for one in working_first(pod) if one.name in names]


def _final_ends(pod: Pod) -> list[Terminated]:
    """How all that the Pod is there for ended; empty if something of it runs, or is started again."""
    if not any(one.state.terminated for one in pod.status.container_statuses):
        return []  # asked of every Pod in every pass
    working = _working(pod)
    if len(working) < len(working_of_pod(pod)) or not all(_is_final(pod, one) for one in working):
        return []
    return [one.state.terminated for one in working if one.state.terminated is not None]


def _is_final(pod: Pod, container: ContainerStatus) -> bool:
    """Whether the container has ended by itself and is not started again."""
    end = container.state.terminated
    if end is None or pod.has_ended:
        return end is not None
    spec = next((one for one in pod.spec.containers if one.name == container.name), None)
    if spec is None or spec.restart_policy_rules or pod.metadata.deletion_timestamp is not None:
        return False
    policy = spec.restart_policy or pod.spec.restart_policy
    return policy == "Never" or (policy == "OnFailure" and end.exit_code == 0)


def _disruption(pod: Pod) -> PodCondition | None:
    target = pod.condition("DisruptionTarget")
    return target if target is not None and target.status == "True" else None


def _was_made_to_end(pod: Pod, end: Terminated) -> bool:
    """Whether the container may have ended only because it was told to: many exit with 0 then."""
    target = _disruption(pod)
    if target is None:
        return pod.status.reason in _BY_ITS_NODE
    since = target.last_transition_time
    return end.finished_at is None or since is None or end.finished_at >= since


def _is_refusal(pod: Pod) -> bool:
    """Whether a kubelet did not take the Pod: for a reason that is known, or for any before a container ran."""
    reason = pod.status.reason
    if reason in _OWN_LIMITS:
        return reason == "Evicted" and _NODE_UNDER_PRESSURE in pod.status.message
    return reason in _ADMISSION or reason.startswith("OutOf") or (bool(reason) and not _has_run(pod))


def _has_run(pod: Pod) -> bool:
    containers = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return any(
        one.state.terminated or one.last_state.terminated or one.ready or one.restart_count for one in containers
    )
