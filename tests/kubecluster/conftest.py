"""Kubernetes that are not there, and kubeconfigs that lead to them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubecluster.api import Kubernetes, connect
from kubecluster.forward import Forward
from kubecluster.names import NAMING, Naming
from kubecluster.resource import ClusterResource
from tests.http.connection import kubeconfig
from tests.kubecluster.daskhost import DaskHost
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.kubecluster.livingworld import LivingWorld, living, still
from tests.kubecluster.sockets import echo, serving
from tests.realcluster import pki


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's `ca.crt`, and `apiserver.crt` and `.key` of a server at 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificates")
    pki.create(folder, ["127.0.0.1"])
    return folder


@pytest.fixture(scope="session")
def authority(certificates: Path) -> str:
    """The authority's certificate."""
    return (certificates / "ca.crt").read_text()


@pytest.fixture
def pods() -> Iterator[FakeKubernetes]:
    """An API server with Pods whose ports can be forwarded."""
    with FakeKubernetes() as fake:
        yield fake


@pytest.fixture
def kubernetes(pods: FakeKubernetes, tmp_path: Path) -> Iterator[Kubernetes]:
    """A connection to it."""
    connected = connect(kubeconfig=str(kubeconfig(tmp_path / "kubeconfig", pods.url)), timeout_seconds=5)
    yield connected
    connected.close()


@pytest.fixture
def echoing(pods: FakeKubernetes) -> Iterator[None]:
    """Pod `a` echoes on port 80."""
    with serving(echo) as port:
        pods.pods["a"] = {80: port}
        yield


@pytest.fixture
def forward(echoing: None, kubernetes: Kubernetes) -> Iterator[Forward]:  # noqa: ARG001 -- it is there
    """A local port to it."""
    with Forward(kubernetes, "default", lambda: "a", 80) as forward:
        yield forward


@pytest.fixture(scope="session")
def dask_host() -> Iterator[DaskHost]:
    """A process in which schedulers and workers run."""
    with DaskHost() as host:
        yield host


@pytest.fixture
def world(dask_host: DaskHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivingWorld]:
    """A Kubernetes with a reconciler and a node, which the surroundings name."""
    with living(tmp_path, dask_host) as world:
        monkeypatch.setenv("KUBECONFIG", str(world.kubeconfig))
        yield world


@pytest.fixture
def quiet_world(tmp_path: Path) -> Iterator[LivingWorld]:
    """A Kubernetes in which nobody acts by himself."""
    with still(tmp_path) as world:
        yield world


@pytest.fixture
def resource(quiet_world: LivingWorld) -> Iterator[ClusterResource]:
    """The DaskCluster `simple` there, which nobody has made."""
    connected = connect(kubeconfig=str(quiet_world.kubeconfig), timeout_seconds=5)
    yield ClusterResource(connected, "default", "simple")
    connected.close()


@pytest.fixture(params=list(Naming))
def naming(request: pytest.FixtureRequest, quiet_world: LivingWorld) -> Naming:
    """The cluster `simple`, under both naming sets, with its default group."""
    naming: Naming = request.param
    quiet_world.cluster("simple", annotations={NAMING: str(naming)})
    quiet_world.reconcile()
    return naming
