"""Who listens where on this machine, told by looking: whoever is connected to only to find that out may log it."""

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.local.network.addresses import Place

CONNECT_SECONDS = 0.2
"""How long somebody who listens on this machine may take to accept a connection."""

_TABLE = Path("/proc/net/tcp")
_LISTENS = "0A"
_ALL = "0.0.0.0"  # noqa: S104 - nothing is bound to it here


@dataclass(frozen=True, slots=True)
class Listeners:
    """The TCP ports of IPv4 on which somebody listens and takes at once whoever comes.

    Args:
        places: The addresses and ports; what listens on all addresses is at 0.0.0.0.
    """

    places: frozenset[Place]

    def __contains__(self, place: Place) -> bool:
        address, port = place
        return (address, port) in self.places or (_ALL, port) in self.places


def listeners() -> Listeners | None:
    """Who listens now; `None` where the system does not tell it so, as macOS."""
    try:
        return Listeners(frozenset(place for line in _TABLE.read_text().splitlines()[1:] for place in _place(line)))
    except (OSError, ValueError):
        return None


def accepting(places: Iterable[Place], real: Callable[[str, int], Place]) -> frozenset[Place]:
    """Those of some places where somebody listens. Only one of whom the system tells nothing is connected to.

    Args:
        places: Where to look.
        real: Where a place really is; raises an `OSError` if nobody listens there.
    """
    known = listeners()
    return frozenset(place for place in places if _accepts(place, real, known))


def is_seen(place: Place, real: Callable[[str, int], Place]) -> bool:
    """Whether the system tells that somebody listens at a place, and leaves nobody waiting.

    Args:
        place: The place.
        real: As for `accepting`.
    """
    known = listeners()
    try:
        return known is not None and real(*place) in known
    except OSError:
        return False


def _accepts(place: Place, real: Callable[[str, int], Place], known: Listeners | None) -> bool:
    try:
        there = real(*place)
        if known is None or there not in known:
            socket.create_connection(there, CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _place(line: str) -> Iterator[Place]:
    """Where a line of the system's table says that somebody listens, if it says so."""
    _, local, _, state, queues, *_ = line.split()
    if state == _LISTENS and int(queues.partition(":")[2], 16) == 0:  # how many wait to be accepted
        address, port = local.split(":")
        yield socket.inet_ntoa(struct.pack("=I", int(address, 16))), int(port, 16)
