"""What the API server answered, and which of the few errors it means."""

import json
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from reconciler.api.request import Request
from reconciler.wire.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Refused,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnknownOutcome,
)
from reconciler.wire.protocol import Body, Reply

# The statuses that mean the same to a read as to a write, whatever the reason.
CLASSES: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    408: ServerError,  # a proxy that gave up waiting for the request
    409: Conflict,
    410: Gone,
    412: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
    503: ServerError,
}
# How a 500 starts that is the fault of what was applied, before anything is written.
UNTYPED = "failed to create typed patch object"
SHOWN = 300  # characters of an answer that is not the API server's own
CHUNK = 1 << 20
GZIP = zlib.MAX_WBITS | 16  # zlib's word for the format
MOST_PACKED = 1032  # bytes that deflate can pack into one
# How admission refuses an owner whose kind was installed less than half a minute ago.
UNLEARNED = re.compile(r"cannot set blockOwnerDeletion .*cannot find RESTMapping for APIVersion \S+ Kind (\w+)")
WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')


class TooSlow(HTTPError):
    """An answer that came, but not whole in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that arrived whole.

    Args:
        status: The HTTP status.
        headers: Its headers, in order, repeated ones too.
        body: Its body, decompressed.
        bytes_received: The length of the body on the wire.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    bytes_received: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the server did what was asked."""
        return self.status // 100 == 2  # noqa: PLR2004 -- 2xx

    def values(self, header: str) -> Iterator[str]:
        """The values of a header, one for each time it was sent."""
        return (value for name, value in self.headers if name.lower() == header)

    def value(self, header: str) -> str:
        """The value of a header, or nothing."""
        return next(self.values(header), "")


def whole(response: HTTPResponse, deadline: float) -> Answer:
    """Read an answer's body.

    Args:
        response: The answer, of which only the head has been read.
        deadline: When to give up, on the monotonic clock.

    Raises:
        HTTPError: it ends before its length or its last chunk, or is not whole at the deadline.
    """
    chunks = []
    try:
        while chunk := response.read1(CHUNK, decode_content=False):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise TooSlow
    finally:
        response.close()  # a connection whose answer was read to its end is back in the pool already
    body = b"".join(chunks)
    headers = tuple(response.headers.items())
    return Answer(response.status, headers, _decompressed(body, response.headers.get("Content-Encoding")), len(body))


def _decompressed(body: bytes, encoding: str | None) -> bytes:
    if encoding != "gzip":
        return body
    # Its size is at the end; with it, the text is written once, not in blocks to be joined.
    size = int.from_bytes(body[-4:], "little")
    try:
        return zlib.decompress(body, GZIP, min(size, MOST_PACKED * len(body)))
    except zlib.error as trouble:
        raise HTTPError(f"what it compressed cannot be decompressed: {trouble}") from trouble


