"""Edits: replicas, templates, Services and labels are followed, each in its own way."""

from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, SERVICE
from tests.builders import cluster, group, job
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING, FULL, NEVER_READY
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, images, is_ready, key, key_of, settled

SIMPLE = key(DASK_CLUSTER, "simple")
GROUP = "simple-default-worker-group"
DEFAULT = key(DASK_WORKER_GROUP, GROUP)


def _worker(**change: Any) -> dict[str, Any]:
    return {"spec": {"worker": change}}


def _names(world: World) -> set[str]:
    return {pod["metadata"]["name"] for pod in world.workers(GROUP)}


def _ready(world: World) -> int:
    return sum(map(is_ready, world.workers(GROUP)))


def test_either_resource_scales_the_default_group() -> None:
    """The cluster's number, or the group's own, as with `kubectl scale`; the last who changes one is followed."""
    world = settled(cluster())
    for target, replicas in [(SIMPLE, 5), (DEFAULT, 2), (SIMPLE, 4), (DEFAULT, 0), (SIMPLE, 1), (DEFAULT, 3)]:
        world.edit(target, _worker(replicas=replicas))
        world.settle()
        assert len(world.workers(GROUP)) == replicas
        assert world.get(DEFAULT)["spec"]["worker"]["replicas"] == replicas
    assert world.get(SIMPLE)["spec"]["worker"]["replicas"] == 1


def test_if_both_change_at_once_the_cluster_wins() -> None:
    """It is the one that people write manifests for."""
    world = settled(cluster())
    world.edit(DEFAULT, _worker(replicas=7))
    world.edit(SIMPLE, _worker(replicas=4))
    world.settle()
    assert len(world.workers(GROUP)) == 4


def test_applying_the_same_manifest_again_does_not_undo_a_scaling() -> None:
    """The cluster's number did not change, so the group's stands, whatever else is edited."""
    world = settled(cluster())
    world.edit(DEFAULT, _worker(replicas=5))
    world.settle()
    world.edit(SIMPLE, {"spec": cluster().spec.written()})
    world.edit(SIMPLE, _worker(minReadySeconds=1))
    world.settle()
    assert len(world.workers(GROUP)) == 5


def test_a_jobs_number_reaches_its_workers_and_so_does_its_clusters() -> None:
    """Through two levels, each with its own writer."""
    world = settled(job(replicas=2))
    of_job, name = key(DASK_CLUSTER, "train-cluster"), "train-cluster-default-worker-group"
    world.edit(key(DASK_JOB, "train"), {"spec": {"cluster": _worker(replicas=4)}})
    world.settle()
    assert len(world.workers(name)) == 4
    world.edit(of_job, _worker(replicas=1))
    world.settle()
    assert len(world.workers(name)) == 1


def test_scaling_down_takes_the_cheapest() -> None:
    """Unscheduled before unready before ready, and of those the youngest."""
    world = settled(cluster(replicas=2))
    old = _names(world)
    world.clock.advance(60)
    world.edit(SIMPLE, _worker(replicas=3))
    world.settle()
    third = _names(world) - old
    world.edit(SIMPLE, _worker(replicas=4, updateStrategy={"type": "OnDelete"}, spec=pod_spec(FULL)))
    for _ in range(3):
        world.tick()
    assert (len(world.workers(GROUP)), _ready(world)) == (4, 3)
    world.edit(SIMPLE, _worker(replicas=3))
    world.tick()
    assert _names(world) == old | third
    world.kubelet.unready(world.workers(GROUP)[0])
    unready = {pod["metadata"]["name"] for pod in world.workers(GROUP) if not is_ready(pod)}
    world.edit(SIMPLE, _worker(replicas=2))
    world.reconcile()
    assert _names(world) == (old | third) - unready


