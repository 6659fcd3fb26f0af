"""Requests over HTTP: who may ask, which part of the server answers, and how answers and refusals look."""

import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from models.kinds import POD, Key, Kind
from reconciler.local.server import logs
from reconciler.local.server.access import Review, review_at, reviewed
from reconciler.local.server.catalogue import Catalogue
from reconciler.local.server.discovery import AGGREGATED, discovered
from reconciler.local.server.forwarding import CHANNELS, PROTOCOL, TUNNELED, Channels, Forwarding, Tunnel
from reconciler.local.server.news import News
from reconciler.local.server.node import Node
from reconciler.local.server.objects import CREATED, Objects
from reconciler.local.server.openapi import document
from reconciler.local.server.refused import status_of
from reconciler.local.server.request import Request, parsed, takes_aggregated, understood
from reconciler.local.server.watching import seconds_of, watched
from reconciler.memory import MemoryAPI
from reconciler.memory.refusals import bad_request, no_such_path, not_found
from reconciler.wire.errors import ApiError, Forbidden
from reconciler.wire.protocol import Body

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")

HEALTH = ("/healthz", "/livez", "/readyz")
OLD_OPENAPI = "/openapi/v2"
"""What kubectl asks for where it does not find a kind; in protobuf, nothing at all is a document without anything."""

CHUNK = 64 << 10
SPDY = "spdy/3.1"


@dataclass(eq=False)
class Place:
    """What requests are answered with.

    Args:
        api: The API.
        catalogue: What is served.
        node: Where Pods run.
        token: What whoever asks must know.
        clock: The time.
        news: Tells of changes.
        times: When what stands in logs was written.
    """

    api: MemoryAPI
    catalogue: Catalogue
    node: Node
    token: str
    clock: Callable[[], datetime]
    news: News
    times: logs.Times
    objects: Objects = field(init=False)
    is_closing: bool = False
    open: "set[Guarded]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self.objects = Objects(self.api, self.clock)


class Guarded(RequestHandler):
    """A request of somebody who knows the token; all others are refused."""

    place: Place
    _is_gone = False

    def initialize(self, place: Place) -> None:
        """Take over what requests are answered with."""
        self.place = place
        place.open.add(self)

    def is_known(self, token: str) -> bool:
        """Whether somebody with that token may ask."""
        return hmac.compare_digest(token.encode(), self.place.token.encode())

    def prepare(self) -> Awaitable[None] | None:
        """Refuse strangers."""
        if not self.is_known(self.request.headers.get("Authorization", "").removeprefix("Bearer ")):
            self.refuse(Forbidden("Unauthorized", status=401, reason="Unauthorized"))
        return None

    def on_finish(self) -> None:
        """It is over."""
        self.place.open.discard(self)

    def shut(self) -> None:
        """End it soon, since the server ends."""

    def on_connection_close(self) -> None:
        """Wake what waits for something to tell this client."""
        super().on_connection_close()
        self._is_gone = True
        self.place.news.wake()

    def refuse(self, error: ApiError, about: tuple[Kind, str] | None = None) -> None:
        """Answer with a refusal."""
        self.reply(status_of(error, about), error.status or 500)

    def reply(self, body: Body, status: int = 200, type_: str = "application/json") -> None:
        """Answer with a document."""
        self.set_status(status)
        self.set_header("Content-Type", type_)
        self.finish(json.dumps(body, ensure_ascii=False, separators=(",", ":")))

    def log_exception(self, *error: Any) -> None:
        """Say that something of ours is broken."""
        log.error("server.broken", request=f"{self.request.method} {self.request.path}", exc_info=error)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer when something of ours is broken."""
        self.refuse(ApiError("Internal error: dask-reconciler has met an error of its own", status=status_code))

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for more."""
        return self.place.is_closing or self._is_gone


