"""Addresses of Pods and Services on one machine: unique, found by name, given back in the end."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from reconciler.local.errors import NetworkError
from reconciler.local.network.addresses import ADDRESSES, LOOPBACK, Network
from tests.local.modes import MODES, needs_own
from tests.realcluster.eventually import eventually

PORT = 7082
PROGRAM = """
import pathlib, sys
from reconciler.local.network.addresses import Network
network = Network(pathlib.Path(sys.argv[1]), shifted=False)
print(network.address(), flush=True)
input()
"""


@pytest.fixture(params=MODES)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    """A network in each mode."""
    with closing(Network(tmp_path, shifted=request.param)) as network:
        yield network


def block(network: Network) -> str:
    """What all of its addresses begin with."""
    return network.address().rsplit(".", 2)[0]


def is_given_again(found: str, folder: Path) -> bool:
    """Whether the next run gets that block; those that others of this machine hold in between are passed over."""
    with closing(Network(folder, shifted=False)) as network:
        return block(network) == found


def reached(network: Network, address: str, port: int) -> bytes:
    """What somebody who listens says, by a connection to where that really is."""
    with socket.create_connection(network.real(address, port), 5) as connection:
        return connection.recv(9)


def test_no_address_is_given_twice_until_none_is_left(network: Network) -> None:
    """All are loopback addresses of one block; after the last one an error says what to do."""
    given = [network.address() for _ in range(ADDRESSES)]
    assert len({*given}) == ADDRESSES
    assert len({address.split(".")[1] for address in given}) == 1
    assert all(IPv4Address(address).is_loopback and address.split(".")[3] not in ("0", "255") for address in given)
    with pytest.raises(NetworkError, match="start it anew"):
        network.address()


@needs_own
def test_runs_at_the_same_time_have_different_addresses(tmp_path: Path) -> None:
    """Each holds a block of its own."""
    with ExitStack() as stack:
        networks = [Network(tmp_path / str(number), shifted=False) for number in range(5)]
        for network in networks:
            stack.callback(network.close)
        assert len({block(network) for network in networks}) == 5


@needs_own
def test_a_closed_run_gives_its_block_back(tmp_path: Path) -> None:
    """Closing twice does no harm."""
    network = Network(tmp_path / "one", shifted=False)
    found = block(network)
    network.close()
    network.close()
    eventually(lambda: is_given_again(found, tmp_path / "two"), f"the block {found}")


@needs_own
def test_a_killed_run_gives_its_block_back(tmp_path: Path) -> None:
    """The system closes its sockets; while it runs, nobody else gets it."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "one")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = process.stdout.readline().rsplit(".", 2)[0]
        assert not is_given_again(found, tmp_path / "two")
        process.kill()
        process.wait()
        eventually(lambda: is_given_again(found, tmp_path / "two"), f"the block {found}")


def test_a_services_name_resolves_until_it_is_taken_back(network: Network) -> None:
    """Each namespace has its own; nothing but the names is ever in their directory."""
    network.name("default", "web", "127.100.0.2")
    network.name("default", "web", "127.100.0.3")
    network.name("other", "web", "127.100.0.4")
    services = network.run / "services"
    files = {str(path.relative_to(services)): path.read_text() for path in services.rglob("*") if path.is_file()}
    assert files == {"default/web": "127.100.0.3", "other/web": "127.100.0.4"}
    for _ in range(2):
        network.name("default", "web", None)
        network.name("nowhere", "nothing", None)
    assert [path for path in services.rglob("*") if path.is_file()] == [services / "other" / "web"]


def test_who_listens_on_an_address_is_reached_there_and_nowhere_else(network: Network) -> None:
    """Two addresses may have the same port at once."""
    addresses = [network.address() for _ in range(2)]
    with ExitStack() as stack:
        listeners = [stack.enter_context(network.listen(address, PORT)) for address in addresses]
        for listener, address in zip(listeners, addresses, strict=True):
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(reached, network, address, PORT)
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(address[-9:].encode())
                assert answer.result() == address[-9:].encode()


def test_where_nobody_listens_connections_are_refused(network: Network) -> None:
    """Before somebody listened, and after."""
    address = network.address()
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            reached(network, address, PORT)
        network.listen(address, PORT).close()
        network.unlisten(address, PORT)
    network.unlisten(address, PORT)


def test_shifted_addresses_stand_for_ports_of_the_one_that_there_is(tmp_path: Path) -> None:
    """A file says which, as long as somebody listens."""
    with closing(Network(tmp_path, shifted=True)) as network:
        address = network.address()
        with network.listen(address, PORT) as listener:
            assert network.real(address, PORT) == listener.getsockname() == (LOOPBACK, listener.getsockname()[1])
            file = tmp_path / "ports" / f"{address}_{PORT}"
            assert file.read_text() == str(listener.getsockname()[1])
            network.unlisten(address, PORT)
            assert not [*(tmp_path / "ports").iterdir()]


@needs_own
def test_own_addresses_stand_for_themselves(tmp_path: Path) -> None:
    """There is nothing to be written down, and a port that is taken is refused."""
    with closing(Network(tmp_path, shifted=False)) as network:
        address = network.address()
        with network.listen(address, PORT) as listener:
            assert network.real(address, PORT) == listener.getsockname() == (address, PORT)
            with pytest.raises(OSError, match="in use"):
                network.listen(address, PORT)
        assert not [*(tmp_path / "ports").iterdir()]


def test_processes_are_told_who_they_are(network: Network) -> None:
    """And that addresses are shifted only where they are."""
    found = network.environment("default", "web", "127.100.0.2")
    assert found.pop("LOCAL_POD_SHIFTED", None) == ("1" if network.shifted else None)
    assert found == {
        "LOCAL_POD_RUN": str(network.run),
        "LOCAL_POD_ADDRESS": "127.100.0.2",
        "LOCAL_POD_NAME": "web",
        "LOCAL_POD_NAMESPACE": "default",
    }
