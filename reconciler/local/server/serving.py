"""The server in a thread of its own."""

import asyncio
import logging
import secrets
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from reconciler.local.server.catalogue import Catalogue
from reconciler.local.server.credentials import certificate, remove_kubeconfig, write_kubeconfig
from reconciler.local.server.handlers import ApiHandler, ForwardHandler, Place
from reconciler.local.server.logs import Times
from reconciler.local.server.news import News
from reconciler.local.server.node import Node
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body

ADDRESS = "127.0.0.1"
NOTE_SECONDS = 1.0
END_SECONDS, TURN_SECONDS = 1.0, 0.01
"""How long requests may take to end when the server does."""

LONGEST_MESSAGE = 1 << 24
"""Bytes; nobody's pieces are so long."""

FORWARDS = r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward"


class Server:
    """Serves an API while it is entered.

    Args:
        api: The API.
        catalogue: What is served.
        node: Where Pods run.
        clock: The time.
        tls: With what it serves; plain HTTP by default.
        logs: The folder of the Pods' logs, if there is one.
        handlers: What answers requests, and requests for ports.
    """

    def __init__(  # noqa: PLR0913 - each has a name at the call
        self,
        api: MemoryAPI,
        catalogue: Catalogue,
        node: Node,
        clock: Callable[[], datetime],
        *,
        tls: ssl.SSLContext | None = None,
        logs: Path | None = None,
        handlers: tuple[type[ApiHandler], type[ForwardHandler]] = (ApiHandler, ForwardHandler),
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self._api = api
        self._catalogue = catalogue
        self._node = node
        self._clock = clock
        self._tls = tls
        self._logs = logs
        self._handlers = handlers
        self._port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        logger = logging.getLogger("tornado")  # what strangers do wrong is no news
        logger.handlers, logger.propagate = [logging.NullHandler()], False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{ADDRESS}:{self._port}"

    def __enter__(self) -> Self:
        [self._socket] = bind_sockets(0, ADDRESS)
        self._port = self._socket.getsockname()[1]
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()  # or whoever waits for it would wait for ever

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        news, times = News(self._api, self._loop), Times(self._clock)
        place = Place(self._api, self._catalogue, self._node, self.token, self._clock, news, times)
        server = HTTPServer(self._application(place), ssl_options=self._tls)
        server.add_socket(self._socket)
        self._ready.set()
        while not self._over.is_set():
            if self._logs is not None:
                times.note_all(self._logs)
            await _within(self._over.wait(), NOTE_SECONDS)
        server.stop()
        place.is_closing = True
        for one in tuple(place.open):
            one.shut()
        news.wake()
        for _ in range(round(END_SECONDS / TURN_SECONDS)):
            if not place.open:
                break
            await asyncio.sleep(TURN_SECONDS)
        await server.close_all_connections()
        news.close()

    def _application(self, place: Place) -> Application:
        given: dict[str, Any] = {"place": place}
        api, forward = self._handlers
        return Application(
            [(FORWARDS, forward, given), (r"/.*", api, given)],
            log_function=_nothing,
            websocket_max_message_size=LONGEST_MESSAGE,
        )


@contextmanager
def served(  # noqa: PLR0913, PLR0917 - each is another thing
    api: MemoryAPI,
    definitions: Iterable[Body],
    node: Node,
    folder: Path,
    file: Path,
    namespace: str,
    clock: Callable[[], datetime],
) -> Iterator[Server]:
    """Serve an API for as long as this is entered, and write a kubeconfig file that leads there.

    Args:
        api: The API.
        definitions: The custom resource definitions of what it holds.
        node: Where Pods run.
        folder: The run's directory, with the logs.
        file: The kubeconfig file; it is removed in the end.
        namespace: That of requests that name none.
        clock: The time.

    Raises:
        LocalError: the file cannot be written.
    """
    shown = certificate(ADDRESS, clock())
    catalogue = Catalogue(definitions)
    with Server(api, catalogue, node, clock, tls=shown.context(folder), logs=folder / "logs") as server:
        write_kubeconfig(file, server.url, shown.certificate, server.token, namespace)
        try:
            yield server
        finally:
            remove_kubeconfig(file, server.token)


async def _within(work: Any, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return


def _nothing(_: Any) -> None:
    """No line for each request."""
