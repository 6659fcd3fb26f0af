"""The daemon's own life on a node: it is killed, doubled, and its clusters' namespace goes."""

from collections.abc import Iterator

import pytest

from tests.node.conftest import DAEMON, await_daemon, container, kill
from tests.node.place import CLUSTER, GROUP, Place
from tests.node.samples import idle, idle_cluster, job

pytestmark = pytest.mark.node


@pytest.fixture
def doubled(home: Place) -> Iterator[None]:
    """Two daemons at once."""
    home.kubectl("scale", "deployment", DAEMON, "--replicas=2")
    await_daemon(home)
    yield
    home.kubectl("scale", "deployment", DAEMON, "--replicas=1")
    await_daemon(home)


def test_prometheus_reads_its_metrics_through_its_service(home: Place) -> None:
    """The port `http-metrics` of its Service leads to them."""
    path = f"/api/v1/namespaces/{DAEMON}/services/{DAEMON}:http-metrics/proxy/metrics"
    assert "\ndask_reconciler_" in home.node.kubectl("get", "--raw", path)


def test_a_killed_daemon_starts_again_and_goes_on(home: Place, place: Place) -> None:
    """Clusters run on while it is away; those created meanwhile are built when it is back."""
    place.create(idle_cluster("before", workers=2))
    place.wait("daskcluster/before", "condition=Ready")
    running = place.uids(f"{CLUSTER}=before")
    restarts = container(home)["restartCount"]
    kill(container(home)["containerID"])
    place.create(idle_cluster("meanwhile", workers=2))
    home.eventually(lambda: container(home)["restartCount"] == restarts + 1, "the daemon's restart")
    place.wait("daskcluster/meanwhile", "condition=Ready")
    assert place.uids(f"{CLUSTER}=before") == running
    await_daemon(home)


@pytest.mark.usefixtures("doubled")
def test_two_daemons_at_once_make_nothing_twice(place: Place) -> None:
    """No Pod is ever created beyond those wanted, and no more go than were to go."""
    clusters = [f"c{number}" for number in range(5)]
    place.create(*(idle_cluster(name, workers=2) for name in clusters))
    for workers in (2, 4):
        place.kubectl("scale", *(f"daskcluster/{name}" for name in clusters), f"--replicas={workers}")
        for name in clusters:
            place.wait(f"daskcluster/{name}", f"jsonpath={{.status.readyWorkers}}={workers}")
        assert len(pods_ever_scheduled(place)) == len(clusters) * (workers + 1)
    before = {name: place.uids(f"{GROUP}={name}-default-worker-group") for name in clusters}
    place.kubectl("scale", *(f"daskcluster/{name}" for name in clusters), "--replicas=3")
    for name in clusters:
        place.wait(f"daskcluster/{name}", "jsonpath={.status.replicas}=3")
        after = place.uids(f"{GROUP}={name}-default-worker-group")
        assert len(after) == 3
        assert after.items() < before[name].items()
    assert len(pods_ever_scheduled(place)) == len(clusters) * 5


def pods_ever_scheduled(place: Place) -> set[str]:
    """The uids of all Pods that ever got a node."""
    return {event["involvedObject"]["uid"] for event in place.all("events") if event["reason"] == "Scheduled"}


def test_a_namespace_with_running_clusters_goes_whole(home: Place, place: Place) -> None:
    """`kubectl delete namespace` comes to its end, and the daemon is none the worse."""
    place.create(idle_cluster("c", workers=2), job("j", idle(), idle_cluster("any", 1)["spec"]))
    place.wait("daskcluster/c", "condition=Ready")
    place.wait("daskjob/j", "condition=Ready")
    restarts = container(home)["restartCount"]
    place.node.kubectl("delete", "namespace", place.namespace, "--timeout=120s")
    assert place.node.kubectl("get", "namespace", place.namespace, "--ignore-not-found") == ""
    assert container(home)["restartCount"] == restarts
    home.wait(f"deployment/{DAEMON}", "condition=Available")
