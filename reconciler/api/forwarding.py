"""A way to a port of a Pod through the API server: a WebSocket, used as if it were a socket.

    channel 0   the connection's bytes, there and back
    channel 1   why there is none, from the container runtime

A message begins with the number of its channel. The first of each channel has two bytes more, the port. Bytes are read
when they are asked for, and no sooner: who sends without end fills no memory of ours.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kubernetes.client import Configuration
from kubernetes.stream.ws_client import websocket_proxycare
from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)

from reconciler.api.answer import Answer, error
from reconciler.api.request import Request
from reconciler.wire.errors import Unreachable

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_OF_DATA = (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT)
PORT_BYTES = 2
LONGEST_ERROR = 300
"""The most characters of what the container runtime says."""


class Tunnel:
    """A connection to a Pod's port. Its errors are `OSError`s.

    Args:
        websocket: Leads there.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._begun: set[int] = set()
        self._rest = b""
        self._until = 0.0

    def settimeout(self, seconds: float, /) -> None:
        """How long the next call may wait."""
        self._until = time.monotonic() + seconds
        self._websocket.settimeout(seconds)

    def send(self, data: memoryview, /) -> int:
        """Send all of the bytes; how many."""
        with _as_of_a_socket():
            self._websocket.send_binary(bytes([DATA]) + data)
        return len(data)

    def recv(self, size: int, /) -> bytes:
        """Some bytes, that many at most; none when the other side has ended."""
        while not self._rest:
            with _as_of_a_socket():
                opcode, content = self._websocket.recv_data(control_frame=True)
            if opcode == ABNF.OPCODE_CLOSE:
                return b""
            self._rest = self._data(bytes(content)) if opcode in _OF_DATA else b""
            if not self._rest:  # a ping, or nothing: the time goes on
                self._wait_on()
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def close(self) -> None:
        """End it, without waiting for the other side."""
        self._websocket.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations

    def _wait_on(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._websocket.settimeout(left)

    def _data(self, message: bytes) -> bytes:
        """The bytes of the connection in a message, if it has some."""
        if not message:
            return b""
        channel, content = message[0], message[1:]
        if channel not in self._begun and len(content) == PORT_BYTES:
            self._begun.add(channel)
            return b""
        if channel == ERROR and content:
            words = content[:LONGEST_ERROR].decode(errors="replace")
            raise ConnectionError("".join(one if one.isprintable() else " " for one in words).strip())
        if channel != DATA or channel not in self._begun:
            raise ConnectionError("the API server speaks another protocol than that of port-forwarding")
        return content


def tunnel(
    configuration: Configuration, asked: Request, url: str, headers: Mapping[str, str], seconds: float
) -> Tunnel:
    """Open a way to a Pod's port.

    Args:
        configuration: How the API server is reached.
        asked: What is asked of it.
        url: Where.
        headers: Who asks.
        seconds: How long each step to it may take.

    Raises:
        ApiError: the API server refuses it, or is not reached.
    """
    websocket = WebSocket(sslopt=_tls(configuration), skip_utf8_validation=True, enable_multithread=False)
    sent = {name: value for name, value in headers.items() if name.lower() in ("authorization", "user-agent")}
    options = {"header": sent, "subprotocols": [PROTOCOL], "suppress_origin": True, "timeout": seconds}
    if configuration.proxy or configuration.proxy_headers:
        options = websocket_proxycare(options, configuration, url, headers)  # type: ignore[no-untyped-call]
    try:
        # A redirect would take our token elsewhere.
        websocket.connect("ws" + url.removeprefix("http"), redirect_limit=0, **options)  # type: ignore[no-untyped-call]
    except WebSocketBadStatusException as refused:
        answer = Answer(refused.status_code, tuple((refused.resp_headers or {}).items()), refused.resp_body or b"")
        raise error(answer, asked) from None
    except (WebSocketException, OSError) as trouble:
        raise Unreachable(f"{asked}: {trouble}") from None
    return Tunnel(websocket)


def _tls(configuration: Configuration) -> dict[str, Any]:
    options = {
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
        "cert_reqs": ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE,
        "ca_certs": configuration.ssl_ca_cert,
        "check_hostname": configuration.assert_hostname if configuration.verify_ssl else False,
    }
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _as_of_a_socket() -> Iterator[None]:
    """A WebSocket's trouble as a socket's."""
    try:
        yield
    except WebSocketTimeoutException:
        raise TimeoutError from None
    except WebSocketConnectionClosedException:
        raise ConnectionError("the API server closed the connection") from None
    except WebSocketException as trouble:
        raise ConnectionError(str(trouble)) from None
