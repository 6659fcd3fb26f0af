"""Schedulers that do something else than they are asked."""

import contextlib
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
from distributed.protocol.core import dumps
from distributed.protocol.utils import pack_frames_prelude

from reconciler.dask import Address
from reconciler.dask.plain import MEBIBYTE

# What is done with a connection, until the other side closes it.
Act = Callable[[socket.socket], None]

HANDSHAKE = {"compression": None, "python": (3, 11, 0), "pickle-protocol": 5}


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def on_wire(*frames: bytes, first: int | None = None) -> bytes:
    """Frames as `distributed` sends them, with all or some of them among the bytes that come first."""
    prelude = pack_frames_prelude(frames)
    size = len(prelude) + sum(map(len, frames[:first]))
    return struct.pack("<Q", size) + prelude + b"".join(frames)


def message(value: object) -> bytes:
    """Whatever `distributed` makes of a value."""
    return on_wire(*(bytes(frame) for frame in dumps(value)))


def packed(value: object) -> bytes:
    """A plain value."""
    return on_wire(msgpack.packb(value))


def answering(*answers: bytes, handshake: bytes = packed(HANDSHAKE)) -> Act:
    """Shakes hands, answers each request with the next of these, and then says nothing."""

    def act(connected: socket.socket) -> None:
        connected.sendall(handshake)
        received(connected)
        for answer in answers:
            received(connected)
            connected.sendall(answer)
        until_closed(connected)

    return act


def hanging_up(*, after: bytes) -> Act:
    """Shakes hands, answers the first request with some bytes, and closes the connection."""

    def act(connected: socket.socket) -> None:
        connected.sendall(packed(HANDSHAKE))
        received(connected)
        received(connected)
        connected.sendall(after)

    return act


def trickling(data: bytes) -> Act:
    """Sends the data byte by byte, a hundred a second, and then zeros."""

    def act(connected: socket.socket) -> None:
        pause = threading.Event()
        sent = iter(data)
        while True:
            connected.sendall(bytes([next(sent, 0)]))
            pause.wait(0.01)

    return act


def received(connected: socket.socket) -> Any:
    """A message of ours."""
    (size,) = struct.unpack("<Q", exactly(connected, 8))
    first = exactly(connected, size)
    assert struct.unpack_from("<2Q", first) == (1, size - 16)
    return msgpack.unpackb(first[16:], use_list=False)


def exactly(connected: socket.socket, size: int) -> bytes:
    data = connected.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionError
    return data


def until_closed(connected: socket.socket) -> None:
    while connected.recv(4096):
        pass


@contextlib.contextmanager
def hostile(act: Act) -> Iterator[Address]:
    """A scheduler that does this to one connection; nothing is left of both sides at the end."""
    before = _descriptors()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, act))
        thread.start()
        try:
            yield Address("127.0.0.1", listener.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
    assert not thread.is_alive(), "our side has not closed the connection"
    assert _descriptors() == before


@contextlib.contextmanager
def little_memory(most: int = 4 * MEBIBYTE) -> Iterator[None]:
    """No more memory than so many bytes is taken at any time, by both sides together."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:,} bytes"


def _serve(listener: socket.socket, act: Act) -> None:
    with contextlib.suppress(OSError):
        connected, _ = listener.accept()
        with connected:
            act(connected)


def _descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
