"""When passes are made: on an interval, one after the other, each with an end.

a pass ends         when nothing is left that needs no waiting, or at its deadline: its interval, 10 s at least
the next begins     an interval after the last began; later while the API server asks for it, or cannot be read
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from models.snapshot import Snapshot
from reconciler.passes.apply import Writers, is_occupied
from reconciler.passes.bulkhead import around_pass
from reconciler.passes.observe import Scope, observe
from reconciler.passes.one_pass import Clock, Memory, joined, make_pass
from reconciler.passes.values import PassResult, Response, Result, Terms
from reconciler.wire.protocol import API

LEAST_DEADLINE_SECONDS = 10.0
"""A pass may always take so long."""

REPORT_SECONDS = 5.0
"""For how long what was seen may still be written after the deadline."""

LONGEST_PAUSE_SECONDS = 60.0
"""The longest that the loop waits, by itself, while nothing can be listed."""

MOST_PASSES_OF_ONCE = 5
"""How often `once` begins anew after conflicts and unknown outcomes, which only another look resolves."""

Observer = Callable[[PassResult], None]
Twin = Callable[[Snapshot], API]


class LoopTerms(Terms, Protocol):
    """The settings that the loop reads."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to look after; empty for all."""

    @property
    def interval(self) -> float:
        """Seconds from the start of one pass to the start of the next."""


class Loop:
    """Makes passes.

    - A pass never raises for what the API answers: errors are in its result.
    - A bug that one resource brings to light stops neither the others nor the passes after this one.
    - Passes never overlap, and each has an end.
    - Whatever a pass leaves undone, the next one sees.

    Args:
        api: The API to read from and write to.
        settings: What to look after, and how carefully.
        clock: What time of day it is, in UTC.
        seconds: A count of seconds that nobody sets.
        observers: Told the result of each pass.
        twin: Makes the API to write to from what was observed, for a dry run; by default it is `api`.
    """

    def __init__(  # noqa: PLR0913 - each has a name at the call
        self,
        api: API,
        settings: LoopTerms,
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
        observers: Sequence[Observer] = (),
        twin: Twin | None = None,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = Clock(clock, seconds)
        self._observers = observers
        self._twin = twin
        self._memory = Memory()
        self._stop = threading.Event()
        self._unread = 0
        self.last_attempt_at: datetime | None = None
        self.listed_once = False

    def once(self) -> PassResult:
        """One pass; after conflicts and unknown outcomes, more, until there are none or it is hopeless.

        A pass that ended at its deadline is followed by the next as long as it got something done.

        Returns:
            The last pass, with what those before it did.
        """
        result = last = self._pass()
        looks = 1
        while not self._stop.is_set() and self._twin is None:
            goes_on = last.is_cut and any(response.result is Result.DONE for response in last.responses)
            if not goes_on and (looks == MOST_PASSES_OF_ONCE or not any(map(_needs_another_look, last.failures))):
                break
            looks += not goes_on
            last = self._pass()
            result = joined(result, last)
        return result

    def forever(self, stop: threading.Event) -> None:
        """Passes on the interval, until `stop` is set; the pass in hand is ended between two writes."""
        self._stop = stop
        while not stop.is_set():
            begun = self._clock.seconds()
            pause = self._settings.interval
            with around_pass():
                pause = self._pause(self._pass())
            self.last_attempt_at = self._clock.now()
            stop.wait(max(0.0, pause - (self._clock.seconds() - begun)))

    def _pause(self, result: PassResult) -> float:
        """How long after this pass began the next begins: later while the API server is in trouble."""
        self._unread = self._unread + 1 if result.snapshot is None else 0
        interval = self._settings.interval
        longer = min(interval * float(1 << min(self._unread, 10)), LONGEST_PAUSE_SECONDS)
        return max(interval, longer, result.retry_after_seconds)

    def _pass(self) -> PassResult:
        begun, at = time.perf_counter(), self._clock.seconds()
        observation = observe(self._api, Scope(self._settings.namespaces), self._clock.now())
        observed = time.perf_counter() - begun
        deadline = at + max(self._settings.interval, LEAST_DEADLINE_SECONDS)
        api = self._api if self._twin is None else self._twin(observation.snapshot)
        parallel = self._settings.parallel_writes if self._twin is None else 1
        with ThreadPoolExecutor(parallel, "write") as threads:
            writers = Writers(threads, parallel, lambda: not self._stop.is_set() and self._clock.seconds() < deadline)
            reporters = Writers(threads, parallel, lambda: self._clock.seconds() < deadline + REPORT_SECONDS)
            result, self._memory = make_pass(
                api, observation, self._settings, self._memory, self._clock, writers, reporters
            )
        result = replace(result, seconds={"observe": observed, **result.seconds})
        self.listed_once = self.listed_once or not result.errors
        for observer in self._observers:
            observer(result)
        return result


def _needs_another_look(response: Response) -> bool:
    return response.result in (Result.CONFLICT, Result.UNKNOWN) and not is_occupied(response)
