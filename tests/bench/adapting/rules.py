"""The rules that are compared: ours, dask-kubernetes', and that of LocalCluster and its like."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from reconciler.dask.pauses import ADAPTING_SECONDS
from tests.bench.adapting.place import Place, Worker
from tests.builders import NOON
from tests.unit.rules.scaled import Scaled, spec

ASKED_SECONDS = int(ADAPTING_SECONDS)


class Rule(Protocol):
    """Adapts the number of workers."""

    def look(self, place: Place) -> None:
        """A second has passed."""


class Ours:
    """A DaskAutoscaler, and a worker group that lets its workers end what they do.

    Args:
        most: The greatest number of workers.
        **behavior: What it says of how fast.
    """

    def __init__(self, most: int, **behavior: Any) -> None:
        self._group = Scaled(spec(0, most, **behavior))

    def look(self, place: Place) -> None:
        """Ask every other second, and have the group do what follows."""
        if place.now % ASKED_SECONDS == 0:
            self._group.at = NOON + timedelta(seconds=place.now)
            place.note(self._group.look(place.target()))
        staying = [worker for worker in place.workers if worker.retires is None]
        surplus = sorted(staying, key=lambda one: (one.joins <= place.now, one.task is not None, -one.made))
        for worker in surplus[: max(0, len(staying) - self._group.replicas)]:
            if worker.joins > place.now:
                place.end(worker)
            else:
                worker.retires = place.now
        place.make(max(0, self._group.replicas - len(place.workers)))


@dataclass
class DaskKubernetes:
    """Its operator, 2026.3.0: every 5 s, a quarter down at most, and then 15 s of nothing; workers go at once.

    It asks the scheduler whom to close, who knows only those that have joined.
    """

    most: int
    replicas: int = 0
    cooldown_until: int = 0

    def look(self, place: Place) -> None:
        """One turn of its timer, when that is due."""
        target = place.target()
        if place.now % 5 or place.now < self.cooldown_until or target is None:
            return
        wanted = min(target, self.most)
        if self.replicas:
            wanted = max(self.replicas - max(1, int(self.replicas * 0.25)), wanted)
        if wanted == self.replicas:
            return
        if wanted < self.replicas:
            by_cost = sorted(place.joined, key=lambda one: one.task is not None)
            for worker in [*by_cost, *place.starting][: self.replicas - wanted]:
                place.end(worker)
        else:
            place.make(wanted - self.replicas)
        self.replicas, self.cooldown_until = wanted, place.now + 15
        place.note(wanted)


@dataclass
class Adaptive:
    """`distributed.deploy.Adaptive`: every second; a worker goes that was to go three times in a row."""

    most: int
    counts: Counter[int] = field(default_factory=Counter)

    def look(self, place: Place) -> None:
        """One turn of `adapt`."""
        target = place.target()
        if target is None:
            return
        target, there = min(target, self.most), len(place.workers)
        if target >= there:
            self.counts.clear()
            place.make(target - there)
            place.note(target)
            return
        close: list[Worker] = place.starting[: there - target]
        if target < there - len(close):
            close += sorted(place.joined, key=lambda one: one.task is not None)[: len(place.joined) - target]
        self.counts = Counter({id(worker): self.counts[id(worker)] + 1 for worker in close})
        for worker in close:
            if self.counts[id(worker)] >= 3:
                place.end(worker)
        place.note(len(place.workers))
