"""Virtual time."""

from datetime import datetime, timedelta

from tests.builders import NOON


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self._seconds = 0.0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._seconds += seconds

    def seconds(self) -> float:
        """Seconds that have passed, whoever set the clock."""
        return self._seconds


class MachineClock:
    """The clock of one machine, which someone may set wrong.

    Args:
        true: The right time.
    """

    def __init__(self, true: Clock) -> None:
        self._true = true
        self.error = timedelta()

    def __call__(self) -> datetime:
        return self._true() + self.error
