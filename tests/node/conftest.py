"""The daemon as it is deployed, on a real node."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.images import daemon_archive, dask_archive
from tests.node.place import Object, Place
from tests.realcluster import ClusterError, RealCluster, pins
from tests.realcluster.images import dask_image

OVERLAYS = Path(__file__).parent / "overlays"
DAEMON = "dask-reconciler"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make the images before the first test, which has no time for it."""
    wanted = any("deployed" in getattr(item, "fixturenames", ()) for item in session.items)
    if not wanted or session.config.option.collectonly:
        return
    capture: Any = session.config.pluginmanager.getplugin("capturemanager")
    # The fixture fails with the same error, in the tests that need it.
    with capture.global_and_fixture_disabled(), contextlib.suppress(ClusterError):
        daemon_archive(pins.cache())
        dask_image(pins.cache())


@pytest.fixture(scope="session")
def daemon_image() -> Path:
    """The daemon's image, as scripts/image makes it."""
    try:
        return daemon_archive(pins.cache())
    except ClusterError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def deployed(node: RealCluster, daemon_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A node on which this tree's daemon runs for all namespaces, by the manifests and with the rights of deploy/."""
    dask = dask_archive(pins.cache(), tmp_path_factory.mktemp("images"))
    for archive in (daemon_image, dask):
        node.load_image(archive)
    dask.unlink()
    overlay = f"--kustomize={OVERLAYS / 'everywhere'}"
    node.kubectl("apply", overlay)
    await_daemon(Place(node, DAEMON))
    yield node
    node.kubectl("delete", overlay, "--wait=false")


@pytest.fixture
def place(deployed: RealCluster, node_namespace: str) -> Place:
    """A fresh namespace that the daemon looks after."""
    return Place(deployed, node_namespace)


@pytest.fixture
def home(deployed: RealCluster) -> Place:
    """Where the daemon lives."""
    return Place(deployed, DAEMON)


@pytest.fixture(scope="module")
def unattended(deployed: RealCluster) -> Iterator[RealCluster]:
    """The node while the daemon for all namespaces is away."""
    everywhere = Place(deployed, DAEMON)
    everywhere.kubectl("scale", "deployment", DAEMON, "--replicas=0")
    await_daemon(everywhere)
    yield deployed
    everywhere.kubectl("scale", "deployment", DAEMON, "--replicas=1")
    await_daemon(everywhere)


@pytest.fixture(scope="module")
def shared(deployed: RealCluster) -> Iterator[Place]:
    """A fresh namespace for all tests of a module."""
    namespace = deployed.create_namespace()
    yield Place(deployed, namespace)
    deployed.delete_namespace(namespace)


def await_daemon(home: Place) -> None:
    """Wait until the daemon in that namespace is as its Deployment says, and no older one is left."""
    home.kubectl("rollout", "status", f"deployment/{DAEMON}", "--timeout=120s")
    wanted = home.get("deployment", DAEMON)["spec"]["replicas"]
    home.eventually(
        lambda: len(home.all("pods", f"app.kubernetes.io/name={DAEMON}")) == wanted, f"{wanted} Pods of the daemon"
    )


def container(home: Place) -> Object:
    """The daemon's container, as its Pod's status tells."""
    (pod,) = home.pods(f"app.kubernetes.io/name={DAEMON}")
    found: Object = pod["status"]["containerStatuses"][0]
    return found


def kill(container_id: str) -> None:
    """`kill -9` for all processes of a container of a node on this machine."""
    control_group = container_id.rpartition("/")[2]
    groups = {path.parent.name: path.read_text() for path in Path("/proc").glob("[0-9]*/cgroup")}
    processes = [int(pid) for pid, text in groups.items() if control_group in text]
    if not processes:
        pytest.skip("the node is not on this machine")
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
