"""The examples as they stand in examples/, run on this machine."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from distributed import Client
from distributed.system import MEMORY_LIMIT

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind
from reconciler.local.containers.programs import has_gpu
from tests.local.command import EXAMPLES, LocalRun, local
from tests.manifests import Manifest
from tests.node.clients import client_of, computes, workers_seen

FILES = sorted(file.name for file in EXAMPLES.glob("*.yaml"))


@dataclass(frozen=True, slots=True)
class Example:
    """An example that runs.

    Args:
        run: The run.
        manifests: What is in its file, and in the file with the cluster that it is for.
    """

    run: LocalRun
    manifests: tuple[Manifest, ...]

    def of(self, kind: Kind) -> list[Manifest]:
        """The manifests of a kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind.name]

    def workers(self, cluster: str) -> int:
        """How many workers are asked for, in all groups of a cluster."""
        default = [each["spec"]["worker"] for each in self.of(DASK_CLUSTER) if each["metadata"]["name"] == cluster]
        more = [each["spec"]["worker"] for each in self.of(DASK_WORKER_GROUP) if each["spec"]["cluster"] == cluster]
        return sum(worker["replicas"] for worker in (*default, *more))


def manifests(*files: str) -> tuple[Manifest, ...]:
    """What is in example files."""
    return tuple(body for file in files for body in yaml.safe_load_all((EXAMPLES / file).read_text()))


def needed(file: str) -> tuple[str, ...]:
    """An example's file, and those with the clusters that it is for."""
    clusters = {
        body["metadata"]["name"]: each for each in FILES for body in manifests(each) if is_a(DASK_CLUSTER, body)
    }
    wanted = {body["spec"]["cluster"] for body in manifests(file) if is_a(DASK_WORKER_GROUP, body)}
    wanted |= {body["spec"]["cluster"] for body in manifests(file) if is_a(DASK_AUTOSCALER, body)}
    return (*{clusters[name]: None for name in wanted if clusters[name] != file}, file)


def is_a(kind: Kind, body: Manifest) -> bool:
    return bool(body["kind"] == kind.name)


def started(temporary: Path, *arguments: str) -> AbstractContextManager[LocalRun]:
    """The command with examples' files, and other arguments."""
    return local(*(str(EXAMPLES / each) if each in FILES else each for each in arguments), temporary=temporary)


@pytest.fixture(scope="module")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """An example that runs, with what it needs."""
    files = needed(request.param)
    with started(tmp_path_factory.mktemp("example"), *files) as run:
        yield Example(run, manifests(*files))


@pytest.mark.parametrize("example", FILES, indirect=True)
def test_an_example_does_what_it_says(example: Example) -> None:
    """Every cluster of an example has its workers and computes; an example with jobs alone ends, and ends well."""
    for body in example.of(DASK_CLUSTER):
        name = body["metadata"]["name"]
        with client_of(example.run.address(name)) as client:
            client.wait_for_workers(example.workers(name), timeout=60)
            assert len(workers_seen(client)) == example.workers(name)
            assert computes(client, 7)
    if example.of(DASK_JOB) and not example.of(DASK_CLUSTER):
        assert example.run.ended() == 0
    assert not [line for line in example.run.errors if "Traceback" in line]


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
@pytest.mark.parametrize("example", ["rapids-cluster.yaml"], indirect=True)
def test_workers_for_gpus_become_ordinary_ones(example: Example) -> None:
    """Where there is no GPU, dask-cuda-worker becomes dask-worker; this is said once, not for each worker."""
    example.run.says("daskworkergroup/rapids-dask-cluster-default-worker-group Ready, ready 2/2")
    words = "There is no GPU on this machine: dask-cuda-worker becomes dask-worker."
    assert example.run.errors.count(words) == 1


@pytest.mark.parametrize("example", ["highmem-workers.yaml"], indirect=True)
def test_workers_of_two_groups_are_one_cluster_and_have_their_limits(example: Example) -> None:
    """A group's workers join its cluster, and its memory limit is Dask's, up to what the machine has."""
    with client_of(example.run.address("simple-cluster")) as client:
        client.wait_for_workers(4, timeout=60)
        limits = memory_limits(client)
    highmem = {name: limit for name, limit in limits.items() if name.startswith("simple-cluster-highmem-worker-group")}
    assert (len(limits), len(highmem)) == (4, 2)
    assert {*highmem.values()} == {min(32 * 2**30, MEMORY_LIMIT)}


def memory_limits(client: Client) -> dict[str, int]:
    """Each worker's memory limit."""
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    return {worker["name"]: worker["memory_limit"] for worker in found}


@pytest.mark.parametrize("example", ["simple-autoscaler.yaml"], indirect=True)
def test_workers_follow_the_work_on_a_laptop_too(example: Example) -> None:
    """A queue of tasks brings more of them than the cluster began with, and each task runs once."""
    example.run.says("daskautoscaler/simple-cluster Acting")
    with client_of(example.run.address("simple-cluster")) as client:
        futures = client.map(lambda one: time.sleep(1) or one, range(60), pure=False)  # type: ignore[func-returns-value]
        client.wait_for_workers(3, timeout=60)
        assert sum(client.gather(futures)) == sum(range(60))


@pytest.mark.parametrize("example", ["simple-cluster.yaml"], indirect=True)
def test_the_dashboard_is_where_the_command_says(example: Example) -> None:
    """The address of the dashboard is told in the same line as the scheduler's, and leads there."""
    line = example.run.says('simple-cluster is ready: Client("')
    host, _, port = line.partition("dashboard http://")[2].removesuffix("/status").partition(":")
    connection = HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"ok"
    finally:
        connection.close()


@pytest.mark.parametrize("example", ["simple-cluster.yaml"], indirect=True)
def test_neither_probes_nor_services_leave_anything_in_a_schedulers_log(example: Example) -> None:
    """Dask logs each connection that says nothing, and these would be most of what is seen of a cluster at rest."""
    with client_of(example.run.address("simple-cluster")) as client:
        client.wait_for_workers(2, timeout=60)
    assert not [line for line in example.run.output if "closed before handshake" in line]


@pytest.mark.parametrize("example", ["simple-cluster.yaml"], indirect=True)
def test_misplaced_fields_are_told_with_their_place(example: Example) -> None:
    """Those of a probe at once, before anything is made."""
    container = "spec.scheduler.spec.containers[0]"
    for probe in ("readinessProbe", "livenessProbe"):
        line = example.run.says(f"periodSeconds in {container}.{probe}.tcpSocket are unknown to Kubernetes there")
        assert line.endswith(f"; move them to {container}.{probe}.")


def test_a_cluster_computes_where_all_pods_share_an_address(tmp_path: Path) -> None:
    """With --shift-ports, a cluster is reached at localhost and computes."""
    with started(tmp_path, "--shift-ports", "simple-cluster.yaml") as run:
        assert run.address("simple-cluster").startswith("localhost:")
        with client_of(run.address("simple-cluster")) as client:
            client.wait_for_workers(2, timeout=60)
            assert computes(client, 9)


def test_a_job_succeeds_where_all_pods_share_an_address(tmp_path: Path) -> None:
    """With --shift-ports, a job's Client() finds its cluster."""
    with started(tmp_path, "--shift-ports", "simple-job.yaml") as run:
        assert run.ended() == 0
