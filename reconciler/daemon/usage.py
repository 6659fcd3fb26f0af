"""What clusters have used since they were first seen, pass by pass: for a bill.

From one look at a cluster to the next, what was seen at the first one counts. Totals are in memory: those of a daemon
that starts anew begin at nothing, which is what Prometheus expects of counters.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from models.kinds import DASK_JOB, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskJob
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Snapshot
from reconciler.passes.values import PassResult
from reconciler.rules.parts import workers_of

KEPT_SECONDS = 600.0
"""For how long the totals of a cluster that is gone are told, so that Prometheus sees the last of them."""
LONGEST_TRUSTED = timedelta(minutes=5)
"""For how long a scheduler's answer says that workers are idle."""

Labels = tuple[str, ...]
"""The namespace, the cluster, its job and its owner; of GPUs, the resource too."""


class Used(Enum):
    """What is counted of a cluster, each second."""

    GPUS = auto()
    """The GPUs that its Pods keep."""
    IDLE_GPUS = auto()
    """Those of workers that have nothing to do."""
    IDLE = auto()
    """1 if none of its workers has anything to do."""


Use = Mapping[Used, Mapping[Labels, int]]
"""What a cluster uses, each second."""


@dataclass
class _Known:
    tree: Key
    use: Use
    since: float
    totals: Mapping[Used, Counter[Labels]] = field(default_factory=lambda: {what: Counter() for what in Used})
    gone_since: float | None = None

    def count_until(self, at: float) -> None:
        """Take in what was used since the last look."""
        for what, use in self.use.items():
            for labels, number in use.items():
                self.totals[what][labels] += number * (at - self.since)  # type: ignore[assignment]  # seconds
        self.since = at


class Usage:
    """What clusters have used.

    - Each second of a cluster counts once, however many passes look at it.
    - A pass that did not look at a cluster, or could not, says nothing of it.

    Args:
        seconds: A count of seconds that nobody sets.
        owner_label: The label of clusters and jobs that says who pays.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic, owner_label: str = "") -> None:
        self._seconds = seconds
        self._owner_label = owner_label
        self._known: dict[Key, _Known] = {}

    def update(self, result: PassResult) -> None:
        """Take in what a pass saw."""
        if result.snapshot is None:
            return
        at = self._seconds()
        seen = {one.key: one for one in result.snapshot.of(DaskCluster)}
        for key, known in tuple(self._known.items()):
            if key not in seen and result.is_about(known.tree):
                known.count_until(at)
                known.use, known.gone_since = {}, known.gone_since or at
                if at - known.gone_since > KEPT_SECONDS:
                    del self._known[key]
        for key, cluster in seen.items():
            tree = result.trees.get(key, key)
            if result.is_about(tree):
                use = use_of(cluster, result.snapshot, self._owner_label)
                known = self._known.setdefault(key, _Known(tree, use, at))
                known.count_until(at)
                known.tree, known.use, known.gone_since = tree, use, None
                known.count_until(at)  # which begins what is new at 0, as Prometheus likes to see it

    def total(self, what: Used) -> Mapping[Labels, float]:
        """What all clusters have used, times seconds."""
        total: dict[Labels, float] = {}
        for known in tuple(self._known.values()):
            for labels, seconds in tuple(known.totals[what].items()):
                total[labels] = total.get(labels, 0.0) + seconds
        return total


def use_of(cluster: DaskCluster, snapshot: Snapshot, owner_label: str) -> Use:
    """What a cluster uses now. A GPU is kept from when its Pod has a node until its containers have ended."""
    namespace, name = cluster.metadata.namespace, cluster.metadata.name
    above = cluster.metadata.controller
    key = Key(DASK_JOB, namespace, above.name) if above is not None and above.kind == DASK_JOB.name else None
    job = snapshot.get(DaskJob, key) if key is not None else None
    labels = {**(job.metadata.labels if job is not None else {}), **cluster.metadata.labels}
    whose = (namespace, name, key.name if key is not None else "", labels.get(owner_label, ""))
    answer = _trusted(cluster, snapshot)
    gpus, idle_gpus = Counter[Labels](), Counter[Labels]()
    for pod, is_worker in _pods(cluster, job, snapshot):
        asked = _gpus(pod)
        if not asked or not pod.spec.node_name or pod.has_ended:
            continue
        is_idle = is_worker and answer is not None and _is_idle(pod, answer)
        for resource, number in asked.items():
            gpus[*whose, resource] += number
            idle_gpus[*whose, resource] += number * is_idle
    workers = answer.workers if answer is not None else ()
    idle = Counter[Labels]({whose: int(bool(workers) and all(one.is_idle for one in workers))})
    return {Used.GPUS: gpus, Used.IDLE_GPUS: idle_gpus, Used.IDLE: idle}


def _pods(cluster: DaskCluster, job: DaskJob | None, snapshot: Snapshot) -> Iterator[tuple[Pod, bool]]:
    """All Pods of a cluster, and of its job, each with whether it is a worker."""
    for group in snapshot.groups_of(cluster.metadata.namespace, cluster.metadata.name):
        yield from ((pod, True) for pod in workers_of(group, snapshot))
    for owner in filter(None, (cluster, job)):
        yield from ((pod, False) for pod in snapshot.children(owner.metadata.uid, Pod))


def _gpus(pod: Pod) -> Counter[str]:
    total = Counter[str]()
    for container in pod.spec.containers:
        for resource, number in container.gpus:
            total[resource] += number
    return total


def _is_idle(pod: Pod, answer: SchedulerAnswer) -> bool:
    inside = answer.workers_in(pod.metadata.name, pod.status.pod_ip)
    return bool(inside) and all(one.is_idle for one in inside)


def _trusted(cluster: DaskCluster, snapshot: Snapshot) -> SchedulerAnswer | None:
    """What the cluster's scheduler told not long ago."""
    answer = snapshot.answer_of(cluster.key)
    is_fresh = answer is not None and answer.at is not None and snapshot.taken_at - answer.at <= LONGEST_TRUSTED
    return answer if is_fresh and answer is not None and not answer.is_silent else None
