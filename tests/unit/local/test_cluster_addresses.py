"""How clusters are reached from this machine: which of them has localhost's usual ports, and for how long."""

import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, POD, SERVICE, Key
from reconciler.local.network.addresses import LOOPBACK, Network
from reconciler.local.network.cluster_addresses import ClusterAddress, ClusterAddresses
from reconciler.local.network.proxy import Proxy
from reconciler.memory import MemoryAPI
from tests.local.modes import MODES
from tests.local.smallpods import cluster
from tests.local.stage import NAMESPACE, free_port, is_kept

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Street:
    """Clusters with their Services, and the addresses to them.

    Args:
        network: The addresses.
        proxy: What forwards.
    """

    def __init__(self, network: Network, proxy: Proxy) -> None:
        self.api = MemoryAPI(lambda: NOON)
        self.shifted = network.shifted
        self._proxy = proxy
        self._addresses = ClusterAddresses(self.api, proxy, network)

    def build(self, name: str, port: int, **spec: Any) -> None:
        """Make a cluster with its Service."""
        self.found(name, port)
        self.serve(name, port, **spec)

    def found(self, name: str, port: int) -> None:
        """Make a cluster without a Service."""
        body = cluster(name, port=port)
        self.api.create(DASK_CLUSTER, {**body, "metadata": {"name": name, "namespace": NAMESPACE}})

    def serve(self, name: str, port: int, **spec: Any) -> None:
        """Make a cluster's Service."""
        body = self.api.get(_key(name))
        assert body is not None
        owner = {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "name": name,
            "uid": body["metadata"]["uid"],
            "controller": True,
        }
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{name}-scheduler", "namespace": NAMESPACE, "ownerReferences": [owner]},
            "spec": {"selector": {"app": name}, "ports": [{"name": "tcp-comm", "port": port}], **spec},
        }
        self.api.create(SERVICE, service)

    def move(self, name: str, port: int) -> None:
        """Change the port of a cluster's Service, in both."""
        ports = [{"name": "tcp-comm", "port": port}]
        self.api.edit(_key(name), {"spec": {"scheduler": {"service": {"ports": ports}}}})
        self.api.edit(_service(name), {"spec": {"ports": ports}})

    def remove(self, name: str) -> None:
        """Remove a cluster with all that is its own."""
        self.api.remove(_key(name))

    def close(self, name: str) -> None:
        """Remove a cluster's Service."""
        self.api.remove(_service(name))

    def ways(self, *order: str) -> dict[str, str]:
        """Where each cluster's scheduler is reached."""
        return {address.cluster.name: address.comm for address in self._open(order)}

    def told(self, *order: str) -> list[str]:
        """What is said of each cluster's address."""
        return [*map(str, self._open(order))]

    def _open(self, order: Sequence[str]) -> Collection[ClusterAddress]:
        self._proxy.update(self.api.objects(SERVICE), self.api.objects(POD))
        return self._addresses.open([*map(_key, order)]).values()


@pytest.fixture(params=MODES)
def street(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Street]:
    """A street without clusters, in each mode of addresses."""
    with closing(Network(tmp_path, shifted=request.param)) as network, closing(Proxy(network)) as proxy:
        yield Street(network, proxy)


def test_the_first_cluster_has_the_port_of_localhost(street: Street) -> None:
    """The others are reached at addresses, or at ports, of their own."""
    port = free_port()
    for name in ("zebra", "ape"):
        street.build(name, port)
    ways = street.ways("zebra", "ape")
    assert ways["zebra"] == f"localhost:{port}"
    host, _, other = ways["ape"].partition(":")
    assert (host == "localhost", other == str(port)) == ((True, False) if street.shifted else (False, True))


def test_the_next_cluster_gets_localhost_when_the_first_is_gone(street: Street) -> None:
    """The first one's port is given back; the next one's own way, which people may use, stays."""
    ports = free_port(), free_port()
    for name, port in zip(("one", "two"), ports, strict=True):
        street.build(name, port)
    before = street.ways("one", "two")["two"]
    street.remove("one")
    assert street.ways("two") == {"two": f"localhost:{ports[1]}"}
    assert (is_kept(ports[0]), is_kept(ports[1])) == (False, True)
    if street.shifted:
        assert is_kept(int(before.partition(":")[2]))


def test_a_cluster_that_is_made_again_gets_localhost_again(street: Street) -> None:
    """It is another cluster, whatever its name, and there is nothing left of the one before."""
    port, moved = free_port(), free_port()
    street.build("one", port)
    assert street.ways("one") == {"one": f"localhost:{port}"}
    for now in (port, moved):
        street.remove("one")
        street.build("one", now)
        assert street.ways("one") == {"one": f"localhost:{now}"}
    assert (is_kept(port), is_kept(moved)) == (False, True)


def test_a_cluster_that_is_renamed_keeps_localhost(street: Street) -> None:
    """One is removed and another made with the same port at once."""
    port = free_port()
    street.build("old", port)
    street.build("beside", port)
    street.ways("old", "beside")
    street.remove("old")
    street.build("new", port)
    assert street.ways("new", "beside")["new"] == f"localhost:{port}"


def test_localhost_stays_with_the_cluster_that_has_it(street: Street) -> None:
    """One that comes later takes nothing away, wherever it stands in the files; clients are connected there."""
    port = free_port()
    street.build("one", port)
    street.ways("one")
    street.build("early", port)
    assert street.ways("early", "one")["one"] == f"localhost:{port}"


def test_a_cluster_without_its_service_has_no_way_and_loses_no_port(street: Street) -> None:
    """The next one does not get localhost because its Service was there sooner."""
    port = free_port()
    street.found("one", port)
    street.build("two", port)
    assert "one" not in street.ways("one", "two")
    assert not is_kept(port)
    street.serve("one", port)
    assert street.ways("one", "two")["one"] == f"localhost:{port}"


def test_a_service_that_is_made_again_keeps_its_port_of_localhost(street: Street) -> None:
    """Meanwhile nobody else can take it."""
    port = free_port()
    street.build("one", port)
    street.ways("one")
    street.close("one")
    assert street.ways("one") == {}
    assert is_kept(port)
    street.serve("one", port)
    assert street.ways("one") == {"one": f"localhost:{port}"}


def test_a_services_new_port_is_followed(street: Street) -> None:
    """The port that it had is given back."""
    before, after = free_port(), free_port()
    street.build("one", before)
    street.ways("one")
    street.move("one", after)
    assert street.ways("one") == {"one": f"localhost:{after}"}
    assert (is_kept(before), is_kept(after)) == (False, True)


def test_a_headless_service_is_reached_on_localhost(street: Street) -> None:
    """It has no address at which anybody would listen."""
    port = free_port()
    street.build("one", port)
    street.build("two", port, clusterIP="None")
    host, _, other = street.ways("one", "two")["two"].partition(":")
    assert host == "localhost"
    assert is_kept(int(other))


def test_a_usual_port_that_another_program_has_is_told(street: Street) -> None:
    """Or people would wonder why it is another one."""
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        street.build("one", port)
        way = street.ways("one")["one"]
        assert way != f"localhost:{port}"
        assert street.told("one") == [f'Client("{way}") (another program has {port})']
    free = free_port()
    street.remove("one")
    street.build("one", free)
    assert street.told("one") == [f'Client("localhost:{free}")']


def _key(name: str) -> Key:
    return Key(DASK_CLUSTER, NAMESPACE, name)


def _service(name: str) -> Key:
    return Key(SERVICE, NAMESPACE, f"{name}-scheduler")
