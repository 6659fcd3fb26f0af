"""Which autoscaler acts on which worker group, and how much of what a scheduler would like to have is that group's.

A scheduler says how many workers it would like to have in all; it doesn't say which. What is not for groups whose
number is fixed is shared among those that adapt, in the order of their autoscalers' age:

- Each gets its minimum. Then each takes what is left, up to its maximum.
- A group of which some workers have no task takes no more than those that have: what the scheduler still wants is
  then of another kind, such as a GPU or a resource that tasks ask for, and is for the next.

Of several autoscalers of one group the oldest acts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from models.kinds import Key
from models.resources import DaskAutoscaler, DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.status import AutoscalerDecisions
from reconciler.rules.dask_workers import DaskWorkers, Knowledge
from reconciler.rules.parts import ClusterParts, is_live, workers_of
from reconciler.rules.scaling_behavior import Decision, Scale, decide
from reconciler.rules.worker_threads import threads_in_template

FRESH = timedelta(seconds=30)
"""For how long it is taken for true how many workers a scheduler would like: busy ones take seconds to answer."""


def group_of(autoscaler: DaskAutoscaler, parts: ClusterParts) -> DaskWorkerGroup | None:
    """The group that the autoscaler is for, if it is there to stay.

    Args:
        autoscaler: An autoscaler of the cluster.
        parts: What the cluster consists of.
    """
    named = autoscaler.spec.worker_group
    if named is None:
        return parts.default_group
    return next((group for group in parts.groups if group.metadata.name == named), None)


def acting(parts: ClusterParts) -> Mapping[Key, DaskAutoscaler]:
    """The autoscaler that acts on each group that has one, the oldest autoscalers first."""
    meta = parts.cluster.metadata
    there = (one for one in parts.snapshot.autoscalers_of(meta.namespace, meta.name) if _is_staying(one, meta.uid))
    found: dict[Key, DaskAutoscaler] = {}
    for autoscaler in sorted(there, key=_by_age):
        group = group_of(autoscaler, parts)
        if group is not None:
            found.setdefault(group.key, autoscaler)
    return found


def _is_staying(autoscaler: DaskAutoscaler, cluster_uid: str) -> bool:
    meta = autoscaler.metadata
    return meta.deletion_timestamp is None and any(owner.uid == cluster_uid for owner in meta.owner_references)


def _by_age(autoscaler: DaskAutoscaler) -> tuple[bool, float, str]:
    created = autoscaler.metadata.creation_timestamp
    return created is None, created.timestamp() if created is not None else 0.0, autoscaler.metadata.name


@dataclass(frozen=True)
class Adapting:
    """The groups of a cluster that adapt.

    Args:
        parts: What the cluster consists of.
    """

    parts: ClusterParts

    @cached_property
    def acting(self) -> Mapping[Key, DaskAutoscaler]:
        """The autoscaler that acts on each group that has one."""
        return acting(self.parts)

    @cached_property
    def answer(self) -> SchedulerAnswer | None:
        """What the scheduler told a moment ago of how many workers it would like; `None` if that is not known.

        Nor is it where groups share, and it has not yet been asked which workers have something to do.
        """
        workers = DaskWorkers(self.parts)
        answer = workers.answer if workers.knowledge is Knowledge.KNOWN else None
        if answer is None or answer.targets_at is None or (len(self.acting) > 1 and not answer.tells_tasks):
            return None
        return answer if self.parts.snapshot.taken_at - answer.targets_at <= FRESH else None

    def wanted(self, group: DaskWorkerGroup) -> int | None:
        """How many worker Pods the scheduler would like the group to have; `None` if it doesn't say.

        Args:
            group: A group that adapts.
        """
        duration = self.acting[group.key].spec.target_duration_seconds
        target = self.answer.targets.get(duration) if self.answer is not None else None
        return self._shares(self._pods_for(target))[group.key] if target is not None else None

    def threads(self, group: DaskWorkerGroup) -> int | None:
        """How many threads a worker Pod of the group has; `None` if none has joined."""
        joined = self._joined(group)
        return round(sum(one.threads for some in joined for one in some) / len(joined)) if joined else None

    @property
    def most_threads(self) -> int:
        """How many threads the largest worker Pod of a group that adapts has, or will have."""
        groups = (group for group in self.parts.groups if group.key in self.acting)
        known = ((self.acting[group.key].status.decisions.threads, group) for group in groups)
        return max((threads or threads_in_template(group) for threads, group in known), default=1)

    def _pods_for(self, target: int) -> int:
        """How many Pods have so many workers: a Pod may have several.

        A scheduler without workers counts threads instead, since it does not know how many a worker has.
        """
        joined = [workers for group in self.parts.groups for workers in self._joined(group)]
        if not joined:
            return math.ceil(target / self.most_threads)
        inside = sum(map(len, joined))
        return math.ceil(target * len(joined) / inside)

    def _shares(self, pods: int) -> Mapping[Key, int]:
        """How many Pods each group gets, and of the last one how many it would."""
        groups = {group.key: group for group in self.parts.groups}
        fixed = sum(group.spec.worker.replicas for key, group in groups.items() if key not in self.acting)
        left = pods - fixed - sum(one.spec.minimum for one in self.acting.values())
        shares: dict[Key, int] = {}
        for number, (key, autoscaler) in enumerate(self.acting.items(), 1):
            least, most = autoscaler.spec.minimum, autoscaler.spec.maximum
            if number == len(self.acting):
                shares[key] = max(0, least + left)
                break
            busy = self._busy(groups[key])
            share = max(least, min(least + left, most, most if busy is None else busy))
            shares[key], left = share, left - max(0, share - least)
        return shares

    def _busy(self, group: DaskWorkerGroup) -> int | None:
        """How many Pods of a group have something to do; `None` if all that have joined do."""
        joined = self._joined(group)
        busy = sum(any(one.tasks for one in workers) for workers in joined)
        return busy if busy < len(joined) else None

    def _joined(self, group: DaskWorkerGroup) -> list[Sequence[DaskWorker]]:
        """The worker processes of each of the group's Pods that have some."""
        if (answer := self.answer) is None:
            return []
        live = filter(is_live, workers_of(group, self.parts.snapshot))
        return [inside for pod in live if (inside := answer.workers_in(pod.metadata.name, pod.status.pod_ip))]


