"""The ports of localhost that stand for Services' ports.

reserved ──somebody is behind it──► open ──nobody is for some seconds──► reserved
"""

import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import structlog

from models.kinds import Key
from reconciler.local.network.addresses import Place
from reconciler.local.network.relay import Relay
from reconciler.local.network.reserved_port import ReservedPort

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")

LINGER_SECONDS = 3.0
"""How long a forward stays open without anybody behind it: a scheduler that is replaced is soon back."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What stands for a port of a Service on localhost.

    Args:
        service: The Service.
        port: Its port.
        same_port: Whether it was to have the same number.
    """

    service: Key
    port: int
    same_port: bool


@dataclass(slots=True)
class _Forwarding:
    """What keeps up a forward.

    Args:
        port: Its port.
        listener: What listens there; `None` while nobody is let in.
        lost_at: Since when there is nobody behind it although it is open.
        is_blocked: Whether another program has its port, so that it cannot be opened.
    """

    port: ReservedPort
    listener: socket.socket | None = None
    lost_at: float | None = None
    is_blocked: bool = False


class Forwards:
    """The forwards of one run; `tend` opens and closes them.

    Args:
        relay: What carries their connections.
        places: Where a port of a Service leads when it is asked.
    """

    def __init__(self, relay: Relay, places: Callable[[Key, int], Callable[[], Sequence[Place]]]) -> None:
        self._relay = relay
        self._places = places
        self._all: dict[Forwarded, _Forwarding] = {}

    @property
    def is_behind(self) -> bool:
        """Whether one is to be closed soon, or could not be opened."""
        return any(each.lost_at is not None or each.is_blocked for each in self._all.values())

    def port(self, wanted: Forwarded) -> int:
        """The port of localhost that stands for a Service's; it is reserved from now on.

        Raises:
            OSError: no port is to be had.
        """
        if wanted not in self._all:
            self._all[wanted] = _Forwarding(ReservedPort(wanted.port if wanted.same_port else 0))
        return self._all[wanted].port.number

    def tend(self, served: Collection[tuple[Key, int]], now: float) -> None:
        """Open those that lead somewhere, and close those that have led nowhere for some time.

        Args:
            served: The ports of Services behind which there is somebody.
            now: The time in seconds.
        """
        for wanted, forwarding in self._all.items():
            if (wanted.service, wanted.port) in served:
                forwarding.lost_at = None
                self._open(wanted, forwarding)
                continue
            forwarding.is_blocked = False
            if forwarding.listener is not None:
                forwarding.lost_at = now if forwarding.lost_at is None else forwarding.lost_at
                if now - forwarding.lost_at >= LINGER_SECONDS:
                    self._shut(forwarding)

    def close(self, chosen: Iterable[Forwarded] | None = None) -> None:
        """Give ports back; connections that are there go on.

        Args:
            chosen: Which; by default all.
        """
        for each in [each for each in self._all if chosen is None or each in set(chosen)]:
            forwarding = self._all.pop(each)
            self._shut(forwarding)
            forwarding.port.release()

    def of(self, service: Key) -> tuple[Forwarded, ...]:
        """The forwards of a Service."""
        return tuple(each for each in self._all if each.service == service)

    def _open(self, wanted: Forwarded, forwarding: _Forwarding) -> None:
        if forwarding.listener is not None:
            return
        try:
            forwarding.listener = forwarding.port.open()
        except OSError as error:
            if not forwarding.is_blocked:
                forwarding.is_blocked = True
                where = f"localhost:{forwarding.port.number}"
                log.warning("forward.taken", key=str(wanted.service), where=where, error=str(error))
            return
        forwarding.is_blocked = False
        self._relay.open(forwarding.listener, self._places(wanted.service, wanted.port))

    def _shut(self, forwarding: _Forwarding) -> None:
        """Refuse connections, and keep the port."""
        if forwarding.listener is not None:
            self._relay.shut(forwarding.listener)
            forwarding.listener = forwarding.lost_at = None
            forwarding.port.reserve()
