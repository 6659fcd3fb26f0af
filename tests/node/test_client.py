"""KubeCluster on a real node: from this machine, from a Pod, from several processes, from an event loop."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from distributed import Client

from kubecluster import AlreadyExists, ClusterNotFound, KubeCluster
from tests.kubecluster.sockets import Proxy
from tests.node.clients import MISMATCH, computes, workers_seen
from tests.node.images import DASK_IMAGE
from tests.node.place import CLUSTER, Place
from tests.realcluster import ClusterError
from tests.realcluster.eventually import eventually
from tests.realcluster.processes import environment

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]

SMALL = {"worker_command": "dask-worker --nthreads 1 --no-nanny", "image": DASK_IMAGE, "quiet": True}


@pytest.fixture
def where(place: Place) -> dict[str, Any]:
    """The arguments that lead to the place."""
    return {"kubeconfig": str(place.node.kubeconfig), "namespace": place.namespace, **SMALL}


def exists(place: Place, name: str) -> bool:
    try:
        place.get("daskcluster", name)
    except ClusterError:
        return False
    return True


def test_the_documents_example(place: Place, where: dict[str, Any]) -> None:
    """What RAPIDS' document does: make it with three workers, compute, scale to five, close; nothing is left."""
    cluster = KubeCluster(
        **{key: where[key] for key in ("kubeconfig", "namespace", "quiet")},
        name="rapids-dask",
        image=DASK_IMAGE,
        n_workers=3,
        resources={"limits": {"nvidia.com/gpu": "1"}},
        env={"DISABLE_JUPYTER": "true"},
        worker_command="dask-cuda-worker",
    )
    with Client(cluster) as client:
        client.wait_for_workers(3)
        assert computes(client, 7)
        cluster.scale(5)
        client.wait_for_workers(5)
        assert len(workers_seen(client)) == 5
        listed = place.kubectl("get", "all", f"--selector={CLUSTER}=rapids-dask-cluster", "--output=name").split()
        worker = "pod/rapids-dask-cluster-default-worker-group-worker-[0-9a-f]{10}"
        expected = [*[worker] * 5, "pod/rapids-dask-cluster-scheduler", "service/rapids-dask-cluster-service"]
        for name, pattern in zip(listed, expected, strict=True):
            assert re.fullmatch(pattern, name)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", cluster.dashboard_link)
    cluster.close()
    assert not exists(place, "rapids-dask-cluster")
    place.leaves_nothing({"rapids-dask"})


def test_a_second_process_joins_what_the_first_left(place: Place, where: dict[str, Any]) -> None:
    """With shutdown_on_close=False the cluster stays, and from_name finds it by either of its names, and leaves it."""
    options = {**where, "name": "stays", "n_workers": 1, "shutdown_on_close": False}
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"from kubecluster import KubeCluster; KubeCluster(**{options!r}).close()",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    joining = {key: value for key, value in where.items() if key not in ("image", "worker_command")}
    for name in ("stays", "stays-cluster", f"{place.namespace}/stays"):
        more = {key: value for key, value in joining.items() if "/" not in name or key != "namespace"}
        with KubeCluster.from_name(name, **more) as cluster, Client(cluster) as client:
            client.wait_for_workers(1)
            assert computes(client, 3)
            assert cluster.cluster_name == "stays-cluster"
    with pytest.raises(AlreadyExists, match="stays-cluster already"):
        KubeCluster(name="stays", create_mode="CREATE_ONLY", **where)
    with pytest.raises(ClusterNotFound, match=r"no DaskCluster .*/other-cluster and no .*/other"):
        KubeCluster.from_name("other", **joining)
    assert exists(place, "stays-cluster")
    KubeCluster.from_name("stays", shutdown_on_close=True, **joining).close()
    assert not exists(place, "stays-cluster")


