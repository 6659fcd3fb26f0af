"""Which schedulers are asked, and what they are asked to do: it follows from the world like everything else.

A scheduler is asked while workers of its cluster join, go or are replaced, or while their number follows the work; else
now and then, to see whether they are still there. It is asked at its Pod, which is ours; no Service, redirect or
address in an answer leads anywhere else.
"""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

from models.idle_state import IdleQuestion
from models.kinds import Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from models.templates import LARGEST_COUNT
from reconciler.rules.adapting import Adapting
from reconciler.rules.addresses import listening_port
from reconciler.rules.dask_workers import asked_to_retire, scheduler_to_ask, tls_secret, worker_places
from reconciler.rules.idleness import idle_question
from reconciler.rules.parts import ClusterParts, is_live, tree_of, workers_of
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
        targets: In how many seconds what there is to do should be done, where it is asked how many workers that takes;
            `None` stands for what the scheduler is configured with.
        most: How many workers make a difference: more are as good as these.
        shares: Whether it is of interest which workers have something to do.
        only_targets: Whether nothing else is asked, since the rest was a while ago.
        pods: The cluster's worker Pods: their names and IP addresses. No other workers are of interest.
        lets_go: Whether workers go, or may have to be chosen.
        state: Of an urgent one, stands for what is wanted and for the Pods: it changes with them.
    """

    cluster: Key
    tree: Key
    pod_uid: str
    host: str
    port: int
    retire: frozenset[tuple[str, str]] = frozenset()
    is_urgent: bool = False
    _: KW_ONLY
    pod: str = ""
    tls_secret: str = ""
    idle: IdleQuestion | None = None
    targets: frozenset[int | None] = frozenset()
    most: int = LARGEST_COUNT
    shares: bool = False
    only_targets: bool = False
    pods: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)
    lets_go: bool = field(default=False, compare=False)
    state: int = field(default=0, compare=False)


def questions(snapshot: Snapshot) -> Iterator[Question]:
    """What schedulers are to be asked now."""
    for cluster in snapshot.of(DaskCluster):
        parts = ClusterParts(cluster, snapshot)
        pod = scheduler_to_ask(parts)
        if pod is not None:
            yield _question(parts, pod)


def _question(parts: ClusterParts, pod: Pod) -> Question:
    cluster, retire, adapting = parts.cluster, asked_to_retire(parts), Adapting(parts)
    is_urgent = bool(retire) or not (_is_settled(cluster) and all(map(_is_settled, parts.groups)))
    return Question(
        cluster.key,
        tree_of(cluster, parts.snapshot),
        pod.metadata.uid,
        pod.status.pod_ip,
        listening_port(cluster),
        retire,
        is_urgent,
        pod=pod.metadata.name,
        tls_secret=tls_secret(cluster),
        idle=idle_question(parts),
        targets=frozenset(one.spec.target_duration_seconds for one in adapting.acting.values()),
        most=_most(adapting),
        shares=len(adapting.acting) > 1,
        pods=worker_places(parts),
        lets_go=bool(retire) or any(_lets_go(group, parts) for group in parts.groups),
        state=_state(parts) if is_urgent else 0,
    )


def _most(adapting: Adapting) -> int:
    """How many workers of a cluster make a difference: one more than there may be, each Pod with all its threads."""
    acting = adapting.acting
    fixed = sum(group.spec.worker.replicas for group in adapting.parts.groups if group.key not in acting)
    return (fixed + sum(one.spec.maximum for one in acting.values()) + 1) * adapting.most_threads


def _lets_go(group: DaskWorkerGroup, parts: ClusterParts) -> bool:
    """Whether it has more workers than it wants, or some of an older template as far as that was reported."""
    live, status, wanted = sum(map(is_live, workers_of(group, parts.snapshot))), group.status, group.spec.worker
    rolls = wanted.update_strategy.type != "OnDelete" and (status.updated_replicas or 0) < (status.replicas or 0)
    return rolls or live > wanted.replicas


def _state(parts: ClusterParts) -> int:
    wanted = ((one.metadata.uid, one.metadata.generation) for one in (parts.cluster, *parts.groups))
    pods = (pod.metadata for group in parts.groups for pod in workers_of(group, parts.snapshot))
    return hash((frozenset(wanted), frozenset((meta.uid, meta.resource_version) for meta in pods)))


def _is_settled(owner: DaskCluster | DaskWorkerGroup) -> bool:
    """Whether it is as it should be, and was when it was last changed."""
    is_reported = owner.status.observed_generation == owner.metadata.generation
    return is_reported and is_settled(owner.status.conditions)
