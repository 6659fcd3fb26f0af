"""A loop, and the API server at which it makes its passes."""

from dataclasses import dataclass, field
from typing import Any

from reconciler.daemon.settings import Settings
from reconciler.hints import Hints
from reconciler.loop import Loop, Observer, Schedulers, Twin
from reconciler.passes.values import Verb
from reconciler.wire.errors import Unreachable
from tests.unit.passes.place import Place


@dataclass
class Server:
    """What goes wrong at an API server.

    Args:
        list_seconds: How long a list takes.
        write_seconds: How long a write takes.
        unread_until: Until when nothing can be listed, in seconds of the clock.
        error: What comes of each write, if not the write.
    """

    list_seconds: float = 0.0
    write_seconds: float = 0.0
    unread_until: float = 0.0
    error: Exception | None = None
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.place = Place(self._answer)

    def _answer(self, verb: Verb | None) -> None:
        self.place.clock.advance(self.list_seconds if verb is None else self.write_seconds)
        if verb is None and self.place.clock.seconds() < self.unread_until:
            raise Unreachable("connection refused")
        if verb is not None and self.error is not None:
            raise self.error


def loop_of(
    server: Server,
    *observers: Observer,
    hints: Hints | None = None,
    twin: Twin | None = None,
    schedulers: Schedulers | None = None,
    **settings: Any,
) -> Loop:
    """A loop over what a server has, one write after the other."""
    place = server.place
    chosen = Settings(parallel_writes=1, **settings)
    seconds = place.clock.seconds
    return Loop(
        place,
        chosen,
        clock=place.clock,
        seconds=seconds,
        observers=observers,
        twin=twin,
        hints=hints,
        schedulers=schedulers,
    )
