"""What keeps one Pod from being ready.

A trouble begins with a verb that fits one Pod as well as many: "Pod x cannot be scheduled: …", "7 cannot be
scheduled: …". Its words are those of the reconciler's conditions, and where an Event tells more, that too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubecluster.diagnosis import causes, events
from kubecluster.diagnosis.causes import STARTING, Cause
from kubecluster.diagnosis.sight import (
    Body,
    clause,
    condition,
    has_ended,
    is_going,
    is_ready,
    items,
    name_of,
    number,
    read,
    text,
)
from kubecluster.errors import PodRefused, TimedOut

SCHEDULER_GATE = "kubernetes.dask.org/scheduler-ready"

_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_IMAGE_REASONS |= {"ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}
_CONFIGURATION_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_ON_THE_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})
_MOUNT_REASONS = ("FailedMount", "FailedAttachVolume")
# What the scheduler adds on claims and preemption only says again that there is no node.
_NO_NEWS = re.compile(r" no new claims to deallocate,?\.?| preemption:")
_BACK_OFF = re.compile(r'Back-off pulling image "[^"]*"(?:: (?:(\w+): )?(.*))?', re.DOTALL)
"""What the kubelet says between two attempts to pull an image: the reason and the message of the last one."""
_ATTEMPT = re.compile(r'Failed to pull image "[^"]*": ')


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps something from being ready.

    Args:
        kind: The same for all Pods in the same trouble.
        detail: What is particular to this one; may be empty.
        cause: What it means.
        wants_log: Whether the Pod's last log lines would help.
    """

    kind: str
    detail: str = ""
    cause: Cause = STARTING
    wants_log: bool = False

    def __str__(self) -> str:
        kind, detail = clause(self.kind), clause(self.detail)
        return f"{kind}: {detail}" if detail else kind


def trouble_of(pod: Body, told: Sequence[Body] = ()) -> Trouble | None:
    """What keeps the Pod from being ready, the first cause first; `None` if it is ready.

    Args:
        pod: The Pod.
        told: Its Events, the newest last.
    """
    return None if is_ready(pod) else next(_troubles(pod, told))


def _troubles(pod: Body, told: Sequence[Body]) -> Iterator[Trouble]:
    if is_going(pod):
        remedy = f"{causes.PATIENCE} If its node is lost for good, delete the Pod with --force."
        yield Trouble("cannot be used any more", "deletion was requested", Cause(TimedOut, remedy))
    if has_ended(pod):
        yield _ended(pod)
    yield from _unscheduled(pod, told)
    yield from _initializing(pod, told)
    yield from _starting(pod, told)
    yield _unready(pod)


def _ended(pod: Body) -> Trouble:
    verb = "failed" if text(pod, "status", "phase") == "Failed" else "ended"
    reason, message = text(pod, "status", "reason"), text(pod, "status", "message")
    if reason or message:
        remedy = "The node gave it up: see its message; another Pod takes its place where one is due."
        return Trouble(f"{verb}: {reason}".rstrip(": "), message, Cause(PodRefused, remedy))
    ends = [(one, read(one, "state", "terminated")) for one in items(pod, "status", "containerStatuses")]
    ends = [(one, end) for one, end in ends if isinstance(end, dict)]
    if not ends:
        return Trouble(verb)
    container, end = min(ends, key=lambda found: number(found[1], "exitCode") == 0)
    return _ending(pod, f"{verb}: {_which(pod, container)}", container, end)


def _unscheduled(pod: Body, told: Sequence[Body]) -> Iterator[Trouble]:
    gates = [text(gate, "name") for gate in items(pod, "spec", "schedulingGates")]
    if SCHEDULER_GATE in gates:
        yield Trouble("must wait until the scheduler is ready")
    if gates:
        cause = Cause(TimedOut, f"See why it does not take the scheduling gate {gates[0]} away.")
        yield Trouble(f"must wait for whoever set the scheduling gate {gates[0]}", "", cause)
    scheduled = condition(pod, "PodScheduled")
    # When the last gate is gone, the condition still speaks of it for a moment.
    if scheduled.get("status") == "False" and scheduled.get("reason") != "SchedulingGated":
        message = _NO_NEWS.split(text(scheduled, "message"))[0] or text(scheduled, "reason")
        cause = causes.scheduling(message, is_adding_nodes=events.is_adding_nodes(told))
        yield Trouble("cannot be scheduled", message, cause)
    if not text(pod, "spec", "nodeName") and scheduled.get("status") != "True":
        yield Trouble("must wait to be scheduled")


def _initializing(pod: Body, told: Sequence[Body]) -> Iterator[Trouble]:
    sidecars = [
        text(one, "name") for one in items(pod, "spec", "initContainers") if one.get("restartPolicy") == "Always"
    ]
    for container in items(pod, "status", "initContainerStatuses"):
        is_up = text(container, "name") in sidecars and container.get("started")
        if container.get("ready") or is_up:
            continue
        prefix = f"init container {text(container, 'name')}: "
        waiting, end = read(container, "state", "waiting"), read(container, "state", "terminated")
        if waiting and text(waiting, "reason") not in _ON_THE_WAY:
            yield _waiting(pod, container, prefix, told)
        elif end and number(end, "exitCode"):
            yield _ending(pod, f"crashed: {prefix}", container, end)
        elif not waiting and not end:
            yield Trouble(f"must wait for the init container {text(container, 'name')}", wants_log=True)


