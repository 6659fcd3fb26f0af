"""Pods' ports over the connection to the server: what `kubectl port-forward` and its like ask for.

SPDY/3.1+portforward.k8s.io   kubectl since 1.31: SPDY within a WebSocket
SPDY/3.1                      kubectl before that, and where WebSockets do not get through
v4.channel.k8s.io             others: the first byte of a message says which channel it is of, two for each port
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

from reconciler.local.server.node import Node
from reconciler.local.server.pipe import Pipe
from reconciler.local.server.spdy import Session, Stream
from reconciler.wire.protocol import Body

CHANNELS, TUNNELED = "v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"
PROTOCOL = "portforward.k8s.io"
CHUNK = 32 << 10
LINGER_SECONDS = 1.0
"""How long the other direction may still go on when one has ended, as with container runtimes."""

Send = Callable[[bytes], Awaitable[None]]


class Forwarding:
    """The connections to a Pod's ports that one client has.

    Args:
        node: Where the Pod runs.
        pod: The Pod.
    """

    def __init__(self, node: Node, pod: Body) -> None:
        self._node = node
        self._pod = pod
        self._tasks: set[asyncio.Task[None]] = set()

    async def carried(self, port: int, incoming: Pipe, send: Send) -> str:
        """Carry bytes to and from a port until one side ends; why that could not be, or nothing.

        Args:
            port: The Pod's port.
            incoming: What the client sends.
            send: Sends to the client.
        """
        try:
            reader, writer = await asyncio.open_connection(*self._node.place(self._pod, port))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return f"error forwarding port {port} to pod {self._pod['metadata']['uid']}: {why.lower()}"
        pumps = [asyncio.create_task(_up(incoming, writer)), asyncio.create_task(_down(reader, send))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(pumps, timeout=LINGER_SECONDS)
        finally:
            for pump in pumps:
                pump.cancel()
            incoming.close()
            writer.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)
        return ""

    def begin(self, work: Awaitable[None]) -> None:
        """Do something beside all else until it ends, or `end` does."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """The client is gone: end all connections."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Tunnel:
    """A client that speaks SPDY: two streams for each connection, one of bytes and one of what went wrong.

    Args:
        forwarding: Carries the bytes.
        send: Sends to the client.
    """

    def __init__(self, forwarding: Forwarding, send: Send) -> None:
        self._forwarding = forwarding
        self._session = Session(send, self._opened)
        self._errors: dict[str, Stream] = {}

    async def feed(self, data: bytes) -> None:
        """Take what has come from the client."""
        await self._session.feed(data)

    async def end(self) -> None:
        """The client is gone."""
        self._session.close()
        await self._forwarding.end()

    def _opened(self, stream: Stream) -> None:
        number = stream.headers.get("requestid", "")
        if stream.headers.get("streamtype") == "error":
            self._errors[number] = stream
        elif number in self._errors:
            self._forwarding.begin(self._connected(stream, self._errors.pop(number)))

    async def _connected(self, stream: Stream, errors: Stream) -> None:
        async def send(data: bytes) -> None:
            await self._session.write(stream, data)

        if why := await self._forwarding.carried(int(stream.headers["port"]), stream.incoming, send):
            await self._session.write(errors, why.encode())
        await self._session.end(errors)
        await self._session.end(stream)


class Channels:
    """A client that speaks of channels: two for each port that it names, one of bytes and one of what went wrong.

    Args:
        forwarding: Carries the bytes.
        send: Sends to the client.
        ports: The ports.
        ended: Is called when nothing more comes.
    """

    def __init__(self, forwarding: Forwarding, send: Send, ports: list[int], ended: Callable[[], None]) -> None:
        self._forwarding = forwarding
        self._send = send
        self._ended = ended
        self._left = len(ports)
        self._incoming = [Pipe() for _ in ports]
        for number, port in enumerate(ports):
            forwarding.begin(self._connected(number, port))

    async def feed(self, data: bytes) -> None:
        """Take what has come from the client."""
        number, is_error = divmod(data[0], 2) if data else (len(self._incoming), 0)
        if number < len(self._incoming) and not is_error:
            await self._incoming[number].put(data[1:])

    async def end(self) -> None:
        """The client is gone."""
        for incoming in self._incoming:
            incoming.close()
        await self._forwarding.end()

    async def _connected(self, number: int, port: int) -> None:
        out, wrong = bytes([2 * number]), bytes([2 * number + 1])

        async def send(data: bytes) -> None:
            await self._send(out + data)

        for channel in (out, wrong):
            await self._send(channel + port.to_bytes(2, "little"))
        if why := await self._forwarding.carried(port, self._incoming[number], send):
            await self._send(wrong + why.encode())
        self._left -= 1
        if not self._left:
            self._ended()


async def _up(incoming: Pipe, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await incoming.read():
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _down(reader: asyncio.StreamReader, send: Send) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await send(data)
