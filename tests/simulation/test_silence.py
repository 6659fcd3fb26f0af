"""Schedulers that hang while workers are to go, and come back."""

import pytest

from models.kinds import DASK_CLUSTER
from tests.builders import cluster
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, key, settled

SIMPLE = key(DASK_CLUSTER, "simple")
HANGS_SECONDS, DEADLINE_SECONDS, TICK_SECONDS = 120, 300, 5


def hanging(replicas: int) -> World:
    """A cluster of which some workers were told to go, whose scheduler hangs since."""
    world = settled(cluster(replicas=4))
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": replicas}}})
    world.tick()
    world.dask.is_silent = True
    return world


def ticks(world: World, seconds: int) -> None:
    for _ in range(seconds // TICK_SECONDS):
        world.tick(TICK_SECONDS)


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_scheduler_that_hangs_and_comes_back_costs_nothing(replicas: int) -> None:
    """Whoever was told to go is waited for, and hands over what it has in the end; the world looks at each delete."""
    world = hanging(replicas)
    ticks(world, HANGS_SECONDS)
    assert len(world.workers(f"{SIMPLE.name}-default-worker-group")) == 4
    assert world.condition(SIMPLE, "SchedulerReady")[:2] == ("True", "NotAnswering")
    world.dask.is_silent = False
    world.settle()
    assert len(world.workers(f"{SIMPLE.name}-default-worker-group")) == replicas
    assert world.condition(SIMPLE, "SchedulerReady")[:2] == ("True", "Ready")
    check_at_rest(world)


def test_a_scheduler_that_hangs_for_ever_holds_nobody_beyond_the_deadline() -> None:
    """Then workers go with what they have."""
    world = hanging(1)
    ticks(world, DEADLINE_SECONDS + 60)
    assert len(world.workers(f"{SIMPLE.name}-default-worker-group")) == 1
