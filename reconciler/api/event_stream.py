"""A watch over HTTP: an answer that goes on, one event a line."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from threading import Event
from typing import Any

from pydantic import Field, ValidationError
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from models.base import Model, OwnerReference, StringMap
from models.kinds import Key, Kind
from reconciler.api.answer import SHOWN, error_class
from reconciler.wire.errors import ApiError, ServerError, Unavailable
from reconciler.wire.protocol import EventType, WatchEvent

CHUNK = 1 << 16


class HTTPWatch:
    """Events as they arrive.

    Args:
        kind: What is watched.
        response: The answer, of which only the head has been read.
        wrong: What an error of the connection means.
    """

    def __init__(self, kind: Kind, response: HTTPResponse, wrong: Callable[[Exception], ApiError]) -> None:
        self._kind = kind
        self._response = response
        self._wrong = wrong
        self._closed = Event()

    def __iter__(self) -> Iterator[WatchEvent]:
        """The events; see `reconciler.wire.protocol.Watch`."""
        try:
            for line in self._lines():
                yield event(self._kind, line)
        finally:
            self._closed.set()
            self._response.close()

    def close(self) -> None:
        """End the watch; see `reconciler.wire.protocol.Watch`."""
        self._closed.set()
        # Only the thread that reads closes the response; this brings it an end to read. Where it has closed the
        # response meanwhile, there is nothing left to shut down, which shows as one of several errors.
        with suppress(ValueError, RuntimeError, OSError, TypeError):
            self._response.shutdown()

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        while chunk := self._chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest and not self._closed.is_set():
            raise Unavailable(f"the watch of {self._kind.plural} ended within an event: {_shown(rest)}")

    def _chunk(self) -> bytes:
        """What has arrived; nothing at the end."""
        if self._closed.is_set():
            return b""
        try:
            return self._response.read1(CHUNK, decode_content=False)
        except (HTTPError, OSError) as trouble:
            if self._closed.is_set():
                return b""
            raise self._wrong(trouble) from trouble
        except ValueError:  # a TLS socket that was shut down before it could be read
            if self._closed.is_set():
                return b""
            raise


class _Metadata(Model):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: StringMap = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()


class _Object(Model):
    """Metadata alone, or the Status that ends a watch."""

    metadata: _Metadata = Field(default_factory=_Metadata)
    code: int = 0
    reason: str = ""
    message: str = ""
    details: dict[str, Any] | None = None


class _Line(Model):
    type: str
    object: _Object


def event(kind: Kind, line: bytes) -> WatchEvent:
    """The event that a line tells.

    Raises:
        ApiError: it tells an error, or is no event.
    """
    try:
        read = _Line.model_validate_json(line)
        if read.type != "ERROR":
            return _event(EventType(read.type), kind, read.object.metadata)
    except (ValidationError, ValueError) as error:
        raise Unavailable(f"the watch of {kind.plural} brought no event of Kubernetes: {_shown(line)}") from error
    status = read.object
    known = error_class(status.code, status.reason, writes=False) if status.code >= HTTPStatus.BAD_REQUEST else None
    raise (known or ServerError)(
        status.message or f"the watch of {kind.plural} ended with an error",
        status=status.code or None,
        reason=status.reason,
        retry_after_seconds=(status.details or {}).get("retryAfterSeconds"),
    )


def _event(type_: EventType, kind: Kind, meta: _Metadata) -> WatchEvent:
    controller = next((owner for owner in meta.owner_references if owner.controller), None)
    key = Key(kind, meta.namespace, meta.name)
    return WatchEvent(type_, key, meta.resource_version, meta.uid, meta.labels, controller)


def _shown(line: bytes) -> str:
    return line[:SHOWN].decode(errors="replace")
