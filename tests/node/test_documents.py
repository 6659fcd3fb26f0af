"""What Dask's and RAPIDS' documents tell their readers, sentence by sentence, with their own manifests.

The two clusters come up while the job's walk-through, the first test, is under way.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.node.clients import (
    EXAMPLES,
    MISMATCH,
    SUM_OF_SQUARES,
    computed_in_a_pod,
    connected,
    forwarded,
    workers_seen,
)
from tests.node.conftest import DAEMON
from tests.node.place import CLUSTER, GROUP, Place
from tests.realcluster import RealCluster

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]

SIMPLE = f"{EXAMPLES}/simple-cluster.yaml"
HIGH_MEMORY = f"{EXAMPLES}/highmem-workers.yaml"
RAPIDS = f"{EXAMPLES}/rapids-cluster.yaml"
JOB = f"{EXAMPLES}/simple-job.yaml"
DEFAULT_GROUP = f"{GROUP}=simple-cluster-default-worker-group"
HIGH_MEMORY_GROUP = f"{GROUP}=simple-cluster-highmem-worker-group"
HEX = "[0-9a-f]{10}"


@pytest.fixture(scope="module")
def reader(deployed: RealCluster) -> Iterator[Place]:
    """Where the documents' commands are typed: the namespace `default`, with both clusters just applied."""
    place = Place(deployed, "default")
    for file, name in ((SIMPLE, "simple-cluster"), (RAPIDS, "rapids-dask-cluster")):
        assert place.kubectl("apply", f"--filename={file}") == f"daskcluster.kubernetes.dask.org/{name} created\n"
    yield place
    place.kubectl("delete", "--ignore-not-found", "--wait=false", *(f"--filename={file}" for file in (SIMPLE, RAPIDS)))


@pytest.fixture
def simple(reader: Place) -> Place:
    """Where `simple-cluster` is ready."""
    reader.wait("daskcluster/simple-cluster", "condition=Ready")
    return reader


@pytest.fixture
def rapids(reader: Place) -> Place:
    """Where `rapids-dask-cluster` is ready."""
    reader.wait("daskcluster/rapids-dask-cluster", "condition=Ready")
    return reader


def shown(place: Place, *arguments: str) -> list[str]:
    """The lines of `kubectl get`, without headings."""
    return place.kubectl("get", *arguments, "--no-headers").splitlines()


def test_a_job_runs_to_its_end_and_its_cluster_is_cleaned_up(reader: Place) -> None:
    """Its Pods have the names in the document; the runner stays Completed; deleting the job leaves nothing."""
    assert reader.kubectl("apply", f"--filename={JOB}") == "daskjob.kubernetes.dask.org/simple-job created\n"
    worker = f"simple-job-cluster-default-worker-group-worker-{HEX}"
    expected = [worker, worker, "simple-job-cluster-scheduler", "simple-job-runner"]
    reader.eventually(lambda: len(pod_names(reader, "simple-job-")) == len(expected), "the job's four Pods")
    for name, pattern in zip(pod_names(reader, "simple-job-"), expected, strict=True):
        assert re.fullmatch(pattern, name)
    reader.wait("daskjob/simple-job", "condition=Complete")
    reader.wait("daskcluster/simple-job-cluster", "delete")
    reader.leaves_nothing({"simple-job-cluster"})
    assert re.match(r"simple-job-runner +0/1 +Completed ", shown(reader, "pods", "simple-job-runner")[0])
    assert re.match(r"simple-job +Successful +simple-job-cluster ", shown(reader, "daskjobs", "simple-job")[0])
    reader.kubectl("delete", f"--filename={JOB}")
    reader.leaves_nothing({"simple-job"})


def pod_names(place: Place, prefix: str) -> list[str]:
    """The names of Pods, in their order."""
    names = (line.removeprefix("pod/") for line in place.kubectl("get", "pods", "--output=name").split())
    return sorted(name for name in names if name.startswith(prefix))


