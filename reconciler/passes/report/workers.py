"""A group's worker Pods, sorted and counted, and why there are fewer ready ones than wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.report.pod_trouble import summarize
from reconciler.passes.report.sentences import clause
from reconciler.rules.labels import COMPONENT, TEMPLATE_HASH, WORKER_GROUP_NAME, Component
from reconciler.rules.names import label_value
from reconciler.rules.parts import is_live, workers_of
from reconciler.rules.pod_end import has_ended
from reconciler.rules.template_hash import worker_hash


@dataclass(frozen=True, slots=True)
class Workers:
    """A group's worker Pods.

    Args:
        wanted: How many the group asks for.
        live: Those that are neither ending nor ended.
        ready: How many of them are ready.
        ended: Those that have ended and are still there.
        retiring: The uids of those chosen to go.
        updated: How many live ones are from the present template; `None` if the cluster, which is part of it, is
            not known.
        going: Those from an older template that are on their way out.
    """

    wanted: int
    live: tuple[Pod, ...]
    ready: int
    ended: tuple[Pod, ...]
    retiring: frozenset[str]
    updated: int | None
    going: tuple[Pod, ...] = ()

    @property
    def missing(self) -> int:
        """How many ready ones are missing."""
        return max(0, self.wanted - self.ready)

    @property
    def troubled(self) -> tuple[Pod, ...]:
        """The Pods that should be ready and are not, at most as many as are missing."""
        unready = [pod for pod in self.live if not pod.is_ready and pod.metadata.uid not in self.retiring]
        return (*unready, *self.ended)[: self.missing]

    @property
    def to_create(self) -> int:
        """How many of the missing ones have no Pod yet."""
        return self.missing - len(self.troubled)


def count_workers(group: DaskWorkerGroup, cluster: DaskCluster | None, snapshot: Snapshot) -> Workers:
    """The group's worker Pods, counted.

    Args:
        group: The group.
        cluster: Its cluster, if it is known.
        snapshot: The observed world.
    """
    pods = sorted(workers_of(group, snapshot), key=lambda pod: pod.metadata.name)
    live = tuple(pod for pod in pods if is_live(pod))
    present = worker_hash(group, cluster) if cluster is not None else None
    updated = sum(pod.metadata.annotations.get(TEMPLATE_HASH) == present for pod in live)
    return Workers(
        wanted=group.spec.worker.replicas,
        live=live,
        ready=sum(pod.is_ready for pod in live),
        ended=tuple(pod for pod in pods if has_ended(pod) and not pod.is_terminating),
        retiring=frozenset(one.uid for one in group.status.decisions.retiring),
        updated=None if present is None else updated,
        going=tuple(pod for pod in pods if pod.is_terminating and _is_outdated(pod, present)),
    )


def _is_outdated(pod: Pod, present: str | None) -> bool:
    return not pod.has_ended and pod.metadata.annotations.get(TEMPLATE_HASH) != present


def selector(group: DaskWorkerGroup) -> str:
    """The label selector of the group's Pods."""
    return f"{WORKER_GROUP_NAME}={label_value(group.metadata.name)},{COMPONENT}={Component.WORKER}"


def shortage(groups: Sequence[Workers], why_not_created: str) -> str | None:
    """One sentence on the workers that are wanted and not ready; `None` if all are.

    Args:
        groups: The workers, group by group.
        why_not_created: What keeps Pods from being created, if that is known.
    """
    missing = sum(group.missing for group in groups)
    if not missing:
        return None
    wanted = sum(group.wanted for group in groups)
    parts = summarize([pod for group in groups for pod in group.troubled])
    to_create = sum(group.to_create for group in groups)
    if to_create:
        because = f": {clause(why_not_created)}" if why_not_created else ""
        parts.append(f"{to_create} to create{because}")
    who = "The only worker" if wanted == 1 else f"{missing} of {wanted} workers"
    return f"{who} {'is' if missing == 1 else 'are'} not ready: {'; '.join(parts)}."


def waits_for_old(group: DaskWorkerGroup, workers: Workers) -> str:
    """That no worker is made before the last of the old ones is gone; empty if none is waited for."""
    if group.spec.worker.update_strategy.type != "Recreate" or not workers.going:
        return ""
    first, others = workers.going[0], len(workers.going) - 1
    node = f" on node {first.spec.node_name}" if first.spec.node_name else ""
    more = f" and {others} other{'s' * (others > 1)}" if others else ""
    are = "are" if others else "is"
    return f"updateStrategy Recreate waits until Pod {first.metadata.name}{node}{more}, made before, {are} gone."


def readiness(groups: Sequence[Workers]) -> str:
    """One sentence on workers that are all ready."""
    wanted = sum(group.wanted for group in groups)
    if not wanted:
        return "No workers are wanted."
    if wanted == 1:
        return "The only worker is ready."
    return f"{min(wanted, sum(group.ready for group in groups))} of {wanted} workers are ready."
