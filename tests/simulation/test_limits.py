"""Limits: --no-delete, the deletion cap and the write budget."""

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD
from tests.builders import cluster, job, pod_spec
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, images, is_ready, key, key_of

SIMPLE = key(DASK_CLUSTER, "simple")
GROUP = "simple-default-worker-group"


def _scaled(world: World, replicas: int) -> None:
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": replicas}}})


def test_with_deletion_switched_off_nothing_is_deleted_and_nothing_piles_up() -> None:
    """Neither by scaling, nor by rolling out, nor by a new scheduler, nor at a job's end; owners are told."""
    world = World(cluster(), job(replicas=1), no_delete=True)
    world.settle()
    before = {body["metadata"]["uid"] for body in world.api.objects(POD)}
    _scaled(world, 1)
    world.settle()
    _scaled(world, 3)
    world.settle()
    world.edit(SIMPLE, {"spec": {"worker": {"spec": pod_spec("dask:2")}, "scheduler": {"spec": pod_spec("dask:2")}}})
    world.kubelet.end(world.get(key(POD, "train-runner")), "Succeeded")
    world.settle()
    assert {body["metadata"]["uid"] for body in world.api.objects(POD)} == before
    assert world.get(key(DASK_JOB, "train"))["status"]["jobStatus"] == "Successful"
    assert world.has(key(DASK_CLUSTER, "train-cluster"))
    told = {finding.message for finding in world.results[-1].plan.findings}
    assert any("--no-delete" in message for message in told)
    assert world.condition(key(DASK_WORKER_GROUP, GROUP), "Progressing")[1] == "DeletionDisabled"


def test_what_was_held_back_is_done_when_deletion_is_allowed_again() -> None:
    """The world comes to what was asked for."""
    world = World(cluster(), no_delete=True)
    world.settle()
    world.edit(SIMPLE, {"spec": {"worker": {"spec": pod_spec("dask:2"), "replicas": 2}}})
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:1"}
    world.allow_deletion()
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:2"}
    check_at_rest(world)


def test_a_mistake_in_one_cluster_is_stopped_by_the_cap_and_holds_up_no_other() -> None:
    """Scaling a large group to nothing is held and told, and can be taken back without a loss; small ones go."""
    world = World(cluster(replicas=10), cluster("small", replicas=2), deletion_cap=5)
    world.settle()
    before = {pod["metadata"]["uid"] for pod in world.workers(GROUP)}
    _scaled(world, 0)
    world.edit(key(DASK_CLUSTER, "small"), {"spec": {"worker": {"replicas": 0}}})
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.workers(GROUP)} == before
    assert not world.workers("small-default-worker-group")
    state, reason, message = world.condition(key(DASK_WORKER_GROUP, GROUP), "Progressing")
    assert (state, reason) == ("False", "DeletionCap")
    assert "10 objects" in message
    _scaled(world, 10)
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.workers(GROUP)} == before
    assert len(world.workers(GROUP)) == 10


def test_a_thousand_pods_of_one_cluster_do_not_make_another_wait() -> None:
    """In the first pass both are built, and in its second round the small one is ahead."""
    world = World(cluster("big", replicas=120), cluster("small", replicas=2), write_budget=10)
    result = world.reconcile()
    order = [action.key.name for action in result.plan.actions if action.key.kind == POD]
    small = [place for place, name in enumerate(order) if name.startswith("small")]
    assert max(small) < 40
    assert len(order) == 124
    assert result.rounds >= 12


def test_deletions_are_followed_by_what_takes_their_place_in_the_same_pass() -> None:
    """One pass goes as far as it can without waiting."""
    world = World(cluster())
    world.settle()
    (gone, *_) = world.workers(GROUP)
    world.delete(key_of(gone))
    world.reconcile()
    assert len(world.workers(GROUP)) == 3
    world.settle()
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 3