@pytest.mark.parametrize(
    ("strategy", "seconds", "least"),
    [
        ({}, 0, 5),
        ({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, 0, 6),
        ({"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "25%"}}, 0, 5),
        ({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 2}}, 30, 4),
    ],
)
def test_a_new_template_rolls_within_its_bounds(strategy: dict[str, Any], seconds: int, least: int) -> None:
    """At every moment enough workers are ready and not too many exist; the watch looks at every write."""
    spec = {"updateStrategy": {"type": "RollingUpdate", **strategy}, "minReadySeconds": seconds}
    world = settled(cluster(replicas=6, worker=spec))
    world.edit(SIMPLE, _worker(spec=pod_spec("dask:2", env=[{"name": "A", "value": "1"}])))
    fewest = 6
    for _ in range(100):
        world.tick()
        fewest = min(fewest, _ready(world))
    assert images(world.workers(GROUP)) == {"dask:2"}
    assert fewest == least
    check_at_rest(world)


@pytest.mark.parametrize("image", [CRASHING, NEVER_READY, FULL])
def test_a_rollout_whose_new_workers_fail_stops_and_its_repair_goes_on(image: str) -> None:
    """The workers that work are kept."""
    world = settled(cluster(replicas=4))
    world.edit(SIMPLE, _worker(spec=pod_spec(image)))
    for _ in range(200):
        world.tick()
        assert _ready(world) >= 3
    assert len([pod for pod in world.workers(GROUP) if images([pod]) == {"dask:1"}]) == 3
    world.edit(SIMPLE, _worker(spec=pod_spec("dask:3")))
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:3"}
    check_at_rest(world)


def test_an_edit_that_is_taken_back_leaves_the_old_workers() -> None:
    """They are from the present template again."""
    world = settled(cluster())
    before = _names(world)
    world.edit(SIMPLE, _worker(spec=pod_spec(NEVER_READY)))
    for _ in range(20):
        world.tick()
    world.edit(SIMPLE, _worker(spec=pod_spec()))
    world.settle()
    assert len(_names(world) & before) == 2


def test_recreate_never_mixes_old_and_new() -> None:
    """All go, and then all come."""
    world = settled(cluster(worker={"updateStrategy": {"type": "Recreate"}}))
    world.edit(SIMPLE, _worker(spec=pod_spec("dask:2")))
    for _ in range(40):
        world.tick()
        assert len(images(world.workers(GROUP, live=False))) <= 1
    assert images(world.workers(GROUP)) == {"dask:2"}


def test_on_delete_waits_for_someone() -> None:
    """Who deletes a worker gets one from the new template."""
    world = settled(cluster(worker={"updateStrategy": {"type": "OnDelete"}}))
    world.edit(SIMPLE, _worker(spec=pod_spec("dask:2")))
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:1"}
    world.delete(key_of(world.workers(GROUP)[0]))
    world.settle()
    assert sorted(pod["spec"]["containers"][0]["image"] for pod in world.workers(GROUP)) == [
        "dask:1",
        "dask:1",
        "dask:2",
    ]


def test_a_changed_scheduler_takes_its_workers_with_it() -> None:
    """All groups' workers are made anew for the new one."""
    world = settled(cluster(), group("simple", "more", replicas=2))
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    world.edit(SIMPLE, {"spec": {"scheduler": {"spec": pod_spec("dask:2")}}})
    world.settle()
    assert images(world.schedulers("simple")) == {"dask:2"}
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in world.pods())
    check_at_rest(world)


def test_a_scheduler_with_on_delete_is_left_to_someone_and_so_are_its_workers() -> None:
    """Until someone deletes the Pod."""
    world = settled(cluster(scheduler={"updateStrategy": {"type": "OnDelete"}}))
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    world.edit(SIMPLE, {"spec": {"scheduler": {"spec": pod_spec("dask:2")}}})
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.pods()} == before
    world.delete(key_of(world.schedulers("simple")[0]))
    world.settle()
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in world.pods())
    check_at_rest(world)


