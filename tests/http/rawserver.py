"""A server that misbehaves below HTTP, where an HTTP library would not let it."""

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived.

    Args:
        method: Such as `GET`.
        target: The path and the query.
        headers: By lower-case name.
        body: Whole.
        port: The client's, which tells its connections apart.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    port: int


class Connection(socketserver.StreamRequestHandler):
    """A client's connection."""

    raw: "RawServer"

    def handle(self) -> None:
        while (request := self._received()) and self.raw.play(self, request):
            pass

    def _received(self) -> Received | None:
        first = self.rfile.readline().decode().split()
        if not first:
            return None
        headers: dict[str, str] = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Received(first[0], first[1], headers, body, self.client_address[1])


# What is done to a request. It says whether the connection stays open.
Act = Callable[[Connection], bool]


class RawServer:
    """Reads whole requests and does to each what the script says; its last act is repeated.

    Attributes:
        received: The requests, including those that got no answer.

    Args:
        acts: The script.
    """

    def __init__(self, *acts: Act) -> None:
        self.received: list[Received] = []
        self._acts = acts
        self._lock = threading.Lock()
        bound = type("BoundConnection", (Connection,), {"raw": self})
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), bound)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def play(self, connection: Connection, request: Received) -> bool:
        with self._lock:
            act = self._acts[min(len(self.received), len(self._acts) - 1)]
            self.received.append(request)
        return act(connection)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for the connections, which end when the client's do


def send(*parts: bytes) -> Act:
    """Send bytes, then hang up."""

    def act(connection: Connection) -> bool:
        connection.wfile.write(b"".join(parts))
        return False

    return act


def answer(body: bytes, *headers: bytes, first: bytes = OK) -> Act:
    """A proper answer, after which the connection stays open."""
    head = first + b"".join(header + b"\r\n" for header in headers)

    def act(connection: Connection) -> bool:
        connection.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return True

    return act


def silence(*parts: bytes) -> Act:
    """Send bytes, then nothing, until the client hangs up."""

    def act(connection: Connection) -> bool:
        connection.wfile.write(b"".join(parts))
        connection.rfile.read()
        return False

    return act


def drip(head: bytes, seconds: float) -> Act:
    """Send a head, then a byte at a time for ever, until the client hangs up."""

    def act(connection: Connection) -> bool:
        connection.wfile.write(head)
        connection.connection.settimeout(seconds)
        while True:
            try:
                if not connection.connection.recv(1):
                    return False
            except TimeoutError:
                connection.wfile.write(b" ")
            except ConnectionError:
                return False

    return act
