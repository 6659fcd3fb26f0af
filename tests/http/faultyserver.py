"""A Kubernetes over HTTP that answers from an API in memory, except where it is told to fail."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

import kmock
from aiohttp import web
from multidict import CIMultiDict

from models.kinds import KNOWN_KINDS, Key, Kind
from reconciler.wire.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooManyRequests,
)
from reconciler.wire.protocol import API, Reply
from tests.http.mockserver import MockServer

REASONS: dict[type[ApiError], tuple[int, str]] = {
    AlreadyExists: (409, "AlreadyExists"),
    Conflict: (409, "Conflict"),
    Forbidden: (403, "Forbidden"),
    Gone: (410, "Expired"),
    Invalid: (422, "Invalid"),
    NotFound: (404, "NotFound"),
    TooManyRequests: (429, "TooManyRequests"),
}
VERBS = {"GET": "LIST", "POST": "CREATE", "DELETE": "DELETE"}
PATCHES = {"application/merge-patch+json": "PATCH", "application/apply-patch+yaml": "APPLY"}


class How(Enum):
    """What goes wrong, before or after the request is carried out."""

    DROPPED_BEFORE = auto()
    DROPPED_AFTER = auto()
    SILENT_BEFORE = auto()
    SILENT_AFTER = auto()
    ERROR_AFTER = auto()  # 500, though it was carried out
    HALF_AFTER = auto()  # half a body
    GARBAGE_AFTER = auto()  # not even HTTP
    PAGE_AFTER = auto()  # 200, but a proxy's page

    @property
    def carries_out(self) -> bool:
        return self.name.endswith("_AFTER")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as Kubernetes sees it; its text is such as `CREATE pods default/p`."""

    verb: str
    kind: Kind
    namespace: str | None
    name: str | None
    subresource: str | None

    @property
    def resource(self) -> str:
        return "/".join(part for part in (self.kind.plural, self.subresource) if part)

    def __str__(self) -> str:
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (self.verb, self.resource, where) if part)


