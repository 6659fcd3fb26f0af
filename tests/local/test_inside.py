"""Sockets of Python programs in Pods: every Pod has an address, and all its ports, for itself."""

import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.local.network.addresses import Network
from tests.local.insidepods import PORT, SERVERS, pods
from tests.local.modes import needs_own


@pytest.mark.parametrize("code", SERVERS.values(), ids=SERVERS)
def test_two_pods_listen_on_the_same_port(network: Network, code: str) -> None:
    """Two Pods listen on one port, and each is reached by its Service's names, its address, and its own localhost."""
    one, two = pods(network, "one", "two")
    names = ("{0}-service", "{0}-service.shop", "{0}-service.shop.svc", "{0}-service.shop.svc.cluster.local")
    with one.server(code) as first, two.server(code) as second:
        assert (first, second) == ([one.address, PORT], [two.address, PORT])
        hosts = [[*(name.format(pod.name) for name in names), pod.address] for pod in (one, two)]
        assert two.run(f"result = [[*map(reach, of_pod)] for of_pod in {hosts}]") == [["one"] * 5, ["two"] * 5]
        local = "result = [*map(reach, ('localhost', '127.0.0.1', '127.1', '', '0.0.0.0'))]"
        assert (one.run(local), two.run(local)) == (["one"] * 5, ["two"] * 5)


CLIENTS = {
    "asyncio": "_, stream = await asyncio.open_connection('one-service', 8786); sock = stream.transport._sock",
    "tornado": "stream = await TCPClient().connect('one-service', 8786); sock = stream.socket",
}


@pytest.mark.parametrize("connect", CLIENTS.values(), ids=CLIENTS)
def test_clients_that_do_not_block_connect(network: Network, connect: str) -> None:
    """Both asyncio and tornado connect by a Service's name, and see the ends' virtual addresses."""
    one, two = pods(network, "one", "two")
    code = f"""
        import asyncio
        from tornado.tcpclient import TCPClient
        async def main():
            {connect}
            return sock.getsockname()[0], sock.getpeername()
        result = asyncio.run(main())"""
    with one.server(SERVERS["tornado"]):
        assert two.run(code) == [two.address, [one.address, PORT]]