def test_metadata_is_changed_in_place() -> None:
    """Labels and annotations come and go without restarting anything, at every level."""
    world = settled(job(), group("train-cluster", "more"))
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    marks = {"metadata": {"labels": {"team": "x"}, "annotations": {"note": "y"}}}
    world.edit(key(DASK_JOB, "train"), marks)
    world.edit(key(DASK_JOB, "train"), {"spec": {"cluster": {"spec": {"worker": marks, "scheduler": marks}}}})
    world.settle()
    pods = world.pods()
    assert all(pod["metadata"]["labels"]["team"] == "x" for pod in pods)
    assert all(pod["metadata"]["annotations"]["note"] == "y" for pod in pods)
    gone = {"metadata": {"labels": {"team": None}, "annotations": {"note": None}}}
    world.edit(key(DASK_JOB, "train"), gone)
    world.edit(key(DASK_JOB, "train"), {"spec": {"cluster": {"spec": {"worker": gone, "scheduler": gone}}}})
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.pods()} == before
    assert not any("team" in pod["metadata"]["labels"] for pod in world.pods())
    assert not any("note" in pod["metadata"]["annotations"] for pod in world.pods())


def test_a_services_type_and_ports_are_followed() -> None:
    """The workers learn of a new port, for it is in the address that they were given."""
    world = settled(cluster())
    ports = [{"name": "tcp-comm", "port": 9786, "targetPort": 8786}, {"name": "http-dashboard", "port": 80}]
    world.edit(SIMPLE, {"spec": {"scheduler": {"service": {"type": "LoadBalancer", "ports": ports}}}})
    world.settle()
    spec = world.get(key(SERVICE, "simple-service"))["spec"]
    assert (spec["type"], [port["port"] for port in spec["ports"]]) == ("LoadBalancer", [9786, 80])
    comm = world.get(key(SERVICE, "simple-scheduler"))["spec"]
    assert (comm["type"], [port["port"] for port in comm["ports"]]) == ("ClusterIP", [9786, 80])
    assert world.get(SIMPLE)["status"]["schedulerAddress"].endswith(":9786")
    check_at_rest(world)


def test_what_is_taken_out_of_a_services_manifest_goes() -> None:
    """At every depth: fields, and fields of ports."""
    ports = [{"name": "tcp-comm", "port": 8786, "targetPort": 9999, "appProtocol": "dask"}]
    service = {"type": "NodePort", "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP", "ports": ports}
    world = settled(cluster(scheduler={"service": service}))
    less = {"externalTrafficPolicy": None, "sessionAffinity": None, "ports": [{"name": "tcp-comm", "port": 8786}]}
    world.edit(SIMPLE, {"spec": {"scheduler": {"service": less}}})
    world.settle()
    for name in ("simple-service", "simple-scheduler"):
        spec = world.get(key(SERVICE, name))["spec"]
        assert spec.get("externalTrafficPolicy", "Cluster") == "Cluster"
        assert spec["sessionAffinity"] == "None"
        (port,) = spec["ports"]
        assert port["targetPort"] == 8786
        assert "appProtocol" not in port


def test_a_resource_keeps_the_names_it_was_first_seen_with() -> None:
    """Another setting is for new resources."""
    world = settled(cluster())
    other = World(naming="current")
    assert other.settings.naming != world.settings.naming
    world.settings = other.settings
    world.restart()
    world.create(cluster("new"))
    world.settle()
    assert len(world.workers(GROUP)) == 3
    assert len(world.workers("new-default")) == 3
    check_at_rest(world)


def test_a_resource_that_is_replaced_keeps_its_names_all_the_same() -> None:
    """`kubectl replace` takes every annotation away, the record of the naming set too; the children still show it."""
    world = settled(cluster(), job(), naming="current")
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    world.settings = World(naming="classic").settings
    world.restart()
    for resource in (SIMPLE, key(DASK_JOB, "train"), key(DASK_CLUSTER, "train")):
        world.edit(resource, {"metadata": {"annotations": None}})
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.pods()} == before
    assert len(world.api.objects(SERVICE)) == 2
    check_at_rest(world)


def test_a_child_that_someone_edits_is_what_its_parent_asks_for_again() -> None:
    """But for the number of replicas, which is the child's to change."""
    world = settled(cluster())
    world.edit(DEFAULT, _worker(spec=pod_spec("theirs"), minReadySeconds=99))
    world.settle()
    assert images(world.workers(GROUP)) == {"dask:1"}
    assert world.get(DEFAULT)["spec"]["worker"].get("minReadySeconds", 0) == 0
    check_at_rest(world)
