"""One attempt of a container's probe over the network, with the outcome worded as a kubelet words it.

    httpGet      passes with a status from 200 to 399; redirects are followed within the same host, at most 10
    tcpSocket    passes if the connection is accepted; where the system tells that it would be, none is made: Dask logs
                 each one that says nothing
    grpc         is not supported here, and counts as passed: a program is not ended for what was not asked of it

Exec probes are processes, and no business of this module. The timeout holds for an attempt as a whole.
"""

import io
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from reconciler.local.network.listeners import is_seen
from reconciler.wire.protocol import Body

Real = Callable[[str, int], tuple[str, int]]

MOST_REDIRECTS = 10
USER_AGENT = "kube-probe/1.34"
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_LARGEST_PORT = 65535


class _Failure(Exception):
    """The attempt failed; the message says how."""


def attempt(probe: Body, container: Body, address: str, real: Real) -> tuple[bool, str]:
    """Attempt a probe once.

    Args:
        probe: The probe as its container has it.
        container: The container; its ports give names to numbers.
        address: The Pod's address.
        real: Where to connect in order to reach a port of an address; may raise `ConnectionRefusedError`.

    Returns:
        Whether it passed, and a message: how it failed, or that it was not made.
    """
    deadline = time.monotonic() + (probe.get("timeoutSeconds") or 1)
    try:
        if probe.get("httpGet"):
            _get(probe["httpGet"], container, address, _Dialer(real, deadline))
        elif probe.get("tcpSocket"):
            asked = probe["tcpSocket"]
            place = (asked.get("host") or address, _port(asked.get("port"), container))
            if not is_seen(place, real):
                _Dialer(real, deadline).dial(*place).close()
        elif probe.get("grpc"):
            return True, "grpc probes are not supported here; it counts as passed"
        else:
            return False, f"missing probe handler for container {container.get('name')}"
    except _Failure as failure:
        return False, str(failure)
    return True, ""


@dataclass(frozen=True, slots=True)
class _Dialer:
    """Connects, until a deadline.

    Args:
        real: Where to connect in order to reach a port of an address.
        deadline: When the attempt must be over, on the monotonic clock.
    """

    real: Real
    deadline: float

    def dial(self, host: str, port: int) -> socket.socket:
        """A connection.

        Raises:
            _Failure: there is none to be had.
        """
        where = f"dial tcp {_joined(host, port)}"
        try:
            return socket.create_connection(self.real(host, port), timeout=self.left())
        except TimeoutError:
            raise _Failure(f"{where}: i/o timeout") from None
        except socket.gaierror:
            raise _Failure(f"dial tcp: lookup {host}: no such host") from None
        except OSError as error:
            raise _Failure(f"{where}: connect: {_words(error)}") from error

    def left(self) -> float:
        """How many seconds are left.

        Raises:
            TimeoutError: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _get(asked: Body, container: Body, address: str, dialer: _Dialer) -> None:
    """Make an HTTP request, and follow redirects that stay with the host.

    Raises:
        _Failure: there was no answer, or the answer was an error.
    """
    host, port = asked.get("host") or address, _port(asked.get("port"), container)
    first = urlsplit(f"{asked.get('scheme') or 'HTTP'}://{_joined(host, port)}".lower() + _path(asked))
    headers = [(header["name"], header.get("value", "")) for header in asked.get("httpHeaders") or ()]
    url = first
    for _ in range(MOST_REDIRECTS):
        status, location = _answer(url, headers, dialer)
        if status not in _REDIRECTS or not location:
            break
        following = _followed(url, location)
        if following is None or following.hostname != first.hostname:
            break
        url = following
    else:
        raise _Failure(f'Get "{url.geturl()}": stopped after {MOST_REDIRECTS} redirects')
    if not 200 <= status < 400:  # noqa: PLR2004  # as the documentation of probes has it
        raise _Failure(f"HTTP probe failed with statuscode: {status}")


def _followed(url: SplitResult, location: str) -> SplitResult | None:
    """Where a redirect leads; `None` if to nowhere that can be asked."""
    try:
        following = urlsplit(urljoin(url.geturl(), location))
        can_be_asked = following.scheme in _PORTS and following.port != 0
    except ValueError:
        return None
    return following if can_be_asked else None


def _answer(url: SplitResult, headers: list[tuple[str, str]], dialer: _Dialer) -> tuple[int, str | None]:
    """The status that a URL answers with, and the place that it points to.

    Raises:
        _Failure: it does not answer.
    """
    what = f'Get "{url.geturl()}"'
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    try:
        with closing(dialer.dial(host, port)) as plain:
            plain.settimeout(dialer.left())
            with closing(_encrypted(plain, host) if url.scheme == "https" else plain) as connected:
                response = _response(connected, url, headers, dialer)
                return response.status, response.getheader("Location")
    except _Failure as failure:
        raise _Failure(f"{what}: {failure}") from failure
    except TimeoutError:
        raise _Failure(f"{what}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)") from None
    except RemoteDisconnected:
        raise _Failure(f"{what}: EOF") from None
    except (HTTPException, ValueError) as error:
        raise _Failure(f"{what}: malformed HTTP response: {error}") from error
    except OSError as error:
        raise _Failure(f"{what}: {_words(error)}") from error


def _response(
    connected: socket.socket, url: SplitResult, headers: list[tuple[str, str]], dialer: _Dialer
) -> HTTPResponse:
    connection = HTTPConnection(url.hostname or "", url.port)
    connection.sock = _Timed(connected, dialer)
    given = {name.lower() for name, _ in headers}
    defaults = [("Host", url.netloc), ("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Connection", "close")]
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
    for name, value in [*((name, value) for name, value in defaults if name.lower() not in given), *headers]:
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


class _Timed(io.RawIOBase):
    """A connection that reads until the deadline; a socket's own timeout would begin anew with every byte."""

    def __init__(self, connected: socket.socket, dialer: _Dialer) -> None:
        super().__init__()
        self._connected = connected
        self._dialer = dialer

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(self._dialer.left())
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        # One of its own, for the connection may be closed before what reads from it.
        return io.BufferedReader(_Timed(self._connected, self._dialer))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(self._dialer.left())
        return self._connected.recv_into(buffer)


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _port(asked: Any, container: Body) -> int:
    """A port by its number or by its name in the container.

    Raises:
        _Failure: the container has none of that name, or there cannot be one of that number.
    """
    named = {port["name"]: port.get("containerPort") for port in container.get("ports") or () if port.get("name")}
    port = named.get(asked, asked) if isinstance(asked, str) else asked
    try:
        number = int(port)
    except (TypeError, ValueError):
        names = ", ".join(named) or "none"
        raise _Failure(
            f"container {container.get('name')} has no port named {asked}; the names of its ports: {names}"
        ) from None
    if not 0 < number <= _LARGEST_PORT:
        raise _Failure(f"invalid port number: {number}")
    return number


def _path(asked: Body) -> str:
    """The path and query to ask for, in characters that may be sent."""
    path = str(asked.get("path") or "/").partition("#")[0]
    return quote(path if path.startswith("/") else f"/{path}", safe="/?%&=+,;:@!$'()*~[]")


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: OSError) -> str:
    """An error of the system, as Go words it."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).lower()
