"""Why Pods are not ready, in words.

An explanation begins with a verb that fits one Pod as well as many: "Pod x cannot be scheduled: …", "7 cannot be
scheduled: …". It holds nothing that changes by time alone, so that a status stays as it is while nothing happens.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.observed import ContainerStatus, Pod, Waiting
from reconciler.passes.report.sentences import clause
from reconciler.rules.labels import SCHEDULER_GATE
from reconciler.rules.main_container import working_first
from reconciler.rules.pod_end import awaited, end_of, how_container_ended, verb_and_detail, which

KINDS_SHOWN = 3
"""How many kinds of trouble one sentence tells apart."""

# What the scheduler adds on claims and preemption only says again that there is no node.
_NO_NEWS = re.compile(r" no new claims to deallocate,?\.?| preemption:")
_BACK_OFF = re.compile(r"back-off (\S+) restarting")
_NO_IMAGE = re.compile(r'Back-off pulling image "[^"]*": (\w+): (.*)', re.DOTALL)
"""What a kubelet says between two attempts to pull an image: the reason and the message of the last one."""
_KUEUE = "kueue.x-k8s.io/"
_ON_THE_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a Pod from being ready.

    Args:
        kind: The same for all Pods in the same trouble.
        detail: What is particular to this Pod; may be empty.
    """

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        kind, detail = clause(self.kind), clause(self.detail)
        return f"{kind}: {detail}" if detail else kind


def explain(pod: Pod) -> str:
    """Why the Pod is not ready, to be read after its name; empty if it is ready."""
    trouble = find_trouble(pod)
    return str(trouble) if trouble else ""


def explain_end(pod: Pod) -> str:
    """How a Pod that has ended did so, to be read after its name."""
    return str(Trouble(*verb_and_detail(pod)))


def summarize(pods: Sequence[Pod]) -> list[str]:
    """Why those Pods are not ready, most frequent first, with a Pod named for each kind of trouble."""
    kinds: dict[str, list[tuple[str, Trouble]]] = {}
    for pod in sorted(pods, key=lambda pod: pod.metadata.name):
        trouble = find_trouble(pod)
        if trouble is not None:
            kinds.setdefault(trouble.kind, []).append((pod.metadata.name, trouble))
    ranked = sorted(kinds.values(), key=lambda same: (-len(same), same[0][1].kind))
    if len(ranked) == 1 and len(ranked[0]) == 1:
        name, trouble = ranked[0][0]
        return [f"Pod {name} {trouble}"]
    parts = [f"{len(same)} {same[0][1]} (Pod {same[0][0]}{', …' * (len(same) > 1)})" for same in ranked[:KINDS_SHOWN]]
    others = sum(len(same) for same in ranked[KINDS_SHOWN:])
    return [*parts, f"{others} for other reasons"] if others else parts


def find_trouble(pod: Pod) -> Trouble | None:
    """What keeps the Pod from being ready, the first cause first; `None` if it is ready."""
    if pod.is_ready and not pod.has_ended:
        return None
    return next(_troubles(pod))


def _troubles(pod: Pod) -> Iterator[Trouble]:
    if pod.is_terminating:
        yield Trouble("cannot be used any more", "deletion was requested")
    if end_of(pod) is not None:
        yield Trouble(*verb_and_detail(pod))
    yield from _unscheduled(pod)
    yield from _initializing(pod.status.init_container_statuses)
    yield from _starting(pod)
    yield _unready(pod)


def _unscheduled(pod: Pod) -> Iterator[Trouble]:
    gates = [gate.name for gate in pod.spec.scheduling_gates]
    if SCHEDULER_GATE in gates:
        yield Trouble("must wait until the scheduler is ready")
    for gate in gates:
        who = "Kueue to admit it (" if gate.startswith(_KUEUE) else "whoever set the "
        yield Trouble(f"must wait for {who}scheduling gate {gate}{')' * gate.startswith(_KUEUE)}")
    scheduled = pod.condition("PodScheduled")
    # When the last gate is gone, the condition still speaks of it for a moment.
    if scheduled is not None and scheduled.status == "False" and scheduled.reason != "SchedulingGated":
        yield Trouble("cannot be scheduled", _NO_NEWS.split(scheduled.message)[0] or scheduled.reason)
    if not pod.spec.node_name and (scheduled is None or scheduled.status != "True"):
        yield Trouble("must wait to be scheduled")


def _initializing(containers: Sequence[ContainerStatus]) -> Iterator[Trouble]:
    for container in containers:
        if container.ready:
            continue
        prefix = f"init container {container.name}: "
        if container.state.waiting and container.state.waiting.reason not in _ON_THE_WAY:
            yield _waiting(container, container.state.waiting, prefix)
        elif container.state.terminated and container.state.terminated.exit_code:
            end = container.state.terminated
            yield Trouble(f"crashed: {prefix}{how_container_ended(end)}", end.message)
        elif not container.state.waiting and not container.state.terminated:
            yield Trouble(f"must wait for the init container {container.name}")


def _starting(pod: Pod) -> Iterator[Trouble]:
    """What containers wait for, those first that will not get it, and of these the main one."""
    unready = [container for container in working_first(pod) if not container.ready]
    for container in unready:
        prefix = which(container, pod)
        if container.state.waiting and container.state.waiting.reason not in _ON_THE_WAY:
            yield _waiting(container, container.state.waiting, prefix)
        elif container.state.terminated:
            end = container.state.terminated
            verb = "crashed" if end.exit_code else "ended"
            others = " and ".join(awaited(pod))
            waits = f"the Pod ends with the container {others}" if others else ""
            yield Trouble(f"{verb}: {prefix}{how_container_ended(end)}", "; ".join(filter(None, (end.message, waits))))
    for container in unready:
        if container.state.waiting:
            reason = container.state.waiting.reason or "ContainerCreating"
            yield Trouble(f"must wait for the containers: {reason}", container.state.waiting.message)
        elif container.last_state.terminated:
            end = container.last_state.terminated
            cause = f"{which(container, pod)}{how_container_ended(end)}"
            yield Trouble(f"had to start again and did not become ready yet: {cause}", end.message)
        else:
            yield Trouble("started, but did not pass the readiness probe yet")


def _waiting(container: ContainerStatus, waiting: Waiting, prefix: str) -> Trouble:
    """A container that cannot start.

    The message of a crash loop holds the Pod's uid, too; how the container ended says more. An image that cannot be
    pulled has two names in turn, of which it keeps that of the attempt.
    """
    end = container.last_state.terminated
    if waiting.reason == "ImagePullBackOff" and (last := _NO_IMAGE.fullmatch(waiting.message)):
        return Trouble(f"cannot start: {prefix}{last[1]}", last[2])
    if waiting.reason != "CrashLoopBackOff":
        return Trouble(f"cannot start: {prefix}{waiting.reason}", waiting.message)
    pause = _BACK_OFF.search(waiting.message)
    again = f"started again after {pause[1]}" if pause else ""
    if end is None:
        return Trouble(f"crashed: {prefix}{waiting.reason}", again)
    detail = "; ".join(filter(None, (end.message, again)))
    return Trouble(f"crashed: {prefix}{waiting.reason}, {how_container_ended(end)}", detail)


def _unready(pod: Pod) -> Trouble:
    ready = pod.condition("Ready")
    if not pod.status.container_statuses:
        return Trouble("must wait for the node to start the containers")
    if ready is not None and (ready.message or ready.reason):
        return Trouble("started, but cannot be called ready", ready.message or ready.reason)
    return Trouble("started, but cannot be called ready", f"node {pod.spec.node_name} may be down")
