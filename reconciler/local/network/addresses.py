"""Addresses of Pods and Services on one machine, and the files by which processes find each other.

    own        every Pod and Service has a loopback address of its own, 127.x.y.z
    shifted    where there is one loopback address only (macOS): addresses are virtual, and whoever binds a port of one
               really binds some free port of 127.0.0.1 and writes down which

    <run>/services/<namespace>/<service>    the Service's address
    <run>/ports/<address>_<port>            the port of 127.0.0.1 that stands for it; when shifted

`inside/sitecustomize.py` reads and writes the same files from within the processes.
"""

import os
import socket
from collections.abc import Iterable
from contextlib import closing
from itertools import count
from pathlib import Path

from reconciler.local.errors import NetworkError

LOOPBACK = "127.0.0.1"
FIRST_BLOCK, LAST_BLOCK = 100, 199
ADDRESSES = 254 * 256 - 1
"""How many addresses a run can give."""
BACKLOG = 1024
"""How many connections may wait until they are accepted: a cluster's workers come all at once."""

Place = tuple[str, int]
"""An address and a port of it."""

_LOCK_PORT = 27861  # below those that systems give to whoever asks for any: on all addresses, it would take every block


class Network:
    """The addresses of one run.

    - No address is given twice, nor to two runs at the same time: a run holds a block, 127.x, by a socket in it.
    - Everything is gone with the run's directory and its process.

    Args:
        run: The run's directory.
        shifted: Whether all addresses share one real one; by default where there is only one.

    Raises:
        NetworkError: every block is taken.
    """

    def __init__(self, run: Path, *, shifted: bool | None = None) -> None:
        self.run = run
        self.shifted = not has_own_addresses() if shifted is None else shifted
        self._services = run / "services"
        self._ports = run / "ports"
        for folder in (self._services, self._ports):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock: socket.socket | None = None
        block = FIRST_BLOCK
        if not self.shifted:
            self._lock, block = _own_block()
        self._block = block
        # What a run that was killed has left may take a moment to die: a new one does not begin with its addresses.
        self._offset = os.getpid() % 64 * 1016
        self._given = count()

    def address(self) -> str:
        """An address that nobody had before. Threads may share an instance.

        Raises:
            NetworkError: a block's worth of addresses was given.
        """
        given = next(self._given)
        if given >= ADDRESSES:
            raise NetworkError(f"this run has given all its {ADDRESSES} addresses to Pods and Services; start it anew")
        number = (given + self._offset) % ADDRESSES + 1
        return f"127.{self._block}.{number // 254}.{number % 254 + 1}"

    def taken(self, ports: Iterable[int]) -> tuple[int, ...]:
        """Which ports no Pod could listen on, since another program has them on all addresses; none when shifted."""
        return () if self.shifted else tuple(port for port in ports if not _is_free(f"127.{self._block}.255.254", port))

    def name(self, namespace: str, service: str, address: str | None) -> None:
        """Let a Service's name resolve to an address; to nothing if it is `None`."""
        file = self._services / namespace / service
        if address is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(exist_ok=True)
        _write(file, address)

    def listen(self, address: str, port: int) -> socket.socket:
        """A socket that listens on a port of an address.

        Raises:
            OSError: it is taken, which nobody notices when shifted: there, the last one has it.
        """
        if not self.shifted:
            return _listening(address, port)
        listener = _listening(LOOPBACK, 0)
        try:
            _write(self._file(address, port), str(listener.getsockname()[1]))
        except OSError:
            listener.close()
            raise
        return listener

    def unlisten(self, address: str, port: int) -> None:
        """Forget that somebody listened there; when shifted, nobody else would notice."""
        self._file(address, port).unlink(missing_ok=True)

    def forget(self, address: str) -> None:
        """Forget that anybody listened on an address: its Pod is gone, and its real ports may be another's soon."""
        for file in self._ports.glob(f"{address}_*"):
            file.unlink(missing_ok=True)

    def real(self, address: str, port: int) -> tuple[str, int]:
        """Where to connect to reach a port of an address.

        Raises:
            ConnectionRefusedError: nobody listens there; when shifted, that is known without trying.
        """
        if not self.shifted:
            return address, port
        try:
            return LOOPBACK, int(self._file(address, port).read_text())
        except (FileNotFoundError, ValueError) as error:
            raise ConnectionRefusedError(f"nobody listens on {address}:{port}") from error

    def environment(self, namespace: str, pod: str, address: str) -> dict[str, str]:
        """What the processes of a Pod must know of it."""
        shifted = {"LOCAL_POD_SHIFTED": "1"} if self.shifted else {}
        return {
            "LOCAL_POD_RUN": str(self.run),
            "LOCAL_POD_ADDRESS": address,
            "LOCAL_POD_NAME": pod,
            "LOCAL_POD_NAMESPACE": namespace,
            **shifted,
        }

    def close(self) -> None:
        """Give the block back."""
        if self._lock is not None:
            self._lock.close()

    def _file(self, address: str, port: int) -> Path:
        return self._ports / f"{address}_{port}"


def has_own_addresses() -> bool:
    """Whether any 127.x.y.z can be bound, as on Linux."""
    with closing(socket.socket()) as probe:
        try:
            probe.bind((f"127.{FIRST_BLOCK}.0.1", 0))
        except OSError:
            return False
    return True


def _is_free(address: str, port: int) -> bool:
    try:
        _listening(address, port).close()
    except OSError:
        return False
    return True


def _own_block() -> tuple[socket.socket, int]:
    """The first block that no other run holds, and the socket that holds it."""
    for block in range(FIRST_BLOCK, LAST_BLOCK + 1):
        try:
            return _listening(f"127.{block}.0.1", _LOCK_PORT), block
        except OSError:
            continue
    raise NetworkError(
        f"every block of loopback addresses from 127.{FIRST_BLOCK} to 127.{LAST_BLOCK} is held by another run; end some"
    )


def _listening(address: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _write(file: Path, text: str) -> None:
    """Write a file that others may read at any moment."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(file)