def test_under_the_current_names(place: Place, where: dict[str, Any]) -> None:
    """A cluster may have dask-kubernetes' names, and its groups are found by the same words."""
    with KubeCluster(name="new", naming="current", n_workers=1, **where) as cluster, Client(cluster) as client:
        cluster.add_worker_group("more", n_workers=1)
        cluster.scale(2)
        cluster.scale(2, worker_group="more")
        client.wait_for_workers(4)
        groups = {name.rpartition("-worker-")[0] for name in workers_seen(client)}
        assert groups == {"new-default", "new-more"}
        cluster.delete_worker_group("more")
        eventually(lambda: len(workers_seen(client)) == 2, "the end of the group")
        assert cluster.cluster_name == "new"
    assert not exists(place, "new")


def test_two_clusters_at_once_in_one_process(where: dict[str, Any]) -> None:
    """Each has its own scheduler, workers and ports."""
    with ExitStack() as stack:
        clusters = [stack.enter_context(KubeCluster(name=name, n_workers=1, **where)) for name in ("one", "two")]
        clients = [stack.enter_context(Client(cluster)) for cluster in clusters]
        for client, name in zip(clients, ("one", "two"), strict=True):
            client.wait_for_workers(1)
            (worker,) = workers_seen(client)
            assert worker.startswith(f"{name}-cluster-")
            assert computes(client, 5)


def test_in_an_event_loop(place: Place, where: dict[str, Any]) -> None:
    """Everything is awaited, and nothing blocks the loop for long."""

    async def use() -> None:
        longest = asyncio.create_task(longest_pause())
        async with (
            KubeCluster(name="loop", n_workers=1, asynchronous=True, **where) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            await cluster.wait_for_workers(1)
            assert await client.submit(pow, 3, 2) == 9
            await cluster.scale(2)
            await cluster.add_worker_group("more", n_workers=1)
            await cluster.wait_for_workers(3)
            await cluster.adapt(minimum=1, maximum=2)
            assert len(await cluster.get_logs()) == 5
            await cluster.delete_worker_group("more")
        longest.cancel()
        assert await asyncio.wait_for(longest, 1) < 1

    asyncio.run(use())
    assert not exists(place, "loop-cluster")


async def longest_pause() -> float:
    """The longest time for which the event loop was away, until it is cancelled."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)
    return longest


@pytest.fixture
def cut_network(place: Place, tmp_path: Path) -> Iterator[tuple[Proxy, str]]:
    """A network before the API server that can be cut, and a kubeconfig that leads through it."""
    document = yaml.safe_load(place.node.kubeconfig.read_text())
    server = document["clusters"][0]["cluster"]["server"]
    host, _, port = server.removeprefix("https://").rpartition(":")
    with Proxy(host, int(port)) as proxy:
        address = {"server": f"https://127.0.0.1:{proxy.port}", "tls-server-name": "kubernetes"}
        document["clusters"][0]["cluster"] |= address
        config = tmp_path / "kubeconfig"
        config.write_text(yaml.safe_dump(document))
        yield proxy, str(config)


def test_a_client_outlives_cuts_of_the_network_and_the_scheduler(
    place: Place, where: dict[str, Any], cut_network: tuple[Proxy, str]
) -> None:
    """However often connections break, the same Client computes again; so it does when the scheduler was replaced."""
    proxy, config = cut_network
    with KubeCluster(name="cut", n_workers=1, **{**where, "kubeconfig": config}) as cluster, Client(cluster) as client:
        client.wait_for_workers(1)
        for number in range(10):
            proxy.cut()
            eventually(lambda number=number: computes_now(client, number), "a result")  # type: ignore[misc]
        place.kubectl("delete", "pod", "cut-cluster-scheduler")
        eventually(lambda: computes_now(client, 11), "a result of the new scheduler", deadline_seconds=120)
        cluster.scale(2)
        client.wait_for_workers(2)


def computes_now(client: Client, number: int) -> bool:
    """Whether the client gets a result now; what was sent over a connection that breaks is cancelled."""
    with suppress(Exception):
        return bool(client.submit(pow, number, 3, pure=False).result(timeout=10) == number**3)
    return False
