"""How the retirements ended of the workers that a pass has deleted, group by group."""

from collections.abc import Iterable, Mapping

from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.values import Response, Result, Verb
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.parts import ClusterParts, cluster_key
from reconciler.rules.retirement_end import End, end_of_retirement


def retired(responses: Iterable[Response], snapshot: Snapshot) -> Mapping[Key, tuple[End, ...]]:
    """The ends of retirements, by group.

    Args:
        responses: How the pass's writes ended.
        snapshot: The world.
    """
    found: dict[Key, list[End]] = {}
    for response in responses:
        action = response.action
        if action.verb is Verb.DELETE and action.key.kind is POD and response.result is Result.DONE:
            group = snapshot.get(DaskWorkerGroup, action.owner)
            end = _end(group, action.key, action.uid, snapshot) if group is not None else None
            if end is not None:
                found.setdefault(action.owner, []).append(end)
    return {group: tuple(ends) for group, ends in found.items()}


def _end(group: DaskWorkerGroup, key: Key, uid: str, snapshot: Snapshot) -> End | None:
    retirement = next((one for one in group.status.decisions.retiring if one.uid == uid), None)
    cluster = snapshot.get(DaskCluster, cluster_key(group))
    if retirement is None or cluster is None:
        return None
    pod, dask = snapshot.get(Pod, key), DaskWorkers(ClusterParts(cluster, snapshot))
    named = dask.answer.workers_in(key.name, "") if dask.answer is not None else ()
    return end_of_retirement(retirement, dask.inside(pod) if pod is not None else named, dask.answer, snapshot.taken_at)
