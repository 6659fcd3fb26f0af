"""Virtual time."""

from datetime import datetime, timedelta

from tests.builders import NOON


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


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

    def steady(self) -> float:
        """Seconds that have passed, however often the clock was set."""
        return (self._true() - NOON).total_seconds()
