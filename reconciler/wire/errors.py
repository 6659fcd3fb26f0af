"""Everything the Kubernetes API can answer a request with, other than yes.

ApiError
├── Refused            the server said no, and will until something changes
│   ├── Invalid          400, 413, 415, 422: the object is wrong; the message says where
│   ├── Forbidden        401, 403: rights or quota
│   ├── NotFound         404
│   ├── AlreadyExists    409, reason AlreadyExists
│   └── Conflict         409 otherwise: the object changed since it was read
├── Unavailable        the server or the way to it is in trouble; nothing was written; later it may work
│   ├── TooManyRequests  429, often with Retry-After
│   ├── ServerError      5xx that says nothing was written, 503 for one
│   ├── Gone             410: the list's resource version is too old
│   └── Unreachable      no connection, so the request never left
└── UnknownOutcome     the request may or may not have been carried out: connection lost, silence,
                       half an answer, garbage, or a 500, 502 or 504 to a write
"""

from collections.abc import Sequence

LONGEST_RETRY_AFTER_SECONDS = 300.0
"""However long a server, or the page of a proxy in front of it, asks to be left alone: it is not forgotten."""


class ApiError(Exception):
    """A request to the Kubernetes API that did not succeed.

    Args:
        message: What the server said, or what happened to the connection.
        status: The HTTP status, or `None` where there was no answer.
        reason: The machine-readable reason of the server's Status object, such as `Invalid`.
        retry_after_seconds: How long the server asks to be left alone, if it said so; five minutes at most count.
        causes: What is wrong with the object, each with its field; only of the API in memory.
        warnings: What the server would have warned of; only of the API in memory.
    """

    def __init__(  # noqa: PLR0913 - what a refusal tells
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        retry_after_seconds: float | None = None,
        causes: Sequence[str] = (),
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason or type(self).__name__
        self.causes = tuple(causes)
        self.warnings = tuple(warnings)
        asked = retry_after_seconds
        self.retry_after_seconds = None if asked is None else min(asked, LONGEST_RETRY_AFTER_SECONDS)


class Refused(ApiError):
    """The server said no, and will until something changes."""


class Invalid(Refused):
    """The object sent is wrong; the message says which field and why."""


class Forbidden(Refused):
    """The rights or the quota do not suffice."""


class NotFound(Refused):
    """There is no such object, kind or namespace."""


class AlreadyExists(Refused):
    """An object of that name is there already."""


class Conflict(Refused):
    """The object has changed since it was read, or is another one of the same name."""


class Unavailable(ApiError):
    """Nothing was written; later it may work."""


class TooManyRequests(Unavailable):
    """The server asks for fewer requests."""


class ServerError(Unavailable):
    """The server is in trouble and says so."""


class Gone(Unavailable):
    """The list's resource version is too old; list anew."""


class Unreachable(Unavailable):
    """No connection could be made, so the request never left."""


class UnknownOutcome(ApiError):
    """The request may or may not have been carried out; only looking again tells."""
