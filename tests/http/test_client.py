"""How connections are used, and what is told of every request."""

import gzip
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.kinds import POD
from reconciler.api import Exchange
from reconciler.wire.errors import ApiError, Conflict
from tests.http.connection import connected, kubeconfig
from tests.http.rawserver import CHUNKED, OK, Connection, RawServer, answer, send
from tests.http.samples import BODY, KEY, LIST, OBJECT, REQUESTS


def test_connections_are_kept(tmp_path: Path) -> None:
    """Many requests in turn use one connection, those that were refused too."""
    conflict = answer(b'{"kind":"Status","message":"changed"}', first=b"HTTP/1.1 409 Conflict\r\n")
    with (
        RawServer(answer(LIST), conflict, answer(LIST), answer(BODY)) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
    ):
        api.list(POD, None)
        with pytest.raises(Conflict):
            api.patch(KEY, {})
        api.list(POD, None)
        for _ in range(10):
            api.create(POD, OBJECT)
    assert len({request.port for request in server.received}) == 1


def test_threads_share_an_instance(tmp_path: Path) -> None:
    """Each thread's answers are its own, over as many connections as the pool keeps."""
    bodies = [{**OBJECT, "metadata": {"name": f"p{number}", "namespace": "default"}} for number in range(100)]
    with (
        RawServer(answer(BODY)) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
        ThreadPoolExecutor(4) as pool,
    ):
        replies = list(pool.map(lambda body: api.create(POD, body), bodies))
    assert [reply.body for reply in replies] == [OBJECT] * 100
    assert {json.loads(request.body)["metadata"]["name"] for request in server.received} == {
        f"p{number}" for number in range(100)
    }
    assert len({request.port for request in server.received}) <= 4


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(tmp_path: Path) -> None:
    """A server that has hung up after its last answer costs no request."""
    gone = threading.Event()

    def closing(connection: Connection) -> bool:
        answer(BODY)(connection)
        connection.connection.shutdown(socket.SHUT_RDWR)
        gone.set()
        return False

    with RawServer(closing) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        for _ in range(5):
            api.create(POD, OBJECT)
            assert gone.wait(10)
            gone.clear()
    assert len(server.received) == 5


def test_a_compressed_list_is_read(tmp_path: Path) -> None:
    """A list may come compressed, and what is counted is what crossed the network."""
    packed = gzip.compress(LIST)
    seen: list[Exchange] = []
    with RawServer(answer(packed, b"Content-Encoding: gzip"), answer(BODY)) as server:
        path = kubeconfig(tmp_path / "config", server.url)
        with connected(path, observe=seen.append) as api:
            assert api.list(POD, None) == LIST
            api.create(POD, OBJECT)
    assert [request.headers.get("accept-encoding") for request in server.received] == ["gzip", "identity"]
    assert [exchange.bytes_received for exchange in seen] == [len(packed), len(BODY)]


def test_chunks_are_joined(tmp_path: Path) -> None:
    """A list that comes in many chunks, as the API server sends it, is whole at its last one."""
    parts = [LIST[start : start + 1000] for start in range(0, len(LIST), 1000)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    with (
        RawServer(send(OK, CHUNKED, chunks, b"0\r\n\r\n")) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
    ):
        assert api.list(POD, None) == LIST


def test_several_warnings_come_with_the_reply(tmp_path: Path) -> None:
    """Every Warning header of an answer to a write is in its reply."""
    warned = answer(
        BODY, b'Warning: 299 - "unknown field \\"spec.a\\""', b'Warning: 299 - "unknown field \\"spec.b\\""'
    )
    with RawServer(warned) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        assert api.create(POD, OBJECT).warnings == ('unknown field "spec.a"', 'unknown field "spec.b"')


def test_every_request_is_reported_once(tmp_path: Path) -> None:
    """Metrics get verb, resource and code; the code of a request without an answer is its error's class."""
    seen: list[Exchange] = []
    script = (
        answer(LIST),
        answer(BODY),
        send(),
        answer(b"no", first=b"HTTP/1.1 500 No\r\n"),
        answer(b"<html>"),
        send(),
    )
    with (
        RawServer(*script) as server,
        connected(kubeconfig(tmp_path / "config", server.url), observe=seen.append) as api,
    ):
        api.list(POD, None)
        api.patch(KEY, {}, "status")
        for name in ("create", "apply", "delete", "list"):
            with pytest.raises(ApiError):
                REQUESTS[name](api)
    assert [(exchange.verb, exchange.resource, exchange.code) for exchange in seen] == [
        ("LIST", "pods", "200"),
        ("PATCH", "pods/status", "200"),
        ("CREATE", "pods", "<UnknownOutcome>"),
        ("APPLY", "pods", "500"),
        ("DELETE", "pods", "200"),
        ("LIST", "pods", "<Unavailable>"),
    ]
    assert all(0 <= exchange.seconds < 5 for exchange in seen)
    assert [exchange.bytes_received for exchange in seen] == [len(LIST), len(BODY), 0, 2, 6, 0]
