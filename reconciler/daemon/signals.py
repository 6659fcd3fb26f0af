"""SIGTERM and SIGINT as events, so that nobody is interrupted in the middle of something.

A SIGINT that is ignored when the process starts stays ignored: Ctrl-C is not meant for what a script has left in the
background. SIGTERM is always acted on.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

Events = SimpleQueue[signal.Signals | None]
"""Signals, and `None` once the loop has ended. Putting something in is safe in a signal handler."""


def ignores_interrupts() -> bool:
    """Whether SIGINT is ignored, since it was when the process started."""
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def how_to_end() -> str:
    """What ends this process, where Ctrl-C does not; empty where it does."""
    if not ignores_interrupts():
        return ""
    return f"SIGINT (Ctrl-C) is ignored, as it was at the start; SIGTERM ends this: kill {os.getpid()}"


@contextmanager
def signals() -> Iterator[Events]:
    """SIGTERM, and SIGINT if it was not ignored at the start, as events, for a while."""
    events: Events = SimpleQueue()
    before = {
        number: signal.signal(number, lambda caught, _: events.put(signal.Signals(caught)))
        for number in ((signal.SIGTERM,) if ignores_interrupts() else (signal.SIGTERM, signal.SIGINT))
    }
    try:
        yield events
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
