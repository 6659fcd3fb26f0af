"""KubeCluster before it is started, after it was closed, in a copy of the program, and while connections break."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from kubecluster import KubeCluster
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, POD, Key
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually

GROUP = "a-cluster-default-worker-group"
SIGNS = ("kubernetes.dask.org/owner-seen", "kubernetes.dask.org/owner-timeout-seconds")
USES: dict[str, Callable[[KubeCluster], Any]] = {
    "scale": lambda cluster: cluster.scale(1),
    "adapt": lambda cluster: cluster.adapt(0, 1),
    "add_worker_group": lambda cluster: cluster.add_worker_group("more"),
    "delete_worker_group": lambda cluster: cluster.delete_worker_group("more"),
    "get_logs": lambda cluster: cluster.get_logs(),
    "wait_for_workers": lambda cluster: cluster.wait_for_workers(1),
}


def made(**more: Any) -> KubeCluster:
    """A cluster that shows nothing."""
    return KubeCluster(**{"name": "a", "quiet": True, **more})


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_not_started_changes_nothing(world: LivingWorld, use: Callable[[KubeCluster], Any]) -> None:
    """It says that it must be awaited, and other people's clusters and autoscalers are left alone."""
    world.cluster("theirs")
    world.api.create(DASK_AUTOSCALER, autoscaler("theirs"))

    async def program() -> None:
        cluster = made(asynchronous=True)
        with pytest.raises(RuntimeError, match="is not started yet"):
            await use(cluster)
        assert (cluster.namespace, cluster.cluster_name, cluster.dashboard_link) == ("default", "", "")
        await cluster.close()

    asyncio.run(program())
    assert world.names(DASK_AUTOSCALER) == ["theirs"]
    assert world.names(DASK_CLUSTER) == ["theirs"]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_closed_says_so(world: LivingWorld, use: Callable[[KubeCluster], Any]) -> None:
    """Whatever is asked of it; and it shows no workers any more."""
    cluster = made(n_workers=1, wait_for_workers=True)
    cluster.close()
    with pytest.raises(RuntimeError, match="The KubeCluster a is closed"):
        use(cluster)
    assert "workers=0" in repr(cluster)
    assert (cluster.cluster_name, cluster.dashboard_link) == ("a-cluster", "")
    world.leaves_nothing()


def test_what_is_not_awaited_is_done_all_the_same(world: LivingWorld) -> None:
    """The widget's buttons call methods in an event loop and await nothing."""

    async def program() -> None:
        async with made(asynchronous=True) as cluster:
            cluster.scale(2)
            await asyncio.to_thread(eventually, lambda: world.replicas(GROUP) == 2, "the number of workers")

    asyncio.run(program())


def test_the_workers_are_known_after_the_scheduler_was_replaced(world: LivingWorld) -> None:
    """Its Pod is deleted under the object, and what it shows follows the new one."""
    with made(n_workers=1, wait_for_workers=True) as cluster:
        before = world.get(POD, "a-cluster-scheduler")["metadata"]["uid"]
        world.server.pods.pop("a-cluster-scheduler")
        world.dask.stop(f"a-cluster-scheduler {before}")
        for pod in world.names(POD):
            world.api.remove(Key(POD, "default", pod))
        cluster.scale(2)
        eventually(lambda: "workers=2" in repr(cluster), "both workers in the text", deadline_seconds=60)


def test_closing_outlasts_a_server_that_is_away_for_a_moment(world: LivingWorld) -> None:
    """A connection that breaks is no reason to leave a cluster that somebody pays for."""
    cluster = made()
    world.server.troubles.append(Refusal(0, "delete", times=2))
    cluster.close()
    world.leaves_nothing()


def test_whether_it_shuts_down_may_be_decided_later(world: LivingWorld) -> None:
    """As with dask-kubernetes; a cluster that is to stay has no owner any more whose signs of life are missed."""
    cluster = made()
    assert world.get(DASK_CLUSTER, "a-cluster")["metadata"]["annotations"].keys() >= set(SIGNS)
    cluster.shutdown_on_close = False
    assert not world.get(DASK_CLUSTER, "a-cluster")["metadata"]["annotations"].keys() & set(SIGNS)
    cluster.close()
    assert world.names(DASK_CLUSTER) == ["a-cluster"]
    joined = KubeCluster.from_name("a", quiet=True)
    joined.shutdown_on_close = True
    joined.close()
    world.leaves_nothing()


def test_a_copy_of_the_program_closes_nothing(world: LivingWorld) -> None:
    """A forked child has no event loop, so that closing there must neither hang nor delete."""
    with made() as cluster:
        child = os.fork()
        if not child:
            os._exit(0 if cluster.close() is None else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_what_it_did_is_in_its_log(world: LivingWorld) -> None:
    """`get_logs` has it beside the Pods'."""
    with made() as cluster:
        assert cluster.get_logs(scheduler=False, workers=False)["Cluster"] == (
            f"The Dask cluster a is ready. Its dashboard: {cluster.dashboard_link}"
        )
    world.leaves_nothing()


def autoscaler(name: str) -> dict[str, Any]:
    """Somebody's autoscaler."""
    spec = {"cluster": name, "minimum": 0, "maximum": 1}
    kind = {"apiVersion": DASK_AUTOSCALER.api_version, "kind": DASK_AUTOSCALER.name}
    return {**kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}
