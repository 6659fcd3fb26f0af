"""Rehearsed passes on the interval: the daemon that writes nothing."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event

from reconciler.daemon.settings import Settings
from reconciler.loop import rehearse
from reconciler.passes.bulkhead import around_pass
from reconciler.passes.values import PassResult
from reconciler.wire.protocol import API


class Rehearsals:
    """Looks like `reconciler.loop.Loop`, and writes nothing.

    Args:
        api: The API to read from.
        settings: What to look after.
        clock: What time it is, in UTC.
        observers: Told the result of each rehearsal.
    """

    def __init__(
        self,
        api: API,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        observers: Sequence[Callable[[PassResult], None]] = (),
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._observers = observers
        self.last_attempt_at: datetime | None = None
        self.listed_once = False

    def forever(self, stop: Event) -> None:
        """Rehearse on the interval until `stop` is set."""
        while not stop.is_set():
            begun = time.monotonic()
            with around_pass():
                self._rehearse()
            self.last_attempt_at = self._clock()
            stop.wait(max(0.0, self._settings.interval - (time.monotonic() - begun)))

    def _rehearse(self) -> None:
        result = rehearse(self._api, self._settings, self._clock())
        self.listed_once = self.listed_once or not result.errors
        for observer in self._observers:
            observer(result)
