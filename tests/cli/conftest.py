"""A Kubernetes over HTTP, and the surroundings of a clean machine."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from reconciler.memory import MemoryAPI
from tests.builders import NOON
from tests.cli.daemon import environment
from tests.cli.kubernetes import CLUSTER, Kubernetes
from tests.http.connection import kubeconfig
from tests.http.faultyserver import FaultyServer
from tests.unit.daemon.keeplogging import keep_logging


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a clean machine, and logging as it was."""
    surroundings = environment()
    for name in [name for name in os.environ if name not in surroundings]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(logging.getLogger("aiohttp.access"), "disabled", True)  # the server's, in our process
    with keep_logging():
        yield


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[Kubernetes]:
    api = MemoryAPI(lambda: NOON, objects=[CLUSTER])
    with FaultyServer(api) as server:
        yield Kubernetes(server, api, kubeconfig(tmp_path / "config", server.url))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A file with one good DaskCluster."""
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(CLUSTER))
    return path