@dataclass(slots=True)
class Fault:
    """One thing that is to go wrong, at the first requests that match.

    Args:
        how: What goes wrong: one of `How`, or a status with which the request is refused.
        verb: `LIST`, `CREATE`, `PATCH`, `APPLY` or `DELETE`; any by default.
        resource: Such as `pods` or `daskclusters/status`; any by default.
        name: The object's; any by default.
        skip: How many matching requests go well before.
        times: How many then fail.
        message: What a refusal says.
        headers: What else it says, such as `Retry-After`.
    """

    how: How | int
    verb: str | None = None
    resource: str | None = None
    name: str | None = None
    skip: int = 0
    times: int = 1
    message: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)

    def strikes(self, asked: Asked) -> bool:
        wanted = ((self.verb, asked.verb), (self.resource, asked.resource), (self.name, asked.name))
        if self.times == 0 or any(want not in (None, have) for want, have in wanted):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class _Front(kmock.RawHandler):
    """Hands what no reaction takes to a function; a reaction itself cannot take the connection apart."""

    def __init__(self, serve: Callable[[kmock.Request], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(strict=True)
        self.serve = serve

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        try:
            return await super()._handle(request)
        except NotImplementedError:
            return await self.serve(request)


class FaultyServer:
    """Serves an API under Kubernetes' URLs while it is entered, and fails as its faults say.

    Attributes:
        url: Where it is.
        faults: What is still to go wrong; may be added to at any time. The first that strikes counts.
        asked: What was asked, and what went wrong with it, in order.
        handler: The kmock handler, for reactions of one's own, which go first.

    Args:
        api: What answers.
        faults: What is to go wrong.
    """

    def __init__(self, api: API, *faults: Fault) -> None:
        self.faults = list(faults)
        self.asked: list[tuple[str, How | int | None]] = []
        self.handler = _Front(self._serve)
        self._api = api
        self._server = MockServer(self.handler)
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def pending(self) -> list[Fault]:
        """The faults that have not all struck."""
        return [fault for fault in self.faults if fault.times]

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.call(self._closing.set)
        self._server.__exit__(kind, value, traceback)

    async def _serve(self, request: kmock.Request) -> web.StreamResponse:
        if request.params.get("watch"):  # a watch in which nothing happens, and which ends
            return web.Response(content_type="application/json")
        asked = _asked(request)
        fault = next((fault for fault in self.faults if fault.strikes(asked)), None)
        self.asked.append((str(asked), fault.how if fault else None))
        if fault is None:
            return self._carried_out(asked, request)
        if isinstance(fault.how, int):
            return _refusal(fault.how, "", fault.message, fault.headers)
        response = self._carried_out(asked, request) if fault.how.carries_out else web.Response()
        return await self._spoilt(fault.how, request, response)

    def _carried_out(self, asked: Asked, request: kmock.Request) -> web.Response:
        try:
            result = self._performed(asked, request)
        except ApiError as error:
            status, reason = REASONS[type(error)]
            return _refusal(status, reason, error.message, {})
        if isinstance(result, bytes):
            return web.Response(body=result, content_type="application/json")
        headers = CIMultiDict(("Warning", f"299 - {json.dumps(warning)}") for warning in result.warnings)
        created = asked.verb == "CREATE"
        return web.json_response(result.body, status=201 if created else 200, headers=headers)

    def _performed(self, asked: Asked, request: kmock.Request) -> bytes | Reply:
        key = Key(asked.kind, asked.namespace or "", asked.name or "")
        part: Any = asked.subresource
        perform: dict[str, Callable[[], bytes | Reply]] = {
            "LIST": lambda: self._api.list(
                asked.kind,
                asked.namespace,
                labels=request.params.get("labelSelector", ""),
                fields=request.params.get("fieldSelector", ""),
            ),
            "CREATE": lambda: self._api.create(asked.kind, request.data),
            "PATCH": lambda: self._api.patch(key, json.loads(request.body), part),
            "APPLY": lambda: self._api.apply(key, json.loads(request.body), part),
            "DELETE": lambda: self._api.delete(
                key, request.data["preconditions"]["uid"], request.data["preconditions"].get("resourceVersion", "")
            ),
        }
        return perform[asked.verb]()

    async def _spoilt(self, how: How, request: kmock.Request, response: web.Response) -> web.StreamResponse:
        raw = request._raw_request
        assert raw is not None
        assert raw.transport is not None
        body = response.body if isinstance(response.body, bytes) else b""
        if how in (How.SILENT_BEFORE, How.SILENT_AFTER):
            await self._closing.wait()
        if how is How.HALF_AFTER:
            head = b"HTTP/1.1 %d Half\r\nContent-Length: %d\r\n\r\n" % (response.status, len(body))
            raw.transport.write(head + body[: len(body) // 2])
        if how is How.GARBAGE_AFTER:
            raw.transport.write(b"\x00 lorem ipsum\r\n\r\n")
        if how is How.PAGE_AFTER:
            return web.Response(text="<html>Log in</html>", content_type="text/html")
        if how is How.ERROR_AFTER:
            return _refusal(500, "InternalError", "Internal error occurred: injected", {})
        raw.transport.close()
        return web.Response()


def _asked(request: kmock.Request) -> Asked:
    resource, method = request.resource, str(request.method.value)
    assert resource is not None, f"{request.url} is no URL of a Kubernetes resource"
    kind = next(kind for kind in KNOWN_KINDS if (kind.group, kind.plural) == (resource.group, resource.plural))
    verb = VERBS.get(method) or PATCHES[request.headers["Content-Type"]]
    name = request.data["metadata"]["name"] if verb == "CREATE" else request.name
    return Asked(verb, kind, request.namespace, name, request.subresource)


def _refusal(status: int, reason: str, message: str, headers: dict[str, str]) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status}
    return web.json_response(body | {"reason": reason, "message": message}, status=status, headers=headers)
