"""Two clusters of Dask side by side, all processes real, with the ports that Dask has by default."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from reconciler.local.containers import programs
from reconciler.local.network.addresses import Network
from tests.local.insidepods import pods

SCHEDULERS = {"one": ("dask-scheduler",), "two": ("dask", "scheduler")}
WORKERS = {
    "one": ("dask-worker", "tcp://one-service.shop.svc.cluster.local:8786", "--name", "first"),
    "two": (
        *("dask-cuda-worker", "tcp://two-service:8786", "--name", "second", "--rmm-pool-size", "24GB"),
        *("--enable-nvlink", "--device-memory-limit=1GB", "--memory-limit", "1GiB"),
    ),
}
CLIENT = """
    from distributed import Client
    result = []
    for name in ("one", "two"):
        with Client(f"{name}-service:8786", timeout="60s") as client:
            client.wait_for_workers(1, timeout=60)
            [(address, worker)] = client.scheduler_info()["workers"].items()
            result.append({
                "computed": client.submit(sum, [19, 23]).result(),
                "host": client.submit(socket.gethostname).result(),
                "scheduler": client.scheduler_info()["address"],
                "addresses": sorted({address.rsplit(":", 1)[0], worker["nanny"].rsplit(":", 1)[0]}),
                "threads": worker["nthreads"],
                "name": worker["name"],
            })
"""


@pytest.fixture
def network(tmp_path: Path, *, shifted: bool) -> Iterator[Network]:
    """A network in each mode, in a folder with a space in its name, and the programs."""
    run = tmp_path / "a run"
    programs.install(run / "bin", has_gpu=False)
    with closing(Network(run, shifted=shifted)) as network:
        yield network


def test_two_clusters_compute_side_by_side(network: Network) -> None:
    """Two clusters with the same ports compute for a client in a third Pod; all that they announce are Pods' addresses.

    The second one's worker is made for GPUs, and becomes an ordinary one.
    """
    schedulers = pods(network, *SCHEDULERS)
    workers = pods(network, *(f"{name}-worker" for name in WORKERS), LOCAL_POD_CPUS="1")
    [client] = pods(network, "client")
    with ExitStack() as running:
        for pod, command in zip(schedulers, SCHEDULERS.values(), strict=True):
            running.enter_context(pod.started(*command))
        logs = [
            running.enter_context(pod.started(*command)) for pod, command in zip(workers, WORKERS.values(), strict=True)
        ]
        told = client.run(CLIENT)
        became = logs[1].read_text()
    assert told == [
        {
            "computed": 42,
            "host": worker.name,
            "scheduler": f"tcp://{scheduler.address}:8786",
            "addresses": [f"tcp://{worker.address}"],
            "threads": 1,
            "name": name,
        }
        for scheduler, worker, name in zip(schedulers, workers, ("first", "second"), strict=True)
    ]
    assert "becoming dask-worker, without --rmm-pool-size 24GB, --enable-nvlink, --device-memory-limit=1GB" in became