def _starting(pod: Body, told: Sequence[Body]) -> Iterator[Trouble]:
    """What containers wait for, those first that will not get it."""
    unready = [one for one in items(pod, "status", "containerStatuses") if not one.get("ready")]
    for container in unready:
        prefix = _which(pod, container)
        waiting, end = read(container, "state", "waiting"), read(container, "state", "terminated")
        if waiting and text(waiting, "reason") not in _ON_THE_WAY:
            yield _waiting(pod, container, prefix, told)
        elif end:
            yield _ending(pod, f"{'crashed' if number(end, 'exitCode') else 'ended'}: {prefix}", container, end, told)
    for container in unready:
        end = read(container, "lastState", "terminated")
        if read(container, "state", "waiting") is not None:
            yield _creating(container, told)
        elif end:
            kind = f"had to start again and did not become ready yet: {_which(pod, container)}"
            yield _ending(pod, kind, container, end, told)
        else:
            yield _unprobed(pod, container, told)


def _waiting(pod: Body, container: Body, prefix: str, told: Sequence[Body]) -> Trouble:
    """A container that cannot start.

    The message of a crash loop holds the Pod's uid and a growing time; how the container ended says more.
    """
    reason, message = text(container, "state", "waiting", "reason"), text(container, "state", "waiting", "message")
    if reason == "CrashLoopBackOff":
        kind, end = f"crashed: {prefix}{reason}", read(container, "lastState", "terminated")
        if not isinstance(end, dict):
            return Trouble(kind, "", causes.crash(1, "", _log_of(pod, container)), wants_log=True)
        return _ending(pod, f"{kind}, ", container, end, told)
    if reason in _IMAGE_REASONS:
        return _unpulled(f"cannot start: {prefix}", reason, message, told)
    kind = f"cannot start: {prefix}{reason}"
    if reason in _CONFIGURATION_REASONS:
        return Trouble(kind, message, causes.configuration(message))
    return Trouble(kind, message, causes.crash(128, reason, _log_of(pod, container)))


def _unpulled(kind: str, reason: str, message: str, told: Sequence[Body]) -> Trouble:
    """An image that cannot be had, in the words of the last attempt, also while the kubelet waits for the next one.

    It calls the same trouble by two names in turn. Up to Kubernetes 1.30, only Events tell why while it waits.
    """
    name = reason
    if reason == "ImagePullBackOff" and (waits := _BACK_OFF.fullmatch(message)):
        failed = (text(event, "message") for event in reversed(told) if text(event, "reason") == "Failed")
        attempt = next((_ATTEMPT.sub("", words) for words in failed if _ATTEMPT.match(words)), "")
        name, message = waits[1] or "ErrImagePull", waits[2] or attempt or message
    return Trouble(f"{kind}{name}", message, causes.image(reason, message))


def _creating(container: Body, told: Sequence[Body]) -> Trouble:
    """A container that is being made: what the node did last, or failed to do."""
    reason = text(container, "state", "waiting", "reason") or "ContainerCreating"
    kind, last = f"must wait for the containers: {reason}", told[-1] if told else {}
    if events.is_trouble(last) and text(last, "reason") in _MOUNT_REASONS:
        return Trouble(kind, events.message(last), causes.configuration(events.message(last)))
    is_news = events.is_trouble(last) or text(last, "reason") == "Pulling"
    return Trouble(kind, events.message(last) if is_news else text(container, "state", "waiting", "message"))


def _unprobed(pod: Body, container: Body, told: Sequence[Body]) -> Trouble:
    message = events.words(told, "Unhealthy")
    log = _log_of(pod, container)
    remedy = f"{causes.PATIENCE} If it lasts, see its log ({log}), or correct the probe in the Pod template."
    kind = "started, but did not pass the readiness probe yet"
    return Trouble(kind, message, Cause(TimedOut, remedy), wants_log=True)


def _unready(pod: Body) -> Trouble:
    ready = condition(pod, "Ready")
    message = text(ready, "message") or text(ready, "reason")
    if not items(pod, "status", "containerStatuses"):
        return Trouble("must wait for the node to start the containers")
    return Trouble(
        "started, but cannot be called ready", message or f"node {text(pod, 'spec', 'nodeName')} may be down"
    )


def _ending(pod: Body, kind: str, container: Body, end: Body, told: Sequence[Body] = ()) -> Trouble:
    """A container that ended, or did before it was started again."""
    exit_code, reason = number(end, "exitCode"), text(end, "reason")
    cause = causes.crash(exit_code, reason, _log_of(pod, container, is_previous=not has_ended(pod)))
    how = f"exit code {exit_code}" + (f" ({reason})" if reason else "")
    if reason == "OOMKilled":
        how += f", {_memory_limit(pod, text(container, 'name'))}"
    detail = text(end, "message")
    if not detail and "failed liveness probe" in events.words(told, "Killing"):
        detail = events.words(told, "Unhealthy")
    return Trouble(f"{kind}{how}", detail, cause, wants_log=True)


def _memory_limit(pod: Body, container: str) -> str:
    specs = [*items(pod, "spec", "containers"), *items(pod, "spec", "initContainers")]
    limits = [read(one, "resources", "limits", "memory") for one in specs if text(one, "name") == container]
    limits.append(read(pod, "spec", "resources", "limits", "memory"))
    limit = next((str(limit) for limit in limits if limit), "")
    return f"memory limit {limit}" if limit else "no memory limit but the node's"


def _log_of(pod: Body, container: Body, *, is_previous: bool = False) -> str:
    """The command that shows a container's log."""
    namespace, name = text(pod, "metadata", "namespace"), text(container, "name")
    is_one_of_many = len([*items(pod, "spec", "containers"), *items(pod, "spec", "initContainers")]) > 1
    words = ["kubectl logs", name_of(pod), f"--container={name}" * is_one_of_many, "--previous" * is_previous]
    return " ".join(filter(None, [*words, f"--namespace={namespace}" if namespace else ""]))


def _which(pod: Body, container: Body) -> str:
    return f"container {text(container, 'name')}: " if len(items(pod, "status", "containerStatuses")) > 1 else ""
