"""The local port and all that hangs on it, in a thread of its own."""

import asyncio
import contextlib
import logging
import socket
from typing import Any

from websockets.asyncio.client import ClientConnection

from kubecluster.forward.opening import CLOSE_SECONDS, Opening
from kubecluster.forward.tunnel import CHUNK, Broken, Tunnel, reset

STEPS = 4
log = logging.getLogger("kubecluster.forward")


class Listener:
    """Takes local connections and carries each to the Pod, until it is told to stop.

    Args:
        listening: the local port's socket.
        opening: opens the way to the Pod.

    Attributes:
        last_error: why the last connection that failed did so, until one succeeds.
    """

    def __init__(self, listening: socket.socket, opening: Opening) -> None:
        self.opening = opening
        self.last_error: str | None = None
        self._listening = listening
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Take connections, until `stop`."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """Have `run` close everything and return; from any thread."""
        with contextlib.suppress(RuntimeError):  # it has returned already
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self) -> None:
        self._loop.set_exception_handler(_noted)
        server = await asyncio.start_server(self._take, sock=self._listening, limit=CHUNK)
        await self._stopping.wait()
        # A server that is closed loses the connections that asyncio is about to take.
        self._loop.remove_reader(self._listening)
        await _steps()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await _steps()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping.is_set():
            writer.transport.abort()
            return
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        # One that is cancelled before it has begun closes nothing itself.
        connection.add_done_callback(lambda _: writer.transport.abort())

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = asyncio.create_task(reader.read(CHUNK))
        try:
            websocket = await self._opened(first)
            if websocket is not None:
                try:
                    await Tunnel(reader, writer, websocket, self._answered).carry(first)
                finally:
                    await _end(websocket)
            writer.close()
            await writer.wait_closed()
        except Exception as error:
            self.last_error = str(error) or type(error).__name__
            log.debug("%s: %s", self.opening, self.last_error, exc_info=not isinstance(error, Broken))
            reset(writer)
        finally:
            first.cancel()
            writer.transport.abort()
            await asyncio.gather(first, return_exceptions=True)
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _opened(self, first: asyncio.Task[bytes]) -> ClientConnection | None:
        """The way to the Pod; `None` if the local side ends before there is one.

        Raises:
            Exception: there is none.
        """
        opening = asyncio.create_task(self.opening.websocket())
        websocket = None
        try:
            await asyncio.wait({opening, first}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done() or not _has_ended(first):
                websocket = await opening
        finally:
            if websocket is None:
                opening.cancel()
                (unused,) = await asyncio.gather(opening, return_exceptions=True)
                if isinstance(unused, ClientConnection):
                    await _end(unused)
        return websocket

    def _answered(self) -> None:
        self.last_error = None


async def _steps() -> None:
    """Let asyncio finish what it has begun: a connection is taken in three steps, and closed in one."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


async def _end(websocket: ClientConnection) -> None:
    """End a WebSocket, properly if the server takes part in that."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):  # its own timeout does not hold for a server that reads nothing
            await websocket.close()
    except TimeoutError:
        log.debug("the API server did not end a WebSocket in time")
    finally:
        websocket.transport.abort()


def _has_ended(first: asyncio.Task[bytes]) -> bool:
    return first.done() and (first.exception() is not None or not first.result())


def _noted(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio cannot tell anybody, such as that TLS did not end as it should, nobody can act on."""
    log.debug("%s", context.get("message"), exc_info=context.get("exception"))
