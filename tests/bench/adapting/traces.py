"""Fixed traces of work, and what each rule makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from tests.bench.adapting.place import Place, Trace
from tests.bench.adapting.rules import ASKED_SECONDS, Adaptive, DaskKubernetes, Ours, Rule

LONGEST_SECONDS = 20_000

TRACES: Mapping[str, Trace] = {
    "a burst": Trace([(11, [2] * 500)]),
    "bursts, a pause of 2 min": Trace([(11 + 180 * number, [2] * 500) for number in range(6)]),
    "sawtooth, a pause of some 30 s": Trace([(11 + 60 * number, [2] * 300) for number in range(12)]),
    "a notebook: little, often": Trace([(11 + 20 * number, [3] * 20) for number in range(40)]),
    "a long tail": Trace([(11, [5] * 300 + [60] * 30 + [600] * 3)]),
    "a few long tasks": Trace([(11, [1800] * 8)]),
    "workers take 5 min to come": Trace([(11 + 30 * number, [30] * 20) for number in range(20)], start_seconds=300),
    "demand gone before they come": Trace([(11, [1] * 40), (401, [1] * 40)], start_seconds=120),
    "a scheduler silent for 3 min": Trace([(11, [10] * 300), (101, [10] * 300)], is_silent=lambda now: 60 <= now < 240),
}
RULES: Mapping[str, Callable[[int], Rule]] = {
    "ours": Ours,
    "dask-kubernetes": DaskKubernetes,
    "Adaptive": Adaptive,
}
WINDOWS: Mapping[str, Callable[[int], Rule]] = {
    f"{seconds} s": partial(Ours, scaleDown={"stabilizationWindowSeconds": seconds}) for seconds in (0, 30, 60, 300)
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule made of a trace.

    Attributes:
        paid: Worker-seconds, of those that were starting too.
        finished: When the last task ended.
        turns: How often the number of workers changed its direction.
        twice: How many tasks were begun more than once.
        undone: How many never ended.
    """

    paid: int
    finished: int
    turns: int
    twice: int
    undone: int


def outcome(trace: Trace, rule: Callable[[int], Rule]) -> Outcome:
    """Let a rule work a trace off, until all is done and no worker is left."""
    place, ruling = Place(trace), rule(trace.most)
    while not place.is_over and place.now < LONGEST_SECONDS:
        place.step()
        ruling.look(place)
    for worker in list(place.workers):
        place.end(worker)
    ups = [then > now for now, then in pairwise(place.asked)]
    turns = sum(now != then for now, then in pairwise(ups))
    twice = sum(task.runs > 1 for task in place.tasks)
    return Outcome(place.paid, place.finished, turns, twice, len(place.queue))


def no_worse(one: Outcome, other: Outcome) -> int:
    """In how many of the three one is no worse than the other; the time to finish, by what lies between questions."""
    is_as_soon = one.finished <= other.finished + ASKED_SECONDS
    return (one.paid <= other.paid) + is_as_soon + (one.turns <= other.turns)
