"""A server in memory, kubectl before it, and kubectl before a real API server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.offline import DEFINITIONS
from reconciler.local.server import served
from reconciler.memory import MemoryAPI, Schemas, definitions
from tests.apiserver.installing import install
from tests.local.kubectl.sides import NoNode, Side
from tests.realcluster import RealCluster


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def api() -> MemoryAPI:
    """The API in memory, in which nobody acts by himself."""
    return MemoryAPI(now, schemas=Schemas(definitions(DEFINITIONS)))


@pytest.fixture
def here(api: MemoryAPI, kubectl_program: str, tmp_path: Path) -> Iterator[Side]:
    """Kubectl before the API in memory."""
    (tmp_path / "logs").mkdir()
    file = tmp_path / "kubeconfig"
    with served(api, definitions(DEFINITIONS), NoNode(), tmp_path, file, "default", now):
        yield Side(kubectl_program, file, "here")


@pytest.fixture(scope="session")
def real(api_server: RealCluster) -> RealCluster:
    """A real API server with crds/."""
    install(api_server)
    return api_server


@pytest.fixture
def there(real: RealCluster, namespace: str) -> Side:
    """Kubectl before a real API server."""
    return Side(real.kubectl_program, real.kubeconfig, namespace)
