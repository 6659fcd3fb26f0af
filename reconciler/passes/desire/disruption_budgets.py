"""PodDisruptionBudgets, where users ask for them: how many Pods a drain leaves alone.

Kubernetes' disruption controller counts percentages, and all that may be unavailable, from the `scale` of the resource
that a Pod belongs to. For a worker that is its group's number of workers. For a scheduler it is its cluster's, which
are workers too: so its budget is an absolute number that is to be available, and is compared with the Pods alone.

No drain waits for ever. Pods that are not ready may go, unless users say otherwise. A group that has too few workers to
spare one by what its user wrote spares one all the same. A scheduler may go when all its workers have been idle for a
while: then nothing is lost with it.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from models.kinds import POD_DISRUPTION_BUDGET, Key
from models.observed import PodDisruptionBudget
from models.resources import DaskCluster, DaskWorkerGroup, WorkerSpec
from models.snapshot import Snapshot
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.values import Body, Desired, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.labels import CLUSTER, COMPONENT, WORKER_GROUP_NAME, Component, Role
from reconciler.rules.parts import ClusterParts, find_child

_REASON = "drains are to leave Pods alone"


def with_budget(desired: Desired, snapshot: Snapshot) -> Desired:
    """The same wishes, with the PodDisruptionBudget that the owner asks for, if anything is to be made for it."""
    owner = desired.owner
    if not desired.wanted or not isinstance(owner, DaskCluster | DaskWorkerGroup):
        return desired
    there = snapshot.children(owner.metadata.uid, PodDisruptionBudget)
    name = _name(owner)
    present = find_child(there, Role.DISRUPTION_BUDGET, name)
    spec = _of_scheduler(owner, snapshot) if isinstance(owner, DaskCluster) else _of_workers(owner)
    if spec is None:
        unwanted = (Unwanted(present, "nobody asks for it any more"),) if present is not None else ()
        return replace(desired, unwanted=(*desired.unwanted, *unwanted))
    key = present.key if present is not None else Key(POD_DISRUPTION_BUDGET, owner.metadata.namespace, name)
    body = child_body(POD_DISRUPTION_BUDGET, key.name, owner, Marks(Role.DISRUPTION_BUDGET, (owner.metadata,)), spec)
    return replace(desired, wanted=(*desired.wanted, Wanted(key, body, present, _REASON)))


def _name(owner: DaskCluster | DaskWorkerGroup) -> str:
    return names.scheduler_pod(owner.metadata.name) if isinstance(owner, DaskCluster) else owner.metadata.name


def _of_scheduler(cluster: DaskCluster, snapshot: Snapshot) -> Body | None:
    asked = cluster.spec.scheduler.disruption_budget
    if asked is None:
        return None
    is_idle = DaskWorkers(ClusterParts(cluster, snapshot)).are_idle
    labels = {CLUSTER: names.label_value(cluster.metadata.name), COMPONENT: str(Component.SCHEDULER)}
    return _budget({"minAvailable": 0 if is_idle else asked.min_available}, labels, asked.unhealthy_pod_eviction_policy)


def _of_workers(group: DaskWorkerGroup) -> Body | None:
    asked = group.spec.worker.disruption_budget
    if asked is None:
        return None
    labels = {
        CLUSTER: names.label_value(group.spec.cluster),
        COMPONENT: str(Component.WORKER),
        WORKER_GROUP_NAME: names.label_value(group.metadata.name),
    }
    return _budget(_spared(group.spec.worker), labels, asked.unhealthy_pod_eviction_policy)


def _spared(worker: WorkerSpec) -> Body:
    """What the user wrote, unless it spares nobody of so few workers."""
    asked = worker.disruption_budget
    assert asked is not None
    least = asked.min_available
    if least is None:
        return {"maxUnavailable": asked.max_unavailable}
    held = least if isinstance(least, int) else math.ceil(int(least.rstrip("%")) * worker.replicas / 100)
    return {"minAvailable": least} if held < worker.replicas else {"maxUnavailable": 1}


def _budget(bound: Body, labels: Mapping[str, str], policy: str) -> Body:
    return {**bound, "selector": {"matchLabels": dict(labels)}, "unhealthyPodEvictionPolicy": policy}
