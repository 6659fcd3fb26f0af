"""What a pass works out takes as much for each tree, however many there are."""

import sys
from types import FrameType

from reconciler.daemon.settings import Settings
from reconciler.passes.observe import Scope, observe
from reconciler.passes.one_pass import make_pass
from reconciler.passes.pass_memory import Clock, Memory
from tests.builders import cluster, group
from tests.unit.passes.answers import AT_ONCE
from tests.unit.passes.place import Place

LEAST_CLUSTERS = 24
STAGES = ("/reconciler/passes/", "/reconciler/rules/", "/models/")


def test_a_pass_over_twice_as_many_clusters_takes_twice_as_many_calls() -> None:
    """To make everything, and to find it made: calls of functions are counted, since they take no luck."""
    few, many = _calls(LEAST_CLUSTERS), _calls(2 * LEAST_CLUSTERS)
    ratios = [more / less for less, more in zip(few, many, strict=True)]
    assert all(1.7 < ratio < 2.3 for ratio in ratios), (few, many)


def _calls(clusters: int) -> list[int]:
    """How many functions the stages of a first pass and of the next one call."""
    place, memory, counts = Place(checked=False), Memory(), list[int]()
    for number in range(clusters):
        place.add(cluster(f"c{number}", replicas=2), group(f"c{number}", f"more-{number}", replicas=1))
    clock = Clock(place.clock, place.clock.seconds)
    for _ in range(2):
        observation = observe(place, Scope(), place.clock())
        counts.append(0)

        def count(frame: FrameType, event: str, _: object) -> None:
            counts[-1] += event == "call" and any(stage in frame.f_code.co_filename for stage in STAGES)

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            result, memory = make_pass(place, observation, Settings(), memory, clock, AT_ONCE, AT_ONCE)
        finally:
            sys.setprofile(before)
        assert result.ok
    return counts
