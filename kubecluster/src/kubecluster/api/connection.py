"""An authenticated way to one API server, kept and renewed."""

import gzip
import logging
import re
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import urllib3
from urllib3 import HTTPHeaderDict, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from kubecluster._version import __version__
from kubecluster.api.no_answer import TooSlow, unreachable
from kubecluster.api.refusals import Answer
from kubecluster.api.requests import Request
from kubecluster.api.surroundings import Found
from kubecluster.errors import KubeClusterError, NoKubernetes

USER_AGENT = f"dask-kubecluster/{__version__}"
CONNECT_SECONDS = 10.0
POOL_SIZE = 32
CHUNK = 1 << 18
RENEWED_BEFORE = timedelta(minutes=1)
"""How long before the end of its life a credential is replaced."""
UNAUTHORIZED = 401
TROUBLE = (HTTPError, OSError)
WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
log = logging.getLogger("kubecluster")


@dataclass(frozen=True, slots=True)
class Stream:
    """What it takes to open a WebSocket to the API server.

    Attributes:
        url: its address, `ws` or `wss`.
        headers: the HTTP headers, which say who we are.
        tls: how to trust the server; `None` for `ws`.
        server_name: whose certificate the server has, if that is not the URL's host.
        proxy: the URL of the proxy to go through.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None


class Session:
    """A way to the server with its connections, used until its credentials are replaced.

    Args:
        found: where the server is and who we are.
    """

    def __init__(self, found: Found) -> None:
        self.found = found
        self.pool = _pool(found)
        self._token = ""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Who we are, as of now. A token's file is read each time; while it is empty, the last token is used."""
        file = self.found.token_file
        if file is None:
            return self.found.headers
        try:
            self._token = file.read_text().strip() or self._token
        except OSError as error:
            raise NoKubernetes(f"The token in {file} cannot be read ({error.strerror}): log in again.") from None
        return (*self.found.headers, ("Authorization", f"Bearer {self._token}"))

    def is_over(self, now: datetime) -> bool:
        """Whether its credentials have expired by then."""
        expires_at = self.found.expires_at
        return expires_at is not None and expires_at <= now

    def close(self) -> None:
        """Close the connections that are not in use."""
        pools = self.pool.pools
        for key in pools.keys():  # noqa: SIM118 -- no mapping, it refuses to be iterated over
            pools[key].close()
        self.pool.clear()


