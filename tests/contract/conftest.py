"""The worlds that every rule is tried in."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.kinds import Key, Kind
from reconciler.api import HTTPAPI, connect
from reconciler.local.server import served
from reconciler.memory import MemoryAPI, Schemas, definitions, read
from reconciler.wire.errors import AlreadyExists
from tests.apiserver.installing import install
from tests.contract.world import World
from tests.local.kubectl.sides import NoNode
from tests.realcluster import RealCluster

CRDS = Path(__file__).parents[2] / "crds"
NAMESPACE = Kind("", "v1", "Namespace", "namespaces")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
REAL = pytest.param("http", marks=pytest.mark.apiserver)


@dataclass(frozen=True)
class Laptop:
    """The API in memory, the same over HTTP, and numbers for namespaces."""

    memory: MemoryAPI
    http: HTTPAPI
    numbers: Iterator[int]


@pytest.fixture(params=["memory", "memory-without-schemas", "served", REAL])
def world(request: pytest.FixtureRequest) -> World:
    """A fresh world, in memory or real."""
    return _world(request)


@pytest.fixture(params=["memory", "served", REAL])
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


@pytest.fixture(scope="package")
def laptop() -> Iterator[Laptop]:
    """The API in memory over HTTP, as `dask-reconciler local` serves it, and the daemon's own way to it."""
    kinds = definitions(CRDS)
    api = MemoryAPI(lambda: datetime.now(UTC), schemas=Schemas(kinds))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, file = Path(name), Path(name, "kubeconfig")
        stack.enter_context(served(api, kinds, NoNode(), folder, file, "default", lambda: datetime.now(UTC)))
        http = connect(
            kubeconfig=str(file), connect_timeout_seconds=5, read_timeout_seconds=30, user_agent="contract", pool_size=1
        )
        stack.callback(http.close)
        yield Laptop(api, http, itertools.count())


def _world(request: pytest.FixtureRequest) -> World:
    if request.param == "http":
        return _real_world(request)
    if request.param == "served":
        return _served_world(request.getfixturevalue("laptop"))
    schemas = request.getfixturevalue("schemas") if request.param == "memory" else None
    api = MemoryAPI(lambda: datetime.now(UTC), schemas=schemas)

    def forget() -> str:
        api.forget_history()
        return "1"

    return World(api, "here", lambda: "there", api.remove, deadline_seconds=0, forget=forget, watch_seconds=0)


def _served_world(laptop: Laptop) -> World:
    def another_namespace() -> str:
        return f"contract-{next(laptop.numbers)}"

    def forget() -> str:
        laptop.memory.forget_history()
        return "1"

    return World(
        laptop.http,
        another_namespace(),
        another_namespace,
        laptop.memory.remove,
        deadline_seconds=0,
        forget=forget,
        watch_seconds=1,
    )


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
