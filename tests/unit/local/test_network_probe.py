"""Attempts of probes over the network, at real sockets on loopback behind a Pod's virtual address."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from reconciler.local.network.listeners import listeners
from reconciler.local.pods.network_probe import attempt
from reconciler.wire.protocol import Body
from tests.http.rawserver import Act, RawServer, drip, send, silence

POD = "127.101.0.2"
PORT = 8787
CONTAINER: Body = {"name": "main", "ports": [{"name": "dashboard", "containerPort": PORT}, {"containerPort": 1}]}
MISCONFIGURED: Body = {"tcpSocket": {"port": "dashboard", "timeoutSeconds": 30, "initialDelaySeconds": 5}}

Real = Callable[[str, int], tuple[str, int]]


def reaches(url: str) -> Real:
    """Whatever is asked for is found where a server listens."""
    real = int(url.rpartition(":")[2])
    return lambda address, port: ("127.0.0.1", real) if (address, port) == (POD, PORT) else nobody(address, port)


def nobody(address: str, port: int) -> tuple[str, int]:
    raise ConnectionRefusedError(f"nobody listens on {address}:{port}")


def http(**more: Any) -> Body:
    return {"httpGet": {"path": "/health", "port": PORT, **more}}


def asked(*acts: Act, probe: Body | None = None) -> tuple[tuple[bool, str], RawServer]:
    with RawServer(*acts) as server:
        return attempt(probe or http(), CONTAINER, POD, reaches(server.url)), server


def status(code: int, *headers: bytes) -> Act:
    lines = (b"HTTP/1.1 %d Whatever" % code, *headers, b"Content-Length: 0", b"", b"")
    return send(b"\r\n".join(lines))


def moved(location: str, code: int = 302) -> Act:
    return status(code, b"Location: " + location.encode())


@pytest.mark.parametrize("code", [200, 204, 299, 304, 399])
def test_an_answer_below_400_passes(code: int) -> None:
    """Any status from 200 to 399 is a success."""
    assert asked(status(code))[0] == (True, "")


@pytest.mark.parametrize("code", [400, 404, 500, 503])
def test_an_error_fails_and_names_the_status(code: int) -> None:
    """The message is a kubelet's."""
    assert asked(status(code))[0] == (False, f"HTTP probe failed with statuscode: {code}")


def test_the_request_is_that_of_a_kubelet() -> None:
    """It asks for the path with its query, at the Pod's address, as a probe."""
    _, server = asked(status(200), probe=http(path="/health?deep=1 2#part"))
    (request,) = server.received
    assert (request.method, request.target) == ("GET", "/health?deep=1%202")
    assert request.headers["host"] == f"{POD}:{PORT}"
    assert request.headers["user-agent"].startswith("kube-probe/")
    assert request.headers["accept"] == "*/*"


def test_headers_are_sent_and_replace_those_of_the_probe() -> None:
    """A program may tell virtual hosts apart, or ask for a token."""
    headers = [{"name": "Host", "value": "dask.example"}, {"name": "X-Token", "value": "secret"}, {"name": "accept"}]
    lines = heard(http(httpHeaders=headers))
    assert [line for line in lines if line.lower().startswith("host:")] == ["Host: dask.example"]
    assert [line.strip() for line in lines if line.lower().startswith("accept:")] == ["accept:"]
    assert "X-Token: secret" in lines


@pytest.mark.parametrize(
    ("path", "target"), [("", "/"), (None, "/"), ("health", "/health"), ("/a%20b", "/a%20b"), ("//a", "//a")]
)
def test_a_path_is_sent_as_it_was_meant(path: str | None, target: str) -> None:
    """It begins with a slash, and is escaped once."""
    _, server = asked(status(200), probe=http(path=path))
    assert [request.target for request in server.received] == [target]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_host_is_followed(code: int) -> None:
    """What counts is where it leads."""
    outcome, server = asked(moved("/status", code), status(503))
    assert outcome == (False, "HTTP probe failed with statuscode: 503")
    assert [request.target for request in server.received] == ["/health", "/status"]


@pytest.mark.parametrize("location", ["http://elsewhere.example/", "ftp://127.101.0.2/", "http://[", "http://a:b/"])
def test_a_redirect_to_elsewhere_passes_and_is_not_followed(location: str) -> None:
    """A login page of another host says nothing about this program."""
    outcome, server = asked(moved(location))
    assert outcome == (True, "")
    assert len(server.received) == 1


def test_redirects_without_end_fail() -> None:
    """Ten are enough."""
    (passed, message), server = asked(moved("/health"))
    assert not passed
    assert "stopped after 10 redirects" in message
    assert len(server.received) == 10


@pytest.mark.parametrize(
    ("port", "words"),
    [
        (PORT, ""),
        ("dashboard", ""),
        (str(PORT), ""),
        ("comm", "container main has no port named comm; the names of its ports: dashboard"),
        (None, "container main has no port named None; the names of its ports: dashboard"),
        (0, "invalid port number: 0"),
        (70000, "invalid port number: 70000"),
    ],
)
@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket"])
def test_a_port_goes_by_number_or_by_a_name_of_the_container(kind: str, port: Any, words: str) -> None:
    """A name that the container does not have is told with those that it has."""
    outcome, _ = asked(status(200), probe={kind: {"port": port}})
    assert outcome == (not words, words)


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (http(), f'Get "http://{POD}:{PORT}/health": dial tcp {POD}:{PORT}: connect: connection refused'),
        ({"tcpSocket": {"port": PORT}}, f"dial tcp {POD}:{PORT}: connect: connection refused"),
    ],
)
def test_where_nobody_listens_the_connection_is_refused(probe: Body, message: str) -> None:
    """The message names the address that the Pod knows, however it was found out."""
    assert attempt(probe, CONTAINER, POD, nobody) == (False, message)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        real = f"x:{closed.getsockname()[1]}"
        assert attempt(probe, CONTAINER, POD, reaches(real)) == (False, message)


