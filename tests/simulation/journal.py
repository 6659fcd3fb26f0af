"""What happened in a world, one line each: when, who, what."""

from collections.abc import Callable


class Journal:
    """The lines so far.

    Args:
        seconds: Seconds that only run on.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Write a line, whose columns are at fixed places."""
        self.lines.append(f"{self._seconds():>10.2f}  {who:<10}  {what}")
