"""Why no answer came, told from what the layers below raise."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import TimeoutError as SlowError

from kubecluster.api.requests import Request
from kubecluster.api.surroundings import Found
from kubecluster.errors import Unreachable

SHOWN = 300
SLOW = (SlowError, TimeoutError)
UNSENT = (NewConnectionError, ConnectTimeoutError, ProxyError, ssl.SSLError)
"""Trouble before anything was sent, unless TLS ends in the midst of it."""


class TooSlow(TimeoutError):
    """An answer that came, but not whole in time."""


class Interrupted(Unreachable):
    """A connection that was refused or broke: another may come about at once."""


def unreachable(trouble: Exception, found: Found, request: Request, *, overdue: bool) -> Unreachable:
    """The error for a request that brought no answer.

    Args:
        trouble: what was raised.
        found: where the server is.
        request: what was asked.
        overdue: whether the time was up.
    """
    causes = tuple(_causes(trouble))
    late = overdue or any(isinstance(cause, SLOW) for cause in causes)
    lasting = late or any(isinstance(cause, ssl.SSLCertVerificationError | socket.gaierror) for cause in causes)
    proxy = f" through the proxy {_without_password(found.proxy)}" if found.proxy else ""
    unsent = any(isinstance(cause, UNSENT) and not isinstance(cause, ssl.SSLEOFError) for cause in causes)
    perhaps = "" if request.only_asks or unsent else " It may have been done all the same."
    return (Unreachable if lasting else Interrupted)(
        f"{request}: {found} cannot be reached{proxy}: {why(trouble)}. See whether the cluster runs, whether its "
        f"address is right, and whether the network leads there.{perhaps}"
    )


def why(trouble: BaseException) -> str:
    """What happened, as part of a sentence about the server."""
    causes = tuple(_causes(trouble))
    usual = next(filter(None, map(_usual, causes)), "")
    late = "it does not answer in time" if any(isinstance(cause, SLOW) for cause in causes) else ""
    return usual or late or str(causes[-1])[:SHOWN] or type(causes[-1]).__name__


def _usual(cause: BaseException) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            what = f"its certificate is not trusted ({cause.verify_message})"
        case ConnectionResetError() | BrokenPipeError() | ssl.SSLEOFError():
            what = "the connection broke"
        case ssl.SSLError():
            what = f"no TLS with it ({cause.reason or cause})"
        case socket.gaierror():
            what = f"its name is not known ({cause.strerror})"
        case ConnectionRefusedError():
            what = "the connection is refused"
        case _:
            what = ""
    return what


def _causes(trouble: BaseException | None) -> Iterator[BaseException]:
    while trouble is not None:
        yield trouble
        trouble = trouble.__cause__ or trouble.__context__


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
