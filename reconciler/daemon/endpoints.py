"""`/healthz`, `/readyz` and `/metrics` on one port."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

SLOW = timedelta(seconds=60)
"""Between two signs of life, a pass may always work this long."""
MISSED_PASSES = 10
"""How many intervals there may be between them if that is longer."""


class ServerError(Exception):
    """The port cannot be listened on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a probe.

    Args:
        ok: Whether all is well.
        words: Why, or why not.
    """

    ok: bool
    words: str


Probe = Callable[[], Verdict]


def patience(interval_seconds: float, request_seconds: float) -> timedelta:
    """How long there may be no sign of life before the process counts as stuck.

    Args:
        interval_seconds: The time between passes.
        request_seconds: How long one request may take.
    """
    return max(SLOW, MISSED_PASSES * timedelta(seconds=interval_seconds)) + timedelta(seconds=request_seconds)


def liveness(at_seconds: float, started_seconds: float, last_seconds: float | None, bound: timedelta) -> Verdict:
    """Whether the loop turns: a pass, or a request in it, returned within the bound, whatever it brought.

    Times are of the monotonic clock: whoever sets the time of day neither kills a process nor keeps it from it.

    Args:
        at_seconds: What time it is.
        started_seconds: When the loop started; it counts until something has returned.
        last_seconds: When something last returned.
        bound: How long that may be ago.
    """
    age = at_seconds - (started_seconds if last_seconds is None else last_seconds)
    seconds, limit = f"{age:.0f} s", f"{bound.total_seconds():.0f} s"
    if age > bound.total_seconds():
        missing = "the start, and nothing has returned yet" if last_seconds is None else "anything returned"
        return Verdict(ok=False, words=f"stuck: {seconds} since {missing}; at most {limit} is normal")
    if last_seconds is None:
        return Verdict(ok=True, words=f"alive: started {seconds} ago, the first pass is under way")
    return Verdict(ok=True, words=f"alive: a pass or a request returned {seconds} ago")


def readiness(*, listed_once: bool) -> Verdict:
    """Whether the world could be read once: what could not be read has its own log lines and metrics."""
    if listed_once:
        return Verdict(ok=True, words="ready: what is to be looked after has been listed")
    return Verdict(ok=False, words="not ready: no pass has been able to list anything yet; the log says why")


def application(registry: CollectorRegistry, probes: Mapping[str, Probe]) -> WSGIApplication:
    """What is served.

    Args:
        registry: The metrics, under `/metrics`.
        probes: Verdicts, each under its path.
    """
    metrics = make_wsgi_app(registry)
    paths = ", ".join([*probes, "/metrics"])

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method not in ("GET", "HEAD"):
            reply = _text(HTTPStatus.METHOD_NOT_ALLOWED, "use GET or HEAD")
        elif path == "/metrics":
            reply = _called(metrics, {**environ, "REQUEST_METHOD": "GET"})
        elif probe := probes.get(path):
            verdict = probe()
            reply = _text(HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE, verdict.words)
        else:
            reply = _text(HTTPStatus.NOT_FOUND, f"there is nothing here; there are {paths}")
        start_response(reply.status, [*reply.headers, ("Content-Length", str(len(reply.body)))])
        return [] if method == "HEAD" else [reply.body]

    return answer


@contextmanager
def serving(address: str, port: int, app: WSGIApplication) -> Iterator[int]:
    """Serve in threads of its own; gives the port.

    Raises:
        ServerError: the address and port cannot be listened on.
    """
    family = _IPv6Server if ":" in address else _Server
    try:
        server = make_server(address, port, app, server_class=family, handler_class=_Quiet)
    except OSError as error:
        raise ServerError(
            f"Cannot listen on {address} port {port}: {error.strerror}. Choose another with --port or --bind "
            "(DASK_RECONCILER_PORT, DASK_RECONCILER_BIND); port 0 means any free one."
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="server", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True, slots=True)
class _Reply:
    status: str
    headers: Sequence[tuple[str, str]]
    body: bytes


def _text(status: HTTPStatus, words: str) -> _Reply:
    return _Reply(
        f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")], f"{words}\n".encode()
    )


def _called(application: WSGIApplication, environ: WSGIEnvironment) -> _Reply:
    heads: list[tuple[str, Sequence[tuple[str, str]]]] = []

    def start_response(status: str, headers: Sequence[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        heads.append((status, headers))
        return lambda _: None

    body = b"".join(application(environ, start_response))
    return _Reply(*heads[0], body)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Listen, without asking DNS for a name that nobody needs."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away or was silent is no news."""


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10
    """Seconds of silence after which a client is left."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Probes come every few seconds; they are not logged."""
