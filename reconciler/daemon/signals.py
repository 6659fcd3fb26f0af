"""SIGTERM and SIGINT as events, so that nobody is interrupted in the middle of something."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

Events = SimpleQueue[signal.Signals | None]
"""Signals, and `None` once the loop has ended. Putting something in is safe in a signal handler."""


@contextmanager
def signals() -> Iterator[Events]:
    """SIGTERM and SIGINT as events, for a while."""
    events: Events = SimpleQueue()
    before = {
        number: signal.signal(number, lambda caught, _: events.put(signal.Signals(caught)))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield events
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
