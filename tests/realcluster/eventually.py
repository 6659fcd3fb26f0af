"""Waits for what a real process does in its own time."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], what: str, *, deadline_seconds: float = 120) -> None:
    """Wait until a condition holds; the deadline is for what never comes, however busy the machine is.

    Raises:
        AssertionError: it did not in time.
    """
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {deadline_seconds:.0f} s"
        time.sleep(0.05)
