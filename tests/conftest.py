"""Clusters for tests, and how many examples Hypothesis tries.

Nothing is built or started unless a chosen test asks for it. HYPOTHESIS_PROFILE=deep looks further than the few
examples for two slow cores; HYPOTHESIS_EXAMPLES sets the number.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.realcluster import ClusterError, RealCluster, prepare, start
from tests.realcluster.build import build
from tests.signals import usual

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
WITHOUT_EXPLAIN = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


def _examples(default: int) -> int:
    return int(os.environ.get("HYPOTHESIS_EXAMPLES", default))


settings.register_profile(
    "ci", deadline=None, max_examples=_examples(40), derandomize=True, database=None, suppress_health_check=SLOW
)
settings.register_profile(
    "deep", deadline=None, max_examples=_examples(2000), suppress_health_check=SLOW, phases=WITHOUT_EXPLAIN
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

CLUSTERS = {"api_server": "apiserver", "fleet": "apiserver", "kubectl_program": "apiserver", "node": "node"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the cluster that it asks for."""
    for item in items:
        for fixture in _clusters(item):
            item.add_marker(CLUSTERS[fixture])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test: no test's time limit has room for it, and people see how it goes."""
    wanted = {fixture for item in session.items for fixture in _clusters(item)}
    if not wanted or session.config.option.collectonly:
        return
    capture: Any = session.config.pluginmanager.getplugin("capturemanager")
    # The fixture fails with the same error, in the tests that need it.
    with capture.global_and_fixture_disabled(), contextlib.suppress(ClusterError):
        if wanted - {"fleet"}:
            prepare(node="node" in wanted)
        if "fleet" in wanted:
            prepare(kwok=True)


def _clusters(item: pytest.Item) -> set[str]:
    return CLUSTERS.keys() & set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> Iterator[None]:
    """Tests, and programs that they start, can be interrupted, however pytest was started."""
    with usual():
        yield


@pytest.fixture(scope="session")
def api_server() -> Iterator[RealCluster]:
    """A real API server, with garbage collection and namespaces, without a scheduler and nodes."""
    yield from _started(node=False)


@pytest.fixture(scope="session")
def kubectl_program() -> str:
    """The kubectl that is built with the API server, which it does without."""
    try:
        return str(build(node=False, kwok=False) / "kubectl")
    except ClusterError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def fleet() -> Iterator[RealCluster]:
    """A real API server with nodes that only pretend: Pods become Running, thousands of them."""
    yield from _started(node=False, kwok=True)


@pytest.fixture(scope="session")
def node() -> Iterator[RealCluster]:
    """A real Kubernetes with one node, on which Pods run."""
    yield from _started(node=True)


@pytest.fixture
def namespace(api_server: RealCluster) -> Iterator[str]:
    """A fresh namespace on the API server."""
    yield from _namespace(api_server)


@pytest.fixture
def node_namespace(node: RealCluster) -> Iterator[str]:
    """A fresh namespace on the cluster with a node."""
    yield from _namespace(node)


def _started(*, node: bool, kwok: bool = False) -> Iterator[RealCluster]:
    try:
        cluster = start(node=node, kwok=kwok)
    except ClusterError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    with cluster:
        yield cluster


def _namespace(cluster: RealCluster) -> Iterator[str]:
    name = cluster.create_namespace()
    yield name
    cluster.delete_namespace(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Tests that share a Kubernetes run in one process, and others beside them."""
    from tests.sidebyside import SideBySide  # noqa: PLC0415  # pytest without pytest-xdist will do, too

    return SideBySide(config, log)
