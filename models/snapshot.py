"""The observed world at one moment, immutable."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from models.kinds import Key, Kind
from models.observed import Pod, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup

Owner = DaskCluster | DaskWorkerGroup | DaskJob | DaskAutoscaler
Observed = Owner | Pod | Service
T = TypeVar("T", DaskCluster, DaskWorkerGroup, DaskJob, DaskAutoscaler, Pod, Service)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that could not be read.

    Args:
        key: Which.
        error: Which field is wrong and how.
        owner_uids: Who owns it; nothing of theirs is touched, since their picture is incomplete.
        uid: Its own uid; nothing that it owns is touched.
        generation: Its generation.
        status: Its status, as plain data.
    """

    key: Key
    error: str
    owner_uids: tuple[str, ...] = ()
    uid: str = ""
    generation: int = 0
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The observed world.

    Args:
        taken_at: When observing began; durations are measured from it.
        objects: All objects that could be read.
        unreadable: The others.
    """

    taken_at: datetime
    objects: Mapping[Key, Observed] = field(default_factory=dict)
    unreadable: Mapping[Key, Unreadable] = field(default_factory=dict)

    @cached_property
    def _children(self) -> Mapping[str, tuple[Observed, ...]]:
        """By owner, each in its owner's namespace: a reference out of another one means nothing in Kubernetes."""
        homes = {observed.metadata.uid: observed.metadata.namespace for observed in self.objects.values()}
        found: dict[str, list[Observed]] = {}
        for observed in self.objects.values():
            for owner in observed.metadata.owner_references:
                if homes.get(owner.uid) in (None, observed.metadata.namespace):
                    found.setdefault(owner.uid, []).append(observed)
        return {uid: tuple(children) for uid, children in found.items()}

    @cached_property
    def _uids(self) -> frozenset[str]:
        return frozenset(observed.metadata.uid for observed in self.objects.values()) | frozenset(
            item.uid for item in self.unreadable.values()
        )

    def has(self, uid: str) -> bool:
        """Whether an object of that uid was observed, readable or not."""
        return uid in self._uids

    @cached_property
    def _groups(self) -> Mapping[tuple[str, str], tuple[DaskWorkerGroup, ...]]:
        found: dict[tuple[str, str], list[DaskWorkerGroup]] = {}
        for group in self.of(DaskWorkerGroup):
            found.setdefault((group.metadata.namespace, group.spec.cluster), []).append(group)
        return {cluster: tuple(groups) for cluster, groups in found.items()}

    @cached_property
    def _run_by_replica_sets(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (pod.metadata.namespace, pod.metadata.labels.get("dask.org/cluster-name", ""))
            for pod in self.of(Pod)
            if pod.metadata.controller is not None and pod.metadata.controller.kind == "ReplicaSet"
        )

    def of(self, model: type[T]) -> Iterator[T]:
        """All objects of one model."""
        return (observed for observed in self.objects.values() if isinstance(observed, model))

    def get(self, model: type[T], key: Key) -> T | None:
        """The object of that key if it is there and could be read."""
        found = self.objects.get(key)
        return found if isinstance(found, model) else None

    def children(self, uid: str, model: type[T]) -> tuple[T, ...]:
        """The objects of one model that carry an owner reference with that uid."""
        return tuple(child for child in self._children.get(uid, ()) if isinstance(child, model))

    def groups_of(self, namespace: str, cluster: str) -> tuple[DaskWorkerGroup, ...]:
        """The worker groups that name that cluster."""
        return self._groups.get((namespace, cluster), ())

    def everything_of(self, uid: str) -> tuple[Observed, ...]:
        """All objects that carry an owner reference with that uid."""
        return self._children.get(uid, ())

    def is_run_by_replica_sets(self, namespace: str, cluster: str) -> bool:
        """Whether Pods labelled with that cluster belong to Deployments, as dask-kubernetes makes them."""
        return (namespace, cluster) in self._run_by_replica_sets

    def fold(self, news: Mapping[Key, Observed | None]) -> "Snapshot":
        """The same world with what has been learned since: objects as they are now, `None` for those gone."""
        objects = dict(self.objects)
        for key, observed in news.items():
            if observed is None:
                objects.pop(key, None)
            else:
                objects[key] = observed
        return Snapshot(self.taken_at, objects, self.unreadable)


def keyed(objects: Iterable[Observed]) -> dict[Key, Observed]:
    """The objects by key."""
    return {observed.key: observed for observed in objects}


def count_by_kind(snapshot: Snapshot) -> Mapping[Kind, int]:
    """How many objects of each kind were observed."""
    counts: dict[Kind, int] = {}
    for key in snapshot.objects:
        counts[key.kind] = counts.get(key.kind, 0) + 1
    return counts
