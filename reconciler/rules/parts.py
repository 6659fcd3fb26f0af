"""Which of an owner's children is which: by owner and role, never by name alone."""

from collections.abc import Iterable
from typing import TypeVar

from models.base import Meta
from models.kinds import DASK_CLUSTER, Key
from models.observed import Pod, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.rules.labels import NAMING, OURS, ROLE, Role
from reconciler.rules.names import Naming

Child = TypeVar("Child", DaskCluster, DaskWorkerGroup, Pod, Service)


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
    keys.add(Key(DASK_CLUSTER, namespace, resource.spec.cluster))
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