def test_an_unknown_host_is_said() -> None:
    """A probe may ask another host than its Pod."""
    probe = {"tcpSocket": {"host": "nowhere.invalid", "port": PORT}}
    outcome = attempt(probe, CONTAINER, POD, lambda host, port: (host, port))
    assert outcome == (False, "dial tcp: lookup nowhere.invalid: no such host")


def test_a_connection_that_is_accepted_passes() -> None:
    """A tcpSocket probe sends nothing."""
    outcome, server = asked(silence(), probe={"tcpSocket": {"port": "dashboard"}})
    assert outcome == (True, "")
    assert not server.received


def test_who_is_known_to_listen_is_not_connected_to() -> None:
    """Dask logs each connection that says nothing; one that leaves others waiting is connected to nonetheless."""
    if listeners() is None:
        pytest.skip("this system does not tell who listens")
    with socket.create_server(("127.0.0.1", 0)) as server:
        real = reaches(f"x:{server.getsockname()[1]}")
        server.setblocking(False)
        assert attempt({"tcpSocket": {"port": PORT}}, CONTAINER, POD, real) == (True, "")
        with pytest.raises(BlockingIOError):
            server.accept()
        with socket.create_connection(server.getsockname()):
            assert attempt({"tcpSocket": {"port": PORT}}, CONTAINER, POD, real) == (True, "")
            for _ in range(2):
                server.accept()[0].close()


@pytest.mark.parametrize("act", [silence(), silence(b"HTTP/1.1 200 OK\r\n"), drip(b"HTTP/1.1 200 OK\r\nX: ", 0.05)])
def test_an_answer_that_does_not_come_in_time_fails(act: Act) -> None:
    """The time holds for the attempt as a whole: a byte now and then does not prolong it."""
    (passed, message), _ = asked(act, probe={**http(), "timeoutSeconds": 0.2})
    assert not passed
    assert message == (
        f'Get "http://{POD}:{PORT}/health": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    )


def test_a_slow_answer_passes_if_the_probe_allows_for_it() -> None:
    """`timeoutSeconds` is honoured."""

    def slowly(connection: Any) -> bool:
        time.sleep(0.3)
        return status(200)(connection)

    assert asked(slowly, probe={**http(), "timeoutSeconds": 20})[0] == (True, "")
    assert not asked(slowly, probe={**http(), "timeoutSeconds": 0.1})[0][0]


def test_fields_in_the_wrong_place_are_ignored() -> None:
    """Kubernetes drops them where examples have them inside `tcpSocket` or `httpGet`: the default of 1 s holds."""
    began = time.monotonic()
    assert not asked(silence(), probe=http(timeoutSeconds=30))[0][0]
    assert time.monotonic() - began < 30
    assert asked(silence(), probe=MISCONFIGURED)[0] == (True, "")


@pytest.mark.parametrize(
    ("act", "words"), [(send(), "EOF"), (send(b"SSH-2.0-OpenSSH_9\r\n"), "malformed HTTP response: SSH-2.0-OpenSSH_9")]
)
def test_what_is_no_http_fails(act: Act, words: str) -> None:
    """A program that hangs up, or speaks something else, is not healthy."""
    (passed, message), _ = asked(act)
    assert not passed
    assert message.startswith(f'Get "http://{POD}:{PORT}/health": {words}')


def test_https_takes_any_certificate(tmp_path: Path) -> None:
    """A kubelet does not ask who vouches for a Pod."""
    with encrypted(tmp_path) as port:
        assert attempt(http(scheme="HTTPS"), CONTAINER, POD, reaches(f"x:{port}")) == (True, "")
        passed, message = attempt(http(), CONTAINER, POD, reaches(f"x:{port}"))
    assert not passed
    assert message


def test_https_where_only_http_is_spoken_fails() -> None:
    """The message names the URL that was asked."""
    (passed, message), _ = asked(status(200), probe=http(scheme="HTTPS"))
    assert not passed
    assert message.startswith(f'Get "https://{POD}:{PORT}/health": ')


@pytest.mark.parametrize(
    ("probe", "outcome"),
    [
        ({"grpc": {"port": PORT}}, (True, "grpc probes are not supported here; it counts as passed")),
        ({}, (False, "missing probe handler for container main")),
    ],
)
def test_what_cannot_be_attempted_is_said(probe: Body, outcome: tuple[bool, str]) -> None:
    """No program is ended because a kind of probe is not known here."""
    assert attempt(probe, CONTAINER, POD, nobody) == outcome


def heard(probe: Body) -> list[str]:
    """The lines that a server hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(30)
        answer = pool.submit(attempt, probe, CONTAINER, POD, reaches(f"x:{listener.getsockname()[1]}"))
        connection, _ = listener.accept()
        with connection:
            lines = connection.recv(10_000).decode().split("\r\n")
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert answer.result() == (True, "")
    return lines


@contextmanager
def encrypted(folder: Path) -> Iterator[int]:
    """A server that speaks HTTPS with a certificate of its own."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
    files = ("-keyout", str(folder / "key"), "-out", str(folder / "certificate"))
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), listener:
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as inside:
                    inside.recv(1000)
                    inside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
