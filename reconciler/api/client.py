"""The requests over HTTP, with the `kubernetes` client's raw calls."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.client.rest import RESTClientObject
from urllib3 import HTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from models.kinds import Key, Kind
from reconciler.api import credentials, request
from reconciler.api.answer import SHOWN, Answer, TooSlow, error, listed, lost, object_of, reply, whole
from reconciler.api.event_stream import HTTPWatch
from reconciler.api.forwarding import Tunnel, tunnel
from reconciler.api.request import HttpVerb, Request
from reconciler.wire.errors import ApiError, Unreachable
from reconciler.wire.protocol import WATCH_SILENCE_SECONDS, Body, Reply, Subresource, Watch

MOST_WATCHES_KEPT = 100  # connections of watches that ended; opening one again needs no handshake then
# Trouble before anything was sent. A certificate that doesn't hold ends the handshake.
UNSENT = (NewConnectionError, ConnectTimeoutError, ProxyError, LocationValueError, ssl.SSLCertVerificationError)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what became of it, for metrics.

    Args:
        verb: `LIST`, `WATCH`, `GET`, `CREATE`, `PATCH`, `APPLY` or `DELETE`.
        resource: Such as `pods` or `daskclusters/status`.
        code: The answer's status, or the class of the error where none came, such as `<Unreachable>`.
        seconds: From before the connection to the answer's last byte; of a watch, to the end of its head.
        bytes_received: The length of the answer's body on the wire.
    """

    verb: str
    resource: str
    code: str
    seconds: float
    bytes_received: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How requests are made.

    Args:
        connect_seconds: How long to wait for a connection, for each address the server's name stands for.
        read_seconds: How long the server may be silent.
        total_seconds: How long all of it may take. It is looked at whenever a part of the answer's body has come, so
            that it can take one silence more.
        user_agent: Who we are, in the server's logs.
        pool_size: How many connections are kept.
        compress: Whether lists may come compressed.
        watch_silence_seconds: How long a watch may bring nothing.
    """

    connect_seconds: float
    read_seconds: float
    total_seconds: float
    user_agent: str
    pool_size: int
    compress: bool
    watch_silence_seconds: float = WATCH_SILENCE_SECONDS


class HTTPAPI:
    """The API protocol over HTTP.

    - A request is sent once, or not at all: neither we nor the layers below repeat it, redirect it or sleep.
    - A request that never left raises another error than one whose outcome is unknown.
    - An answer is used only if it arrived whole, in time, and is what Kubernetes answers.
    - Threads may share an instance; each has a connection of its own up to the pool's size.
    - Watches take no connection from the pool.

    Args:
        configuration: Where the server is and who we are; it is changed.
        manner: How requests are made.
        observe: Called with every request when it is over.
    """

    def __init__(
        self, configuration: Configuration, manner: Manner, observe: Callable[[Exchange], None] | None = None
    ) -> None:
        configuration.retries = False  # 0 would do the same, but hide the cause of an error in another
        configuration.client_go_retries = False
        configuration.connection_pool_maxsize = manner.pool_size
        self._client = ApiClient(configuration)
        self._client.user_agent = manner.user_agent
        configuration.connection_pool_maxsize = MOST_WATCHES_KEPT
        self._watches = RESTClientObject(configuration)
        self._manner = manner
        self._observe = observe or (lambda _: None)
        self._credentials = Lock()

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind; see `reconciler.wire.protocol.API`.

        The body is whole as far as HTTP can tell and looks like a list; whoever parses it finds out the rest.
        """
        asked = request.listing(kind, namespace, labels, fields)
        return listed(self._answer(asked), asked)

    def watch(
        self, kind: Kind, namespace: str | None, *, version: str, labels: str = "", timeout_seconds: int
    ) -> Watch:
        """Watch the objects of a kind; see `reconciler.wire.protocol.Watcher`.

        Until the head of the answer has come, it cannot be closed.
        """
        asked = request.watching(kind, namespace, version, labels, timeout_seconds)
        started = time.monotonic()
        silence = self._manner.watch_silence_seconds
        with self._noted(asked, started):
            response = self._sent(asked, silence)
            answer = None if response.status == HTTPStatus.OK else self._read(asked, response, started, silence)
        self._over(asked, str(response.status), started, 0)
        if answer is not None:
            raise error(answer, asked)
        return HTTPWatch(kind, response, lambda trouble: self._wrong(asked, trouble, silence))

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create an object; see `reconciler.wire.protocol.API`."""
        return self._write(request.creation(kind, body))

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object by a merge patch; see `reconciler.wire.protocol.API`."""
        return self._write(request.patch(key, body, subresource))

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Set fields by server-side apply; see `reconciler.wire.protocol.API`."""
        return self._write(request.application(key, body, subresource))

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Ask for an object to be deleted; see `reconciler.wire.protocol.API`."""
        return self._write(request.deletion(key, uid, resource_version))

    def get(self, key: Key) -> Body:
        """One object."""
        asked = request.reading(key)
        return object_of(self._answer(asked), asked)

    def forward(self, namespace: str, pod: str, port: int, seconds: float) -> Tunnel:
        """A way to a port of a Pod.

        Args:
            namespace: Where the Pod is.
            pod: Its name.
            port: Its port.
            seconds: How long each step to it may take.
        """
        asked = request.forwarding(namespace, pod, port)
        started = time.monotonic()
        with self._noted(asked, started):
            _, url, headers = self._prepared(asked)
            opened = tunnel(self._client.configuration, asked, url, headers, seconds)
        self._over(asked, str(HTTPStatus.SWITCHING_PROTOCOLS.value), started, 0)
        return opened

    def close(self) -> None:
        """Close the connections that are not in use."""
        for client in (self._client.rest_client, self._watches):
            pools = client.pool_manager.pools
            for pool in pools.keys():  # noqa: SIM118 -- no mapping, it refuses to be iterated over
                pools[pool].close()  # the client leaves that to the garbage collector
        self._watches.close()
        self._client.close()  # type: ignore[no-untyped-call]  # theirs has no annotations

    def _write(self, asked: Request) -> Reply:
        return reply(self._answer(asked), asked)

    def _answer(self, asked: Request) -> Answer:
        """The answer to a request, which succeeded; `observe` is called in any case."""
        started = time.monotonic()
        silence = self._manner.read_seconds
        with self._noted(asked, started):
            answer = self._read(asked, self._sent(asked, silence), started, silence)
        self._over(asked, str(answer.status), started, answer.bytes_received)
        if not answer.succeeded:
            raise error(answer, asked)
        return answer

    @contextmanager
    def _noted(self, asked: Request, started: float) -> Iterator[None]:
        """Tell `observe` of an exchange that brings no whole answer."""
        try:
            yield
        except ApiError as failure:
            self._over(asked, f"<{type(failure).__name__}>", started, 0)
            raise

    def _over(self, asked: Request, code: str, started: float, received: int) -> None:
        self._observe(Exchange(asked.verb, asked.resource, code, time.monotonic() - started, received))

    def _sent(self, asked: Request, silence: float) -> HTTPResponse:
        """Send a request; the answer, whatever its status, of which only the head has been read."""
        method, url, headers = self._prepared(asked)
        client: Any = self._watches if asked.verb is HttpVerb.WATCH else self._client.rest_client
        timeout = (self._manner.connect_seconds, silence)
        try:
            response: HTTPResponse = client.request(
                method, url, headers=headers, body=asked.body, _request_timeout=timeout
            ).response
        except (HTTPError, ApiException) as trouble:
            raise self._wrong(asked, trouble, silence) from trouble
        return response

    def _read(self, asked: Request, response: HTTPResponse, started: float, silence: float) -> Answer:
        """The whole answer."""
        try:
            return whole(response, started + self._manner.total_seconds)
        except (HTTPError, ApiException) as trouble:
            raise self._wrong(asked, trouble, silence) from trouble

    def _wrong(self, asked: Request, trouble: Exception, silence: float) -> ApiError:
        """What trouble with the connection means."""
        causes = tuple(_causes(trouble))
        unsent = any(isinstance(cause, UNSENT) for cause in causes)
        return (Unreachable if unsent else lost(asked))(f"{asked}: {self._told(causes, silence)}")

    def _prepared(self, asked: Request) -> tuple[str, str, dict[str, str]]:
        """The method, the URL and the headers, with credentials that are renewed by one thread at a time."""
        compressible = self._manner.compress and asked.verb is HttpVerb.LIST
        headers = asked.headers | ({"Accept-Encoding": "gzip"} if compressible else {})
        try:
            with self._credentials:
                method, url, sent, *_ = self._client.param_serialize(
                    asked.method,
                    asked.path,
                    query_params=asked.query,
                    header_params=headers,
                    auth_settings=[credentials.BEARER],
                )
        except credentials.TROUBLE as trouble:
            # Without its origin, which may hold secrets.
            raise Unreachable(f"{asked}: no credentials: {credentials.without_values(trouble)}") from None
        return method, url, sent

    def _told(self, causes: tuple[BaseException, ...], silence: float) -> str:
        server = urlsplit(self._client.configuration.host)
        where = f"{server.hostname}:{server.port}" if server.port else str(server.hostname)
        if any(isinstance(cause, ReadTimeoutError) for cause in causes):
            return f"{where} was silent for {silence:g} s"
        if isinstance(causes[0], TooSlow):
            return f"the answer of {where} was not whole after {self._manner.total_seconds:g} s"
        return f"{where}: {causes[-1]}"[:SHOWN]


