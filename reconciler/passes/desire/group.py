"""What a DaskWorkerGroup asks for: its workers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from models.base import wire_time
from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from models.status import Retirement
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.desire.crash_backoff import count_ends, in_a_row, retry_at
from reconciler.passes.desire.idle_since import put_to_sleep
from reconciler.passes.desire.join_cluster import adopted
from reconciler.passes.desire.lifetime import is_over
from reconciler.passes.desire.obstacles import obstacle, portless
from reconciler.passes.desire.pods import SCHEDULER_ADDRESS, WORKER_NAME, with_environment
from reconciler.passes.desire.scaling_and_rollout import Worker, next_turn
from reconciler.passes.values import Body, Desired, Finding, Record, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.addresses import scheduler_address
from reconciler.rules.dask_workers import DaskWorkers
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
from reconciler.rules.parts import (
    ClusterParts,
    cluster_key,
    cluster_of,
    outlives_its_cluster,
    recorded_naming,
    workers_of,
)
from reconciler.rules.pod_end import gave_up_waiting, has_ended, how_it_ended, is_disruption_target
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import worker_hash

_DELETED = "something else deletes it"
MOST_CREATED = 1000
"""How many new workers are worked out at a time: a group that asks for two thousand million holds up nobody."""


def desire_group(group: DaskWorkerGroup, snapshot: Snapshot) -> Desired:
    """The workers that should exist.

    Who goes is written down first, in the group's `status.decisions.retiring`. Whoever stands there is asked by its
    scheduler to hand over what it has (see `rules/dask_workers`), and then deleted.
    The numbers of workers are written there as soon as these were seen, and given to no others.
    """
    cluster = cluster_of(group, snapshot)
    if cluster is None:
        return Desired(group, findings=_missing(group, snapshot))
    owned = any(owner.uid == cluster.metadata.uid for owner in group.metadata.owner_references)
    if cluster.metadata.deletion_timestamp is not None:
        message = f"{cluster.key} is being deleted; the workers start when there is another one of that name"
        return Desired(group, findings=() if owned else (Finding(group.key, Reason.TERMINATING, message),))
    blocked = obstacle(cluster, snapshot)
    if blocked is not None:
        return Desired(group, findings=(Finding(group.key, blocked.reason, f"{cluster.key}: {blocked.message}"),))
    if not owned:
        return adopted(group, cluster, snapshot)
    if recorded_naming(cluster) is None or is_over(cluster, snapshot):
        return Desired(group)
    told = portless(group, group.spec.worker.spec, cluster)
    return Desired(group, findings=told) if told else _Workers.of(group, cluster, snapshot).desired()


def _missing(group: DaskWorkerGroup, snapshot: Snapshot) -> tuple[Finding, ...]:
    key = cluster_key(group)
    if key in snapshot.unreadable:
        message = f"its cluster cannot be read: {snapshot.unreadable[key].error}"
        return (Finding(group.key, Reason.INVALID, message),)
    if outlives_its_cluster(group, snapshot):
        return ()
    message = f"there is no {key}, which spec.cluster names; the workers start when it is created"
    return (Finding(group.key, Reason.CLUSTER_NOT_FOUND, message),)


@dataclass(frozen=True)
class _Workers:
    """A group's Pods, sorted by what can be said of them."""

    group: DaskWorkerGroup
    cluster: ClusterParts
    now: datetime
    template_hash: str
    pods: tuple[Pod, ...]

    @classmethod
    def of(cls, group: DaskWorkerGroup, cluster: DaskCluster, snapshot: Snapshot) -> "_Workers":
        parts = ClusterParts(cluster, snapshot)
        return cls(group, parts, snapshot.taken_at, worker_hash(group, cluster), workers_of(group, snapshot))

    @cached_property
    def retiring(self) -> Mapping[str, Retirement]:
        """The workers that were chosen to go, by uid."""
        return {one.uid: one for one in self.group.status.decisions.retiring}

    def desired(self) -> Desired:
        """The workers to keep, to create, to let go and to delete; first, how many, if the cluster is idle."""
        asleep = put_to_sleep(self.group, self.cluster)
        if asleep:
            return Desired(self.group, records=asleep)
        here = [pod for pod in self.pods if not pod.is_terminating]
        chosen, others = ([pod for pod in here if (pod.metadata.uid in self.retiring) is so] for so in (True, False))
        staying, ended = ([pod for pod in others if has_ended(pod) is so] for so in (False, True))
        taken = [pod for pod in self.pods if self._is_taken_away(pod)]
        turn = next_turn(
            [self._worker(pod) for pod in staying],
            self.group.spec.worker,
            going=[self._worker(pod) for pod in chosen if not has_ended(pod)],
            stale_ending=any(self._is_stale(pod) for pod in self.pods if pod.is_terminating and not pod.has_ended),
        )
        leaving = {pod.metadata.name: f"it {how_it_ended(pod)}" for pod in ended} | dict(turn.remove)
        counts = self._counts(ended, taken)
        waits = self._backoff() if turn.create else ()
        # How long to wait follows from the ends that are counted now, once they are written down.
        created = () if waits or counts else tuple(self._created(min(turn.create, MOST_CREATED)))
        keep = frozenset(turn.keep)
        going = {pod.key: pod for pod in chosen if pod.metadata.name not in keep and self._may_go(pod)}
        return Desired(
            self.group,
            wanted=(*self._kept([*staying, *(pod for pod in chosen if pod.key not in going)]), *created),
            unwanted=tuple(Unwanted(pod, self._why(pod)) for pod in going.values()),
            records=tuple(self._records(leaving, keep, counts, self._asked_besides(chosen, keep, taken))),
            findings=waits,
        )

    def _worker(self, pod: Pod) -> Worker:
        marks = pod.metadata.annotations
        ready = pod.condition("Ready")
        since = ready.last_transition_time if ready and pod.is_ready else None
        long_enough = timedelta(seconds=self.group.spec.worker.min_ready_seconds)
        joined, inside = self._dask.has_joined(pod), self._dask.inside(pod)
        return Worker(
            name=pod.metadata.name,
            ordinal=ordinal(marks),
            created=pod.metadata.creation_timestamp or self.now,
            scheduled=bool(pod.spec.node_name),
            started=bool(pod.status.pod_ip),
            ready=pod.is_ready,
            present=bool(inside),
            joined=joined,
            weighed=self._dask.are_weighed,
            retired=any(one.is_retiring for one in inside),
            disrupted=is_disruption_target(pod),
            tasks=sum(one.tasks for one in inside),
            unique_bytes=sum(one.unique_bytes for one in inside),
            available=pod.is_ready
            and joined is True
            and (not long_enough or (since or self.now) + long_enough <= self.now),
            stale=self._is_stale(pod),
            orphaned=self._is_orphan(pod),
        )

    @cached_property
    def _dask(self) -> DaskWorkers:
        return DaskWorkers(self.cluster)

    def _may_go(self, pod: Pod) -> bool:
        """Whether a worker that was chosen to go may be deleted: nothing is left with it, or time is up."""
        return not self._may_hold(pod) or self._dask.may_go(pod, self.retiring[pod.metadata.uid])

    @cached_property
    def _schedulers(self) -> frozenset[str]:
        """The template hashes of the schedulers that workers may belong to."""
        living = (pod.metadata.annotations.get(TEMPLATE_HASH, "") for pod in self.cluster.living_schedulers)
        return frozenset((self.cluster.scheduler_hash, *living))

    def _is_stale(self, pod: Pod) -> bool:
        return pod.metadata.annotations.get(TEMPLATE_HASH) != self.template_hash

    def _is_taken_away(self, pod: Pod) -> bool:
        """Whether something else deletes a worker, or is about to."""
        is_going = pod.is_terminating or (is_disruption_target(pod) and not has_ended(pod))
        return is_going and pod.metadata.uid not in self.retiring

    def _asked_besides(self, chosen: Sequence[Pod], keep: Collection[str], taken: Sequence[Pod]) -> list[Pod]:
        """Workers to ask to hand over what they hold although nobody chooses them now.

        They were chosen when they could not be asked, and now they can; or something else deletes them.
        """
        going = [one for one in chosen if one.metadata.name not in keep and self._may_hold(one)]
        anew = [pod for pod in going if self._dask.is_asked_anew(pod, self.retiring[pod.metadata.uid])]
        return [*anew, *(pod for pod in taken if self._can_be_saved(pod))]

    def _can_be_saved(self, pod: Pod) -> bool:
        """Whether a worker that something else deletes has time to hand over what it holds."""
        has_time = pod.metadata.deletion_timestamp is not None and self.now < pod.metadata.deletion_timestamp
        can_be_asked = self._may_hold(pod) and self._dask.is_asked_to_retire(pod)
        return has_time and can_be_asked and self._dask.has_joined(pod) is not False

    def _counts(self, ended: Sequence[Pod], taken: Sequence[Pod]) -> Body:
        """What is to be written down of the workers that have ended, or are being taken away."""
        since = self.cluster.ready_since
        lost = {pod.metadata.name for pod in ended if gave_up_waiting(pod, since)}
        lost.update(pod.metadata.name for pod in taken)
        return count_ends(
            self.group.status.decisions, [*ended, *taken], self.template_hash, self.now, lost, there=self.pods
        )

    def _records(
        self, leaving: Mapping[str, str], keep: Collection[str], counts: Body, asked: Sequence[Pod]
    ) -> Iterator[Record]:
        """What is decided, written down in one piece: who goes, who stays after all, and which numbers are used up.

        A number is written down once its Pod was seen, not before it is created: then a create whose answer was lost,
        or a daemon that was killed before it, leads to the same name again, and two daemons make one Pod.
        """
        recorded = self.group.status.decisions.highest_ordinal or 0
        highest = self._highest_ordinal()
        decisions: Body = {**({"highestOrdinal": highest} if highest > recorded else {}), **counts}
        reasons = list(dict.fromkeys(leaving.values()))
        pods = {pod.metadata.name: pod for pod in self.pods}
        if leaving or keep or asked:
            decisions["retiring"] = self._retiring([*(pods[name] for name in leaving), *asked], keep)
            more = sum(self._is_counted(pods[name]) for name in leaving)
            fewer = sum(self._is_counted(pods[name]) for name in keep)
            decisions["released"] = (self.group.status.decisions.released or 0) + more - fewer
            why_asked = {_DELETED if pod.is_terminating else "their scheduler can be asked now" for pod in asked}
            reasons += ["it is wanted again"] * bool(keep) + sorted(why_asked)
        if decisions:
            numbers = ((len(leaving), "to go"), (len(keep), "to stay"), (len(asked), "to ask"))
            words = [f"{number} {what}" for number, what in numbers if number]
            reason = f"{' and '.join(words)}: {', '.join(reasons)}" if words else f"numbers up to {highest} are used"
            doomed = tuple(pods[name].metadata.uid for name in leaving)
            yield Record(self.group, {"status": {"decisions": decisions}}, reason, doomed)

    def _retiring(self, leaving: Sequence[Pod], keep: Collection[str]) -> list[Body]:
        """Who goes: those chosen before who are still there, and those chosen now."""
        there = {pod.metadata.uid for pod in self.pods}
        gone = {*keep, *(pod.metadata.name for pod in leaving)}
        before = [one for one in self.retiring.values() if one.uid in there and one.name not in gone]
        new = [self._retirement(pod) for pod in leaving]
        return [one.wire() for one in sorted([*before, *new], key=lambda one: one.name)]

    def _retirement(self, pod: Pod) -> Retirement:
        is_counted = self._is_counted(pod)
        chosen = Retirement(
            name=pod.metadata.name, uid=pod.metadata.uid, since=self.now, ready=None if is_counted else False
        )
        if not (self._may_hold(pod) and self._dask.is_asked_to_retire(pod)):
            return chosen
        latest = self.now + timedelta(seconds=self.group.spec.worker.retirement_deadline_seconds)
        deadline = pod.metadata.deletion_timestamp or latest
        held = sum(one.unique_bytes for one in self._dask.inside(pod)) if self._dask.are_weighed else None
        return chosen.model_copy(update={"asked": self.now, "deadline": deadline, "unique_bytes": held})

    def _is_counted(self, pod: Pod) -> bool:
        """Whether it counts as a ready worker."""
        known = self.retiring.get(pod.metadata.uid)
        return pod.is_ready and self._dask.has_joined(pod) is not False and (known is None or known.ready is not False)

    def _may_hold(self, pod: Pod) -> bool:
        """Whether a worker may hold something of use: it lives, and so does its scheduler's state."""
        return not (has_ended(pod) or self._is_orphan(pod))

    def _is_orphan(self, pod: Pod) -> bool:
        return pod.metadata.annotations.get(SCHEDULER_HASH) not in self._schedulers

    def _why(self, pod: Pod) -> str:
        return f"it {how_it_ended(pod)}" if has_ended(pod) else "it was chosen to go"

    def _backoff(self) -> tuple[Finding, ...]:
        counted = self.group.status.decisions
        until = retry_at(counted, self.template_hash, self.now)
        if until is None or until <= self.now:
            return ()
        times = in_a_row(counted, self.template_hash, self.now)
        message = f"workers ended {times}; the next ones start at {wire_time(until)}"
        return (Finding(self.group.key, Reason.BACK_OFF, message),)

    def _highest_ordinal(self) -> int:
        """The highest number that was ever given, as far as is known."""
        status = self.group.status
        recorded = (status.decisions.highest_ordinal or 0, status.highest_ordinal or 0)
        return max([*recorded, *(ordinal(pod.metadata.annotations) for pod in self.pods)])

    def _kept(self, staying: Sequence[Pod]) -> Iterator[Wanted]:
        # Worked out once: of thousands of workers, only the name differs.
        body = child_body(POD, "", self.group, self._marks({}), None)
        for pod in staying:
            metadata = {**body["metadata"], "name": pod.metadata.name}
            yield Wanted(pod.key, {**body, "metadata": metadata}, pod, "")

    def _created(self, number: int) -> Iterator[Wanted]:
        reason = f"the group wants {self.group.spec.worker.replicas} workers"
        address = scheduler_address(self.cluster.cluster)
        first = self._highest_ordinal() + 1
        for given in range(first, first + number):
            name = names.worker(self.group.metadata.name, self.group.metadata.uid, given)
            marks = {
                ORDINAL: str(given),
                TEMPLATE_HASH: self.template_hash,
                SCHEDULER_HASH: self.cluster.scheduler_hash,
            }
            spec = with_environment(self.group.spec.worker.spec, {WORKER_NAME: name, SCHEDULER_ADDRESS: address})
            body = child_body(POD, name, self.group, self._marks(marks), spec)
            yield Wanted(Key(POD, self.group.metadata.namespace, name), body, None, reason, after_record=True)

    def _marks(self, facts: dict[str, str]) -> Marks:
        cluster = self.cluster.cluster
        labels = {
            CLUSTER_NAME: cluster.metadata.name,
            COMPONENT: str(Component.WORKER),
            WORKER_GROUP_NAME: names.label_value(self.group.metadata.name),
        }
        sources = (cluster.metadata, self.group.metadata, self.group.spec.worker.metadata)
        return Marks(Role.WORKER, sources, labels, facts)
