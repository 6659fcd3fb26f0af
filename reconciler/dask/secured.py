"""TLS over whatever carries bytes: a socket, or a tunnel that is none."""

import ssl
from collections.abc import Callable
from typing import Protocol, TypeVar

PIECE = 64 * 1024
"""The most bytes that are taken from below at once."""

Result = TypeVar("Result")


class Channel(Protocol):
    """What carries bytes to a scheduler and back, as a socket does. Its errors are `OSError`s."""

    def settimeout(self, seconds: float, /) -> None:
        """How long the next call may wait."""

    def send(self, data: memoryview, /) -> int:
        """Send some of the bytes; how many."""

    def recv(self, size: int, /) -> bytes:
        """Some bytes, that many at most; none when the other side has ended."""

    def close(self) -> None:
        """End it, without waiting for the other side."""


def send_all(channel: Channel, data: bytes, left: Callable[[], float]) -> None:
    """Send all of the bytes, however little is taken at a time.

    Args:
        channel: What carries them.
        data: The bytes.
        left: How many seconds are left; it raises `TimeoutError` if none are.
    """
    rest = memoryview(data)
    while rest:
        channel.settimeout(left())
        rest = rest[channel.send(rest) :]


class Secured:
    """A channel in a channel, encrypted.

    Args:
        below: What carries the bytes.
        context: Whom we trust, and who we are.
        left: How many seconds are left; it raises `TimeoutError` if none are. The other side may take many bytes of
            TLS for one of ours, so that a timeout for each piece bounds nothing.
    """

    def __init__(self, below: Channel, context: ssl.SSLContext, left: Callable[[], float]) -> None:
        self._below = below
        self._left = left
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)

    def shake_hands(self) -> None:
        """Begin."""
        self._done(self._tls.do_handshake)

    def settimeout(self, seconds: float, /) -> None:
        """How long the next call may wait is for the deadline to say."""

    def send(self, data: memoryview, /) -> int:
        """Send some of the bytes; how many."""
        return self._done(lambda: self._tls.write(data[:PIECE]))

    def recv(self, size: int, /) -> bytes:
        """Some bytes; none when the other side has ended, properly or not."""
        try:
            return self._done(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def close(self) -> None:
        """End it, without waiting for the other side."""
        self._below.close()

    def _done(self, do: Callable[[], Result]) -> Result:
        """Do it, with all the sending and receiving that it takes."""
        while True:
            try:
                result = do()
            except ssl.SSLWantReadError:
                self._flush()
                self._below.settimeout(self._left())
                piece = self._below.recv(PIECE)
                self._in.write(piece) if piece else self._in.write_eof()
            except ssl.SSLError:
                self._flush()  # it says why
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        send_all(self._below, self._out.read(), self._left)