@dataclass(frozen=True)
class Scaling:
    """What an autoscaler makes of its group.

    Args:
        autoscaler: An autoscaler that acts.
        group: Its group.
        adapting: The groups of its cluster that adapt.
    """

    autoscaler: DaskAutoscaler
    group: DaskWorkerGroup
    adapting: Adapting

    @cached_property
    def wanted(self) -> int | None:
        """How many workers the scheduler would like to have in the group."""
        return self.adapting.wanted(self.group)

    @cached_property
    def decision(self) -> Decision:
        """How many it is to have."""
        meta, decisions = self.group.metadata, self.autoscaler.status.decisions
        scale = Scale(meta.uid, meta.generation, self.group.spec.worker.replicas)
        return decide(self.adapting.parts.snapshot.taken_at, scale, self.wanted, self.autoscaler.spec, decisions)

    @cached_property
    def record(self) -> AutoscalerDecisions | None:
        """What is to be written down first."""
        known, threads = self.autoscaler.status.decisions, self.adapting.threads(self.group)
        record = self.decision.record
        if threads in (None, known.threads or threads_in_template(self.group)):
            return record
        return (record or known).model_copy(update={"threads": threads})


def scaling_of(autoscaler: DaskAutoscaler, parts: ClusterParts) -> Scaling | None:
    """What the autoscaler makes of its group; `None` if there is none, or another autoscaler acts on it.

    Args:
        autoscaler: An autoscaler of the cluster.
        parts: What the cluster consists of.
    """
    adapting = Adapting(parts)
    group = group_of(autoscaler, parts)
    if group is None or adapting.acting.get(group.key) != autoscaler:
        return None
    return Scaling(autoscaler, group, adapting)
