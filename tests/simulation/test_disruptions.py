"""Disruptions: what something else takes away is replaced at once, and hands over what it holds if it has the time."""

import pytest

from models.kinds import DASK_WORKER_GROUP
from reconciler.rules.labels import SAFE_TO_EVICT
from reconciler.wire.protocol import Body
from tests.builders import cluster
from tests.manifests import pod_spec
from tests.simulation.kubelet import NODES
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, is_ready, key, key_of, settled

GROUP = "simple-default-worker-group"
GRACE_SECONDS = 120


def _world(replicas: int = 6) -> World:
    """Workers with a long grace period, of which some work and some hold results that no other has."""
    patient = pod_spec(terminationGracePeriodSeconds=GRACE_SECONDS)
    world = settled(cluster(replicas=replicas, worker={"spec": patient}))
    assert any(world.dask.would_lose(pod) for pod in world.workers(GROUP))
    return world


def _evict(world: World, pod: Body) -> None:
    world.kubelet.doom(pod)
    world.delete(key_of(pod))


def _taking_their_time(world: World, pods: list[Body]) -> list[Body]:
    """Those of the Pods that use all their grace period, as with a preStop hook."""
    return [pod for pod in pods if world.has(key_of(pod))]


@pytest.mark.parametrize("how", ["deleted", "evicted", "doomed", "drained"])
def test_nothing_is_lost_with_a_worker_that_has_the_time_to_hand_over(how: str) -> None:
    """Replaced in the next pass, above `maxSurge`, and empty before it goes."""
    world = _world()
    before = world.workers(GROUP)
    node = max(NODES, key=lambda node: sum(pod["spec"]["nodeName"] == node for pod in before))
    hit = [pod for pod in before if pod["spec"]["nodeName"] == node] if how == "drained" else before[:2]
    for pod in hit:
        if how == "doomed":
            world.kubelet.doom(pod)
        elif how == "deleted":
            world.delete(key_of(pod))
        else:
            _evict(world, pod)
    world.reconcile()
    old = {pod["metadata"]["uid"] for pod in before}
    assert sum(pod["metadata"]["uid"] not in old for pod in world.workers(GROUP)) == len(hit)
    world.tick()
    slow = _taking_their_time(world, hit)
    assert slow
    for _tick in range(14):
        world.tick()
    lost = [pod for pod in slow if world.dask.would_lose(pod)]
    assert not lost, f"{len(lost)} of {len(slow)} would take something along"
    assert {pod["metadata"]["name"] for pod in slow} <= world.dask.retired
    world.settle()
    assert not any(world.has(key_of(pod)) for pod in hit)
    assert len(world.workers(GROUP)) == 6
    check_at_rest(world)


def test_the_third_replacement_in_a_row_that_is_taken_away_waits() -> None:
    """What evicts each new worker at once makes no storm; nobody calls it a failure."""
    world = settled(cluster(replicas=1))
    made = world.ledger.pods_made()
    for _tick in range(120):
        for pod in filter(is_ready, world.workers(GROUP)):
            _evict(world, pod)
            world.reconcile()
        world.tick(1)
    assert 5 <= world.ledger.pods_made() - made <= 8
    decisions = world.get(key(DASK_WORKER_GROUP, GROUP))["status"]["decisions"]
    assert decisions["losses"]["count"] >= 3
    assert "failures" not in decisions
    world.settle()
    assert all(map(is_ready, world.workers(GROUP)))
    check_at_rest(world)


def test_nodes_are_kept_for_work_and_let_go_by_idle_workers() -> None:
    """Each Pod is marked for what it does and holds; at rest nothing is written."""
    world = settled(cluster(replicas=12))
    needed = {pod["metadata"]["name"] for pod in world.workers(GROUP) if world.dask.is_needed(pod)}
    kept = {pod["metadata"]["name"] for pod in world.workers(GROUP) if _mark(pod) == "false"}
    moved = {pod["metadata"]["name"] for pod in world.workers(GROUP) if _mark(pod) == "true"}
    assert kept == needed
    assert len(kept) + len(moved) == 12
    assert moved
    assert [_mark(pod) for pod in world.schedulers("simple")] == ["false"]
    writes = world.ledger.writes
    for _tick in range(20):
        world.tick(60)
    assert world.ledger.writes == writes
    check_at_rest(world)


def _mark(pod: Body) -> str | None:
    mark: str | None = pod["metadata"]["annotations"].get(SAFE_TO_EVICT)
    return mark
