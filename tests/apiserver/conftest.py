"""The daemon installed beside nodes that only pretend, and namespaces for it to look after."""

from collections.abc import Iterator

import pytest

from tests.apiserver.site import Installation, Site, install_daemon
from tests.realcluster import RealCluster


@pytest.fixture(scope="session")
def installed(fleet: RealCluster) -> Installation:
    """deploy/base, all but its Deployment, on an API server whose nodes only pretend."""
    return install_daemon(fleet)


@pytest.fixture
def site(installed: Installation) -> Iterator[Site]:
    """A fresh namespace for a daemon of its own."""
    name = installed.cluster.create_namespace()
    yield Site(installed, name)
    installed.cluster.delete_namespace(name)