def error_class(status: int, reason: str, *, writes: bool) -> type[ApiError]:
    """Sort an answer that is not a success.

    Args:
        status: The HTTP status.
        reason: The reason of the server's Status object, if it sent one.
        writes: Whether the request was to change something.
    """
    if status == HTTPStatus.CONFLICT and reason == "AlreadyExists":
        return AlreadyExists
    if status in CLASSES:
        return CLASSES[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnknownOutcome if writes else ServerError
    # What remains below 500 is a plain no, or a redirect, which only something in front of the API server sends.
    return Refused if status >= HTTPStatus.BAD_REQUEST else ServerError


def lost(request: Request) -> type[ApiError]:
    """What it means that no usable answer came, although the request may have arrived."""
    return UnknownOutcome if request.writes else Unavailable


def error(answer: Answer, request: Request) -> ApiError:
    """The error that an answer other than a success stands for."""
    status = _object(answer.body) or {}
    known = status if status.get("kind") == "Status" else {}
    reason = str(known.get("reason") or "")
    message = str(known.get("message") or _foreign(answer, request))
    found = _misnamed(answer.status, message, known.get("details"))
    return (found or error_class(answer.status, reason, writes=request.writes))(
        _in_words(message),
        status=answer.status,
        reason=reason,
        retry_after_seconds=retry_after_seconds(answer, known.get("details")),
    )


def _in_words(message: str) -> str:
    """What the server says, but for what only frightens: it passes by itself."""
    new = UNLEARNED.search(message)
    if new is None:
        return message
    return f"the kind {new[1]} is new to Kubernetes, where it may own others half a minute from now; it is tried again"


def _misnamed(status: int, message: str, details: Any) -> type[ApiError] | None:
    """The class of two refusals that the API server gives a status of another meaning."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and "metadata.uid" in _fields(details):
        return Conflict  # to the server a changed field, to us another object of that name
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and message.startswith(UNTYPED):
        return Invalid
    return None


def listed(answer: Answer, request: Request) -> bytes:
    """The body of a list, once it is plain that it is one: anything else must not be read as an empty one.

    Raises:
        Unavailable: it is something else.
    """
    whole = answer.body[:1] == b"{" and answer.body[-SHOWN:].rstrip()[-1:] == b"}"
    if not (whole and b'"items"' in answer.body):
        raise lost(request)(_foreign(answer, request), status=answer.status)
    return answer.body


def reply(answer: Answer, request: Request) -> Reply:
    """What a write brought.

    Raises:
        UnknownOutcome: the answer is no Kubernetes object.
    """
    body = _object(answer.body)
    if body is None or "kind" not in body:
        raise lost(request)(_foreign(answer, request), status=answer.status)
    return Reply(body, warnings(answer))


def object_of(answer: Answer, request: Request) -> Body:
    """The object that was read; what else came is not shown, since it may be secret.

    Raises:
        Unavailable: it is something else.
    """
    body = _object(answer.body)
    if body is None or "kind" not in body:
        raise lost(request)(f"{request}: what came is no object of Kubernetes", status=answer.status)
    return body


def warnings(answer: Answer) -> tuple[str, ...]:
    """The texts of the `Warning` headers (RFC 7234: `299 - "text"`, several to a header or several headers)."""
    texts = (text for value in answer.values("warning") for text in WARNING.findall(value))
    return tuple(_utf8(re.sub(r"\\(.)", r"\1", text)) for text in texts)


def retry_after_seconds(answer: Answer, details: object = None) -> float | None:
    """How long the server asks to be left alone: in `Retry-After`, as seconds or a date, or in its Status.

    A date is compared with the server's own clock where the answer tells it.
    """
    value = answer.value("retry-after").strip()
    if value.isdecimal():
        return float(value)
    if (until := _date(value)) is not None:
        return max(0.0, (until - (_date(answer.value("date")) or datetime.now(UTC))).total_seconds())
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return float(seconds) if isinstance(seconds, int) and seconds > 0 else None


def _fields(details: Any) -> set[str]:
    """The fields that a Status object finds fault with."""
    causes = details.get("causes") if isinstance(details, dict) else None
    return {str(cause.get("field")) for cause in causes or () if isinstance(cause, dict)}


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _foreign(answer: Answer, request: Request) -> str:
    """A sentence about an answer that is not an object of Kubernetes, but often a proxy's page."""
    phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else ""
    text = re.sub(r"<[^>]*>|\s+", " ", answer.body[: 10 * SHOWN].decode(errors="replace"))
    said = " ".join(text.split())[:SHOWN] or "nothing"
    hint = "; is its custom resource definition installed?" if answer.status == HTTPStatus.NOT_FOUND else ""
    content = answer.value("content-type") or "no content type"
    return f"{request}: {answer.status} {phrase} with no object of Kubernetes, but {content}: {said}{hint}"


def _utf8(text: str) -> str:
    """Header values are decoded as Latin-1, but the API server sends UTF-8."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
