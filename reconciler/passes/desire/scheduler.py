"""The scheduler Pod: which one counts, when it is replaced, and under what name."""

from collections.abc import Iterator, Sequence

from models.base import wire_time
from models.kinds import POD, Key
from models.resources import DaskCluster
from models.status import Retirement
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.desire.crash_backoff import count_ends, in_a_row, retry_at
from reconciler.passes.desire.services import scheduler_labels
from reconciler.passes.values import Body, Desired, Finding, Record, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.labels import TEMPLATE_HASH, Role
from reconciler.rules.parts import ClusterParts
from reconciler.rules.pod_end import has_ended, how_it_ended
from reconciler.rules.reasons import Reason
from reconciler.rules.stuck_pod import is_stuck
from reconciler.rules.template_hash import scheduler_hash


def desire_scheduler(parts: ClusterParts) -> Desired:
    """One scheduler Pod from the present template.

    A Pod from an older template, one that ended and a second one are unwanted: written down in
    `status.decisions.retiring`, then deleted. Its successor comes when it is gone, or, if it cannot go, under another
    name; the Services follow by label.
    """
    cluster, now = parts.cluster, parts.snapshot.taken_at
    keep = parts.lasting_scheduler
    unwanted = tuple(_unwanted(parts))
    chosen = {one.uid for one in cluster.status.decisions.retiring}
    undecided = [one for one in unwanted if one.present.metadata.uid not in chosen]
    records = (_decision(parts, undecided),) if undecided else ()
    decided = tuple(one for one in unwanted if one not in undecided)
    if keep is not None:
        body = child_body(POD, keep.metadata.name, cluster, _marks(cluster), None)
        return Desired(cluster, (Wanted(keep.key, body, keep, "the cluster needs a scheduler"),), decided, records)
    if unwanted:
        return Desired(cluster, unwanted=decided, records=records)
    wait_until = retry_at(cluster.status.decisions, scheduler_hash(cluster), now)
    if wait_until is not None and now < wait_until:
        times = in_a_row(cluster.status.decisions, scheduler_hash(cluster), now)
        message = f"its scheduler ended {times}; the next one starts at {wire_time(wait_until)}"
        return Desired(cluster, findings=(Finding(cluster.key, Reason.BACK_OFF, message),))
    return Desired(cluster, (_new(parts),))


def _unwanted(parts: ClusterParts) -> Iterator[Unwanted]:
    for pod in parts.schedulers:
        if pod.is_terminating or pod is parts.lasting_scheduler:
            continue
        if has_ended(pod):
            yield Unwanted(pod, f"it {how_it_ended(pod)}")
        elif parts.lasting_scheduler is None:
            yield Unwanted(pod, "its template changed")
        else:
            yield Unwanted(pod, "a cluster has one scheduler")


def _decision(parts: ClusterParts, unwanted: Sequence[Unwanted]) -> Record:
    """Who goes, written down first: a reconciler that has not seen the last edit must not delete what came of it."""
    cluster, now = parts.cluster, parts.snapshot.taken_at
    there = {pod.metadata.uid for pod in parts.schedulers}
    doomed = tuple(one.present.metadata.uid for one in unwanted)
    before = [one for one in cluster.status.decisions.retiring if one.uid in there]
    metas = [one.present.metadata for one in unwanted]
    new = [Retirement(name=meta.name, uid=meta.uid, since=now) for meta in metas]
    decisions: Body = {"retiring": [one.wire() for one in (*before, *new)]}
    ended = [pod for pod in parts.schedulers if pod.metadata.uid in doomed and has_ended(pod)]
    decisions |= count_ends(cluster.status.decisions, ended, scheduler_hash(cluster), now)
    reason = f"{unwanted[0].present.metadata.name} is to go: {unwanted[0].reason}"
    return Record(cluster, {"status": {"decisions": decisions}}, reason, doomed)


def _new(parts: ClusterParts) -> Wanted:
    cluster = parts.cluster
    name = names.scheduler_pod(cluster.metadata.name)
    taken = {pod.metadata.name: pod for pod in parts.schedulers}
    while name in taken and is_stuck(taken[name], parts.snapshot.taken_at):
        name = names.replacement(names.scheduler_pod(cluster.metadata.name), taken[name].metadata.uid)
    marks = _marks(cluster, {TEMPLATE_HASH: scheduler_hash(cluster)})
    body = child_body(POD, name, cluster, marks, dict(cluster.spec.scheduler.spec))
    return Wanted(Key(POD, cluster.metadata.namespace, name), body, None, "the cluster needs a scheduler")


def _marks(cluster: DaskCluster, facts: dict[str, str] | None = None) -> Marks:
    sources = (cluster.metadata, cluster.spec.scheduler.metadata)
    return Marks(Role.SCHEDULER, sources, scheduler_labels(cluster), facts or {})
