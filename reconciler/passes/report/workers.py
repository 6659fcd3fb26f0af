"""A group's worker Pods, sorted and counted, and why there are fewer ready ones than wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.base import find_condition, wire_time
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.report.pod_trouble import summarize
from reconciler.passes.report.sentences import clause
from reconciler.rules.addresses import scheduler_address
from reconciler.rules.dask_options import DaskOptions
from reconciler.rules.dask_workers import DaskWorkers, Knowledge
from reconciler.rules.labels import COMPONENT, TEMPLATE_HASH, WORKER_GROUP_NAME, Component
from reconciler.rules.main_container import main_of_spec
from reconciler.rules.names import label_value
from reconciler.rules.parts import ClusterParts, is_live, workers_of
from reconciler.rules.pod_end import has_ended
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.template_hash import worker_hash


@dataclass(frozen=True, slots=True)
class Workers:
    """A group's worker Pods.

    Args:
        wanted: How many the group asks for.
        live: Those that are neither ending nor ended.
        ready: How many of them are ready, and have joined as far as that is known.
        ended: Those that have ended and are still there.
        retiring: The uids of those chosen to go.
        handing_over: How many of them hand over what they hold first.
        updated: How many live ones are from the present template; `None` if the cluster, which is part of it, is
            not known.
        going: Those from an older template that are on their way out.
        unjoined: Those that are ready, and that their scheduler does not have.
        retired: How many ready ones were let go so far.
        looks_for: The address at which those look for it; empty if it is not known, or all have joined.
        knows_joined: Whether their scheduler answers, or did before the question.
    """

    wanted: int
    live: tuple[Pod, ...]
    ready: int
    ended: tuple[Pod, ...]
    retiring: frozenset[str]
    updated: int | None
    going: tuple[Pod, ...] = ()
    handing_over: int = 0
    unjoined: tuple[Pod, ...] = ()
    retired: int = 0
    looks_for: str = ""
    knows_joined: bool = False

    @property
    def missing(self) -> int:
        """How many ready ones are missing."""
        return max(0, self.wanted - self.ready)

    @property
    def troubled(self) -> tuple[Pod, ...]:
        """The Pods that should be ready and are not, at most as many as are missing."""
        unready = [pod for pod in self.live if not pod.is_ready and pod.metadata.uid not in self.retiring]
        return (*unready, *self.unjoined, *self.ended)[: self.missing]

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
    dask = DaskWorkers(ClusterParts(cluster, snapshot)) if cluster is not None else None
    decided = group.status.decisions
    never_ready = {one.uid for one in decided.retiring if one.ready is False}
    up = [pod for pod in live if pod.is_ready and pod.metadata.uid not in never_ready]
    is_awaited = dask is not None and dask.is_awaited
    unjoined = [pod for pod in up if dask is not None and (is_awaited or dask.has_joined(pod) is not True)]
    ready = len(up) - len(unjoined)
    retiring = frozenset(one.uid for one in decided.retiring)
    asked = {one.uid for one in decided.retiring if one.asked is not None}
    still_here = [
        pod for pod in up if pod.metadata.uid in retiring and (dask is None or dask.has_joined(pod) is not False)
    ]
    knows_joined = dask is not None and dask.knowledge is Knowledge.KNOWN
    if is_awaited:  # what was known before the question still stands
        ready = min(len(up), group.status.ready_replicas or 0)
        told = find_condition(group.status.conditions, ConditionType.READY)
        knows_joined = told is not None and told.message.endswith("joined.")
    return Workers(
        wanted=group.spec.worker.replicas,
        live=live,
        ready=ready,
        ended=tuple(pod for pod in pods if has_ended(pod) and not pod.is_terminating),
        retiring=retiring,
        updated=None if present is None else updated,
        going=tuple(pod for pod in pods if pod.is_terminating and _is_outdated(pod, present)),
        handing_over=len(asked.intersection(pod.metadata.uid for pod in live)),
        unjoined=tuple(pod for pod in unjoined if pod.metadata.uid not in retiring),
        retired=max(0, (decided.released or 0) - len(still_here)),
        looks_for=_looked_for(group, cluster) if unjoined and cluster is not None else "",
        knows_joined=knows_joined,
    )


def _looked_for(group: DaskWorkerGroup, cluster: DaskCluster) -> str:
    worker, meta = group.spec.worker, {**group.metadata.annotations, **group.spec.worker.metadata.annotations}
    return DaskOptions(main_of_spec(worker.spec, meta)).looked_for(scheduler_address(cluster) or "")


def _is_outdated(pod: Pod, present: str | None) -> bool:
    return not pod.has_ended and pod.metadata.annotations.get(TEMPLATE_HASH) != present


def selector(group: str) -> str:
    """The label selector of the Pods of the group of that name."""
    return f"{WORKER_GROUP_NAME}={label_value(group)},{COMPONENT}={Component.WORKER}"


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
    parts += _unjoined(groups)
    to_create = sum(group.to_create for group in groups)
    if to_create:
        because = f": {clause(why_not_created)}" if why_not_created else ""
        parts.append(f"{to_create} to create{because}")
    who = "The only worker" if wanted == 1 else f"{missing} of {wanted} workers"
    return f"{who} {'is' if missing == 1 else 'are'} not ready: {'; '.join(parts)}."


def _unjoined(groups: Sequence[Workers]) -> list[str]:
    """That workers run and have not joined: since when, and where they look for their scheduler."""
    unjoined = {pod.key for group in groups for pod in group.unjoined}
    found = [(group, [pod for pod in group.troubled if pod.key in unjoined]) for group in groups]
    pods = [pod for _, some in found for pod in some]
    if not pods:
        return []
    times = [ready.last_transition_time for pod in pods if (ready := pod.condition("Ready")) is not None]
    since = min((time for time in times if time is not None), default=None)
    many = len(pods) > 1
    when = f" ({'the first ' * many}since {wire_time(since)})" if since is not None else ""
    where = sorted({group.looks_for for group, some in found if some and group.looks_for})
    look = f": {'they look' if many else 'it looks'} for {' and '.join(where)}" if where else ""
    return [f"{len(pods)} run{'s' * (not many)}{when}, but {'have' if many else 'has'} not joined{look}"]


def handing_over(workers: Workers) -> str:
    """That workers hand over what they hold before they go; empty if none does."""
    number = workers.handing_over
    if not number:
        return ""
    who = f"{number} worker{'s' * (number > 1)} to go {'are' if number > 1 else 'is'}"
    return f" {who} handing over what only {'they hold' if number > 1 else 'it holds'}."


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
    joined = all(group.knows_joined for group in groups)
    if wanted == 1:
        return "The only worker has joined." if joined else "The only worker is ready."
    verb = "have joined" if joined else "are ready"
    return f"{min(wanted, sum(group.ready for group in groups))} of {wanted} workers {verb}."
