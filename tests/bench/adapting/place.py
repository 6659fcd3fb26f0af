"""A Dask cluster in virtual time: tasks, the workers that run them, and how many its scheduler would like to have."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

UNKNOWN_SECONDS = 0.5
"""What Dask assumes of a task that has never run."""
TARGET_SECONDS = 5.0
LETTING_GO_SECONDS = 3
"""How long it takes until an idle worker that was asked to retire is gone: two heartbeats and an answer."""


@dataclass
class Task:
    """A task of one thread.

    Attributes:
        seconds: How long it takes.
        runs: How often it was begun.
    """

    seconds: int
    runs: int = 0


@dataclass
class Worker:
    """A worker of one thread.

    Attributes:
        made: When it was asked for: it costs from then on.
        joins: When it has joined.
        task: What it runs.
        until: When that ends.
        retires: Since when it is given nothing more to do.
    """

    made: int
    joins: int
    task: Task | None = None
    until: int = 0
    retires: int | None = None


@dataclass(frozen=True)
class Trace:
    """Work, and the circumstances.

    Attributes:
        arrivals: When tasks come, and how long each takes.
        start_seconds: How long a worker takes to come.
        is_silent: Whether the scheduler doesn't answer at a moment.
        most: The greatest number of workers.
    """

    arrivals: Sequence[tuple[int, Sequence[int]]]
    start_seconds: int = 15
    is_silent: Callable[[int], bool] = lambda _: False
    most: int = 50


@dataclass
class Place:
    """A cluster that works a trace off.

    Attributes:
        now: The time, in seconds.
        workers: Those that are there or on the way.
        queue: The tasks that wait.
        paid: The worker-seconds of those that are gone.
        finished: When the last task ended.
        asked: How many workers were asked for, each time that changed.
    """

    trace: Trace
    now: int = 0
    workers: list[Worker] = field(default_factory=list)
    queue: list[Task] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    paid: int = 0
    finished: int = 0
    asked: list[int] = field(default_factory=lambda: [0])
    _known: list[int] = field(default_factory=list)

    def step(self) -> None:
        """A second passes."""
        self.now += 1
        for at, seconds in self.trace.arrivals:
            new = [Task(each) for each in seconds] if at == self.now else []
            self.queue += new
            self.tasks += new
        for worker in list(self.workers):
            if worker.task is not None and worker.until <= self.now:
                self._known.append(worker.task.seconds)
                worker.task, self.finished = None, self.now
            if worker.retires is not None and not worker.task and self.now >= worker.retires + LETTING_GO_SECONDS:
                self.end(worker)
        for worker in self.joined:
            if self.queue and worker.task is None and worker.retires is None:
                worker.task = self.queue.pop(0)
                worker.task.runs += 1
                worker.until = self.now + worker.task.seconds

    @property
    def joined(self) -> list[Worker]:
        """The workers that the scheduler has."""
        return [worker for worker in self.workers if worker.joins <= self.now]

    @property
    def starting(self) -> list[Worker]:
        """Those that are on the way."""
        return [worker for worker in self.workers if worker.joins > self.now]

    @property
    def is_over(self) -> bool:
        """Whether all is done, and nobody is left."""
        is_done = not self.queue and all(worker.task is None for worker in self.workers)
        return is_done and not self.workers and self.now > max(at for at, _ in self.trace.arrivals)

    def target(self) -> int | None:
        """How many workers the scheduler would like to have, as `Scheduler.adaptive_target` has it."""
        if self.trace.is_silent(self.now):
            return None
        average = sum(self._known) / len(self._known) if self._known else UNKNOWN_SECONDS
        running = [worker for worker in self.joined if worker.task is not None]
        begun = (self.now - worker.until + worker.task.seconds for worker in running if worker.task is not None)
        occupancy = sum(max(average, 2.0 * elapsed) for elapsed in begun) + average * len(self.queue)
        wanted = min(math.ceil(occupancy / TARGET_SECONDS), len(self.queue) + len(running))
        if self.queue and not self.joined:
            wanted = max(1, wanted)
        return wanted if wanted >= len(self.joined) else len(running)

    def make(self, number: int) -> None:
        """Ask for more workers."""
        self.workers += [Worker(self.now, self.now + self.trace.start_seconds) for _ in range(number)]

    def end(self, worker: Worker) -> None:
        """A worker goes; what it runs is begun anew elsewhere."""
        self.workers.remove(worker)
        self.paid += self.now - worker.made
        if worker.task is not None:
            self.queue.insert(0, worker.task)

    def note(self, replicas: int) -> None:
        """So many workers are asked for."""
        if replicas != self.asked[-1]:
            self.asked.append(replicas)
