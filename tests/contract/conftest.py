"""The worlds that every rule is tried in."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.kinds import Key, Kind
from reconciler.api import HTTPAPI, connect
from reconciler.memory import MemoryAPI, Schemas, read
from reconciler.wire.errors import AlreadyExists
from tests.apiserver.installing import install
from tests.contract.world import World
from tests.realcluster import RealCluster

CRDS = Path(__file__).parents[2] / "crds"
NAMESPACE = Kind("", "v1", "Namespace", "namespaces")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
REAL = pytest.param("http", marks=pytest.mark.apiserver)


@pytest.fixture(params=["memory", "memory-without-schemas", REAL])
def world(request: pytest.FixtureRequest) -> World:
    """A fresh world, in memory or real."""
    return _world(request)


@pytest.fixture(params=["memory", REAL])
def strict_world(request: pytest.FixtureRequest) -> World:
    """A fresh world that knows the schemas of what it holds."""
    return _world(request)


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """What crds/ says."""
    return read(CRDS)


@pytest.fixture(scope="package")
def server(api_server: RealCluster) -> RealCluster:
    """A real API server with crds/."""
    install(api_server)
    return api_server


@pytest.fixture(scope="package")
def http(server: RealCluster) -> Iterator[HTTPAPI]:
    """The API over HTTP, with the administrator's rights."""
    api = connect(
        kubeconfig=str(server.kubeconfig),
        connect_timeout_seconds=5,
        read_timeout_seconds=30,
        user_agent="contract",
        pool_size=1,
    )
    yield api
    api.close()


def _world(request: pytest.FixtureRequest) -> World:
    if request.param == "http":
        return _real_world(request)
    schemas = request.getfixturevalue("schemas") if request.param == "memory" else None
    api = MemoryAPI(lambda: datetime.now(UTC), schemas=schemas)

    def forget() -> str:
        api.forget_history()
        return "1"

    return World(api, "here", lambda: "there", api.remove, deadline_seconds=0, forget=forget, watch_seconds=0)


def _real_world(request: pytest.FixtureRequest) -> World:
    server: RealCluster = request.getfixturevalue("server")

    api: HTTPAPI = request.getfixturevalue("http")

    def another_namespace() -> str:
        created = api.create(NAMESPACE, {"metadata": {"generateName": "contract-"}}).body["metadata"]
        name: str = created["name"]
        request.addfinalizer(lambda: api.delete(Key(NAMESPACE, "", name), created["uid"]))
        # Without it no Pod is admitted; the controller manager would make it too.
        with suppress(AlreadyExists):
            api.create(SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": name}})
        return name

    def end(key: Key) -> None:
        at_once = ("--grace-period=0", "--force", "--wait=false")
        server.kubectl(
            "delete",
            f"{key.kind.plural}.{key.kind.group}".strip("."),
            key.name,
            f"--namespace={key.namespace}",
            *at_once,
        )

    return World(
        api,
        another_namespace(),
        another_namespace,
        end,
        deadline_seconds=90,  # the garbage collector looks for new kinds every 30 s
        forget=lambda: "1",  # of custom resources, the API server remembers what came after their definition
        watch_seconds=5,
    )
