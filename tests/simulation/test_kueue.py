"""Kueue, where a LocalQueue called `default` takes every Pod: its gate, its finalizer, and its deletions."""

from models.kinds import DASK_CLUSTER, DASK_JOB, POD, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import Role
from reconciler.wire.protocol import API, Body, Reply, Subresource
from tests.builders import cluster, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import LONG_SECONDS, World, is_ready, key, key_of

GATE, FINALIZER = "kueue.x-k8s.io/admission", "kueue.x-k8s.io/managed"
SIMPLE = key(DASK_CLUSTER, "simple")


class Webhook:
    """The API as it is where Kueue's webhook gates and marks every Pod.

    Args:
        api: Carries out the requests.
    """

    def __init__(self, api: API) -> None:
        self._api = api

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind."""
        return self._api.list(kind, namespace, labels=labels, fields=fields)

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create the object; a Pod with the gate, an annotation and the finalizer."""
        if kind != POD:
            return self._api.create(kind, body)
        meta, spec = body["metadata"], body["spec"]
        annotations = {**meta["annotations"], "kueue.x-k8s.io/role-hash": "0a1b2c3d"}
        marked = {**meta, "finalizers": [FINALIZER], "annotations": annotations}
        gated = {**spec, "schedulingGates": [{"name": GATE}, *spec.get("schedulingGates", ())]}
        return self._api.create(kind, {**body, "metadata": marked, "spec": gated})

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object."""
        return self._api.patch(key, body, subresource)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Set fields."""
        return self._api.apply(key, body, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Ask for an object to be deleted."""
        return self._api.delete(key, uid, resource_version)


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
    world = World(cluster(replicas=2), through=Webhook)
    world.settle()
    created = len(world.api.objects(POD))
    world.tick(LONG_SECONDS)
    assert (created, len(world.api.objects(POD))) == (3, 3)
    message = world.condition(SIMPLE, "Ready")[2]
    assert f"must wait for Kueue to admit it (scheduling gate {GATE})" in message
    _run(world)
    assert world.condition(SIMPLE, "Ready")[:2] == ("True", "Ready")


def test_kueues_deletions_make_no_storm() -> None:
    """Every Pod that it preempts is replaced once; the next ones wait for it again."""
    world = World(cluster(replicas=2), through=Webhook)
    world.settle()
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
    world = World(job(replicas=1), through=Webhook)
    world.settle()
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
