"""Who plays which part: which of an owner's children is its scheduler, a Service of it, a worker, the runner.

Decided once, for `desire` and `report` alike: by owner and role, never by name alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from models.base import Meta
from models.kinds import DASK_CLUSTER, DASK_JOB, Key
from models.observed import Pod, PodDisruptionBudget, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner, Snapshot
from reconciler.rules import names
from reconciler.rules.labels import NAMING, OURS, ROLE, TEMPLATE_HASH, Role
from reconciler.rules.names import Naming
from reconciler.rules.pod_end import end_of, ended_before_deletion, has_ended
from reconciler.rules.template_hash import scheduler_hash

Child = TypeVar("Child", DaskCluster, DaskWorkerGroup, Pod, Service, PodDisruptionBudget)


@dataclass(frozen=True)
class ClusterParts:
    """What a cluster consists of.

    Args:
        cluster: The cluster.
        snapshot: The observed world.
    """

    cluster: DaskCluster
    snapshot: Snapshot

    @cached_property
    def schedulers(self) -> tuple[Pod, ...]:
        """Its scheduler Pods, those that are ending or have ended among them."""
        pods = self.snapshot.children(self.cluster.metadata.uid, Pod)
        return in_role(pods, Role.SCHEDULER, names.scheduler_pod(self.cluster.metadata.name))

    @cached_property
    def living_schedulers(self) -> tuple[Pod, ...]:
        """Those that run or are about to; one that is due to be deleted still counts, since workers use it."""
        return tuple(pod for pod in self.schedulers if is_live(pod))

    @cached_property
    def lasting_scheduler(self) -> Pod | None:
        """The scheduler Pod that is there to stay: running or about to, and not to be replaced."""
        return _first([pod for pod in self.living_schedulers if self._is_up_to_date(pod)])

    @cached_property
    def scheduler(self) -> Pod | None:
        """The scheduler Pod that counts now: the one that is there to stay, or else the one to be replaced."""
        return self.lasting_scheduler or _first(self.living_schedulers)

    @cached_property
    def ready_since(self) -> datetime | None:
        """Since when the scheduler that is there to stay has been ready; `None` if it is not."""
        keep = self.lasting_scheduler
        ready = keep.condition("Ready") if keep is not None and keep.is_ready else None
        return ready.last_transition_time if ready is not None else None

    @cached_property
    def services(self) -> tuple[tuple[Role, str, Service | None], ...]:
        """The Services that its naming set asks for: their roles, their names, and what is there of them."""
        naming, name = naming_or_default(self.cluster), self.cluster.metadata.name
        asked = [(Role.USER_SERVICE, names.user_service(naming, name))]
        if naming is Naming.CLASSIC:
            asked.append((Role.COMM_SERVICE, names.comm_service(name)))
        there = self.snapshot.children(self.cluster.metadata.uid, Service)
        return tuple((role, service, find_child(there, role, service)) for role, service in asked)

    @cached_property
    def groups(self) -> tuple[DaskWorkerGroup, ...]:
        """The groups that name it, its own and others, without those that are being deleted."""
        found = self.snapshot.groups_of(self.cluster.metadata.namespace, self.cluster.metadata.name)
        return tuple(group for group in found if group.metadata.deletion_timestamp is None)

    @cached_property
    def default_group(self) -> DaskWorkerGroup | None:
        """The worker group that it made from its own `spec.worker`."""
        name = names.default_group(naming_or_default(self.cluster), self.cluster.metadata.name)
        mine = self.snapshot.children(self.cluster.metadata.uid, DaskWorkerGroup)
        return find_child(mine, Role.DEFAULT_GROUP, name)

    @cached_property
    def scheduler_hash(self) -> str:
        """The template hash of the scheduler that its workers belong to: the one there, or the one to come."""
        ours = scheduler_hash(self.cluster)
        keep = self.lasting_scheduler
        return ours if keep is None else keep.metadata.annotations.get(TEMPLATE_HASH, ours)

    def _is_up_to_date(self, pod: Pod) -> bool:
        on_delete = self.cluster.spec.scheduler.update_strategy.type == "OnDelete"
        return on_delete or pod.metadata.annotations.get(TEMPLATE_HASH) == scheduler_hash(self.cluster)


def workers_of(group: DaskWorkerGroup, snapshot: Snapshot) -> tuple[Pod, ...]:
    """A group's worker Pods, those that are ending or have ended among them."""
    pods = snapshot.children(group.metadata.uid, Pod)
    return in_role(pods, Role.WORKER, f"{group.metadata.name}-worker")


