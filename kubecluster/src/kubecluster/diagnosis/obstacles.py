"""What stands in the way of a whole cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kubecluster.diagnosis import causes, events
from kubecluster.diagnosis.absence import UNSEEN_AFTER, nobody_acts, obstacle
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.sight import Body, Sight, is_going, is_reconciled, items, read, sentence, text
from kubecluster.errors import NotReady
from kubecluster.names import Phase


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of a whole cluster.

    Args:
        sentence: What it is.
        cause: What that means.
    """

    sentence: str
    cause: Cause


def obstacle_of(first: datetime, sight: Sight) -> Obstacle | None:
    """What stands in the way of the whole cluster; `None` if nothing does.

    Args:
        first: When people began to wait for it.
        sight: What is seen.
    """
    if sight.cluster is None:
        remedy = "Create it anew, or correct the name or the namespace."
        return Obstacle("There is no such DaskCluster, or none any more.", Cause(NotReady, remedy, is_final=True))
    return next(_obstacles(first, sight, sight.cluster), None)


def _obstacles(first: datetime, sight: Sight, cluster: Body) -> Iterator[Obstacle]:
    if is_going(cluster):
        yield _going(cluster)
    stopped = obstacle(cluster)
    if stopped is not None:
        yield Obstacle(sentence(stopped.words), stopped.cause)
    if not is_reconciled(cluster) and text(cluster, "status", "phase") == Phase.ERROR:
        words = events.last_trouble(events.of(sight, cluster)) or "its phase is Error"
        remedy = "Correct what the message names, and create the cluster anew."
        told = sentence(f"dask-kubernetes does nothing for this cluster: {words}")
        yield Obstacle(told, Cause(NotReady, remedy, is_final=True))
    if not (_is_begun(cluster) or sight.groups or sight.pods or sight.services):
        yield _untouched(cluster, is_long=sight.at - first >= UNSEEN_AFTER)


def _going(cluster: Body) -> Obstacle:
    finalizers = read(cluster, "metadata", "finalizers")
    told, remedy = "The DaskCluster is being deleted.", "Wait until it is gone, or choose another name."
    if isinstance(finalizers, list) and finalizers:
        told = f"The DaskCluster is being deleted, and waits for whoever set the finalizer {finalizers[0]}."
        remedy = "Run what takes the finalizer away, or take it away by hand; or choose another name."
    return Obstacle(told, Cause(NotReady, remedy, is_final=True))


def _is_begun(cluster: Body) -> bool:
    return bool(text(cluster, "status", "phase") or items(cluster, "status", "conditions"))


def _untouched(cluster: Body, *, is_long: bool) -> Obstacle:
    if is_long:
        return Obstacle("Nobody acts on the DaskCluster: it has no status.", nobody_acts(cluster))
    return Obstacle("Nobody has acted on the DaskCluster yet.", causes.STARTING)
