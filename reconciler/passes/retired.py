"""How the retirements ended of the workers that a pass has deleted, group by group."""

from collections.abc import Iterable, Iterator, Mapping

from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.parts import ClusterParts, cluster_key
from reconciler.rules.retirement_end import End, end_of_retirement


def retired(responses: Iterable[Response], snapshot: Snapshot) -> Mapping[Key, tuple[End, ...]]:
    """The ends of retirements, by group.

    Args:
        responses: How the pass's writes ended.
        snapshot: The world.
    """
    deleted: dict[Key, list[Action]] = {}
    for response in responses:
        action = response.action
        if action.verb is Verb.DELETE and action.key.kind is POD and response.result is Result.DONE:
            deleted.setdefault(action.owner, []).append(action)
    found = {key: tuple(_ends(group, deleted[key], snapshot)) for key, group in _groups(deleted, snapshot)}
    return {key: ends for key, ends in found.items() if ends}


def _groups(keys: Iterable[Key], snapshot: Snapshot) -> Iterator[tuple[Key, DaskWorkerGroup]]:
    found = ((key, snapshot.get(DaskWorkerGroup, key)) for key in keys)
    return ((key, group) for key, group in found if group is not None)


def _ends(group: DaskWorkerGroup, deleted: Iterable[Action], snapshot: Snapshot) -> Iterator[End]:
    cluster = snapshot.get(DaskCluster, cluster_key(group))
    if cluster is None:
        return
    dask, retiring = (
        DaskWorkers(ClusterParts(cluster, snapshot)),
        {one.uid: one for one in group.status.decisions.retiring},
    )
    for action in deleted:
        if (retirement := retiring.get(action.uid)) is not None:
            pod = snapshot.get(Pod, action.key)
            named = dask.answer.workers_in(action.key.name, "") if dask.answer is not None else ()
            inside = dask.inside(pod) if pod is not None else named
            yield end_of_retirement(retirement, inside, dask.answer, snapshot.taken_at)
