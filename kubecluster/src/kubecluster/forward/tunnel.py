"""One connection: the bytes of a local socket and of a WebSocket, there and back."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

CHUNK = 1 << 18
LINGER_SECONDS = 1.0
"""How long the Pod may be silent after the local side has sent its last. Container runtimes wait as long."""
DATA, ERROR = 0, 1
PORT_BYTES = 2
RESET = struct.pack("ii", 1, 0)


class Broken(Exception):
    """A connection ended otherwise than by the will of one of its ends. The message says why."""


class Tunnel:
    """The bytes of one connection.

        local socket ── data ──► channel 0 ──► Pod
                     ◄── data ── channel 0 ◄──
                         error's text in channel 1 ◄── container runtime

    A message begins with the number of its channel. The first message of each channel has two bytes more, the port.

    Args:
        reader: the local socket's bytes.
        writer: takes bytes for it.
        websocket: leads to the Pod.
        answered: called when the Pod's first bytes come.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        websocket: ClientConnection,
        answered: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._websocket = websocket
        self._answered = answered
        self._heard_at = time.monotonic()

    async def carry(self, first: asyncio.Task[bytes]) -> None:
        """Carry bytes until both sides have ended.

        Args:
            first: reads the local side's first bytes.

        Raises:
            Broken: it was cut, or the Pod does not take it.
        """
        up, down = asyncio.create_task(self._up(first)), asyncio.create_task(self._down())
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if not down.done() and _failure(up) is None:
                await self._linger(down)
            elif not down.done():
                # What stopped us from sending shows in what is received, unless the local side is gone.
                await asyncio.wait({down}, timeout=None if isinstance(_failure(up), ConnectionClosed) else 0)
            if down.done():
                await down
                await self._end(up)
        except OSError:
            pass  # the local side is gone, and nobody is left to be told
        finally:
            for pump in (up, down):
                pump.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _up(self, first: asyncio.Task[bytes]) -> None:
        """Send what the local side sends, until it has sent its last."""
        data = await first
        while data:
            await self._websocket.send(b"\0" + data)
            data = await self._reader.read(CHUNK)

    async def _down(self) -> None:
        """Hand on what the Pod sends, until it has sent its last.

        Raises:
            Broken: it was cut, or the Pod does not take it.
        """
        begun: set[int] = set()
        error = ""
        try:
            while True:
                message = await self._websocket.recv(decode=False)
                self._heard_at = time.monotonic()
                channel, content = message[:1], memoryview(message)[1:]
                if not channel:
                    continue
                if channel[0] not in begun:
                    begun.add(channel[0])
                    if len(content) != PORT_BYTES:
                        raise Broken("the API server speaks another protocol than that of port-forwarding")
                elif channel[0] == ERROR:
                    error += bytes(content).decode(errors="replace")
                else:
                    self._answered()
                    self._writer.write(content)
                    await self._writer.drain()
        except ConnectionClosedOK:
            if error:
                raise Broken(error.strip()) from None
        except ConnectionClosed as closed:
            raise Broken(error.strip() or f"the connection to the API server broke: {closed}") from closed

    async def _linger(self, down: asyncio.Task[None]) -> None:
        """Wait for the Pod's last bytes, as long as they come and somebody takes them."""
        self._heard_at = time.monotonic()
        while not down.done():
            silent = time.monotonic() - self._heard_at
            if silent >= LINGER_SECONDS and not self._writer.transport.get_write_buffer_size():
                return
            await asyncio.wait({down}, timeout=max(LINGER_SECONDS - silent, LINGER_SECONDS / 10))

    async def _end(self, up: asyncio.Task[None]) -> None:
        """Tell the local side that the Pod has sent its last, and give it a moment to end.

        A socket that is closed with bytes unread is reset, and then the other side may lose what it has not yet read.
        """
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        await self._writer.drain()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(CHUNK):
                    pass


def reset(writer: asyncio.StreamWriter) -> None:
    """End a local connection so that its other side takes it for broken, not for ended."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
