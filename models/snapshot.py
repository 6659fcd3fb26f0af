"""The observed world at one moment, immutable."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from models.kinds import Key, Kind
from models.observed import Pod, PodDisruptionBudget, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.scheduler_answer import SchedulerAnswer

Owner = DaskCluster | DaskWorkerGroup | DaskJob | DaskAutoscaler
Observed = Owner | Pod | Service | PodDisruptionBudget
T = TypeVar("T", DaskCluster, DaskWorkerGroup, DaskJob, DaskAutoscaler, Pod, Service, PodDisruptionBudget)
_Shelf = str | tuple[object, ...]


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


@dataclass(slots=True)
class _Index:
    """Where to look objects up. It holds references to objects, no copies.

    Args:
        homes: The namespace of each object, by its uid.
        shelves: The objects by what they are looked up by, see `_shelves_of`.
        own: The shelves that no other index has.
    """

    homes: dict[str, str] = field(default_factory=dict)
    shelves: dict[_Shelf, dict[Key, Observed]] = field(default_factory=dict)
    own: set[_Shelf] = field(default_factory=set)

    def copy(self) -> "_Index":
        """Another that may change; shelves are copied when they do."""
        return _Index(dict(self.homes), dict(self.shelves))

    def change(self, before: Observed | None, after: Observed | None) -> None:
        """Take in that an object has come, changed or gone."""
        if before is not None:
            self.homes.pop(before.metadata.uid, None)
            for shelf in _shelves_of(before):
                if after is None or shelf not in _shelves_of(after):
                    self._own(shelf).pop(before.key, None)
        if after is not None:
            self.homes[after.metadata.uid] = after.metadata.namespace
            for shelf in _shelves_of(after):
                self._own(shelf)[after.key] = after

    def _own(self, shelf: _Shelf) -> dict[Key, Observed]:
        if shelf not in self.own:
            self.own.add(shelf)
            self.shelves[shelf] = dict(self.shelves.get(shelf, {}))
        return self.shelves[shelf]


def _shelves_of(observed: Observed) -> Iterator[_Shelf]:
    """By what an object is looked up: its model, its owners' uids, the cluster that it names."""
    yield (type(observed),)
    for owner in observed.metadata.owner_references:
        yield owner.uid
    namespace = observed.metadata.namespace
    if isinstance(observed, DaskWorkerGroup | DaskAutoscaler):
        yield type(observed), namespace, observed.spec.cluster
    elif isinstance(observed, Pod) and _is_made_by_dask_kubernetes(observed):
        yield "ReplicaSet", namespace, observed.metadata.labels.get("dask.org/cluster-name", "")


