"""A user's program: makes a cluster as RAPIDS' document shows it, computes on it, and leaves it running."""

import os
import sys

from dask_kubernetes.operator import KubeCluster  # type: ignore[import-untyped]  # it has no types
from distributed import Client


def main(namespace: str, image: str) -> None:
    with (
        KubeCluster(
            name="rapids-dask",
            namespace=namespace,
            image=image,
            n_workers=2,
            resources={"limits": {"nvidia.com/gpu": "1"}},
            env={"DISABLE_JUPYTER": "true"},
            worker_command="dask-cuda-worker",
            shutdown_on_close=False,
            resource_timeout=120,
            quiet=True,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        assert client.submit(sum, range(10)).result(timeout=60) == 45
        assert set(client.run(os.getenv, "DISABLE_JUPYTER").values()) == {"true"}


if __name__ == "__main__":
    main(*sys.argv[1:])