@dataclass(frozen=True)
class JobParts:
    """What a job consists of.

    Args:
        job: The job.
        snapshot: The observed world.
    """

    job: DaskJob
    snapshot: Snapshot

    @cached_property
    def clusters(self) -> tuple[DaskCluster, ...]:
        """Its clusters, those that are being deleted among them."""
        found = self.snapshot.children(self.job.metadata.uid, DaskCluster)
        return in_role(found, Role.JOB_CLUSTER, self._cluster_name)

    @cached_property
    def cluster(self) -> DaskCluster | None:
        """Its cluster, unless that is being deleted."""
        return find_child(self.clusters, Role.JOB_CLUSTER, self._cluster_name)

    @cached_property
    def runners(self) -> tuple[Pod, ...]:
        """The Pods that run or ran its command, those that are being deleted among them."""
        pods = self.snapshot.children(self.job.metadata.uid, Pod)
        return in_role(pods, Role.JOB_RUNNER, names.job_runner(self.job.metadata.name))

    @cached_property
    def runner(self) -> Pod | None:
        """The Pod that runs, or ran, its command: one that is there to stay, or one that ended before it was deleted.

        That one has an outcome, which counts although the Pod is being deleted.
        """
        leaving = (pod for pod in self.runners if pod.is_terminating and _has_an_outcome(pod))
        staying = find_child(self.runners, Role.JOB_RUNNER, names.job_runner(self.job.metadata.name))
        return staying or next(leaving, None)

    @property
    def _cluster_name(self) -> str:
        return names.job_cluster(naming_or_default(self.job), self.job.metadata.name)


def cluster_of(resource: DaskWorkerGroup | DaskAutoscaler, snapshot: Snapshot) -> DaskCluster | None:
    """The cluster that a group or an autoscaler names, if it was observed."""
    return snapshot.get(DaskCluster, cluster_key(resource))


def cluster_key(resource: DaskWorkerGroup | DaskAutoscaler) -> Key:
    """The key of the cluster that a group or an autoscaler names."""
    return Key(DASK_CLUSTER, resource.metadata.namespace, resource.spec.cluster)


def tree_of(owner: Owner, snapshot: Snapshot) -> Key:
    """The resource at the top of the owner's tree: a job, or a cluster that belongs to no job."""
    if isinstance(owner, DaskWorkerGroup | DaskAutoscaler):
        cluster = cluster_of(owner, snapshot)
        return owner.key if cluster is None else tree_of(cluster, snapshot)
    if isinstance(owner, DaskCluster):
        above = owner.metadata.controller
        if above is not None and above.kind == DASK_JOB.name:
            return Key(DASK_JOB, owner.metadata.namespace, above.name)
    return owner.key


def is_live(pod: Pod) -> bool:
    """Whether a Pod is there to stay: neither on its way out nor at its end."""
    return not pod.is_terminating and not has_ended(pod)


def _has_an_outcome(leaving: Pod) -> bool:
    end = end_of(leaving)
    return end is not None and not end.is_lost and ended_before_deletion(leaving)


def _first(pods: Iterable[Pod]) -> Pod | None:
    """The Pod that counts if there are several: a ready one, then by name."""
    return min(pods, key=lambda pod: (not pod.is_ready, pod.metadata.name), default=None)


def in_role(candidates: Iterable[Child], role: Role, name: str) -> tuple[Child, ...]:
    """The owner's children in that role; other objects that carry the owner's uid are its users'.

    Args:
        candidates: Objects that carry the owner's uid.
        role: The role looked for.
        name: How the names of such children begin, for those whose role annotation someone took away.
    """
    return tuple(
        child
        for child in candidates
        if child.metadata.annotations.get(ROLE) == role
        or (_lost_its_role(child.metadata) and f"{child.metadata.name}-".startswith(f"{name}-"))
    )


def find_child(candidates: Iterable[Child], role: Role, name: str) -> Child | None:
    """The owner's child in that role that is not being deleted.

    Args:
        candidates: Objects that carry the owner's uid.
        role: The role looked for.
        name: The name it was made under, which tells it from a copy that someone made with its annotations.
    """
    staying = [child for child in in_role(candidates, role, name) if child.metadata.deletion_timestamp is None]
    return min(staying, key=lambda child: (child.metadata.name != name, child.metadata.name), default=None)


def _lost_its_role(meta: Meta) -> bool:
    """Whether the object was made here, and then someone took its role annotation away."""
    return ROLE not in meta.annotations and any(key.startswith(OURS) for key in meta.annotations)


def outlives_its_cluster(resource: DaskWorkerGroup | DaskAutoscaler, snapshot: Snapshot) -> bool:
    """Whether the resource belonged to a cluster that is gone: garbage collection has only yet to come to it."""
    namespace, owners = resource.metadata.namespace, resource.metadata.owner_references
    keys = {Key(DASK_CLUSTER, namespace, owner.name) for owner in owners if owner.kind == DASK_CLUSTER.name}
    if not keys:
        return False
    keys.add(cluster_key(resource))
    return not any(key in snapshot.objects or key in snapshot.unreadable for key in keys)


def recorded_naming(owner: DaskCluster | DaskJob) -> Naming | None:
    """The naming set recorded on the resource, or `None` if it is new."""
    try:
        return Naming(owner.metadata.annotations.get(NAMING, ""))
    except ValueError:
        return None


def naming_or_default(owner: DaskCluster | DaskJob) -> Naming:
    """The resource's naming set; before one is recorded, the one with the more objects."""
    return recorded_naming(owner) or Naming.CLASSIC