class Connection:
    """A way to one API server.

    - Threads may share it; each has an HTTP connection of its own.
    - Credentials are replaced before they expire, when their file changes, and when the server no longer knows them.
    - A request is sent once, except that one refused for its credentials alone is sent again with fresh ones.

    Args:
        found: where the server is and who we are.
    """

    def __init__(self, found: Found) -> None:
        self._lock = threading.Lock()
        self._session = Session(found)
        self._retired: Session | None = None

    @property
    def found(self) -> Found:
        """Where the server is and who we are, as of now."""
        return self._session.found

    def answer(self, request: Request, deadline: float) -> Answer:
        """Send a request and read what comes back, whatever its status.

        Args:
            request: what is asked.
            deadline: on the monotonic clock, until when the answer must be whole.

        Raises:
            Unreachable: no answer came.
            NoKubernetes: the credentials could not be renewed.
        """
        with self.opened(request, deadline, compressed=True) as response:
            try:
                body = b"".join(_before(deadline, chunks(response)))
                if response.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
            except (*TROUBLE, EOFError, zlib.error) as trouble:
                raise self._unreachable(trouble, request, deadline) from trouble
        warnings = tuple(WARNING.findall(response.headers.get("Warning", "")))
        for warning in warnings if not request.only_asks else ():
            log.warning("%s: %s", request, re.sub(r"\\(.)", r"\1", warning))
        seconds = response.headers.get("Retry-After", "")
        return Answer(response.status, body, float(seconds) if seconds.isdecimal() else None)

    @contextmanager
    def opened(
        self, request: Request, deadline: float, *, silent_seconds: float | None = None, compressed: bool = False
    ) -> Iterator[Any]:
        """The response to a request, whose body is still to come.

        Args:
            request: what is asked.
            deadline: until when the answer must begin.
            silent_seconds: how long it may then pause; until the deadline by default.
            compressed: whether the body may be, as its headers then say.

        Raises:
            Unreachable: no answer came.
            NoKubernetes: the credentials could not be renewed.
        """
        more = (("User-Agent", USER_AGENT), *((("Accept-Encoding", "gzip"),) if compressed else ()))
        send = partial(self._sent, request, more, deadline, silent_seconds)
        session = self._current()
        response = send(session)
        if response.status == UNAUTHORIZED and self._replace(session):
            response.close()
            response = send(self._current())
        try:
            yield response
        finally:
            response.close()  # a connection whose answer was read to its end is back in the pool already

    def stream(self, url: str) -> Stream:
        """What it takes to open a WebSocket.

        Raises:
            NoKubernetes: the credentials could not be renewed.
        """
        session = self._current()
        found = session.found
        headers = (*session.headers, ("User-Agent", USER_AGENT))
        return Stream(f"ws{found.server.removeprefix('http')}{url}", headers, found.tls, found.server_name, found.proxy)

    def forget(self, stream: Stream) -> bool:
        """Replace the credentials that a stream was refused with; whether there are others now."""
        session = self._session
        is_another = not set(session.headers) <= set(stream.headers)
        return is_another or self._replace(session)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for session in (self._session, self._retired):
            if session is not None:
                session.close()

    def _current(self) -> Session:
        with self._lock:
            now = datetime.now(UTC)
            if self._session.is_over(now + RENEWED_BEFORE):
                try:
                    self._renew()
                except KubeClusterError as error:
                    if self._session.is_over(now):
                        raise
                    log.debug("the credentials are about to expire and cannot be renewed yet: %s", error)
            return self._session

    def _replace(self, session: Session) -> bool:
        """Replace a session that the server does not know, unless another thread did; whether it is another now."""
        with self._lock:
            if self._session is session:
                try:
                    self._renew()
                except KubeClusterError as error:
                    log.debug("the credentials were refused and cannot be renewed: %s", error)
            return self._session is not session

    def _renew(self) -> None:
        renewed = Session(self._session.found.again())
        if self._retired is not None:
            self._retired.close()
        # Not closed before the next time: a thread may be about to use it.
        self._retired, self._session = self._session, renewed

    def _sent(
        self,
        request: Request,
        more: tuple[tuple[str, str], ...],
        deadline: float,
        silent_seconds: float | None,
        session: Session,
    ) -> Any:
        remaining = max(0.001, deadline - time.monotonic())
        timeout = Timeout(connect=min(CONNECT_SECONDS, remaining), read=silent_seconds or remaining)
        headers = HTTPHeaderDict((*request.headers, *session.headers, *more))
        try:
            return session.pool.urlopen(
                request.method,
                f"{session.found.server}{request.url}",
                body=request.payload,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except TROUBLE as trouble:
            raise self._unreachable(trouble, request, deadline) from trouble

    def _unreachable(self, trouble: Exception, request: Request, deadline: float) -> KubeClusterError:
        return unreachable(trouble, self.found, request, overdue=time.monotonic() >= deadline)


class _Trusting(HTTPSConnection):
    """A connection to a server that nobody is to verify, as the kubeconfig says; urllib3 warns of each otherwise."""

    is_verified = property(lambda _: True, lambda _, __: None)


class _TrustingPool(HTTPSConnectionPool):
    """Such connections."""

    ConnectionCls = _Trusting


def _pool(found: Found) -> Any:
    """The connections to a server, directly or through a proxy."""
    manager = _manager(found)
    is_socks = found.proxy is not None and found.proxy.startswith("socks")
    if found.tls and found.tls.verify_mode is ssl.CERT_NONE and not is_socks:
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _TrustingPool}
    return manager


def _manager(found: Found) -> Any:
    trust: dict[str, Any] = {"ssl_context": found.tls, "server_hostname": found.server_name, "maxsize": POOL_SIZE}
    more = {name: value for name, value in trust.items() if value is not None}
    if found.tls and not found.tls.check_hostname:
        more["assert_hostname"] = False
    if not found.proxy:
        return urllib3.PoolManager(**more)
    if not found.proxy.startswith("socks"):
        who = urllib3.util.parse_url(found.proxy).auth
        return urllib3.ProxyManager(
            found.proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=who) if who else None, **more
        )
    try:
        from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 -- it needs what few have
    except ImportError:
        raise NoKubernetes(f"A SOCKS proxy leads to {found}: `pip install PySocks python-socks`.") from None
    return SOCKSProxyManager(found.proxy, **more)


def chunks(response: Any) -> Iterator[bytes]:
    """The parts of a response's body as they come."""
    while chunk := response.read1(CHUNK, decode_content=False):
        yield chunk


def _before(deadline: float, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        if time.monotonic() > deadline:
            raise TooSlow
        yield part
