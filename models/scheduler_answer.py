"""What a Dask scheduler last told of its workers: observed like any object, but asked for outside the pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from zlib import crc32

from models.idle_state import IdleState

HEARTBEATS = 2
"""So many must have come from a retiring worker before it is believed that it runs nothing."""
FRESH = timedelta(seconds=10)
"""For how long it is taken for true what workers do and hold."""
IDLE_AFTER = timedelta(minutes=5)
"""After so long without a task or a result a worker counts as idle, rather than between two tasks."""
CHANGES_A_SECOND = 100
"""Of one cluster's workers so many may come to count as needed, or as idle, in a second: each makes a write."""


def numbered(name: str) -> str:
    """The Pod of a worker called `<Pod>-<n>`; empty if it is called otherwise."""
    base, _, number = name.rpartition("-")
    return base if number.isdecimal() else ""


@dataclass(frozen=True, slots=True)
class DaskWorker:
    """A worker process, as its scheduler knows it. A Pod may have several.

    Args:
        name: What it calls itself; in our Pods `<Pod>`, or `<Pod>-<n>` where there are several.
        host: The IP address that it has joined from.
        is_retiring: Whether its scheduler gives it no more to do.
        tasks: How many tasks it has, running or waiting for a thread. A retiring one begins none of them any more.
        running: How many run, as it told with its last heartbeat.
        heard: When that was, by the scheduler's clock.
        heartbeats: How many it has sent since it was first seen retiring.
        unique_keys: How many results it holds that no other worker has.
        unique_bytes: How large they are.
        managed_bytes: How large all results are that it holds, as it told with its last heartbeat; `None` where
            releases do not say.
        threads: How many tasks it runs at once.
        since: Since when each answer has shown it needed, or idle.
        counts_as_needed: Whether it counts as needed where it is: as soon as it is, and until it has been idle for a
            while. `None` while that is not known.
    """

    name: str
    host: str
    is_retiring: bool = False
    tasks: int = 0
    running: int = 0
    heard: float = 0.0
    heartbeats: int = 0
    unique_keys: int = 0
    unique_bytes: int = 0
    managed_bytes: int | None = None
    threads: int = 1
    since: datetime | None = field(default=None, compare=False)
    counts_as_needed: bool | None = field(default=None, compare=False)

    @property
    def is_idle(self) -> bool:
        """Whether it runs nothing and holds nothing; only as far as releases say."""
        return not (self.tasks or self.running) and self.managed_bytes == 0

    @property
    def is_busy(self) -> bool:
        """Whether it has tasks that it will end: those that wait for a thread count, unless it is to begin none."""
        return self.running > 0 or (self.tasks > 0 and not self.is_retiring)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is lost with it, if it retires: what the first heartbeat told may be older than that."""
        return not (self.running or self.unique_keys) and self.heartbeats >= HEARTBEATS


@dataclass(frozen=True)
class SchedulerAnswer:
    """What a scheduler last told, or why it told nothing.

    Args:
        pod_uid: The scheduler Pod that was asked.
        at: When it was asked what it last answered; `None` if it never did.
        workers: Its workers in the cluster's own Pods.
        is_weighed: Whether it was asked what they do and hold, too.
        tells_tasks: Whether it was asked what they do.
        error: Why it does not answer any more; empty while it does.
        is_silent: Whether it has not answered for so long that others must decide without it.
        is_barred: Whether we lack a right to ask it.
        idle: Whether it has nothing to do; `None` if nobody wants to know.
        has_others: Whether it has other workers too, that stay.
        targets: How many workers it would like to have, by the seconds in which what there is to do should be done;
            `None` stands for what it is configured with.
        targets_at: When it was last asked that.
    """

    pod_uid: str
    at: datetime | None = None
    workers: tuple[DaskWorker, ...] = ()
    is_weighed: bool = False
    tells_tasks: bool = False
    error: str = ""
    is_silent: bool = False
    is_barred: bool = False
    idle: IdleState | None = None
    has_others: bool = False
    targets: Mapping[int | None, int] = field(default_factory=dict)
    targets_at: datetime | None = None

    @cached_property
    def roll(self) -> int:
        """Changes with who has joined, is done or counts as needed, how long it is idle, and whether it answers.

        Then, look again.
        """
        workers = frozenset(
            (one.name, one.host, one.is_retiring and one.is_empty, one.counts_as_needed) for one in self.workers
        )
        stage = self.idle.stage if self.idle is not None else None
        return hash((self.at is None, self.is_silent, self.is_barred, self.has_others, workers, stage))

    def is_weighed_at(self, now: datetime) -> bool:
        """Whether it tells what workers do and hold, and did so not long ago."""
        return self.is_weighed and self.at is not None and now - self.at <= FRESH

    def after(self, before: "SchedulerAnswer") -> "SchedulerAnswer":
        """The same answer, knowing since when workers are needed or idle, and what that comes to."""
        if (at := self.at) is None:
            return self
        return replace(self, workers=tuple(self._following(one, before.worker(one.name), at) for one in self.workers))

    def _following(self, worker: DaskWorker, before: DaskWorker | None, at: datetime) -> DaskWorker:
        counted = before.counts_as_needed if before is not None else None
        is_as_before = before is not None and before.is_idle == worker.is_idle
        since = (before.since if before is not None and is_as_before else None) or at
        # Of many that change together some count later than others.
        turn = timedelta(seconds=crc32(worker.name.encode()) % (len(self.workers) // CHANGES_A_SECOND + 1))
        is_certain = at - since >= (IDLE_AFTER + turn if worker.is_idle else turn)
        return replace(worker, since=since, counts_as_needed=not worker.is_idle if is_certain else counted)

    def worker(self, name: str) -> DaskWorker | None:
        """The worker of that name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, DaskWorker]:
        return {worker.name: worker for worker in self.workers}

    @cached_property
    def _by_host(self) -> Mapping[str, tuple[DaskWorker, ...]]:
        found: dict[str, list[DaskWorker]] = {}
        for worker in self.workers:
            found.setdefault(worker.host, []).append(worker)
        return {host: tuple(workers) for host, workers in found.items()}

    def workers_in(self, pod: str, ip: str) -> tuple[DaskWorker, ...]:
        """The worker processes in a Pod: by the name that it was given, else by where they have joined from.

        Args:
            pod: The Pod's name.
            ip: Its address; may be empty.
        """
        named = self._by_name.get(pod)
        if named is not None:
            return (named,)
        return self._numbered.get(pod) or (self._by_host.get(ip, ()) if ip else ())

    @cached_property
    def _numbered(self) -> Mapping[str, tuple[DaskWorker, ...]]:
        """The workers called `<Pod>-<n>`, by Pod."""
        found: dict[str, list[DaskWorker]] = {}
        for worker in self.workers:
            if base := numbered(worker.name):
                found.setdefault(base, []).append(worker)
        return {base: tuple(workers) for base, workers in found.items()}
