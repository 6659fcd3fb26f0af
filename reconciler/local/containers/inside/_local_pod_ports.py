"""Pods' sockets where all share one real address: a listener has a free port of 127.0.0.1 and writes down which.

    <run>/ports/<address>_<port>    the port of 127.0.0.1 that stands for it

A file may outlive its listener, when that is killed; whoever wants the port then finds nobody behind it.
"""

from __future__ import annotations

import os
from _socket import AF_INET, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from _socket import socket as real
from contextlib import contextmanager, suppress
from errno import EADDRINUSE, ECONNREFUSED
from fcntl import LOCK_EX, flock

TYPE_CHECKING = False  # `typing` takes longer to import than all this
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import Any

LOOPBACK = "127.0.0.1"
_NOBODY = (0, 0, 0)


class SharedAddress:
    """All Pods really share 127.0.0.1.

    Args:
        address: The Pod's virtual address.
        folder: Where the ports are written down.
    """

    def __init__(self, address: str, folder: str) -> None:
        self._address = address
        self._folder = folder
        self._asked: dict[tuple[int, int], int] = {}
        self._reached: dict[int, tuple[str, int]] = {}
        self._listeners: dict[int, tuple[int, int, int]] = {}  # by file: the process, the port, the real port

    def bind(self, sock: socket.socket, host: str, port: int) -> None:
        """Bind a socket to a free port that stands for the one asked for.

        Raises:
            OSError: another listener of the Pod has that.
        """
        if sock.type == SOCK_DGRAM and port == 0:
            real.bind(sock, (host, port))
            return
        if port and sock.type == SOCK_STREAM:
            self._check(port)
        real.bind(sock, (LOOPBACK, 0))
        bound = real.getsockname(sock)[1]
        self._asked[sock.type, bound] = port or bound

    def listen(self, sock: socket.socket, *backlog: int) -> None:
        """As `socket.socket.listen`; from now on, others find the port.

        Raises:
            OSError: another listener of the Pod has it by now.
        """
        bound = real.getsockname(sock)[1] if sock.family == AF_INET else 0
        port = self._asked.get((sock.type, bound))
        if port is None or self._listeners.get(sock.fileno(), _NOBODY)[2] == bound:
            real.listen(sock, *backlog)
            return
        with self._locked():
            self._check(port)
            real.listen(sock, *backlog)
            self._write(port, bound)
        self._listeners[sock.fileno()] = (os.getpid(), port, bound)

    def forget(self, sock: socket.socket) -> None:
        """Note that a socket is closed: if it was this process that listened, nobody listens there any more."""
        process, port, bound = self._listeners.pop(sock.fileno(), _NOBODY)
        if process != os.getpid() or self._real(self._address, port) != bound:
            return
        with suppress(OSError):
            if real.getsockname(sock)[1] == bound:  # or the number was given to another socket meanwhile
                os.unlink(self._file(self._address, port))  # noqa: PTH108  # `pathlib` takes long to import

    def towards(self, sock: socket.socket, host: str, port: int) -> tuple[str, int]:
        """Where to connect really.

        Raises:
            ConnectionRefusedError: nobody listens there.
        """
        if sock.type == SOCK_DGRAM:  # which never finds out; most only want to know their own address
            return LOOPBACK, port
        found = self._real(host, port)
        if found is None:
            raise ConnectionRefusedError(ECONNREFUSED, os.strerror(ECONNREFUSED))
        self._reached[found] = (host, port)
        return LOOPBACK, found

    def port(self, sock: socket.socket, port: int) -> int:
        """The port to tell for a real one."""
        return self._asked.get((sock.type, port), port)

    def getpeername(self, sock: socket.socket) -> Any:
        """As `socket.socket.getpeername`; where this process connected to, as it was asked for."""
        address = real.getpeername(sock)
        if sock.family != AF_INET or address[0] != LOOPBACK:
            return address
        return self._reached.get(address[1], address)

    def _file(self, address: str, port: int) -> str:
        return f"{self._folder}/{address}_{port}"

    def _real(self, address: str, port: int) -> int | None:
        try:
            with open(self._file(address, port), encoding="ascii") as file:  # noqa: PTH123
                return int(file.read())
        except (OSError, ValueError):
            return None

    def _write(self, port: int, bound: int) -> None:
        file = self._file(self._address, port)
        partial = f"{self._folder}/.{self._address}_{port}.{os.getpid()}"
        with open(partial, "w", encoding="ascii") as written:  # noqa: PTH123
            written.write(str(bound))
        os.replace(partial, file)  # noqa: PTH105

    def _check(self, port: int) -> None:
        """Look for another listener on a port of the Pod.

        Raises:
            OSError: there is one.
        """
        found = self._real(self._address, port)
        if found is None:
            return
        probe = real(AF_INET, SOCK_STREAM)
        try:
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # what is left of ended connections does not count
            probe.bind((LOOPBACK, found))
        except OSError:
            raise OSError(EADDRINUSE, os.strerror(EADDRINUSE)) from None
        finally:
            probe.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While it lasts, no other process takes a port."""
        with open(f"{self._folder}/.lock", "w", encoding="ascii") as file:  # noqa: PTH123
            flock(file, LOCK_EX)
            yield
