"""The scheduler Pod: which one counts, when it is replaced, and under what name."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.base import wire_time
from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster
from models.snapshot import Snapshot
from reconciler.passes.desire.children import Marks, child_body, finding
from reconciler.passes.desire.crash_backoff import count_ends, in_a_row, retry_at
from reconciler.passes.desire.services import scheduler_labels
from reconciler.passes.values import Body, Desired, Record, Topic, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.labels import TEMPLATE_HASH, Role
from reconciler.rules.parts import in_role
from reconciler.rules.pod_end import has_ended, how_it_ended, is_kept_by_a_finalizer
from reconciler.rules.template_hash import scheduler_hash

STUCK_AFTER = timedelta(seconds=30)
"""How long past the end of its grace period a Pod counts as stuck: its node is gone."""


def desire_scheduler(cluster: DaskCluster, snapshot: Snapshot) -> Desired:
    """One scheduler Pod from the present template.

    A Pod from an older template, one that ended and a second one are unwanted: written down in `status.retiring`, then
    deleted. Its successor comes when it is gone, or, if it cannot go, under another name; the Services follow by label.
    """
    pods = _pods(cluster, snapshot)
    keep = keeper(cluster, snapshot)
    unwanted = tuple(_unwanted(cluster, pods, keep))
    undecided = [one for one in unwanted if one.present.metadata.uid not in cluster.status.retiring]
    if undecided:
        return Desired(cluster, records=(_decision(cluster, undecided, pods, snapshot.taken_at),))
    if keep is not None:
        body = child_body(POD, keep.metadata.name, cluster, _marks(cluster), None)
        return Desired(cluster, (Wanted(keep.key, body, keep, "the cluster needs a scheduler"),), unwanted)
    if unwanted:
        return Desired(cluster, unwanted=unwanted)
    wait_until = retry_at(cluster.status, scheduler_hash(cluster))
    if wait_until is not None and snapshot.taken_at < wait_until:
        times = in_a_row(cluster.status, scheduler_hash(cluster))
        message = f"its scheduler ended {times}; the next one starts at {wire_time(wait_until)}"
        return Desired(cluster, findings=(finding(cluster, Topic.BACK_OFF, message),))
    return Desired(cluster, (_new(cluster, pods, snapshot.taken_at),))


def keeper(cluster: DaskCluster, snapshot: Snapshot) -> Pod | None:
    """The scheduler Pod that is there to stay: running or about to, and not to be replaced."""
    fitting = [pod for pod in _living(cluster, snapshot) if _fits(cluster, pod)]
    return min(fitting, key=lambda pod: (not pod.is_ready, pod.metadata.name), default=None)


def scheduler_hash_for_workers(cluster: DaskCluster, snapshot: Snapshot) -> str:
    """The template hash of the scheduler that the cluster's workers belong to: the one there, or the one to come."""
    keep = keeper(cluster, snapshot)
    ours = scheduler_hash(cluster)
    return ours if keep is None else keep.metadata.annotations.get(TEMPLATE_HASH, ours)


def ready_since(cluster: DaskCluster, snapshot: Snapshot) -> datetime | None:
    """Since when the scheduler has been ready; `None` if it is not."""
    keep = keeper(cluster, snapshot)
    ready = keep.condition("Ready") if keep is not None and keep.is_ready else None
    return ready.last_transition_time if ready is not None else None


def living_scheduler_hashes(cluster: DaskCluster, snapshot: Snapshot) -> frozenset[str]:
    """The template hashes of the schedulers whose deletion has not begun, even if it is due: workers still use them."""
    return frozenset(pod.metadata.annotations.get(TEMPLATE_HASH, "") for pod in _living(cluster, snapshot))


def _pods(cluster: DaskCluster, snapshot: Snapshot) -> tuple[Pod, ...]:
    pods = snapshot.children(cluster.metadata.uid, Pod)
    return in_role(pods, Role.SCHEDULER, names.scheduler_pod(cluster.metadata.name))


def _living(cluster: DaskCluster, snapshot: Snapshot) -> list[Pod]:
    return [pod for pod in _pods(cluster, snapshot) if not pod.is_terminating and not has_ended(pod)]


def _fits(cluster: DaskCluster, pod: Pod) -> bool:
    on_delete = cluster.spec.scheduler.update_strategy.type == "OnDelete"
    return on_delete or pod.metadata.annotations.get(TEMPLATE_HASH) == scheduler_hash(cluster)


def _unwanted(cluster: DaskCluster, pods: tuple[Pod, ...], keep: Pod | None) -> Iterator[Unwanted]:
    for pod in pods:
        if pod.is_terminating or pod is keep:
            continue
        if has_ended(pod):
            yield Unwanted(pod, f"it {how_it_ended(pod)}")
        elif not _fits(cluster, pod):
            yield Unwanted(pod, "its template changed")
        else:
            yield Unwanted(pod, "a cluster has one scheduler")


def _decision(cluster: DaskCluster, unwanted: list[Unwanted], pods: tuple[Pod, ...], now: datetime) -> Record:
    """Who goes, written down first: a reconciler that has not seen the last edit must not delete what came of it."""
    # By uid, since one scheduler has the same name as the next.
    there = {pod.metadata.uid for pod in pods}
    new = {one.present.metadata.uid for one in unwanted}
    status: Body = {"retiring": sorted(new.union(uid for uid in cluster.status.retiring if uid in there))}
    ended = [pod for pod in pods if pod.metadata.uid in new and has_ended(pod)]
    status |= count_ends(cluster.status, ended, scheduler_hash(cluster), now)
    return Record(cluster, {"status": status}, f"{unwanted[0].present.metadata.name} is to go: {unwanted[0].reason}")


def _new(cluster: DaskCluster, pods: tuple[Pod, ...], now: datetime) -> Wanted:
    name = names.scheduler_pod(cluster.metadata.name)
    taken = {pod.metadata.name: pod for pod in pods}
    while name in taken and is_stuck(taken[name], now):
        name = names.replacement(names.scheduler_pod(cluster.metadata.name), taken[name].metadata.uid)
    marks = _marks(cluster, {TEMPLATE_HASH: scheduler_hash(cluster)})
    body = child_body(POD, name, cluster, marks, dict(cluster.spec.scheduler.spec))
    return Wanted(Key(POD, cluster.metadata.namespace, name), body, None, "the cluster needs a scheduler")


def is_stuck(pod: Pod, now: datetime) -> bool:
    """Whether a Pod holds its name in vain: nobody on its node confirms that it is gone, or a finalizer keeps it."""
    deadline = pod.metadata.deletion_timestamp
    return is_kept_by_a_finalizer(pod) or (deadline is not None and now > deadline + STUCK_AFTER)


def _marks(cluster: DaskCluster, facts: dict[str, str] | None = None) -> Marks:
    sources = (cluster.metadata, cluster.spec.scheduler.metadata)
    return Marks(Role.SCHEDULER, sources, scheduler_labels(cluster), facts or {})
