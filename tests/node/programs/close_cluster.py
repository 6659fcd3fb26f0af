"""A user's program: finds a cluster by its name, scales it, adds workers of another kind, and closes it."""

import sys
from functools import partial

from dask_kubernetes.operator import KubeCluster  # type: ignore[import-untyped]  # it has no types
from distributed import Client

from tests.node.clients import workers_seen
from tests.realcluster.eventually import eventually


def main(namespace: str, image: str) -> None:
    with (
        KubeCluster.from_name("rapids-dask", namespace=namespace, shutdown_on_close=True, quiet=True) as cluster,
        Client(cluster) as client,
    ):
        await_workers(client, 2)
        cluster.scale(3)
        await_workers(client, 3)
        cluster.scale(1)
        await_workers(client, 1)
        cluster.add_worker_group(name="more", n_workers=1, image=image)
        await_workers(client, 2)
        cluster.delete_worker_group(name="more")
        await_workers(client, 1)
        assert client.submit(sum, range(10)).result(timeout=60) == 45


def await_workers(client: Client, number: int) -> None:
    eventually(partial(_has, client, number), f"{number} workers", deadline_seconds=120)


def _has(client: Client, number: int) -> bool:
    return len(workers_seen(client)) == number


if __name__ == "__main__":
    main(*sys.argv[1:])