class ApiHandler(Guarded):
    """All requests but those for ports."""

    async def answer(self) -> None:
        """Answer a request."""
        path, accept = self.request.path, self.request.headers.get("Accept", "")
        aggregated = takes_aggregated(accept) and path.rstrip("/") in ("/api", "/apis")
        found = discovered(self.place.catalogue, path, aggregated=aggregated) if self.request.method == "GET" else None
        found = found or document(self.place.catalogue, path)
        review = review_at(path) if self.request.method == "POST" else None
        if path == OLD_OPENAPI:
            self.set_header("Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            self.finish(b"")
        elif found is not None:
            self.reply(found, type_=AGGREGATED if aggregated else "application/json")
        elif path in HEALTH:
            self.finish("ok")
        else:
            await self._about(review)

    get = post = put = patch = delete = head = answer

    async def _about(self, review: Review | None) -> None:
        """Answer a question about access, or a request about objects."""
        about: tuple[Kind, str] | None = None
        try:
            if review is not None:
                sent = parsed(self.request.body, self.request.headers.get("Content-Type", ""))
                self.reply(reviewed(self.place.catalogue, review, sent), CREATED)
                return
            query = {name: values[-1].decode() for name, values in self.request.query_arguments.items()}
            asked = self.request
            request = understood(self.place.catalogue, asked.method or "", asked.path, query, asked.headers, asked.body)
            about = (request.resource.kind, request.name or request.sent_name)
            if request.verb == "watch":
                await self._watch(request)
            elif request.subresource == "log":
                await self.read_log(request)
            else:
                answer = self.place.objects.answer(request)
                for warning in answer.warnings:
                    quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
                    self.add_header("Warning", f'299 - "{quoted}"')
                self.reply(answer.body, answer.status)
        except StreamClosedError:  # whoever asked is gone
            return
        except ApiError as error:
            self.refuse(error, about)
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # of a type that a field cannot have
            self.refuse(bad_request(f"the request cannot be understood: {type(error).__name__}: {error}"), about)

    async def _watch(self, request: Request) -> None:
        place = self.place
        seconds_of(request)  # to refuse it while that can still be said
        self.set_header("Content-Type", "application/json")
        await self.flush()
        async for line in watched(place.api, place.objects, place.news, request, lambda: self.is_over):
            self.write(line)
            await self.flush()
        self.finish()

    async def read_log(self, request: Request) -> None:
        """Answer with a container's log."""
        place = self.place
        has_ended = logs.has_ended(place.api, request)
        wanted = logs.reading(place.api, place.node, request, place.clock())
        self.set_header("Content-Type", "text/plain")
        if wanted.follows:
            await self.flush()
        async for text in logs.read(wanted, place.times, lambda: self.is_over or has_ended()):
            self.write(text)
            await self.flush()
        self.finish()


class ForwardHandler(Guarded, WebSocketHandler):
    """Requests for a Pod's ports."""

    _way: Tunnel | Channels | None = None
    _pod: Body | None = None
    _stream: IOStream | None = None

    def prepare(self) -> Awaitable[None] | None:
        """Refuse strangers, and Pods that are not there or do not run."""
        super().prepare()
        if self._finished:
            return None
        namespace, name = self.path_args
        key = Key(POD, namespace, name)
        self._pod = self.place.api.get(key)
        if self._pod is None:
            self.refuse(not_found(key), (POD, name))
        elif self._pod.get("status", {}).get("phase") != "Running":
            phase = self._pod.get("status", {}).get("phase")
            self.refuse(bad_request(f"unable to forward port because pod is not running. Current status={phase}"))
        return None

    async def post(self, *_: str) -> None:
        """Speak SPDY on the connection itself."""
        if self.request.headers.get("Upgrade", "").lower() != SPDY:
            self.refuse(no_such_path())
            return
        stream = self._stream = self.detach()
        head = f"Upgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: {PROTOCOL}\r\n\r\n"
        tunnel = Tunnel(self._forwarding(), stream.write)
        try:
            await stream.write(f"HTTP/1.1 101 Switching Protocols\r\n{head}".encode())
            while True:
                await tunnel.feed(await stream.read_bytes(CHUNK, partial=True))
        except StreamClosedError:
            await tunnel.end()
        finally:
            stream.close()
            self.on_finish()

    async def get(self, *args: str) -> None:
        """Speak SPDY or of channels within a WebSocket; or SPDY, of which kubectl says GET in some versions."""
        if self.request.headers.get("Upgrade", "").lower() == SPDY:
            await self.post(*args)
        else:
            await super().get(*args)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one of both that the client prefers."""
        return next((one for one in subprotocols if one in (CHANNELS, TUNNELED)), None)

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002 - as its base has it
        """Whoever knows the token may come from anywhere."""
        return True

    def open(self, *_: str) -> None:
        """Begin."""
        if self.selected_subprotocol == TUNNELED:
            self._way = Tunnel(self._forwarding(), self.send)
        else:
            ports = [int(port) for text in self.get_query_arguments("ports") for port in text.split(",")]
            self._way = Channels(self._forwarding(), self.send, ports, self.close)

    async def on_message(self, message: str | bytes) -> None:
        """Pass on what comes."""
        if self._way is not None and isinstance(message, bytes):
            await self._way.feed(message)

    def on_close(self) -> None:
        """End all connections."""
        if self._way is not None:
            self._forwarded.begin(self._way.end())
        self.on_finish()

    def shut(self) -> None:
        """Break the connection off."""
        stream = self._stream or (self.ws_connection.stream if self.ws_connection is not None else None)
        if stream is not None:
            stream.close()

    def _forwarding(self) -> Forwarding:
        assert self._pod is not None
        self._forwarded = Forwarding(self.place.node, self._pod)
        return self._forwarded

    async def send(self, data: bytes) -> None:
        """Send to the client, if it is still there."""
        with suppress(WebSocketClosedError, StreamClosedError):
            await self.write_message(data, binary=True)
