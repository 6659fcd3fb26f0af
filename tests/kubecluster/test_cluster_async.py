"""KubeCluster in the event loop of whoever uses it."""

import asyncio
from typing import Any

import pytest
from distributed import Client

from kubecluster import KubeCluster, discover
from kubecluster.errors import ClusterNotFound, NotAllowed
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually


def made(name: str = "a", **more: Any) -> KubeCluster:
    """A cluster to await, that shows nothing."""
    return KubeCluster(**{"name": name, "quiet": True, "asynchronous": True, **more})


def test_async_with_makes_a_cluster_and_deletes_it(world: LivingWorld) -> None:
    """Every method is awaited."""

    async def program() -> None:
        async with made(n_workers=1) as cluster, Client(cluster, asynchronous=True) as client:
            assert await client.submit(sum, range(10)) == 45
            await cluster.scale(2)
            await client.wait_for_workers(2, timeout=60)
            await cluster.add_worker_group("gpu", n_workers=0)
            assert len(world.names(DASK_WORKER_GROUP)) == 2
            await cluster.delete_worker_group("gpu")
            assert set(await cluster.get_logs(workers=False)) == {"Cluster", "a-cluster-scheduler"}
        assert await cluster.close() is None

    asyncio.run(program())
    world.leaves_nothing()


def test_a_cluster_is_awaited_and_closed(world: LivingWorld) -> None:
    """Nothing is made before, and nothing is left after."""

    async def program() -> None:
        cluster = made()
        assert world.is_empty()
        assert await cluster is cluster
        assert world.names(DASK_CLUSTER) == ["a-cluster"]
        await cluster
        await cluster.close()
        await cluster.close()

    asyncio.run(program())
    world.leaves_nothing()


def test_with_alone_is_refused_with_the_word_that_is_missing(world: LivingWorld) -> None:
    """It would use a cluster that is not there yet."""

    async def program() -> None:
        cluster = await made()
        with pytest.raises(TypeError, match="async with"):
            cluster.__enter__()
        await cluster.close()

    asyncio.run(program())
    world.leaves_nothing()


def test_adapt_returns_what_can_be_awaited(world: LivingWorld) -> None:
    """Awaited or not, the DaskAutoscaler is made; an error comes to whoever awaits."""

    async def program() -> None:
        async with made() as cluster:
            adapting = await cluster.adapt(minimum=1, maximum=2)
            assert (adapting.minimum, adapting.maximum) == (1, 2)
            assert world.names(DASK_AUTOSCALER) == ["a-cluster"]
            assert "Adaptive" in cluster._scaling_status()
            with pytest.raises(ClusterNotFound):
                await cluster.adapt(1, 2, worker_group="none")
            await cluster.scale(0)
            assert world.names(DASK_AUTOSCALER) == []

    asyncio.run(program())
    world.leaves_nothing()


def test_a_cluster_is_joined_by_its_name(world: LivingWorld) -> None:
    """And left there."""
    world.cluster("a-cluster")

    async def program() -> None:
        async with KubeCluster.from_name("a", asynchronous=True, quiet=True) as cluster:
            assert cluster.cluster_name == "a-cluster"

    asyncio.run(program())
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_two_clusters_start_at_the_same_time(world: LivingWorld) -> None:
    """Neither holds up the other's event loop."""

    async def program() -> None:
        clusters = await asyncio.gather(made("a"), made("b"))
        assert world.names(DASK_CLUSTER) == ["a-cluster", "b-cluster"]
        await asyncio.gather(*(cluster.close() for cluster in clusters))

    asyncio.run(program())
    world.leaves_nothing()


def test_two_who_want_the_same_cluster_share_it(world: LivingWorld) -> None:
    """One makes it, and the other, who is later by a moment, joins it."""

    async def program() -> None:
        clusters = await asyncio.gather(made(), made())
        assert sorted(cluster.shutdown_on_close for cluster in clusters) == [False, True]
        for cluster in sorted(clusters, key=lambda one: one.shutdown_on_close):
            await cluster.close()

    asyncio.run(program())
    world.leaves_nothing()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.4])
def test_a_start_that_is_cancelled_leaves_nothing(world: LivingWorld, seconds: float) -> None:
    """At whatever time: also while the request that makes it is on its way."""

    async def program() -> None:
        starting = asyncio.ensure_future(began())
        await asyncio.sleep(seconds)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    async def began() -> None:
        await made(image="sleepy")

    world.statuses["sleepy"] = {"phase": "Pending"}
    asyncio.run(program())
    world.leaves_nothing()


@pytest.mark.parametrize(("shutdown", "left"), [(None, []), (False, ["a-cluster"])])
def test_a_start_that_is_cancelled_between_request_and_answer_deletes_what_was_made(
    world: LivingWorld, left: list[str], *, shutdown: bool | None
) -> None:
    """Kubernetes has made it by then, and nobody else knows of it; unless it is to stay whatever happens."""
    world.server.late_seconds["create daskclusters"] = 1

    async def program() -> None:
        starting = asyncio.ensure_future(began())
        await asyncio.to_thread(eventually, lambda: bool(world.names(DASK_CLUSTER)), "the DaskCluster")
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    async def began() -> None:
        await made(shutdown_on_close=shutdown)

    asyncio.run(program())
    assert world.names(DASK_CLUSTER) == left


def test_a_start_that_fails_can_be_caught_and_leaves_nothing(world: LivingWorld) -> None:
    """The error says what became of the cluster."""
    world.server.troubles.append(Refusal(403, "list", "pods", 'User "eve" cannot list pods'))

    async def program() -> None:
        with pytest.raises(NotAllowed) as raised:
            await made()
        assert "default/a-cluster was deleted again" in "".join(raised.value.__notes__)

    asyncio.run(program())
    world.leaves_nothing()


def test_an_attribute_counts_that_is_set_before_the_cluster_is_awaited(world: LivingWorld) -> None:
    """dask-ctl makes a cluster, says that it is to stay, and hands it on."""

    async def program() -> None:
        cluster = made()
        cluster.shutdown_on_close = False
        await cluster
        await cluster.close()

    asyncio.run(program())
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_adapt_need_not_be_awaited(world: LivingWorld) -> None:
    """Prefect's runner awaits coroutines alone, and the lab extension nothing; both read the bounds."""

    async def program() -> None:
        async with made() as cluster:
            adapting = cluster.adapt(minimum=1, maximum=2)
            assert not asyncio.iscoroutine(adapting)
            assert (adapting.minimum, adapting.maximum) == (1, 2)
            await asyncio.to_thread(eventually, lambda: bool(world.names(DASK_AUTOSCALER)), "the DaskAutoscaler")

    asyncio.run(program())
    world.leaves_nothing()


def test_clusters_are_discovered_with_names_that_join_them(world: LivingWorld) -> None:
    """Those of other namespaces have these before their names; dask-ctl asks so."""
    world.cluster("a-cluster")
    world.cluster("b", "elsewhere")

    async def program() -> list[tuple[str, type]]:
        return [found async for found in discover()]

    assert asyncio.run(program()) == [("a-cluster", KubeCluster), ("elsewhere/b", KubeCluster)]
    world.server.troubles.append(Refusal(403, "list", "daskclusters", 'User "eve" cannot list them', times=1))
    assert asyncio.run(program()) == [("a-cluster", KubeCluster)]
    world.server.troubles.append(Refusal(403, "list", "daskclusters", 'User "eve" cannot list them'))
    assert asyncio.run(program()) == []
