"""Healing: whatever is deleted, changed or lost comes back, and a crashing image makes no storm."""

from collections.abc import Callable
from datetime import datetime

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key
from reconciler.rules.labels import Role
from reconciler.rules.names import Naming
from reconciler.wire.protocol import Body
from tests.builders import cluster, job
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING, NODES
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, is_ready, key, key_of, settled

GROUP = "simple-default-worker-group"


@pytest.mark.parametrize("naming", Naming)
def test_every_child_deleted_by_hand_comes_back(naming: Naming) -> None:
    """Scheduler, Services, default group, workers, a job's cluster and its runner, one after the other."""
    world = settled(cluster(replicas=2), job(replicas=1), naming=naming)
    kinds = (POD, SERVICE, DASK_WORKER_GROUP, DASK_CLUSTER)
    children = [
        key_of(body) for kind in kinds for body in world.api.objects(kind) if body["metadata"].get("ownerReferences")
    ]
    assert len(children) == {Naming.CLASSIC: 13, Naming.CURRENT: 11}[naming]
    for child in children:
        if world.has(child):
            world.delete(child)
        world.settle()
        check_at_rest(world)


def test_a_scheduler_on_a_lost_node_is_replaced_while_it_hangs_in_terminating() -> None:
    """30 s past its deadline, under another name; the Services follow by label, and the workers stay."""
    world = settled(cluster())
    (before,) = world.schedulers("simple")
    workers = {pod["metadata"]["name"] for pod in world.workers(GROUP)}
    world.kubelet.kill(before["spec"]["nodeName"])
    world.delete(key_of(before))
    world.settle()
    (after,) = world.schedulers("simple")
    assert is_ready(after)
    assert after["metadata"]["name"].startswith("simple-scheduler-")
    selector = world.get(key(SERVICE, "simple-scheduler"))["spec"]["selector"]
    assert selector.items() <= after["metadata"]["labels"].items()
    assert world.has(key_of(before))
    assert {pod["metadata"]["name"] for pod in world.workers(GROUP)} >= workers - _on(world, before)
    for node in NODES:
        world.kubelet.revive(node)
    world.settle()
    assert [pod["metadata"]["name"] for pod in world.schedulers("simple", live=False)] == [after["metadata"]["name"]]


def _on(world: World, lost: dict[str, dict[str, str]]) -> set[str]:
    return {pod["metadata"]["name"] for pod in world.pods() if pod["spec"].get("nodeName") == lost["spec"]["nodeName"]}


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"selector": {"dask.org/component": "worker"}}},
        {"spec": {"selector": {"more": "x"}}},
        {"spec": {"ports": [{"name": "x", "port": 1}]}},
        {"spec": {"type": "NodePort"}},
        {"metadata": {"labels": {"dask.org/component": None}}},
        {"metadata": {"labels": {"dask.org/component": "x"}}},
        {"metadata": {"annotations": {"kubernetes.dask.org/role": None}}},
    ],
)
@pytest.mark.parametrize("name", ["simple-service", "simple-scheduler"])
def test_a_service_changed_by_hand_is_put_right(name: str, change: dict[str, object]) -> None:
    """Spec and labels, without recreating it."""
    world = settled(cluster())
    before = world.get(key(SERVICE, name))
    world.edit(key(SERVICE, name), change)
    world.settle()
    after = world.get(key(SERVICE, name))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    for field in ("type", "selector", "ports", "clusterIP"):
        assert [after["spec"][field]] == [before["spec"][field]] or field == "ports"
    check_at_rest(world)


def _deleted(world: World, of: Callable[[World], list[dict[str, dict[str, str]]]]) -> Key:
    key = key_of(of(world)[0])
    world.delete(key)
    return key


def test_a_worker_is_replaced_under_a_new_name() -> None:
    """Dask never sees the old one again."""
    world = settled(cluster())
    gone = _deleted(world, lambda world: world.workers(GROUP))
    world.settle()
    assert gone.name not in {pod["metadata"]["name"] for pod in world.workers(GROUP)}
    assert len(world.workers(GROUP)) == 3


