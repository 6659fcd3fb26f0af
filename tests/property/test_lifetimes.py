"""An owner's signs of life: a cluster is there as long as a model of two lines says, and no longer."""

from hypothesis import given
from hypothesis import strategies as st

from models.base import wire_time
from models.kinds import ALL_KINDS, DASK_CLUSTER, EVENT, POD
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from tests.builders import NOON, cluster
from tests.faults import Fault, Faulty, plans
from tests.simulation.world import World, key

SIMPLE = key(DASK_CLUSTER, "simple")

steps = st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=12)
timeouts = st.sampled_from([30, 100, 300])


def _owned(timeout: int) -> World:
    annotations = {OWNER_SEEN: wire_time(NOON), OWNER_TIMEOUT_SECONDS: str(timeout)}
    return World(cluster(replicas=1, annotations=annotations))


def _sign_of_life(world: World) -> None:
    world.edit(SIMPLE, {"metadata": {"annotations": {OWNER_SEEN: wire_time(world.clock())}}})


@given(timeouts, steps)
def test_a_cluster_is_there_exactly_as_long_as_its_owner_and_the_time_it_asked_for(
    timeout: int, history: list[tuple[int, bool]]
) -> None:
    """No pass deletes one whose owner was seen in time, each deletes one whose owner was not; its children vanish."""
    world, seen = _owned(timeout), NOON
    for seconds, is_alive in history:
        world.clock.advance(seconds)
        world.kubelet.step()
        if is_alive:
            _sign_of_life(world)
            seen = world.clock()
        world.reconcile()
        if (world.clock() - seen).total_seconds() > timeout:
            assert not world.has(SIMPLE), f"there for {world.clock() - seen} after its owner"
            world.settle()
            assert [body for kind in ALL_KINDS if kind != EVENT for body in world.api.objects(kind)] == []
            return
        assert world.has(SIMPLE), f"gone {world.clock() - seen} after its owner was seen"
    assert world.api.objects(POD)


@given(plans(max_size=30))
def test_whatever_fails_an_abandoned_cluster_goes_in_the_end(plan: list[Fault | None]) -> None:
    """Lost requests, lost answers and refusals only delay it; and a living one survives them all."""
    annotations = {OWNER_SEEN: wire_time(NOON), OWNER_TIMEOUT_SECONDS: "100"}
    alive = {**annotations, OWNER_TIMEOUT_SECONDS: "999999999"}
    clusters = (cluster(replicas=1, annotations=annotations), cluster("alive", replicas=1, annotations=alive))
    world = World(*clusters, through=lambda api: Faulty(api, plan))
    world.clock.advance(60)
    world.reconcile()
    assert world.has(SIMPLE)
    world.settle()
    assert not world.has(SIMPLE)
    assert world.has(key(DASK_CLUSTER, "alive"))
    assert {pod["metadata"]["labels"]["dask.org/cluster-name"] for pod in world.pods()} == {"alive"}
