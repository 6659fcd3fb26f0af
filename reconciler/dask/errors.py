"""What can come of asking a Dask scheduler, other than an answer.

DaskError
├── Unreachable      no connection, or it was closed
├── Barred           we lack a right to ask it
├── Silent           the deadline of the conversation has passed
├── Malformed        what came is no answer that we know
│   └── TooLarge       it is more than we are willing to read
└── SchedulerError   the scheduler says that it could not do it

After a request that changes something, all but Barred and SchedulerError leave unknown whether it was done.
"""

from typing import ClassVar


class DaskError(Exception):
    """A Dask scheduler did not answer a request.

    Args:
        message: Which scheduler, what it was asked, what happened, and what to do about it.

    Attributes:
        result: What metrics call it.
    """

    result: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(DaskError):
    """There is no connection to the scheduler, or it was closed before the answer was complete."""

    result = "unreachable"


class Barred(DaskError):
    """We lack a right that it takes to ask the scheduler."""

    result = "barred"


class Silent(DaskError):
    """The answer was not complete at the deadline of the conversation."""

    result = "silent"


class Malformed(DaskError):
    """What came is not an answer to what was asked."""

    result = "malformed"


class TooLarge(Malformed):
    """The answer is larger than the bounds of what we read."""

    result = "too_large"


class SchedulerError(DaskError):
    """The scheduler answers that it could not do what it was asked."""

    result = "refused"


class Nonsense(ValueError):
    """Bytes or values that are no answer, before it is known whose they are."""


class Excess(Nonsense):
    """More than the bounds allow."""
