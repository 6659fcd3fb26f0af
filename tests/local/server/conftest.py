"""A server before an API in memory, and a client of it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.kinds import POD, Key
from reconciler.cli.offline import DEFINITIONS
from reconciler.local.containers.logfile import log_file
from reconciler.local.server import Server
from reconciler.local.server.catalogue import Catalogue
from reconciler.memory import MemoryAPI, Schemas, definitions
from reconciler.wire.protocol import Body
from tests.local.server.asking import Asking

KINDS = definitions(DEFINITIONS)


class Machine:
    """Where Pods' logs are files, and their ports those of this machine.

    Args:
        folder: Where the logs are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, pod: Body, container: str, number: int) -> Path:
        meta = pod["metadata"]
        file = log_file(self.folder, Key(POD, meta["namespace"], meta["name"]), container, number)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def place(self, pod: Body, port: int) -> tuple[str, int]:
        assert pod["kind"] == "Pod"
        return "127.0.0.1", port


@pytest.fixture
def api() -> MemoryAPI:
    """The API, in which nobody acts by himself."""
    return MemoryAPI(lambda: datetime.now(UTC), schemas=Schemas(KINDS))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Where Pods run."""
    return Machine(tmp_path)


@pytest.fixture
def server(api: MemoryAPI, machine: Machine) -> Iterator[Server]:
    """A server without TLS."""
    with Server(api, Catalogue(KINDS), machine, lambda: datetime.now(UTC)) as server:
        yield server


@pytest.fixture
def ask(server: Server) -> Iterator[Asking]:
    """A client that may ask."""
    with closing(Asking(server)) as ask:
        yield ask
