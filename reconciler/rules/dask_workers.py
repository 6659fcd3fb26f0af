"""What a worker Pod's scheduler says of it: whether it has joined, what it holds, and whether it may go.

    the scheduler            has a worker joined?         may a worker that was chosen go?
    is asked by nobody, may  not known: a ready Pod       at once: its state is gone with the scheduler, or nobody
    not be asked, or has no  counts                       could ask
    Pod that runs
    has not answered yet     not yet                      not yet
    answers                  if it says so                when it has nothing left, or never joined
    runs and is not ready    not known: a ready Pod       at its deadline: it may only be too busy for its probe
                             counts, once it has answered
    is silent for long       not known: a ready Pod       at its deadline; at once if it was chosen when the scheduler
                             counts                       had never answered

A worker whose Pod has no address has nothing to lose; one that has joined has, even if its Pod is not ready. The last
ones of a cluster go when their tasks are done: there is nobody to take their results, and others' tasks may need them.
At its deadline any may go. One that was chosen when it could not be asked, and is still there when it can be, is asked
then: it may have joined meanwhile.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property

from models.observed import Pod
from models.resources import DaskCluster
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Snapshot
from models.status import Retirement
from reconciler.rules.addresses import scheme
from reconciler.rules.parts import ClusterParts, workers_of
from reconciler.rules.pod_end import has_ended

MOST_AHEAD = timedelta(hours=1)
"""How far ahead of our clock a worker may have been asked: clocks differ; one from next year says nothing."""


class Knowledge(Enum):
    """What is known from a scheduler."""

    UNASKED = "unasked"
    """Nobody asks it, or there is none that can be asked."""
    AWAITED = "awaited"
    """It is asked, and has not answered yet."""
    KNOWN = "known"
    """It answers, or has until a moment ago."""
    SILENT = "silent"
    """It is asked in vain."""


def scheduler_to_ask(parts: ClusterParts) -> Pod | None:
    """The scheduler Pod that can be asked: the one that is there to stay, if it is ready.

    It must speak plain TCP, or TLS with certificates that its cluster names.
    """
    keep = parts.lasting_scheduler
    can = keep is not None and keep.is_ready and bool(keep.status.pod_ip) and _can_be_asked(parts.cluster)
    return keep if can else None


def _can_be_asked(cluster: DaskCluster) -> bool:
    return scheme(cluster) == "tcp" or bool(tls_secret(cluster))


def tls_secret(cluster: DaskCluster) -> str:
    """The Secret with which its scheduler is asked, if that speaks TLS; else empty."""
    tls = cluster.spec.scheduler.tls
    return tls.secret_name if tls is not None and scheme(cluster) == "tls" else ""


def asked_to_retire(parts: ClusterParts) -> frozenset[tuple[str, str]]:
    """The workers that a scheduler is asked to let go: their Pods' names, and IP addresses unless shared.

    A Pod whose time to end has passed is none: it is only its lost node that keeps it from going, maybe for days.
    """
    asked = {one.uid for group in parts.groups for one in group.status.decisions.retiring if one.asked is not None}
    if not asked:
        return frozenset()
    pods, shared = [pod for pod in _workers(parts) if not _is_overdue(pod, parts.snapshot)], _shared_addresses(parts)
    addresses = {one.metadata.name: one.status.pod_ip for one in pods if one.metadata.uid in asked}
    return frozenset((name, "" if ip in shared else ip) for name, ip in addresses.items())


def _is_overdue(pod: Pod, snapshot: Snapshot) -> bool:
    until = pod.metadata.deletion_timestamp
    return until is not None and until < snapshot.taken_at


def worker_places(parts: ClusterParts) -> frozenset[tuple[str, str]]:
    """Where a cluster's workers are: the names and addresses of their Pods.

    Those that have ended are left out: their addresses may be others' by now.
    """
    return frozenset((pod.metadata.name, pod.status.pod_ip) for pod in _workers(parts) if not pod.has_ended)


def _workers(parts: ClusterParts) -> list[Pod]:
    return [pod for group in parts.groups for pod in workers_of(group, parts.snapshot)]


def _shared_addresses(parts: ClusterParts) -> frozenset[str]:
    """The addresses that several worker Pods have, such as their node's (`hostNetwork`): they tell nothing apart."""
    found = Counter(pod.status.pod_ip for pod in _workers(parts) if not has_ended(pod))
    return frozenset(ip for ip, number in found.items() if number > 1)


