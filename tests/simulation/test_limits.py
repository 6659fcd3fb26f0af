"""Limits: --no-delete and the deletion cap, and trees that take turns."""

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD
from reconciler.passes.lanes import TURN
from tests.builders import cluster, job
from tests.manifests import pod_spec
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, images, is_ready, key, key_of, settled

SIMPLE = key(DASK_CLUSTER, "simple")
GROUP = "simple-default-worker-group"


def _scaled(world: World, replicas: int) -> None:
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": replicas}}})


def test_with_deletion_switched_off_nothing_is_deleted_and_nothing_piles_up() -> None:
    """Neither by scaling, nor by rolling out, nor by a new scheduler, nor at a job's end; owners are told."""
    world = settled(cluster(), job(replicas=1), no_delete=True)
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
    world = settled(cluster(), no_delete=True)
    world.edit(SIMPLE, {"spec": {"worker": {"spec": pod_spec("dask:2"), "replicas": 2}}})
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:1"}
    world.allow_deletion()
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:2"}
    check_at_rest(world)


def test_the_cap_throttles_a_mistake_and_holds_up_no_other() -> None:
    """Scaling a large group to nothing goes a few at a time and is told; what is left when it is undone stays."""
    world = settled(cluster(replicas=10), cluster("small", replicas=2), deletion_cap=5, no_dask=True)
    before = {pod["metadata"]["uid"] for pod in world.workers(GROUP)}
    _scaled(world, 0)
    world.edit(key(DASK_CLUSTER, "small"), {"spec": {"worker": {"replicas": 0}}})
    world.reconcile()
    assert not world.workers("small-default-worker-group")
    left = {pod["metadata"]["uid"] for pod in world.workers(GROUP)}
    assert len(left) == 7
    reason, message = world.condition(key(DASK_WORKER_GROUP, GROUP), "Progressing")[1:]
    assert reason == "DeletionCap"
    assert "3 of 10 deletions" in message
    _scaled(world, 10)
    world.settle()
    after = {pod["metadata"]["uid"] for pod in world.workers(GROUP)}
    assert after & before == left
    assert len(after) == 10
    check_at_rest(world)


def test_a_cap_slows_down_and_locks_in_nobody() -> None:
    """More deletions than fit into one pass are made in several."""
    world = settled(cluster(replicas=10), deletion_cap=4)
    _scaled(world, 0)
    world.settle()
    assert not world.workers(GROUP)
    check_at_rest(world)


def test_who_was_chosen_to_go_can_be_taken_back_until_the_deletion_has_begun() -> None:
    """A reconciler that ended between its decision and the deletions costs nobody a worker."""
    world = settled(cluster(replicas=4))
    before = {pod["metadata"]["uid"] for pod in world.workers(GROUP)}
    chosen = [{"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]} for pod in world.workers(GROUP)[:3]]
    group = key(DASK_WORKER_GROUP, GROUP)
    world.api.patch(group, {"status": {"decisions": {"retiring": chosen}}}, "status")
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.workers(GROUP)} == before
    assert not world.get(group)["status"]["decisions"].get("retiring")


def test_a_thousand_pods_of_one_cluster_do_not_make_another_wait() -> None:
    """Trees take turns, so that the small one is built while the large one grows."""
    world = World(cluster("big", replicas=120), cluster("small", replicas=2))
    world.reconcile()
    pods = sorted(world.api.objects(POD), key=lambda pod: int(pod["metadata"]["resourceVersion"]))
    small = [place for place, pod in enumerate(pods) if pod["metadata"]["name"].startswith("small")]
    assert (len(pods), len(small)) == (124, 3)
    assert max(small) < 2 * TURN


def test_deletions_are_followed_by_what_takes_their_place_in_the_same_pass() -> None:
    """One pass goes as far as it can without waiting."""
    world = settled(cluster())
    (gone, *_) = world.workers(GROUP)
    world.delete(key_of(gone))
    world.reconcile()
    assert len(world.workers(GROUP)) == 3
    world.settle()
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 3
