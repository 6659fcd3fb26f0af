"""What a DaskAutoscaler asks for: that its worker group has as many workers as there is work for.

What has to be remembered is written down first, in its `status.decisions`; then the group's number is changed, which
is what people and HorizontalPodAutoscalers change, too. A cluster's own number is left alone: its default group keeps
what it was given until that is edited.
"""

from collections.abc import Iterator

from models.resources import DaskAutoscaler, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.desire.join_cluster import adopted
from reconciler.passes.desire.lifetime import is_over
from reconciler.passes.desire.obstacles import obstacle
from reconciler.passes.values import Desired, Record, Wanted
from reconciler.rules.adapting import Scaling, scaling_of
from reconciler.rules.parts import ClusterParts, cluster_of, recorded_naming


def desire_autoscaler(autoscaler: DaskAutoscaler, snapshot: Snapshot) -> Desired:
    """That it belongs to its cluster, and what it makes of its group."""
    cluster = cluster_of(autoscaler, snapshot)
    if cluster is None or cluster.metadata.deletion_timestamp is not None or obstacle(cluster, snapshot) is not None:
        return Desired(autoscaler)
    joined = adopted(autoscaler, cluster, snapshot)
    if joined.records or joined.findings or recorded_naming(cluster) is None or is_over(cluster, snapshot):
        return joined
    scaling = scaling_of(autoscaler, ClusterParts(cluster, snapshot))
    if scaling is None:
        return joined
    return Desired(autoscaler, wanted=tuple(_changed(scaling)), records=tuple(_remembered(scaling)))


def _remembered(scaling: Scaling) -> Iterator[Record]:
    if scaling.record is not None:
        body = {"status": {"decisions": scaling.record.wire()}}
        yield Record(scaling.autoscaler, body, _why(scaling))


def _changed(scaling: Scaling) -> Iterator[Wanted]:
    """The group with another number of workers, unless that has to be remembered first."""
    number = scaling.decision.replicas
    if scaling.decision.record is None and number != scaling.group.spec.worker.replicas:
        yield _scaled(scaling.group, number, _why(scaling))


def _scaled(group: DaskWorkerGroup, replicas: int, why: str) -> Wanted:
    """The group as it is, but for the number of its workers."""
    spec = group.spec.written()
    body = {
        "metadata": {"labels": dict(group.metadata.labels), "annotations": dict(group.metadata.annotations)},
        "spec": {**spec, "worker": {**spec["worker"], "replicas": replicas}},
    }
    return Wanted(group.key, body, group, why)


def _why(scaling: Scaling) -> str:
    now, then = scaling.group.spec.worker.replicas, scaling.decision.replicas
    wanted = "nothing is known of the work" if scaling.wanted is None else f"{scaling.wanted} workers are wanted"
    return f"{wanted}, {now} are asked for, and {then} are to be"