def connect(  # noqa: PLR0913 -- each has a name at the call
    *,
    context: str | None = None,
    kubeconfig: str | None = None,
    connect_timeout_seconds: float,
    read_timeout_seconds: float,
    total_timeout_seconds: float = 120.0,
    user_agent: str,
    pool_size: int,
    compress: bool = True,
    watch_silence_seconds: float = WATCH_SILENCE_SECONDS,
    observe: Callable[[Exchange], None] | None = None,
) -> HTTPAPI:
    """The API of the cluster that the surroundings name; see `credentials.configuration` for where it looks.

    Nothing is sent yet, unless a token must be had first.

    Args:
        context: The context of the kubeconfig files to use rather than their current one.
        kubeconfig: A kubeconfig file, or several, separated as in `$KUBECONFIG`.
        connect_timeout_seconds: How long to wait for a connection.
        read_timeout_seconds: How long the server may be silent.
        total_timeout_seconds: How long an answer may take to arrive whole.
        user_agent: Who we are, in the server's logs.
        pool_size: How many connections to keep: as many as there are threads.
        compress: Whether lists may come compressed: a tenth of the bytes or less, and no more work for either side
            than encrypting them all.
        watch_silence_seconds: How long a watch may bring nothing.
        observe: Called with every request when it is over.

    Raises:
        NoCluster: no cluster is configured, or wrongly.
    """
    manner = Manner(
        connect_timeout_seconds,
        read_timeout_seconds,
        total_timeout_seconds,
        user_agent,
        pool_size,
        compress,
        watch_silence_seconds,
    )
    return HTTPAPI(credentials.configuration(context, kubeconfig), manner, observe)


def _causes(trouble: BaseException | None) -> Iterator[BaseException]:
    while trouble is not None:
        yield trouble
        trouble = trouble.__cause__ or trouble.__context__