def test_tls_sockets_are_in_the_pod_too(network: Network, tmp_path: Path) -> None:
    """A listener and a connection that are wrapped for TLS have the Pods' addresses, and leave no port behind."""
    [one] = pods(network, "one")
    subject = ("-subj", "/CN=one-service", "-addext", "subjectAltName=DNS:one-service")
    files = ("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    subprocess.run(["openssl", "req", "-x509", *curve, "-nodes", *subject, *files], check=True, capture_output=True)
    code = f"""
        import ssl, threading
        mine = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        mine.load_cert_chain({str(tmp_path / "certificate")!r}, {str(tmp_path / "key")!r})
        theirs = ssl.create_default_context(cafile={str(tmp_path / "certificate")!r})
        server = listener()
        server.listen()
        with mine.wrap_socket(server, server_side=True) as server:
            answering = threading.Thread(target=lambda: server.accept()[0].close())
            answering.start()
            with theirs.wrap_socket(socket.socket(), server_hostname="one-service") as client:
                client.connect(("one-service", 8786))
                result = [client.getsockname()[0], *client.getpeername(), server.getsockname()[1]]
            answering.join()
        result.append(outcome(reach, "one-service"))"""
    assert one.run(code) == [one.address, one.address, PORT, PORT, "ECONNREFUSED"]


@needs_own
def test_a_server_sees_the_address_of_the_pod_that_connects(tmp_path: Path) -> None:
    """With addresses of their own, Pods see who connects."""
    code = SERVERS["socket, no host"].replace("connection, _ =", "connection, (who, _) =")
    with closing(Network(tmp_path, shifted=False)) as network:
        one, two = pods(network, "one", "two")
        with one.server(code.replace("socket.gethostname()", "who")):
            assert one.run("result = reach('one-service'), reach('localhost')") == [one.address] * 2
            assert two.run("result = reach('one-service')") == two.address


def test_a_port_of_a_pod_is_taken_until_its_listener_ends(network: Network) -> None:
    """To bind it is refused already while another listens; one that was killed leaves nothing behind."""
    one, other = pods(network, "one", "other")
    code = """
        def attempt():
            with listener() as server:
                server.listen()
                return server.getsockname()
        result = [outcome(attempt), outcome(attempt), outcome(lambda: listener().close())]"""
    with one.server(SERVERS["socket, no host"]):
        other.run("reach('one-service'); result = None")
        assert one.run(code) == ["EADDRINUSE"] * 3
        assert other.run(code) == [[other.address, PORT], [other.address, PORT], None]
    assert one.run(code) == [[one.address, PORT], [one.address, PORT], None]


def test_two_that_bound_a_port_cannot_both_listen(network: Network) -> None:
    """Whoever listens first has the port, though both were bound to it before."""
    [one] = pods(network, "one")
    told = one.run("""
        first, second = listener(), listener()
        result = [outcome(first.listen), outcome(second.listen)]""")
    assert told == [None, "EADDRINUSE"]


def test_of_many_that_want_a_port_at_once_one_gets_it(network: Network) -> None:
    """However many processes listen at the same moment, one has the port, and all others are told that it is taken."""
    [one] = pods(network, "one")
    told = one.run("""
        import multiprocessing
        context = multiprocessing.get_context("fork")
        step, told = context.Barrier(4, timeout=20), context.Queue()
        def want():
            for turn in range(50):
                server = listener()
                step.wait()
                told.put((turn, outcome(server.listen)))
                step.wait()
                server.close()
                step.wait()
        for _ in range(4):
            context.Process(target=want).start()
        all_told = [told.get(timeout=20) for _ in range(200)]
        result = [all_told.count((turn, "EADDRINUSE")) for turn in range(50)]""")
    assert told == [3] * 50


def test_a_forked_child_that_closes_the_listener_ends_it_for_nobody(network: Network) -> None:
    """The parent's listener is reached after a child has closed its copy."""
    [one] = pods(network, "one")
    told = one.run("""
        server = listener()
        server.listen()
        child = os.fork()
        if not child:
            server.close()
            os._exit(0)
        os.waitpid(child, 0)
        result = outcome(lambda: socket.create_connection(("one-service", 8786)).close())""")
    assert told is None


def test_a_port_where_nobody_listens_refuses(network: Network) -> None:
    """Blocking or not, a connection is refused where nobody listens, and after the listener is closed."""
    [one] = pods(network, "one")
    told = one.run("""
        import asyncio
        with listener() as server:
            server.listen()
            socket.create_connection(("localhost", 8786)).close()
        with socket.socket() as sock:
            code = sock.connect_ex(("one-service", 8786))
        opened = outcome(lambda: asyncio.run(asyncio.open_connection("one-service", 8786)))
        result = [errno.errorcode[code], outcome(reach, "one-service"), opened]""")
    assert told == ["ECONNREFUSED"] * 3


def test_a_closed_listener_leaves_no_file(network: Network) -> None:
    """Where listeners write down their ports, they take that back."""
    [one] = pods(network, "one")
    told = one.run("""
        servers = [listener(port) for port in (0, 8786)]
        for server in servers:
            server.listen()
        client = socket.create_connection(("localhost", 8786))
        servers[1].accept()[0].close()
        client.close()
        result = outcome(lambda: socket.create_connection(servers[0].getsockname()).close())
        for server in servers:
            server.close()""")
    assert told is None
    assert [file.name for file in (network.run / "ports").iterdir() if not file.name.startswith(".")] == []


@pytest.mark.parametrize("host", ["::", "::1"])
def test_a_pod_has_no_ipv6(network: Network, host: str) -> None:
    """A server on [::] or [::1] is told that the address is not there; one that asks first takes IPv4."""
    [one] = pods(network, "one")
    code = f"result = [outcome(listener, 8786, socket.AF_INET6, {host!r}), socket.has_dualstack_ipv6()]"
    assert one.run(code) in (["EADDRNOTAVAIL", False], ["EAFNOSUPPORT", False])


def test_connections_to_the_outside_are_untouched(network: Network) -> None:
    """A Pod's program reaches an address of another interface, and comes from there, not from the loopback."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has the loopback interface only")
        outside = probe.getsockname()[0]
    [one] = pods(network, "one")
    with socket.create_server((outside, 0)) as listener:
        address = listener.getsockname()
        assert one.run(f"result = socket.create_connection({address}).getpeername()") == [*address]
        connection, (peer, _) = listener.accept()
        connection.close()
    assert peer == outside
