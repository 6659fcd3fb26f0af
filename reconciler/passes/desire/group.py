"""What a DaskWorkerGroup asks for: its workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice

from models.base import wire_time
from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.desire.adoption import adopted
from reconciler.passes.desire.children import Marks, child_body, cluster_of, finding
from reconciler.passes.desire.crash_backoff import count_ends, in_a_row, retry_at
from reconciler.passes.desire.lifetime import is_over
from reconciler.passes.desire.obstacles import obstacle, portless
from reconciler.passes.desire.pods import SCHEDULER_ADDRESS, WORKER_NAME, with_environment
from reconciler.passes.desire.scaling_and_rollout import Worker, next_turn
from reconciler.passes.desire.scheduler import living_scheduler_hashes, ready_since, scheduler_hash_for_workers
from reconciler.passes.values import Body, Desired, Finding, Record, Topic, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.addresses import scheduler_address
from reconciler.rules.labels import (
    CLUSTER_NAME,
    COMPONENT,
    ORDINAL,
    SCHEDULER_HASH,
    TEMPLATE_HASH,
    WORKER_GROUP_NAME,
    Component,
    Role,
    ordinal,
)
from reconciler.rules.parts import in_role, naming_of, outlives_its_cluster
from reconciler.rules.pod_end import gave_up_waiting, has_ended, how_it_ended
from reconciler.rules.template_hash import worker_hash

MOST_CREATED = 100
"""How many new workers are worked out at a time: a group that asks for two thousand million holds up nobody."""


def desire_group(group: DaskWorkerGroup, snapshot: Snapshot) -> Desired:
    """The workers that should exist.

    Who goes is written down first; a worker is deleted only when it stands in the group's `status.retiring`.
    """
    cluster = cluster_of(group, snapshot)
    if cluster is None:
        return Desired(group, findings=_missing(group, snapshot))
    owned = any(owner.uid == cluster.metadata.uid for owner in group.metadata.owner_references)
    if cluster.metadata.deletion_timestamp is not None:
        message = f"{cluster.key} is being deleted; the workers start when there is another one of that name"
        return Desired(group, findings=() if owned else (finding(group, Topic.TERMINATING, message),))
    blocked = obstacle(cluster, snapshot)
    if blocked is not None:
        return Desired(group, findings=(Finding(group.key, blocked.topic, f"{group.key}: {blocked.message}"),))
    if not owned:
        return adopted(group, cluster, snapshot)
    if naming_of(cluster) is None or is_over(cluster, snapshot):
        return Desired(group)
    told = portless(group, group.spec.worker.spec, cluster)
    return Desired(group, findings=told) if told else _Workers.of(group, cluster, snapshot).desired()


def _missing(group: DaskWorkerGroup, snapshot: Snapshot) -> tuple[Finding, ...]:
    key = Key(DaskCluster.kind(), group.metadata.namespace, group.spec.cluster)
    if key in snapshot.unreadable:
        message = f"its cluster cannot be read: {snapshot.unreadable[key].error}"
        return (finding(group, Topic.INVALID, message),)
    if outlives_its_cluster(group, snapshot):
        return ()
    message = f"there is no {key}, which spec.cluster names; the workers start when it is created"
    return (finding(group, Topic.CLUSTER_NOT_FOUND, message),)


@dataclass(frozen=True)
class _Workers:
    """A group's Pods, sorted by what can be said of them."""

    group: DaskWorkerGroup
    cluster: DaskCluster
    snapshot: Snapshot
    template_hash: str
    scheduler_hash: str
    living_schedulers: frozenset[str]
    pods: tuple[Pod, ...]

    @classmethod
    def of(cls, group: DaskWorkerGroup, cluster: DaskCluster, snapshot: Snapshot) -> "_Workers":
        return cls(
            group,
            cluster,
            snapshot,
            worker_hash(group, cluster),
            scheduler_hash_for_workers(cluster, snapshot),
            living_scheduler_hashes(cluster, snapshot),
            in_role(snapshot.children(group.metadata.uid, Pod), Role.WORKER, f"{group.metadata.name}-worker"),
        )

    def desired(self) -> Desired:
        """The workers to keep, to create, to let go and to delete."""
        retiring = set(self.group.status.retiring)
        here = [pod for pod in self.pods if not pod.is_terminating]
        ended = [pod for pod in here if has_ended(pod) and pod.metadata.name not in retiring]
        staying = [pod for pod in here if not has_ended(pod) and pod.metadata.name not in retiring]
        going = [pod for pod in here if not has_ended(pod) and pod.metadata.name in retiring]
        turn = next_turn(
            [self._worker(pod) for pod in staying],
            self.group.spec.worker,
            leaving=len(going),
            stale_leaving=any(
                map(self._is_stale, [*going, *(pod for pod in self.pods if pod.is_terminating and not pod.has_ended)])
            ),
        )
        leaving = {pod.metadata.name: f"it {how_it_ended(pod)}" for pod in ended} | dict(turn.remove)
        if leaving:
            return Desired(self.group, records=(self._record(leaving, ended),))
        unwanted = tuple(Unwanted(pod, self._why(pod)) for pod in here if pod.metadata.name in retiring)
        waits = self._backoff() if turn.create else ()
        kept = tuple(self._kept(staying))
        created = () if waits else tuple(self._created(min(turn.create, MOST_CREATED)))
        return Desired(self.group, wanted=(*kept, *created), unwanted=unwanted, findings=waits)

    def _worker(self, pod: Pod) -> Worker:
        marks = pod.metadata.annotations
        ready = pod.condition("Ready")
        since = ready.last_transition_time if ready and pod.is_ready else None
        long_enough = timedelta(seconds=self.group.spec.worker.min_ready_seconds)
        return Worker(
            name=pod.metadata.name,
            ordinal=ordinal(marks),
            created=pod.metadata.creation_timestamp or self.snapshot.taken_at,
            scheduled=bool(pod.spec.node_name),
            ready=pod.is_ready,
            available=pod.is_ready
            and (not long_enough or (since or self.snapshot.taken_at) + long_enough <= self.snapshot.taken_at),
            stale=self._is_stale(pod),
            orphaned=marks.get(SCHEDULER_HASH) not in (self.scheduler_hash, *self.living_schedulers),
        )

    def _is_stale(self, pod: Pod) -> bool:
        return pod.metadata.annotations.get(TEMPLATE_HASH) != self.template_hash

    def _record(self, leaving: dict[str, str], ended: Sequence[Pod]) -> Record:
        there = {pod.metadata.name for pod in self.pods}
        going = sorted({name for name in self.group.status.retiring if name in there} | set(leaving))
        status: Body = {"retiring": going, "highestOrdinal": self._highest_ordinal()}
        since = ready_since(self.cluster, self.snapshot)
        in_vain = {pod.metadata.name for pod in ended if gave_up_waiting(pod, since)}
        status |= count_ends(self.group.status, ended, self.template_hash, self.snapshot.taken_at, in_vain)
        reasons = ", ".join(dict.fromkeys(leaving.values()))
        return Record(self.group, {"status": status}, f"{len(leaving)} to go: {reasons}")

    def _why(self, pod: Pod) -> str:
        return f"it {how_it_ended(pod)}" if has_ended(pod) else "it was chosen to go"

    def _backoff(self) -> tuple[Finding, ...]:
        until = retry_at(self.group.status, self.template_hash)
        if until is None or until <= self.snapshot.taken_at:
            return ()
        times = in_a_row(self.group.status, self.template_hash)
        message = f"workers ended {times}; the next ones start at {wire_time(until)}"
        return (finding(self.group, Topic.BACK_OFF, message),)

    def _highest_ordinal(self) -> int:
        return max([self.group.status.highest_ordinal or 0, *(ordinal(pod.metadata.annotations) for pod in self.pods)])

    def _kept(self, staying: Sequence[Pod]) -> Iterator[Wanted]:
        # Worked out once: of thousands of workers, only the name differs.
        body = child_body(POD, "", self.group, self._marks({}), None)
        for pod in staying:
            metadata = {**body["metadata"], "name": pod.metadata.name}
            yield Wanted(pod.key, {**body, "metadata": metadata}, pod, "")

    def _created(self, number: int) -> Iterator[Wanted]:
        reason = f"the group wants {self.group.spec.worker.replicas} workers"
        for given, name in islice(self._unused_names(), number):
            facts = {ORDINAL: str(given), TEMPLATE_HASH: self.template_hash, SCHEDULER_HASH: self.scheduler_hash}
            environment = {WORKER_NAME: name, SCHEDULER_ADDRESS: scheduler_address(self.cluster)}
            spec = with_environment(self.group.spec.worker.spec, environment)
            body = child_body(POD, name, self.group, self._marks(facts), spec)
            yield Wanted(Key(POD, self.group.metadata.namespace, name), body, None, reason)

    def _unused_names(self) -> Iterator[tuple[int, str]]:
        """The next ordinals past the recorded one that no Pod has, and their names.

        Not simply past the highest that is there: while another daemon is creating 1 to 4, and 3 is not there yet, both
        create 3 and one of them loses; past 4 there would be one too many.
        """
        names_there = {pod.metadata.name for pod in self.pods}
        ordinals_there = {ordinal(pod.metadata.annotations) for pod in self.pods}
        for given in count((self.group.status.highest_ordinal or 0) + 1):
            name = names.worker(self.group.metadata.name, self.group.metadata.uid, given)
            if name not in names_there and given not in ordinals_there:
                yield given, name

    def _marks(self, facts: dict[str, str]) -> Marks:
        labels = {
            CLUSTER_NAME: self.cluster.metadata.name,
            COMPONENT: str(Component.WORKER),
            WORKER_GROUP_NAME: names.label_value(self.group.metadata.name),
        }
        sources = (self.cluster.metadata, self.group.metadata, self.group.spec.worker.metadata)
        return Marks(Role.WORKER, sources, labels, facts)