@dataclass(frozen=True)
class Snapshot:
    """The observed world.

    Args:
        taken_at: When observing began; durations are measured from it.
        objects: All objects that could be read.
        unreadable: The others.
        is_partial: Whether only some trees were looked at; then what is not here may be elsewhere.
        schedulers: What schedulers last told, by cluster; `None` if nobody asks them.
    """

    taken_at: datetime
    objects: Mapping[Key, Observed] = field(default_factory=dict)
    unreadable: Mapping[Key, Unreadable] = field(default_factory=dict)
    is_partial: bool = False
    schedulers: Mapping[Key, SchedulerAnswer] | None = None

    @cached_property
    def _index(self) -> _Index:
        index = _Index()
        for observed in self.objects.values():
            index.change(None, observed)
        return index

    def _on(self, shelf: _Shelf) -> Iterable[Any]:
        return self._index.shelves.get(shelf, {}).values()

    def is_gone(self, key: Key, uid: str) -> bool:
        """Whether a custom resource is gone: another has its name, or nothing does."""
        found = self.objects.get(key) or self.unreadable.get(key)
        if found is None:
            return not self.is_partial
        return uid != (found.uid if isinstance(found, Unreadable) else found.metadata.uid)

    def of(self, model: type[T]) -> Iterator[T]:
        """All objects of one model."""
        return iter(self._on((model,)))

    def get(self, model: type[T], key: Key) -> T | None:
        """The object of that key if it is there and could be read."""
        found = self.objects.get(key)
        return found if isinstance(found, model) else None

    def children(self, uid: str, model: type[T]) -> tuple[T, ...]:
        """The objects of one model that carry an owner reference with that uid."""
        return tuple(child for child in self.everything_of(uid) if isinstance(child, model))

    def groups_of(self, namespace: str, cluster: str) -> tuple[DaskWorkerGroup, ...]:
        """The worker groups that name that cluster."""
        return tuple(self._on((DaskWorkerGroup, namespace, cluster)))

    def answer_of(self, cluster: Key) -> SchedulerAnswer | None:
        """What the cluster's scheduler last told, if it was asked."""
        return (self.schedulers or {}).get(cluster)

    def autoscalers_of(self, namespace: str, cluster: str) -> tuple[DaskAutoscaler, ...]:
        """The autoscalers that name that cluster."""
        return tuple(self._on((DaskAutoscaler, namespace, cluster)))

    def everything_of(self, uid: str) -> tuple[Observed, ...]:
        """All objects that carry an owner reference with that uid, each in its owner's namespace.

        A reference out of another namespace means nothing in Kubernetes.
        """
        home = self._index.homes.get(uid)
        return tuple(child for child in self._on(uid) if home in (None, child.metadata.namespace))

    def is_run_by_replica_sets(self, namespace: str, cluster: str) -> bool:
        """Whether Pods labelled with that cluster belong to Deployments that are called as dask-kubernetes' are."""
        return bool(self._on(("ReplicaSet", namespace, cluster)))

    def fold(self, news: Mapping[Key, Observed | None]) -> "WorkingSnapshot":
        """The same world with what has been learned since: objects as they are now, `None` for those gone."""
        working = WorkingSnapshot(self.taken_at, dict(self.objects), self.unreadable, self.is_partial, self.schedulers)
        vars(working)["_index"] = self._index.copy()  # in place of making it from all objects
        working.learn(news)
        return working


class WorkingSnapshot(Snapshot):
    """The world as one pass knows it, which takes in what the pass learns."""

    def learn(self, news: Mapping[Key, Observed | None]) -> None:
        """Take in objects as they are now, `None` for those gone; it takes time for these alone."""
        assert isinstance(self.objects, dict)
        for key, observed in news.items():
            self._index.change(self.objects.get(key), observed)
            if observed is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = observed


def _is_made_by_dask_kubernetes(pod: Pod) -> bool:
    """Whether the Pod's Deployment is called `<cluster>-scheduler` or `<group>-worker-<10 hex>`.

    Anyone may label a Pod of their own with a cluster's name; the Deployments are owned by dask-kubernetes' resources,
    but are not observed.
    """
    labels, controller = pod.metadata.labels, pod.metadata.controller
    if controller is None or controller.kind != "ReplicaSet":
        return False
    match labels.get("dask.org/component"):
        case "scheduler":
            called = rf"{re.escape(labels.get('dask.org/cluster-name', ''))}-scheduler-[a-z0-9]+"
        case "worker":
            called = rf"{re.escape(labels.get('dask.org/workergroup-name', ''))}-worker-[0-9a-f]{{10}}-[a-z0-9]+"
        case _:
            return False
    return re.fullmatch(called, controller.name) is not None


def keyed(objects: Iterable[Observed]) -> dict[Key, Observed]:
    """The objects by key."""
    return {observed.key: observed for observed in objects}


def count_by_kind(snapshot: Snapshot) -> Mapping[Kind, int]:
    """How many objects of each kind were observed."""
    counts: dict[Kind, int] = {}
    for key in snapshot.objects:
        counts[key.kind] = counts.get(key.kind, 0) + 1
    return counts
