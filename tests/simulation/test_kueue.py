"""Kueue, where a LocalQueue called `default` takes every Pod: its gate, its finalizer, and its deletions."""

from models.kinds import DASK_CLUSTER, DASK_JOB, POD
from models.snapshot import Owner
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import Role
from tests.builders import cluster, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.webhooks import GATE
from tests.simulation.world import LONG_SECONDS, World, is_ready, key, key_of

SIMPLE = key(DASK_CLUSTER, "simple")


def _under_kueue(resource: Owner) -> World:
    world = World(resource)
    world.webhooks.on |= {"adds a finalizer", "adds a gate"}
    world.settle()
    return world


def _admit(world: World) -> None:
    """Kueue admits every Pod."""
    for pod in world.pods():
        others = [gate for gate in pod["spec"].get("schedulingGates", ()) if gate["name"] != GATE]
        world.edit(key_of(pod), {"spec": {"schedulingGates": others or None}})


def _let_go(api: MemoryAPI) -> None:
    """Kueue lets Pods go that have ended or been deleted."""
    for pod in api.objects(POD):
        if "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") in ("Succeeded", "Failed"):
            api.edit(key_of(pod), {"metadata": {"finalizers": None}})


def _run(world: World, passes: int = 8) -> None:
    for _ in range(passes):
        _admit(world)
        world.tick()


def test_what_waits_for_kueue_says_so() -> None:
    """Nothing is made twice, however long it takes."""
    world = _under_kueue(cluster(replicas=2))
    created = len(world.api.objects(POD))
    world.tick(LONG_SECONDS)
    assert (created, len(world.api.objects(POD))) == (3, 3)
    message = world.condition(SIMPLE, "Ready")[2]
    assert f"must wait for Kueue to admit it (scheduling gate {GATE})" in message
    _run(world)
    assert world.condition(SIMPLE, "Ready")[:2] == ("True", "Ready")


def test_kueues_deletions_make_no_storm() -> None:
    """Every Pod that it preempts is replaced once; the next ones wait for it again."""
    world = _under_kueue(cluster(replicas=2))
    _run(world)
    names = {pod["metadata"]["uid"] for pod in world.api.objects(POD)}
    for pod in world.pods():
        world.delete(key_of(pod))
    for _ in range(20):
        world.tick()
    waiting = [pod for pod in world.pods() if pod["metadata"]["uid"] not in names]
    assert len(waiting) == 3
    assert len(world.api.objects(POD)) == 6
    _let_go(world.api)
    _run(world)
    assert all(map(is_ready, world.pods()))
    assert len(world.api.objects(POD)) == 3
    check_at_rest(world)


def test_a_job_under_kueue_is_over_when_its_runner_is() -> None:
    """The finalizer keeps the Pod, not the job; the scheduler's Pod holds up nobody."""
    world = _under_kueue(job(replicas=1))
    _run(world, 12)
    (runner,) = world.pods(Role.JOB_RUNNER)
    world.kubelet.end(runner, "Succeeded")
    world.clock.advance(1)
    world.delete(key_of(runner))
    for _ in range(8):
        world.tick()
    assert world.get(key(DASK_JOB, "train"))["status"]["jobStatus"] == "Successful"
    assert not world.has(key(DASK_CLUSTER, "train-cluster"))
    assert [pod["metadata"]["uid"] for pod in world.pods(Role.JOB_RUNNER, live=False)] == [runner["metadata"]["uid"]]
