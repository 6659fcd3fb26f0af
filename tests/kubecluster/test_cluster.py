"""KubeCluster from one end to the other, with real Dask behind a Kubernetes in this process."""

import os
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from kubecluster import KubeCluster
from kubecluster.errors import AlreadyExists, ClusterNotFound, NotAllowed, TimedOut
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD, Key
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually

SECONDS = 60


def made(name: str = "a", **more: Any) -> KubeCluster:
    """A cluster that shows nothing."""
    return KubeCluster(**{"name": name, "quiet": True, **more})


def computes(client: Any) -> bool:
    """Whether Dask does what it is there for."""
    return bool(client.submit(sum, range(10)).result(timeout=SECONDS) == 45)


def test_a_cluster_is_made_used_changed_and_closed(world: LivingWorld) -> None:
    """What Dask's documentation does with a cluster works, and in the end nothing is left."""
    with made("rapids-dask", n_workers=1) as cluster, Client(cluster) as client:
        assert computes(client)
        assert (cluster.cluster_name, cluster.namespace) == ("rapids-dask-cluster", "default")
        cluster.scale(2)
        client.wait_for_workers(2, timeout=SECONDS)
        cluster.add_worker_group("gpu", n_workers=1)
        client.wait_for_workers(3, timeout=SECONDS)
        assert world.names(DASK_WORKER_GROUP) == [
            "rapids-dask-cluster-default-worker-group",
            "rapids-dask-cluster-gpu",
        ]
        cluster.scale(0, worker_group="gpu")
        cluster.delete_worker_group("gpu")
        assert world.names(DASK_WORKER_GROUP) == ["rapids-dask-cluster-default-worker-group"]
        assert computes(client)
    world.leaves_nothing()


