"""Sockets of tests: servers behind a Pod's port, and a proxy before the API server that can be cut."""

import asyncio
import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from kubecluster.forward import Forward
from tests.realcluster.eventually import eventually

CHUNK = 1 << 16
TURNS = 5
"""After so many turns of its loop a connection that was accepted has its transport."""
MOST = 1 << 20
RESET = struct.pack("ii", 1, 0)
Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handler: Handler) -> Iterator[int]:
    """A TCP server, each connection of which a function handles; its port."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                handler(self.request)

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 512
        daemon_threads = True

    with Server(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def echo(connection: socket.socket) -> None:
    """Send back what comes."""
    while data := connection.recv(CHUNK):
        connection.sendall(data)


def everything(connection: socket.socket) -> bytes:
    """What comes until the end.

    Raises:
        ConnectionResetError: it ends by a reset.
    """
    return b"".join(iter(lambda: connection.recv(CHUNK), b""))


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, f"the connection ended after {len(data)} of {size} bytes"
        data += more
    return data


def local(forward: Forward) -> socket.socket:
    """A connection to a local port that is forwarded."""
    return socket.create_connection((forward.local_address, forward.local_port), timeout=20)


def answers(forward: Forward) -> bool:
    """Whether a connection goes through to a Pod that echoes."""
    with local(forward) as connection:
        connection.sendall(b"ping")
        return exactly(connection, 4) == b"ping"


def cut_under_load(forward: Forward, data: bytes, cut: Callable[[], None], question: bytes = b"") -> None:
    """Let four clients have data sent back again and again, and cut their connections after each whole answer.

    Whatever comes back is a beginning of what was sent.

    Args:
        forward: to a Pod that echoes.
        data: what is sent.
        cut: breaks all connections.
        question: what is sent before it, to be asked for an echo.
    """
    stop = threading.Event()
    outcomes: list[bool] = []

    def client() -> None:
        while not stop.is_set():
            with local(forward) as connection:
                back = b""
                with contextlib.suppress(OSError):
                    connection.sendall(question + data)
                    while len(back) < len(data) and (more := connection.recv(MOST)):
                        back += more
                assert data.startswith(back)
                outcomes.append(len(back) == len(data))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for _ in range(20):
        seen = len(outcomes)
        eventually(lambda seen=seen: any(outcomes[seen:]), "a whole answer")  # type: ignore[misc]
        cut()
    stop.set()
    for thread in clients:
        thread.join()


class Proxy:
    """A TCP proxy while it is entered, whose connections can be cut.

    Attributes:
        port: where it is.
        taken: how many connections it took.

    Args:
        host: to where it leads; to where HTTP's CONNECT says, by default.
        target_port: of the host.
        password: what CONNECT has to bring as Proxy-Authorization, if anything.
    """

    def __init__(self, host: str = "", target_port: int = 0, password: str = "") -> None:
        self.taken = 0
        self._target = (host, target_port)
        self._password = password
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Break all connections, as a network does."""
        self._loop.call_soon_threadsafe(self._cut)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, backlog=512)
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self._cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        if task := asyncio.current_task():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        host, port = self._target
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if not host:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                host, _, port_text = head.split()[1].rpartition(":")
                port = int(port_text)
                if self._password and self._password not in head:
                    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    return await _closed(writer)
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            there, onwards = await asyncio.open_connection(host, port)
            self._writers |= {writer, onwards}
            await asyncio.gather(_pump(reader, onwards), _pump(there, writer), return_exceptions=True)
            self._writers -= {writer, onwards}
            await _closed(onwards)
        await _closed(writer)
        return None

    def _cut(self) -> None:
        for writer in self._writers:
            with contextlib.suppress(OSError):  # it is closed already
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
