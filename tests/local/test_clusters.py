"""Clusters of Dask on this machine, seen by clients."""

import os
import signal
from collections.abc import Iterator

import pytest
from distributed import Client

from tests.local.command import LocalRun, local_with
from tests.local.modes import MODES
from tests.local.place import linux_only
from tests.local.smallpods import COMM, cluster, dask_scheduler, dask_worker
from tests.local.stage import free_port
from tests.node.clients import client_of, computes, workers_seen
from tests.realcluster.eventually import eventually


def addresses(client: Client) -> set[str]:
    """The addresses of the workers that the scheduler knows."""
    return {*client.scheduler_info(n_workers=-1)["workers"]}


@pytest.fixture(scope="module", params=MODES)
def side_by_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """Two clusters of Dask with the same port: `one` with two workers, `two` with one that has limits."""
    limited = dask_worker("--no-nanny", resources={"limits": {"cpu": "600m", "memory": "512Mi"}})
    port = free_port()
    one = cluster("one", dask_scheduler(), dask_worker(), replicas=2, port=port)
    two = cluster("two", dask_scheduler(), limited, replicas=1, port=port)
    with local_with(
        tmp_path_factory.mktemp("clusters"), one, two, options=("--shift-ports",) if request.param else ()
    ) as run:
        assert run.address("one") == f"localhost:{port}"
        host, _, other = run.address("two").partition(":")
        assert (host == "localhost") == (other != str(port)), "an address of its own, or a port of its own"
        yield run


def test_two_clusters_with_the_same_ports_run_side_by_side(side_by_side: LocalRun) -> None:
    """Each client computes on its own cluster, with that one's workers; both schedulers have Dask's usual port."""
    with client_of(side_by_side.address("one")) as one, client_of(side_by_side.address("two")) as two:
        one.wait_for_workers(2, timeout=60)
        two.wait_for_workers(1, timeout=60)
        assert computes(one, 3)
        assert computes(two, 4)
        schedulers = [client.scheduler_info()["address"] for client in (one, two)]
        assert len({*schedulers}) == 2
        assert all(address.endswith(f":{COMM}") for address in schedulers)
        assert {name.partition("-")[0] for name in workers_seen(one)} == {"one"}
        assert {name.partition("-")[0] for name in workers_seen(two)} == {"two"}


def test_limits_reach_dask(side_by_side: LocalRun) -> None:
    """A worker has as many threads as its cpu limit, rounded up, and as much memory as its memory limit."""
    with client_of(side_by_side.address("two")) as client:
        client.wait_for_workers(1, timeout=60)
        [worker] = client.scheduler_info()["workers"].values()
    assert (worker["nthreads"], worker["memory_limit"]) == (1, 512 * 2**20)


@linux_only
def test_a_worker_that_is_killed_comes_back(side_by_side: LocalRun) -> None:
    """After kill -9 of its main process, a worker's container is started again, with the same name, and computes."""
    with client_of(side_by_side.address("one")) as client:
        client.wait_for_workers(2, timeout=60)
        names, before = workers_seen(client), addresses(client)
        victim = min(names)
        pids = side_by_side.pids(victim)
        os.kill(side_by_side.main_pid(victim), signal.SIGKILL)
        side_by_side.says(f"pod/{victim} Running, ready 1/1, restarts 1")
        assert not {*pids} & {*side_by_side.pids(victim)}
        eventually(
            lambda: len(addresses(client) - before) == 1 and workers_seen(client) == names, "the worker's return"
        )
        assert computes(client, 5)
