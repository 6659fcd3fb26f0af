"""A port of localhost that stays this run's, whether or not anybody is to be let in there.

reserved  it is bound: whoever connects is refused, and no other program can have it
open      somebody listens
"""

import socket
from contextlib import suppress

from reconciler.local.network.addresses import BACKLOG, LOOPBACK


class ReservedPort:
    """A port of localhost.

    - From `open` to `reserve` there is a moment in which another program can take it; `open` fails until that ends.

    Attributes:
        number: Which it is.

    Args:
        wanted: Which it is to be; any if that is taken, or 0.

    Raises:
        OSError: none is to be had.
    """

    def __init__(self, wanted: int) -> None:
        self._reserved: socket.socket | None = None
        with suppress(OSError):
            self._reserved = _bound(wanted)
        if self._reserved is None:
            self._reserved = _bound(0)
        self.number = int(self._reserved.getsockname()[1])

    def open(self) -> socket.socket:
        """A socket that listens there; whoever closes it calls `reserve` then.

        Raises:
            OSError: another program has taken the port.
        """
        reserved = self._reserved or _bound(self.number)
        self._reserved = reserved  # kept if it cannot listen
        # For those that it accepts too: what is left of them must not keep the port from being bound again.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.listen(BACKLOG)
        self._reserved = None
        return reserved

    def reserve(self) -> None:
        """Keep the port, now that nobody listens there any more."""
        with suppress(OSError):
            self._reserved = self._reserved or _bound(self.number)

    def release(self) -> None:
        """Give the port back."""
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None


def _bound(port: int) -> socket.socket:
    """A socket that has a port for itself: on Linux, others with SO_REUSEADDR could bind it too if this kept that."""
    try:
        return _bind(port, reuse=False)
    except OSError:  # what is left of ended connections may be in the way
        bound = _bind(port, reuse=True)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return bound


def _bind(port: int, *, reuse: bool) -> socket.socket:
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        raise
    return bound