def test_what_a_cluster_shows_follows_what_there_is(world: LivingWorld) -> None:
    """The widget, the text and the link to the dashboard are those of every Dask cluster."""
    with made(n_workers=1, wait_for_workers=True) as cluster:
        eventually(lambda: "workers=1" in repr(cluster), "the worker in the text")
        assert repr(cluster).startswith(f"KubeCluster(a, '{cluster.scheduler_address}', workers=1, threads=1")
        assert "Scaling mode: Manual" in mode(cluster)
        assert cluster.dashboard_link.endswith("/status")
        assert cluster.dashboard_link in cluster._repr_html_()  # type: ignore[no-untyped-call]
        with urllib.request.urlopen(cluster.dashboard_link.replace("/status", "/health"), timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(RuntimeError, match="jupyter=True"):
            _ = cluster.jupyter_link
    assert cluster.dashboard_link == ""
    world.leaves_nothing()


def mode(cluster: KubeCluster) -> str:
    """How the widget says that it scales."""
    return str(cluster._scaling_status())  # type: ignore[no-untyped-call]


def test_adapting_lasts_until_that_group_is_scaled(world: LivingWorld) -> None:
    """The widget says so; scaling another group by hand changes nothing about it."""
    with made() as cluster:
        cluster.add_worker_group("gpu", n_workers=0)
        adapting = cluster.adapt(minimum=1, maximum=3)
        assert (adapting.minimum, adapting.maximum) == (1, 3)
        assert "Scaling mode: Adaptive" in mode(cluster)
        cluster.scale(0, worker_group="gpu")
        assert "Scaling mode: Adaptive" in mode(cluster)
        assert world.names(DASK_AUTOSCALER) == ["a-cluster"]
        cluster.scale(1)
        assert "Scaling mode: Manual" in mode(cluster)
        assert world.names(DASK_AUTOSCALER) == []
        cluster.adapt()
    world.leaves_nothing()


@pytest.mark.parametrize("change", ["scale", "adapt"])
def test_a_change_that_fails_leaves_the_widget_as_it_was(world: LivingWorld, change: str) -> None:
    """It shows what is so, not what was asked for."""
    with made() as cluster:
        cluster.adapt(1, 2)
        with pytest.raises(ClusterNotFound):
            getattr(cluster, change)(1, worker_group="none")
        assert "Scaling mode: Adaptive" in mode(cluster)
        assert world.names(DASK_AUTOSCALER) == ["a-cluster"]


@pytest.mark.parametrize(
    ("shutdown", "is_deleted"), [({}, True), ({"shutdown_on_close": True}, True), ({"shutdown_on_close": False}, False)]
)
def test_a_cluster_that_was_made_goes_unless_it_is_to_stay(
    world: LivingWorld, shutdown: dict[str, Any], *, is_deleted: bool
) -> None:
    """One that stays has no signs of life, or the reconciler would delete it for want of them."""
    with made(**shutdown) as cluster:
        assert cluster.shutdown_on_close is is_deleted
        annotations = world.get(DASK_CLUSTER, "a-cluster")["metadata"]["annotations"]
        assert ("kubernetes.dask.org/owner-seen" in annotations) is is_deleted
    assert world.names(DASK_CLUSTER) == ([] if is_deleted else ["a-cluster"])


@pytest.mark.parametrize(
    ("shutdown", "is_deleted"),
    [({}, False), ({"shutdown_on_close": False}, False), ({"shutdown_on_close": True}, True)],
)
@pytest.mark.parametrize("mode", ["CREATE_OR_CONNECT", "CONNECT_ONLY"])
def test_a_cluster_that_was_joined_stays_unless_it_is_to_go(
    world: LivingWorld, shutdown: dict[str, Any], mode: str, *, is_deleted: bool
) -> None:
    """It is somebody else's; nothing about it is changed by joining."""
    before = world.cluster("a-cluster")["spec"]
    with made(create_mode=mode, **shutdown) as cluster:
        assert cluster.shutdown_on_close is is_deleted
        assert world.get(DASK_CLUSTER, "a-cluster")["spec"] == before
    assert world.names(DASK_CLUSTER) == ([] if is_deleted else ["a-cluster"])


@pytest.mark.parametrize(
    "name", ["a", "a-cluster", "default/a", "default/a-cluster"], ids=["short", "whole", "placed short", "placed whole"]
)
def test_a_cluster_is_joined_by_any_of_its_names_and_left_there(world: LivingWorld, name: str) -> None:
    """As it was given to KubeCluster or as kubectl shows it, with its namespace or without."""
    world.cluster("a-cluster")
    with KubeCluster.from_name(name, quiet=True) as cluster:
        assert cluster.cluster_name == "a-cluster"
        with cluster.get_client() as client:  # type: ignore[no-untyped-call]
            assert client.run_on_scheduler(os.getpid)
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_a_cluster_without_the_suffix_is_joined_too(world: LivingWorld) -> None:
    """dask-kubernetes makes such ones; in another namespace as well."""
    world.cluster("a", "elsewhere")
    with KubeCluster.from_name("elsewhere/a", quiet=True) as cluster:
        assert (cluster.cluster_name, cluster.namespace) == ("a", "elsewhere")


def test_two_clusters_at_once_do_not_disturb_each_other(world: LivingWorld) -> None:
    """Each has its own scheduler, and one goes on when the other is closed."""
    with made("b", n_workers=1) as other, Client(other) as client:
        with made("a", n_workers=1, naming="current") as cluster:
            assert cluster.scheduler_address != other.scheduler_address
            assert world.names(DASK_CLUSTER) == ["a", "b-cluster"]
        assert world.names(DASK_CLUSTER) == ["b-cluster"]
        assert computes(client)
    world.leaves_nothing()


def test_workers_that_do_not_come_are_an_error_that_says_why(world: LivingWorld) -> None:
    """The Client's own way of waiting says it too."""
    with made(n_workers=1, wait_for_workers=1) as cluster, Client(cluster) as client:
        with pytest.raises(TimedOut, match="But fewer than 2 have joined the scheduler"):
            cluster.wait_for_workers(2, timeout="1 s")
        world.has_workers = False
        cluster.scale(2)
        with pytest.raises(TimeoutError, match="1 of 2 workers is not ready"):
            client.wait_for_workers(2, timeout=1)
        world.has_workers = True
        assert cluster.wait_for_workers(2, timeout=SECONDS) is None
        for nonsense in (0, -1, True, 1.5):
            with pytest.raises((TypeError, ValueError), match="n_workers is"):
                cluster.wait_for_workers(nonsense)  # type: ignore[arg-type]


def test_waiting_for_workers_outlasts_a_scheduler_that_is_replaced(world: LivingWorld) -> None:
    """Its Pod may be deleted while one waits; the next one is reached through the same port."""
    with made(n_workers=1, wait_for_workers=True, resource_timeout=60) as cluster:
        before = world.get(POD, "a-cluster-scheduler")["metadata"]["uid"]
        world.has_workers = False
        world.server.pods.pop("a-cluster-scheduler")
        world.dask.stop(f"a-cluster-scheduler {before}")
        for pod in world.names(POD):  # workers end with their scheduler
            world.api.remove(Key(POD, "default", pod))
        threading.Timer(1, lambda: setattr(world, "has_workers", True)).start()
        cluster.wait_for_workers(1, timeout=SECONDS)
        assert world.get(POD, "a-cluster-scheduler")["metadata"]["uid"] != before


def test_logs_are_those_of_the_pods_even_where_dask_is_broken(world: LivingWorld) -> None:
    """They come from Kubernetes, which has them when the scheduler answers nobody."""
    with made(n_workers=1, wait_for_workers=True) as cluster:
        (worker,) = (name for name in world.names(POD) if "worker" in name)
        world.server.logs = {"a-cluster-scheduler": "it runs\n", worker: "so do I\n"}
        world.server.pods.clear()  # no port leads anywhere any more
        logs = cluster.get_logs()
        assert logs.keys() == {"Cluster", "a-cluster-scheduler", worker}
        assert (logs["a-cluster-scheduler"], logs[worker]) == ("it runs\n", "so do I\n")
        assert cluster.get_logs(cluster=False, workers=False) == {"a-cluster-scheduler": "it runs\n"}
    world.leaves_nothing()


def test_a_deletion_that_fails_is_an_error_and_closing_again_tries_again(world: LivingWorld) -> None:
    """A cluster that goes on costs money: nobody may take it for deleted."""
    cluster = made()
    world.server.troubles.append(Refusal(403, "delete", "daskclusters", 'User "eve" cannot delete it'))
    for _ in range(2):
        with pytest.raises(NotAllowed, match="eve"):
            cluster.close()
        assert cluster.shutdown_on_close
        assert world.names(DASK_CLUSTER) == ["a-cluster"]
    world.server.troubles.clear()
    cluster.close()
    world.leaves_nothing()
    assert cluster.close() is None


def test_a_cluster_that_a_finalizer_holds_is_told_of(world: LivingWorld) -> None:
    """It was asked to go, so closing again asks nobody any more."""
    cluster = made()
    world.api.edit(next(iter(keys(world))), {"metadata": {"finalizers": ["example.com/mine"]}})
    with pytest.raises(TimeoutError, match=r"Its finalizers are: example\.com/mine"):
        cluster.close(timeout=0.1)
    cluster.close()
    world.api.edit(next(iter(keys(world))), {"metadata": {"finalizers": None}})
    world.leaves_nothing()


def keys(world: LivingWorld) -> list[Any]:
    """The DaskClusters' keys."""
    return [Key(DASK_CLUSTER, "default", name) for name in world.names(DASK_CLUSTER)]


def test_a_cluster_that_somebody_else_deleted_is_closed_without_trouble(world: LivingWorld) -> None:
    """Also if he has made another of that name, which stays."""
    with made():
        world.api.remove(keys(world)[0])
        world.cluster("a-cluster")
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_nothing_is_left_in_this_process(world: LivingWorld) -> None:
    """No thread and no file is left after a cluster is closed, nor after one that could not be made."""
    with made("warm-up"):
        pass
    world.cluster("taken-cluster")
    threads, files = ours(), open_files()
    with made() as cluster:
        assert ours() > threads
        cluster.scale(1)
    with pytest.raises(AlreadyExists):
        made("taken", create_mode="CREATE_ONLY")
    eventually(lambda: ours() <= threads, f"the end of {ours() - threads}")
    eventually(lambda: open_files() <= files, f"{files} open files rather than {open_files()}")


def ours() -> set[threading.Thread]:
    """The threads that are not the world's own."""
    return {one for one in threading.enumerate() if not one.name.startswith("write")}


def open_files() -> int:
    """How many files and sockets are open, but for those of the world's own connections."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
