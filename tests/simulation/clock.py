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
