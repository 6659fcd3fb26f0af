"""What a Pod tells node autoscalers: whether its node may be taken away by their own choice.

    Pod                                              do-not-disrupt    safe-to-evict
    scheduler; job runner; new worker                true              false
    worker that has a task or holds a result         true              false
    worker that has been idle for a while            -                 true
    worker whose scheduler does not tell (any more)  as it was
    worker whose scheduler has never answered, new   -                 -
    worker whose scheduler nobody asks

The values that users set, at whatever level, and what others put on the Pod, stand. The marks are patched in place;
they are remembered as the owner's labels and annotations are, and so they are taken away where they are no longer
wanted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from models.kinds import POD
from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.values import Body, Desired, Wanted
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.labels import DO_NOT_DISRUPT, SAFE_TO_EVICT, SET_BY_OWNER, formerly_set, set_by_owner
from reconciler.rules.parts import ClusterParts, cluster_of

KEPT: Mapping[str, str] = {DO_NOT_DISRUPT: "true", SAFE_TO_EVICT: "false"}
MOVED: Mapping[str, str] = {SAFE_TO_EVICT: "true"}
UNMARKED: Mapping[str, str] = {}


def disruption_marked(desired: Desired, snapshot: Snapshot) -> Desired:
    """The same wishes, with Pods that tell node autoscalers whether they may be moved."""
    wanted = desired.wanted
    if not any(one.key.kind == POD for one in wanted):
        return desired
    dask = _workers(desired, snapshot)
    return replace(desired, wanted=tuple(_marked(one, dask) if one.key.kind == POD else one for one in wanted))


def _workers(desired: Desired, snapshot: Snapshot) -> DaskWorkers | None:
    """What is known of a group's workers; `None` where the Pods are no workers."""
    owner = desired.owner
    cluster = cluster_of(owner, snapshot) if isinstance(owner, DaskWorkerGroup) else None
    return DaskWorkers(ClusterParts(cluster, snapshot)) if cluster is not None else None


def _marked(wanted: Wanted, dask: DaskWorkers | None) -> Wanted:
    present = wanted.present if isinstance(wanted.present, Pod) else None
    observed = present.metadata.annotations if present is not None else {}
    former = formerly_set(observed).get("annotations", ())
    known = {name: observed[name] for name in KEPT if name in former and name in observed}
    wishes = KEPT if dask is None else _of_worker(dask, present, known)
    users = wanted.body["metadata"]["annotations"]
    marks = {
        name: value for name, value in wishes.items() if name not in users and (name in former or name not in observed)
    }
    return replace(wanted, body=_with_annotations(wanted.body, marks)) if marks else wanted


def _of_worker(dask: DaskWorkers, present: Pod | None, known: Mapping[str, str]) -> Mapping[str, str]:
    if dask.is_asked_in_vain:
        return UNMARKED
    if present is None:
        return KEPT if dask.are_looked_at else UNMARKED
    is_needed = dask.is_needed(present)
    return known if is_needed is None else KEPT if is_needed else MOVED


def _with_annotations(body: Body, marks: Mapping[str, str]) -> Body:
    """The body with marks that are remembered as set by the owner, and can be taken away again."""
    metadata, annotations = body["metadata"], body["metadata"]["annotations"]
    remembered = _remembered(annotations, marks)
    return {**body, "metadata": {**metadata, "annotations": {**annotations, **marks, SET_BY_OWNER: remembered}}}


def _remembered(annotations: Mapping[str, str], marks: Iterable[str]) -> str:
    users = formerly_set(annotations)
    return set_by_owner(users.get("labels", ()), {*users.get("annotations", ()), *marks}, users.get("spec", ()))
