"""Which schedulers are asked, and what they are asked to do: it follows from the world like everything else.

A scheduler is asked while workers of its cluster join, go or are replaced; else now and then, to see whether they are
still there. It is asked at its Pod, which is ours; no Service, redirect or address in an answer leads anywhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from models.idle_state import IdleQuestion
from models.kinds import Key
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.rules.addresses import listening_port
from reconciler.rules.dask_workers import asked_to_retire, scheduler_to_ask, tls_secret
from reconciler.rules.idleness import idle_question
from reconciler.rules.parts import ClusterParts, tree_of
from reconciler.rules.reason_sets import is_settled


@dataclass(frozen=True, slots=True)
class Question:
    """What one scheduler is to be asked.

    Args:
        cluster: The cluster.
        tree: The resource at the top of its tree.
        pod_uid: The uid of the scheduler Pod.
        host: Its IP address.
        port: Where it listens.
        retire: The workers that it is asked to let go: their Pods' names and IP addresses.
        is_urgent: Whether something waits for the answer.
        pod: The scheduler Pod's name.
        tls_secret: The Secret with which it is asked; empty where it speaks plain TCP.
        idle: How it is asked whether it is idle; `None` if nobody wants to know.
    """

    cluster: Key
    tree: Key
    pod_uid: str
    host: str
    port: int
    retire: frozenset[tuple[str, str]] = frozenset()
    is_urgent: bool = False
    pod: str = ""
    tls_secret: str = ""
    idle: IdleQuestion | None = None


def questions(snapshot: Snapshot) -> Iterator[Question]:
    """What schedulers are to be asked now."""
    for cluster in snapshot.of(DaskCluster):
        parts = ClusterParts(cluster, snapshot)
        pod = scheduler_to_ask(parts)
        if pod is None:
            continue
        retire = asked_to_retire(parts)
        yield Question(
            cluster.key,
            tree_of(cluster, snapshot),
            pod.metadata.uid,
            pod.status.pod_ip,
            listening_port(cluster),
            retire,
            bool(retire) or not (_is_settled(cluster) and all(map(_is_settled, parts.groups))),
            pod.metadata.name,
            tls_secret(cluster),
            idle_question(parts),
        )


def _is_settled(owner: DaskCluster | DaskWorkerGroup) -> bool:
    """Whether it is as it should be, and was when it was last changed."""
    is_reported = owner.status.observed_generation == owner.metadata.generation
    return is_reported and is_settled(owner.status.conditions)
