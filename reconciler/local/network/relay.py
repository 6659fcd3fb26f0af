"""Relays bytes between sockets: a thread that accepts connections and joins each with another.

    reads ──── all that was read is sent ───► reads
      │                                         ▲
      └─ some is not ─► waits until it can be ──┘

Each direction of a connection does so by itself; while it waits, its sender is held up.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from reconciler.local.network.addresses import Place

PATIENCE_SECONDS = 1.0
"""How long a connection waits for a place that accepts it: what was there may just be replaced."""

_RETRY_SECONDS = 0.05
_CONNECT_SECONDS = 30.0
_BUFFER_BYTES = 1 << 18
_ACCEPTED_AT_ONCE = 512
_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Joins whoever connects with one of several places.

    - An end of one direction is passed on, the other direction goes on; a reset ends both, by a reset.
    - Nobody can send faster than the other side receives: at most a buffer is held of each direction.
    - A connection lasts until one of its sides ends it, or `close`.
    - Nothing is logged of what happens to connections.

    Args:
        real: Where to connect to reach a place; raises an `OSError` if it cannot be reached.
    """

    def __init__(self, real: Callable[[str, int], Place]) -> None:
        self._real = real
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._listeners: dict[socket.socket, Callable[[], Sequence[Place]]] = {}
        self._waiting: set[asyncio.Task[socket.socket | None]] = set()
        self._joined: set[_Connection] = set()
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def open(self, listener: socket.socket, places: Callable[[], Sequence[Place]]) -> None:
        """Accept connections from now on.

        Args:
            listener: Where; it belongs to the relay from now on.
            places: Where they may lead, in the order to try; asked anew for each, in the relay's thread. A place
                that does not accept is left out; when none does for `PATIENCE_SECONDS`, the connection is ended.
        """
        listener.setblocking(False)
        self._loop.call_soon_threadsafe(self._open, listener, places)

    def shut(self, listener: socket.socket) -> None:
        """Accept no more connections; when it returns, they are refused. Those that are there go on."""
        asyncio.run_coroutine_threadsafe(self._shut(listener), self._loop).result()

    def close(self) -> None:
        """End all connections, listeners and the thread."""
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        await self._closing.wait()
        for listener in tuple(self._listeners):
            await self._shut(listener)
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        for connection in tuple(self._joined):
            connection.end()

    def _open(self, listener: socket.socket, places: Callable[[], Sequence[Place]]) -> None:
        self._listeners[listener] = places
        self._loop.add_reader(listener, self._accept, listener, places)

    async def _shut(self, listener: socket.socket) -> None:
        places = self._listeners.pop(listener)
        self._loop.remove_reader(listener)
        self._accept(listener, places)  # whoever is connected already would be broken off
        listener.close()

    def _accept(self, listener: socket.socket, places: Callable[[], Sequence[Place]]) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                near, _address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no more files may be open: without a pause this would be called all the time
                self._loop.remove_reader(listener)
                self._loop.call_later(_RETRY_SECONDS, self._reopen, listener, places)
                return
            task = self._loop.create_task(self._reached(places))
            self._waiting.add(task)
            task.add_done_callback(partial(self._join, near))

    def _reopen(self, listener: socket.socket, places: Callable[[], Sequence[Place]]) -> None:
        if listener in self._listeners:
            self._open(listener, places)

    async def _reached(self, places: Callable[[], Sequence[Place]]) -> socket.socket | None:
        """A connection with the first place that accepts it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while True:
            for place in places():
                with suppress(OSError):
                    return await _connected(self._real(*place))
            if loop.time() >= deadline:
                return None
            await asyncio.sleep(_RETRY_SECONDS)

    def _join(self, near: socket.socket, task: "asyncio.Task[socket.socket | None]") -> None:
        self._waiting.discard(task)
        far = None
        try:
            far = None if task.cancelled() else task.result()
        finally:
            if far is None:
                near.close()
        if far is not None:
            self._joined.add(_Connection(self._loop, (near, far), self._buffer, self._joined.discard))


class _Connection:
    """Two sockets, joined."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: tuple[socket.socket, socket.socket],
        buffer: memoryview,
        ended: "Callable[[_Connection], None]",
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._ended = ended
        self._going = len(sockets)
        for source, sink in (sockets, reversed(sockets)):
            source.setblocking(False)
            with suppress(OSError):  # macOS, of a socket that was reset; reading shows it
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Way(self, source, sink, buffer)

    def when_readable(self, source: socket.socket, step: Callable[[], None] | None) -> None:
        """Take a step each time that there is something to read; `None` for no more."""
        if step is None:
            self._loop.remove_reader(source)
        else:
            self._loop.add_reader(source, self._take, step)

    def when_writable(self, sink: socket.socket, step: Callable[[], None] | None) -> None:
        """Take a step each time that something can be sent; `None` for no more."""
        if step is None:
            self._loop.remove_writer(sink)
        else:
            self._loop.add_writer(sink, self._take, step)

    def way_ended(self) -> None:
        """One direction is over; with the second, all is."""
        self._going -= 1
        if not self._going:
            self.end()

    def end(self, *, reset: bool = False) -> None:
        """Close both sockets.

        Args:
            reset: Let both sides know that something is missing.
        """
        for each in self._sockets:
            self._loop.remove_reader(each)
            self._loop.remove_writer(each)
            with suppress(OSError):  # macOS, of a socket that was reset
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            each.close()
        self._ended(self)

    def _take(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (BlockingIOError, InterruptedError):
            return  # it only looked as if it could be taken
        except OSError:
            self.end(reset=True)


class _Way:
    """One direction of a connection."""

    def __init__(self, connection: _Connection, source: socket.socket, sink: socket.socket, buffer: memoryview) -> None:
        self._connection = connection
        self._source = source
        self._sink = sink
        self._buffer = buffer
        self._unsent = memoryview(b"")
        connection.when_readable(source, self._read)

    def _read(self) -> None:
        count = self._source.recv_into(self._buffer)
        if not count:
            self._connection.when_readable(self._source, None)
            self._sink.shutdown(socket.SHUT_WR)
            self._connection.way_ended()
            return
        sent = _sent(self._sink, self._buffer[:count])
        if sent < count:
            self._unsent = memoryview(bytes(self._buffer[sent:count]))  # the buffer is everyone's
            self._connection.when_readable(self._source, None)
            self._connection.when_writable(self._sink, self._write)

    def _write(self) -> None:
        self._unsent = self._unsent[self._sink.send(self._unsent) :]
        if not self._unsent:
            self._connection.when_writable(self._sink, None)
            self._connection.when_readable(self._source, self._read)


def _sent(sink: socket.socket, data: memoryview) -> int:
    """How much could be sent at once."""
    try:
        return sink.send(data)
    except (BlockingIOError, InterruptedError):
        return 0


async def _connected(place: Place) -> socket.socket:
    far = socket.socket()
    try:
        far.setblocking(False)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(far, place)
    except BaseException:
        far.close()
        raise
    return far