@dataclass(frozen=True)
class DaskWorkers:
    """A cluster's workers, as its scheduler sees them.

    Args:
        parts: What the cluster consists of.
    """

    parts: ClusterParts

    @cached_property
    def _scheduler(self) -> Pod | None:
        """The scheduler Pod that can be asked."""
        return scheduler_to_ask(self.parts)

    @cached_property
    def answer(self) -> SchedulerAnswer | None:
        """What the scheduler that is there to stay last told, if it was asked."""
        keep, found = self._scheduler, self.parts.snapshot.answer_of(self.parts.cluster.key)
        return found if found is not None and keep is not None and found.pod_uid == keep.metadata.uid else None

    @cached_property
    def knowledge(self) -> Knowledge:
        """What is known from the scheduler."""
        answer = self.answer
        if self.parts.snapshot.schedulers is None or self._scheduler is None:
            return Knowledge.UNASKED
        if answer is None:
            return Knowledge.AWAITED
        if answer.is_barred and answer.at is None:
            return Knowledge.UNASKED
        if answer.is_silent:
            return Knowledge.SILENT
        return Knowledge.AWAITED if answer.at is None else Knowledge.KNOWN

    @property
    def silence(self) -> str:
        """Why its scheduler does not answer, if others decide without it; else empty."""
        return self.answer.error if self.answer is not None and self.answer.is_silent else ""

    def inside(self, pod: Pod) -> tuple[DaskWorker, ...]:
        """The worker processes of a Pod, as far as the scheduler ever told."""
        if self.answer is None:
            return ()
        named = self.answer.workers_in(pod.metadata.name, "")
        return named or (() if pod.status.pod_ip in self._shared else self.answer.workers_in("", pod.status.pod_ip))

    @cached_property
    def _shared(self) -> frozenset[str]:
        return _shared_addresses(self.parts)

    def has_joined(self, pod: Pod) -> bool | None:
        """Whether a Pod that is ready counts as a worker: its scheduler has it, or cannot be asked.

        `None` while an answer is awaited.
        """
        if self.knowledge is Knowledge.KNOWN:
            is_somebody_there = self.answer is not None and self.answer.workers_in(pod.metadata.name, pod.status.pod_ip)
            return bool(is_somebody_there)
        return None if self.knowledge is Knowledge.AWAITED else True

    @cached_property
    def are_weighed(self) -> bool:
        """Whether it is known what it costs to let a worker go, or cannot be: else the answer is worth waiting for."""
        if self.knowledge is not Knowledge.KNOWN:
            return self.knowledge is not Knowledge.AWAITED
        return self.answer is not None and self.answer.is_weighed_at(self.parts.snapshot.taken_at)

    @property
    def are_looked_at(self) -> bool:
        """Whether its scheduler is asked as soon as it is ready."""
        return self.parts.snapshot.schedulers is not None and _can_be_asked(self.parts.cluster)

    @property
    def is_awaited(self) -> bool:
        """Whether its scheduler has not answered yet, and is asked, or will be as soon as it is ready."""
        keep = self.parts.lasting_scheduler
        if keep is None or keep.is_ready or not self.are_looked_at:
            return self.knowledge is Knowledge.AWAITED
        answer = self.parts.snapshot.answer_of(self.parts.cluster.key)
        return answer is None or answer.pod_uid != keep.metadata.uid

    @property
    def is_asked_in_vain(self) -> bool:
        """Whether the scheduler has never answered, and is waited for no longer."""
        return self.answer is not None and self.answer.is_silent and self.answer.at is None

    @property
    def are_idle(self) -> bool:
        """Whether the scheduler tells that all its workers have been idle for a while."""
        answer = self.answer
        if answer is None or self.knowledge is not Knowledge.KNOWN:
            return False
        return bool(answer.workers) and all(one.counts_as_needed is False for one in answer.workers)

    def is_needed(self, pod: Pod) -> bool | None:
        """Whether a worker Pod has a task or holds a result, or has until a while ago; `None` where nobody tells."""
        inside = self.inside(pod)
        if self.knowledge is not Knowledge.KNOWN or not inside:
            return None
        found = {one.counts_as_needed for one in inside}
        return True if True in found else None if None in found else False

    def may_go(self, pod: Pod, retirement: Retirement) -> bool:
        """Whether a worker that was chosen to go may be deleted now."""
        now, inside = self.parts.snapshot.taken_at, self.inside(pod)
        if self.is_asked_anew(pod, retirement):
            return False
        asked, deadline = retirement.asked or now, retirement.deadline or now
        if now >= deadline or not self._was_asked(retirement):
            return True
        if self.knowledge is Knowledge.UNASKED:
            return not self._may_be_ready_again
        if self.answer is None or self.answer.at is None or self.answer.at < asked or not self.answer.is_weighed:
            return False
        own = {worker.name for worker in inside}
        if not self.answer.has_others and all(heir in own for heir in self._heirs):
            return self.answer.is_weighed_at(now) and self._has_done_all(inside)
        return all(worker.is_retiring and worker.is_empty for worker in inside)

    def _has_done_all(self, inside: Sequence[DaskWorker]) -> bool:
        """Whether workers may go that have no heir: their scheduler does not let them go, and may give them tasks.

        What they hold may be needed by tasks of others who go with them.
        """
        holds = any(worker.unique_keys for worker in inside)
        return not (self._is_anyone_busy if holds else any(worker.is_busy for worker in inside))

    @cached_property
    def _is_anyone_busy(self) -> bool:
        return self.answer is not None and any(worker.is_busy for worker in self.answer.workers)

    def is_asked_anew(self, pod: Pod, retirement: Retirement) -> bool:
        """Whether a worker was chosen to go when nobody could ask it, or by a clock that was wrong, and now can be."""
        can_be = self.is_asked_to_retire(pod) and self.has_joined(pod) is not False
        return can_be and not self._was_asked(retirement)

    def _was_asked(self, retirement: Retirement) -> bool:
        return retirement.asked is not None and retirement.asked <= self.parts.snapshot.taken_at + MOST_AHEAD

    @property
    def _may_be_ready_again(self) -> bool:
        """Whether somebody asks schedulers, and this one runs and is not ready."""
        keep = self.parts.lasting_scheduler
        runs = keep is not None and keep.status.phase == "Running" and not keep.is_ready
        return runs and self.parts.snapshot.schedulers is not None

    @cached_property
    def _heirs(self) -> frozenset[str]:
        """Those that stay, and could take what others hold."""
        answer = self.answer
        if answer is None:
            return frozenset()
        going = {one.name for pod, ip in asked_to_retire(self.parts) for one in answer.workers_in(pod, ip)}
        return frozenset(one.name for one in answer.workers if not one.is_retiring and one.name not in going)

    def is_asked_to_retire(self, pod: Pod) -> bool:
        """Whether a worker that is chosen to go is to hand over what it has, if there is somebody to ask it."""
        is_asked = self.knowledge is not Knowledge.UNASKED and not self.is_asked_in_vain
        return bool(pod.status.pod_ip) and (is_asked or self._may_be_ready_again)
