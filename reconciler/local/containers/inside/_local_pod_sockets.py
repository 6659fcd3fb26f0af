"""Sockets as a Pod has them; the table is in `sitecustomize`.

Two ways lead to a virtual network of Pods: `OwnAddresses`, here, where all addresses can be had, and
`_local_pod_ports.SharedAddress` where there is one only.
"""

from __future__ import annotations

import sys
from _socket import AF_INET, AF_INET6, IPPROTO_IP, SOCK_DGRAM, SOCK_STREAM
from _socket import socket as real
from contextlib import suppress
from errno import EADDRNOTAVAIL
from os import strerror

TYPE_CHECKING = False  # `typing` takes longer to import than all this
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from _local_pod import Pod  # type: ignore[import-not-found]  # this folder is on the path, not in a package
    from _local_pod_names import Names  # type: ignore[import-not-found]

ANY = "0.0.0.0"  # noqa: S104  # what the kernel says of an unbound socket
MAPPED = "::ffff:"
"""How an IPv6 socket writes an IPv4 address."""

_IP_BIND_ADDRESS_NO_PORT = 24
"""Linux: choose the port when the other end is known, so that no Pod runs out of them."""


class Sockets:
    """What the methods of `socket.socket` do instead.

    Args:
        pod: The Pod.
        names: Its names.
    """

    def __init__(self, pod: Pod, names: Names) -> None:
        self._pod = pod
        self._names = names
        self._way: Any = OwnAddresses(pod.address)
        if pod.shifted:
            from _local_pod_ports import SharedAddress  # type: ignore[import-not-found]  # noqa: PLC0415

            self._way = SharedAddress(pod.address, f"{pod.run}/ports")

    def install(self, module: ModuleType) -> None:
        """Put the methods in place.

        Args:
            module: `socket`.
        """
        for name in ("bind", "connect", "connect_ex", "getsockname"):
            setattr(module.socket, name, _method(getattr(self, name)))
        if self._pod.shifted:
            close = module.socket._real_close  # noqa: SLF001  # what `close` does once no file uses the socket
            for name in ("listen", "getpeername"):
                setattr(module.socket, name, _method(getattr(self._way, name)))

            def forget_and_close(sock: socket.socket, *rest: object) -> None:
                self._way.forget(sock)
                close(sock, *rest)

            module.socket._real_close = forget_and_close  # noqa: SLF001

    def bind(self, sock: socket.socket, address: Any, /) -> None:
        """As `socket.socket.bind`, to the Pod's address."""
        if not _is_of_internet(sock, address):
            real.bind(sock, address)
        elif sock.family == AF_INET:
            self._way.bind(sock, *address)
        elif address[0] in ("", "::", "::1", "localhost"):
            raise OSError(EADDRNOTAVAIL, strerror(EADDRNOTAVAIL))
        else:
            real.bind(sock, address)

    def connect(self, sock: socket.socket, address: Any, /) -> None:
        """As `socket.socket.connect`."""
        real.connect(sock, self._towards(sock, address))

    def connect_ex(self, sock: socket.socket, address: Any, /) -> int:
        """As `socket.socket.connect_ex`."""
        try:
            there = self._towards(sock, address)
        except ConnectionRefusedError as refusal:
            return int(refusal.errno or 0)
        return real.connect_ex(sock, there)

    def getsockname(self, sock: socket.socket, /) -> Any:
        """As `socket.socket.getsockname`: the Pod's address if there is any."""
        address = real.getsockname(sock)
        if sock.family != AF_INET or address[0] == ANY:
            return address
        return self._pod.address, self._way.port(sock, address[1])

    def _towards(self, sock: socket.socket, address: Any) -> Any:
        """Where to connect really."""
        if not _is_of_internet(sock, address):
            return address
        there = self._names.destination(address[0])
        if there is None:
            return address
        host, port = self._way.towards(sock, there, address[1])
        return (MAPPED + host if sock.family == AF_INET6 else host), port


class OwnAddresses:
    """Every Pod has an address that is real.

    Args:
        address: The Pod's.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def bind(self, sock: socket.socket, host: str, port: int) -> None:
        """Bind a socket to the Pod's address."""
        # A datagram socket without a wish may send to anywhere, so it must not be of the loopback interface.
        free = is_datagram(sock) and port == 0 and host in ("", ANY)
        real.bind(sock, (host if free else self._address, port))

    def towards(self, sock: socket.socket, host: str, port: int) -> tuple[str, int]:
        """Where to connect really; the socket is made to come from the Pod's address."""
        if real.getsockname(sock)[:2] in ((ANY, 0), ("::", 0)):
            prefix = MAPPED if sock.family == AF_INET6 else ""
            with suppress(OSError):
                if sys.platform == "linux" and not is_datagram(sock):
                    real.setsockopt(sock, IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            with suppress(OSError):  # the other end sees 127.0.0.1 then, which does no harm
                real.bind(sock, (prefix + self._address, 0))
        return host, port

    def port(self, sock: socket.socket, port: int) -> int:
        """The port to tell for a real one."""
        del sock
        return port


def is_datagram(sock: socket.socket) -> bool:
    """Whether it is a socket of UDP."""
    return sock.type == SOCK_DGRAM


def _is_of_internet(sock: socket.socket, address: Any) -> bool:
    """Whether a socket is of TCP or UDP, and the address is one that it can take."""
    return (
        sock.family in (AF_INET, AF_INET6)
        and sock.type in (SOCK_STREAM, SOCK_DGRAM)
        and isinstance(address, tuple)
        and len(address) >= 2  # noqa: PLR2004  # host, port; IPv6 has more
        and isinstance(address[0], str)
        and isinstance(address[1], int)
    )


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a class takes for a method."""

    def method(sock: socket.socket, /, *given: Any) -> Any:
        return function(sock, *given)

    method.__name__ = method.__qualname__ = function.__name__
    return method