def test_a_crashing_worker_image_makes_no_storm() -> None:
    """Ten workers that crash at once make a dozen batches in an hour, not a thousand."""
    world = World(cluster(replicas=10, worker={"spec": pod_spec(CRASHING)}))
    for _ in range(3600 // 10):
        world.tick(10)
    created = _created(world)
    assert len(created) <= 20, created
    assert created[5] - created[0] >= 10 + 20 + 40 + 80 + 160
    assert len(world.schedulers("simple")) == 1
    state, reason, message = world.condition(key(DASK_WORKER_GROUP, GROUP), "Progressing")
    assert (state, reason) == ("True", "BackOff")
    assert "in a row" in message


def _created(world: World) -> list[float]:
    """When workers were created, in seconds, each moment once."""
    events = [
        result.snapshot.taken_at.timestamp()
        for result in world.results
        if result.snapshot is not None
        and any(action.verb == "create" and "worker-" in action.key.name for action in result.plan.actions)
    ]
    return sorted(set(events))


def test_a_crashing_image_waits_and_its_repair_does_not() -> None:
    """Who mends the template sees the workers at once."""
    world = World(cluster(worker={"spec": pod_spec(CRASHING)}))
    for _ in range(100):
        world.tick()
    world.edit(key(DASK_CLUSTER, "simple"), {"spec": {"worker": {"spec": pod_spec("dask:2")}}})
    for _ in range(5):
        world.tick()
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 3


def test_a_crashing_scheduler_makes_no_storm() -> None:
    """Its restarts wait like the workers'."""
    world = World(cluster(replicas=0, scheduler={"spec": pod_spec(CRASHING)}))
    for _ in range(1200 // 5):
        world.tick()
    creates = [
        action for result in world.results for action in result.plan.actions if action.key.name == "simple-scheduler"
    ]
    assert 5 <= sum(action.verb == "create" and action.key.kind == POD for action in creates) <= 9


def test_evicted_workers_are_replaced_without_a_wait() -> None:
    """The next pass makes new ones."""
    world = settled(cluster())
    for pod in world.workers(GROUP):
        world.kubelet.evict(pod)
    world.reconcile()
    assert len(world.workers(GROUP)) == 3


def test_workers_that_exit_well_are_replaced_all_the_same() -> None:
    """A group wants workers, not exits."""
    world = settled(cluster())
    for pod in world.workers(GROUP):
        world.kubelet.end(pod, "Succeeded")
    world.settle()
    check_at_rest(world)


def test_a_large_group_that_loses_a_worker_now_and_then_gets_them_back() -> None:
    """Failures during a wait do not make it longer, or none would ever come back."""
    world = settled(cluster(replicas=20))
    for _ in range(20):
        pod = next(pod for pod in world.workers(GROUP) if is_ready(pod))
        world.kubelet.end(pod, "Failed")
        for _ in range(12):
            world.tick()
        assert len(world.workers(GROUP)) >= 14


def test_a_label_taken_off_a_worker_comes_back() -> None:
    """Selectors and dashboards depend on it."""
    world = settled(cluster())
    pod = world.workers(GROUP)[0]
    world.edit(key_of(pod), {"metadata": {"labels": {"dask.org/workergroup-name": None, "dask.org/component": "x"}}})
    world.settle()
    assert world.get(key_of(pod))["metadata"]["labels"] == pod["metadata"]["labels"]


def test_a_runner_that_was_deleted_runs_again_and_so_does_an_evicted_one() -> None:
    """As long as the job has no outcome."""
    world = settled(job())
    for lose in (
        lambda pod: world.delete(key_of(pod)),
        world.kubelet.evict,
        lambda pod: world.api.remove(key_of(pod)),
    ):
        (before,) = world.pods(Role.JOB_RUNNER)
        lose(before)
        world.settle()
        (after,) = world.pods(Role.JOB_RUNNER)
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert world.get(key(DASK_JOB, "train"))["status"]["jobStatus"] == "Running"


def test_nothing_happens_in_a_world_at_rest() -> None:
    """No write, no Event, no status, for a day."""
    world = settled(cluster(), job())
    writes, version = world.watch.writes, world.get(key(DASK_CLUSTER, "simple"))["metadata"]["resourceVersion"]
    for _ in range(24):
        world.tick(3600)
    assert world.watch.writes == writes
    assert world.get(key(DASK_CLUSTER, "simple"))["metadata"]["resourceVersion"] == version
    assert isinstance(world.clock.now, datetime)


@pytest.mark.parametrize(
    ("asked", "edited"),
    [
        ({"publishNotReadyAddresses": False}, {"publishNotReadyAddresses": True}),
        ({"ipFamilies": ["IPv6"]}, {"ipFamilies": ["IPv4"]}),
        ({"externalIPs": []}, {"externalIPs": ["192.0.2.1"]}),
    ],
)
def test_what_is_asked_for_is_still_put_right(asked: Body, edited: Body) -> None:
    """An edit by hand is undone where the manifest says otherwise."""
    there = settled(cluster(scheduler={"service": asked}))
    service_key = key(SERVICE, "simple-service")
    there.api.edit(service_key, {"spec": dict(edited)})
    one = there.get(service_key)
    assert {name: one["spec"][name] for name in edited} == edited
    there.reconcile()
    spec = there.get(service_key)["spec"]
    assert all(spec.get(name) != value for name, value in edited.items())