def test_the_rapids_cluster_has_the_names_in_the_document(rapids: Place) -> None:
    """`kubectl get all -l dask.org/cluster-name=…` shows two workers, the scheduler and one Service, and no more."""
    listed = shown(rapids, "all", "--selector", f"{CLUSTER}=rapids-dask-cluster")
    worker = f"pod/rapids-dask-cluster-default-worker-group-worker-{HEX} +1/1 +Running +0 .*"
    expected = [
        worker,
        worker,
        "pod/rapids-dask-cluster-scheduler +1/1 +Running +0 .*",
        r"service/rapids-dask-cluster-service +ClusterIP +[0-9.]+ +<none> +8786/TCP,8787/TCP .*",
    ]
    for line, pattern in zip([line for line in listed if line], expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_the_rapids_cluster_computes_for_a_pod(rapids: Place) -> None:
    """`Client("rapids-dask-cluster-scheduler:8786")` in a Pod of the namespace reaches it."""
    address = "rapids-dask-cluster-scheduler:8786"
    assert computed_in_a_pod(rapids, "ghcr.io/dask/dask:latest", address) == f"{SUM_OF_SQUARES}\n"


def test_deleting_the_rapids_cluster_leaves_nothing_behind(rapids: Place) -> None:
    """`kubectl delete -f` removes the cluster, and everything that was made from it goes too."""
    rapids.kubectl("delete", f"--filename={RAPIDS}")
    rapids.leaves_nothing({"rapids-dask-cluster"})


def test_the_simple_cluster_is_listed_as_in_the_document(simple: Place) -> None:
    """One cluster, one default group, one labelled Service with both ports, and Pods of the names shown."""
    heading = simple.kubectl("get", "daskclusters").splitlines()[0].split()
    assert heading == ["NAME", "STATUS", "READY", "WORKERS", "REASON", "AGE"]
    assert re.match(r"simple-cluster +Running +True +2/2 +Ready ", shown(simple, "daskclusters", "simple-cluster")[0])
    groups = simple.kubectl("get", "daskworkergroups", "--output=name").split()
    assert "daskworkergroup.kubernetes.dask.org/simple-cluster-default-worker-group" in groups
    (service,) = shown(simple, "service", "--selector", f"{CLUSTER}=simple-cluster")
    assert re.match(r"simple-cluster-service +NodePort +[0-9.]+ +<none> +8786:\d+/TCP,8787:\d+/TCP ", service)
    pods = [line.split()[0] for line in shown(simple, "pods", "--selector", f"{CLUSTER}=simple-cluster")]
    worker = f"simple-cluster-default-worker-group-worker-{HEX}"
    for name, pattern in zip(pods, [worker, worker, "simple-cluster-scheduler"], strict=True):
        assert re.fullmatch(pattern, name)


def test_a_client_on_this_machine_computes_through_a_forwarded_port(simple: Place) -> None:
    """A client reaches what `kubectl port-forward` forwards to localhost, and workers bear their Pods' names."""
    with connected(simple, "simple-cluster-service") as client:
        client.wait_for_workers(2, timeout=60)
        assert workers_seen(client) == set(simple.uids(DEFAULT_GROUP))
        assert client.submit(sum, range(10)).result(timeout=60) == 45


def test_the_example_client_computes_on_this_machine_and_in_a_pod(simple: Place) -> None:
    """examples/client.py prints the same through a forwarded port and through the Service for Pods."""
    with forwarded(simple, "simple-cluster-service") as address:
        command = [sys.executable, str(EXAMPLES / "client.py"), address]
        assert subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout == f"{SUM_OF_SQUARES}\n"
    image = "ghcr.io/dask/dask:latest"
    assert computed_in_a_pod(simple, image, "simple-cluster-scheduler:8786") == f"{SUM_OF_SQUARES}\n"


def test_a_group_is_scaled_like_a_deployment(simple: Place) -> None:
    """`kubectl scale daskworkergroup` adds Pods that join, and leaves those alone that are there."""
    before = simple.uids(DEFAULT_GROUP)
    scaled = simple.kubectl("scale", "--replicas=5", "daskworkergroup", "simple-cluster-default-worker-group")
    assert scaled == "daskworkergroup.kubernetes.dask.org/simple-cluster-default-worker-group scaled\n"
    simple.eventually(lambda: len(simple.uids(DEFAULT_GROUP)) == 5, "five workers")
    assert before.items() <= simple.uids(DEFAULT_GROUP).items()
    with connected(simple, "simple-cluster-service") as client:
        simple.eventually(lambda: set(simple.uids(DEFAULT_GROUP)) <= workers_seen(client), "five workers in Dask")


def test_a_cluster_is_scaled_through_its_default_group(simple: Place) -> None:
    """`kubectl scale daskcluster` sets the default group's replicas, whatever that was scaled to before."""
    simple.kubectl("scale", "--replicas=3", "daskcluster", "simple-cluster")
    simple.eventually(lambda: len(simple.uids(DEFAULT_GROUP)) == 3, "three workers")
    with connected(simple, "simple-cluster-service") as client:
        simple.eventually(lambda: workers_seen(client) == set(simple.uids(DEFAULT_GROUP)), "three workers in Dask")
    assert simple.get("daskworkergroup", "simple-cluster-default-worker-group")["spec"]["worker"]["replicas"] == 3


def test_high_memory_workers_join_the_cluster_and_are_scaled_too(simple: Place) -> None:
    """A worker group of one's own that names the cluster runs beside the default one, and tasks can be sent to it."""
    created = simple.kubectl("apply", f"--filename={HIGH_MEMORY}")
    assert created == "daskworkergroup.kubernetes.dask.org/simple-cluster-highmem-worker-group created\n"
    simple.wait("daskworkergroup/simple-cluster-highmem-worker-group", "condition=Ready")
    high_memory = simple.uids(HIGH_MEMORY_GROUP)
    assert len(high_memory) == 2
    with connected(simple, "simple-cluster-service") as client:
        simple.eventually(lambda: set(high_memory) <= workers_seen(client), "high-memory workers in Dask")
        assert client.submit(sum, range(11), workers=sorted(high_memory)).result(timeout=60) == 55
    simple.kubectl("scale", "--replicas=1", "daskworkergroup", "simple-cluster-highmem-worker-group")
    simple.eventually(lambda: len(simple.uids(HIGH_MEMORY_GROUP)) == 1, "one high-memory worker")
    assert simple.uids(HIGH_MEMORY_GROUP).items() <= high_memory.items()


def test_a_scheduler_that_was_deleted_comes_back_and_is_computed_on_again(simple: Place) -> None:
    """Another Pod takes the name and the Services, and the same workers join it."""
    scheduler, workers = "dask.org/component=scheduler", simple.uids(DEFAULT_GROUP)
    before = simple.uids(f"{CLUSTER}=simple-cluster,{scheduler}")
    simple.kubectl("delete", "pod", "simple-cluster-scheduler")
    simple.eventually(lambda: bool(simple.uids(f"{CLUSTER}=simple-cluster,{scheduler}")), "another scheduler")
    after = simple.uids(f"{CLUSTER}=simple-cluster,{scheduler}")
    assert set(after) == set(before) == {"simple-cluster-scheduler"}
    assert after != before
    simple.wait("pod/simple-cluster-scheduler", "condition=Ready")
    with connected(simple, "simple-cluster-service") as client:
        simple.eventually(lambda: set(workers) <= workers_seen(client), "the workers' return")
        assert client.submit(sum, range(12)).result(timeout=60) == 66
    assert simple.uids(DEFAULT_GROUP) == workers


def test_the_daemons_rights_suffice(simple: Place) -> None:
    """Nothing that it has asked for so far was denied to its service account, but for powers that are granted apart.

    These are tried without the grant, too: Secrets, and forwarding of ports.
    """
    if simple.node.audit_log is None:
        pytest.skip("a cluster that was there before keeps no audit log for us")
    daemon = f"system:serviceaccount:{DAEMON}:{DAEMON}"
    entries = [json.loads(line) for line in simple.node.audit_log.read_text().splitlines() if daemon in line]
    assert entries
    denied = [entry for entry in entries if entry["annotations"].get("authorization.k8s.io/decision") == "forbid"]
    asked = [(entry["verb"], entry["requestURI"]) for entry in denied]
    assert not [(verb, path) for verb, path in asked if "/secrets/" not in path and "/portforward" not in path]


def test_deleting_the_simple_cluster_takes_its_high_memory_workers_along(simple: Place) -> None:
    """`kubectl delete daskcluster` leaves nothing, not even the group that the user made."""
    simple.kubectl("apply", f"--filename={HIGH_MEMORY}")
    simple.wait(
        "daskworkergroup/simple-cluster-highmem-worker-group",
        "jsonpath={.metadata.ownerReferences[0].name}=simple-cluster",
    )
    deleted = simple.kubectl("delete", "daskcluster", "simple-cluster")
    assert deleted.startswith('daskcluster.kubernetes.dask.org "simple-cluster" deleted')
    simple.leaves_nothing({"simple-cluster"})
