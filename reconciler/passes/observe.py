"""What exists: everything, or some trees of it.

    scope        first                         then
    everything   jobs, clusters, groups,       Pods, Services; PodDisruptionBudgets, in case some are asked for
                 autoscalers
    trees        of each tree: the cluster,    its Pods and Services, and those without the label by which they are
                 groups, autoscalers           found, since someone may have removed it; the job that owns the cluster

A tree that is named by a job, a group or an autoscaler takes a list before that, which tells its cluster. What stands
in one column is listed side by side. A list that fails leaves its whole namespace out: an incomplete picture is no
picture.

Why not all side by side: a snapshot must never hold a parent's newer decision without the children made before it. The
decision that matters is a group's highest ordinal. With a group newer than its Pods, workers that another daemon has
just made would be missing from the picture while their ordinals count as used, and as many again would be made under
new names. So no group is ever newer than the Pods. Custom resources among themselves may be seen in any order:

- What a job or a cluster makes has a name that is worked out: to make it twice is refused, and changes nothing.
- What is handed down, recorded or adopted is guarded by the resourceVersion of the object that it is written to, and
  deletions by uid.
- A job may be newer than its runner Pod, too: the outcome is written before anything follows from it.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from models.kinds import (
    CHILD_KINDS,
    CUSTOM_KINDS,
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_JOB,
    DASK_WORKER_GROUP,
    POD_DISRUPTION_BUDGET,
    Key,
    Kind,
)
from models.observed import Pod, PodDisruptionBudget, Service
from models.resources import DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Snapshot, Unreadable
from reconciler.passes.cost import Cost
from reconciler.passes.coverage import EVERYTHING, Coverage
from reconciler.passes.lists import SELECTORS, Ask, Lists, Place
from reconciler.rules import names
from reconciler.rules.labels import CLUSTER, CLUSTER_NAME
from reconciler.rules.names import Naming
from reconciler.wire.protocol import API


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look.

    Args:
        namespaces: The namespaces; empty for all.
        trees: Custom resources whose trees alone are looked at; empty for everything.
        is_first: Whether nothing is known from a look before, or not all.
    """

    namespaces: tuple[str, ...] = ()
    trees: frozenset[Key] = frozenset()
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen.

    Args:
        snapshot: The world, without the namespaces in which a list failed.
        errors: Why lists failed, by what was listed, such as `pods in all namespaces`; one for each namespace.
        coverage: What the snapshot is complete about.
        versions: Of a look at everything, the resourceVersion of each list, from which changes can be watched.
        retry_after_seconds: How long the server asks to be left alone, if it answered a list so.
        costs: What it took to fetch and to parse each list.
        is_whole: Whether nothing was missed that may be there.
    """

    snapshot: Snapshot
    errors: Mapping[str, str] = field(default_factory=dict)
    coverage: Coverage = EVERYTHING
    versions: Mapping[Place, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    costs: tuple[Cost, ...] = field(default=(), compare=False)
    is_whole: bool = True


def observe(
    api: API, scope: Scope, now: datetime, readers: Executor | None = None, before: Snapshot | None = None
) -> Observation:
    """List what is in the scope.

    Args:
        api: The API to ask.
        scope: Where to look.
        now: The time at which observing begins.
        readers: The threads that list; without them, one list follows the other.
        before: What was observed before; objects that have not changed since are shared with it.
    """
    lists = Lists(api, readers, before.objects if before is not None else {})
    with _no_garbage_collection():
        coverage = _list_trees(lists, scope) if scope.trees else _list_everything(lists, scope)
        missed = lists.offer(_budgets(lists, scope, before))
    objects: dict[Key, Observed] = {one.key: one for ask in missed for one in _known_budgets(ask, before)}
    unreadable: dict[Key, Unreadable] = {}
    for listed in lists.complete():
        unreadable |= {item.key: item for item in listed.items if isinstance(item, Unreadable)}
        objects |= {item.key: item for item in listed.items if not isinstance(item, Unreadable)}
    if coverage.trees is not None:
        objects = _without_strangers(objects, coverage.trees)
    failures = lists.failures.values()
    return Observation(
        Snapshot(now, objects, unreadable, bool(scope.trees)),
        {str(failure.ask): failure.why for failure in failures},
        coverage,
        {} if scope.trees else _versions(lists),
        max((one.retry_after_seconds for one in failures if one.retry_after_seconds is not None), default=None),
        tuple(cost for listed in lists.complete() for cost in listed.costs),
        not (missed or failures),
    )


def _list_everything(lists: Lists, scope: Scope) -> Coverage:
    namespaces = scope.namespaces or (None,)
    for kinds in (CUSTOM_KINDS, CHILD_KINDS):
        lists.wave(Ask(kind, namespace, labels) for namespace in namespaces for kind in kinds for labels in _all(kind))
    if not scope.namespaces:
        return Coverage(frozenset() if lists.failures else None)
    return Coverage(frozenset(scope.namespaces) - lists.failures.keys())


def _all(kind: Kind) -> Iterator[str]:
    """The label selectors that together find all objects of a kind, also one from which someone took a label."""
    yield SELECTORS[kind]
    if kind in CHILD_KINDS:
        yield f"{CLUSTER},!{SELECTORS[kind]}"


def _list_trees(lists: Lists, scope: Scope) -> Coverage:
    trees = {tree for tree in scope.trees if not scope.namespaces or tree.namespace in scope.namespaces}
    clusters = {tree for tree in trees if tree.kind == DASK_CLUSTER}
    clusters |= set(_clusters_of(lists.wave(_named(tree) for tree in trees - clusters)))
    parents = lists.wave(ask for cluster in sorted(clusters) for ask in _parents(cluster))
    jobs = {key for parent in parents for key in _owning_job(parent)}
    lists.wave([*(ask for cluster in sorted(clusters) for ask in _children(cluster)), *map(_named, sorted(jobs))])
    read = {tree.namespace for tree in trees} - lists.failures.keys()
    return Coverage(frozenset(read), frozenset(trees | clusters | jobs))


def _budgets(lists: Lists, scope: Scope, before: Snapshot | None) -> Iterator[Ask]:
    """PodDisruptionBudgets, in case some are asked for, or there were some; at the first look nobody knows."""
    seen = [item for listed in lists.complete() for item in listed.items if not isinstance(item, Unreadable)]
    had = before is not None and any(before.of(PodDisruptionBudget))
    if not (had or scope.is_first or any(map(_asks_for_budget, seen))):
        return
    if not scope.trees:
        yield from (Ask(POD_DISRUPTION_BUDGET, namespace, CLUSTER) for namespace in scope.namespaces or (None,))
    for cluster in sorted(one.key for one in seen if scope.trees and isinstance(one, DaskCluster)):
        if names.cluster_name_error(cluster.name) is None:
            yield Ask(POD_DISRUPTION_BUDGET, cluster.namespace, f"{CLUSTER}={cluster.name}")


def _known_budgets(ask: Ask, before: Snapshot | None) -> Iterator[PodDisruptionBudget]:
    """What a list would show that failed, as it was: a budget that is not seen would be made again."""
    for one in before.of(PodDisruptionBudget) if before is not None else ():
        is_there = ask.namespace in (None, one.metadata.namespace)
        if is_there and ask.labels in (CLUSTER, f"{CLUSTER}={one.metadata.labels.get(CLUSTER)}"):
            yield one


def _asks_for_budget(one: Observed) -> bool:
    if isinstance(one, DaskWorkerGroup):
        return one.spec.worker.disruption_budget is not None
    spec = one.spec if isinstance(one, DaskCluster) else one.spec.cluster.spec if isinstance(one, DaskJob) else None
    return spec is not None and bool(spec.scheduler.disruption_budget or spec.worker.disruption_budget)


def _versions(lists: Lists) -> Mapping[Place, str]:
    """The versions from which changes can be watched: of what is watched, not of what was listed beside it."""
    watched = (one for one in lists.complete() if one.ask.labels == SELECTORS.get(one.ask.kind))
    return {(one.ask.kind, one.ask.namespace): one.version for one in watched}


def _named(key: Key) -> Ask:
    return Ask(key.kind, key.namespace, fields=f"metadata.name={key.name}")


def _clusters_of(resources: Iterable[Observed]) -> Iterator[Key]:
    """The clusters that jobs bring, and that groups and autoscalers name."""
    for resource in resources:
        if isinstance(resource, DaskJob):
            known = resource.status.cluster_name
            found = {known} if known else {names.job_cluster(naming, resource.metadata.name) for naming in Naming}
        elif isinstance(resource, Pod | Service | PodDisruptionBudget | DaskCluster):
            continue
        else:
            found = {resource.spec.cluster}
        for name in found:
            if names.cluster_name_error(name) is None:
                yield Key(DASK_CLUSTER, resource.metadata.namespace, name)


def _parents(cluster: Key) -> Iterator[Ask]:
    yield _named(cluster)
    for kind in (DASK_WORKER_GROUP, DASK_AUTOSCALER):
        yield Ask(kind, cluster.namespace, fields=f"spec.cluster={cluster.name}")


def _children(cluster: Key) -> Iterator[Ask]:
    for kind in CHILD_KINDS:
        yield Ask(kind, cluster.namespace, f"{SELECTORS[kind]},!{CLUSTER}")
        if names.cluster_name_error(cluster.name) is None:  # no label could hold the name of another
            yield Ask(kind, cluster.namespace, f"{CLUSTER}={cluster.name}")


def _owning_job(resource: Observed) -> Iterator[Key]:
    owner = resource.metadata.controller
    if isinstance(resource, DaskCluster) and owner is not None and owner.kind == DASK_JOB.name:
        yield Key(DASK_JOB, resource.metadata.namespace, owner.name)


def _without_strangers(objects: Mapping[Key, Observed], trees: frozenset[Key]) -> dict[Key, Observed]:
    """The objects without those of other trees, which only the lack of a label brought here."""
    owners = {one.metadata.uid for key, one in objects.items() if key.kind in CUSTOM_KINDS}
    clusters = {(tree.namespace, tree.name) for tree in trees if tree.kind == DASK_CLUSTER}
    return {
        key: one
        for key, one in objects.items()
        if key.kind in CUSTOM_KINDS
        or (key.namespace, one.metadata.labels.get(CLUSTER_NAME)) in clusters
        or any(owner.uid in owners for owner in one.metadata.owner_references)
    }


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Parsing makes many objects and no cycles; collecting in between would take as long again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
