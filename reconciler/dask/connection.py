"""A conversation with one scheduler: it ends at its deadline, whatever the scheduler does."""

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from reconciler.dask.errors import DaskError, Excess, Malformed, Nonsense, SchedulerError, Silent, TooLarge, Unreachable
from reconciler.dask.frames import WORD_SIZE, first_size, layout, packed
from reconciler.dask.messagepack import decode, encode
from reconciler.dask.plain import SMALL, Bounds, Plain
from reconciler.dask.secured import Channel, Secured, send_all

PIECE = 256 * 1024
"""The most bytes that are read at once."""

LONGEST_TEXT = 200
"""The most characters that a scheduler's words take in a message."""

# `distributed` compresses what is serialized only if both sides name the same way. It wants to know the newest pickle
# that we read: none, but it must be a number.
_HANDSHAKE: Plain = {"compression": None, "python": (3, 11, 0), "pickle-protocol": 4}

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a scheduler, as it is counted.

    Args:
        method: The scheduler's handler; `connect` for the connection.
        result: `ok`, or what went wrong.
        seconds: How long it took.
    """

    method: str
    result: str
    seconds: float


Called = Callable[[Call], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a scheduler listens.

    Args:
        host: Its IP address. Names are not looked up: no deadline would end that.
        port: Its port.
        tls: Who we are and whom we trust, where it speaks `tls://`.
        through: Opens another way there within so many seconds, instead of connecting to the host.

    Raises:
        ValueError: the host is not an IP address, or the port is none.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    through: Callable[[float], Channel] | None = None

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.host)
        if not 0 < self.port < 2**16:
            raise ValueError(f"{self.port} is not a port")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tcp' if self.tls is None else 'tls'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a conversation is over.

    Args:
        at: The clock's seconds.
        clock: Seconds that only grow.
    """

    at: float
    clock: Callable[[], float]

    def left(self) -> float:
        """The seconds until then.

        Raises:
            TimeoutError: none are left.
        """
        left = self.at - self.clock()
        if left <= 0:
            raise TimeoutError
        return left


class Connection:
    """Requests and answers, one after the other.

    - No conversation waits beyond its deadline, however the answer comes: late, never, or byte by byte.
    - No more is kept of an answer than its bounds allow, and nothing of it before it has arrived.
    - Nothing that a scheduler sends is unpickled or executed.
    - After any error but `SchedulerError` it is closed.

    Args:
        address: The scheduler's.
        connected: Leads there; who opened it closes it.
        deadline: Of the conversation.
        called: Told of each request.
    """

    def __init__(
        self, address: Address, connected: Channel, deadline: Deadline, called: Called = lambda _: None
    ) -> None:
        self._address = address
        self._channel = connected
        self._deadline = deadline
        self._called = called

    def shake_hands(self) -> None:
        """Say and hear what each side can do.

        Raises:
            DaskError: the other side is no scheduler.
        """
        with explained(self._address, "for a handshake", self._channel):
            self._send(_HANDSHAKE)
            if not isinstance(self._receive(SMALL), dict):
                raise Nonsense("it is no handshake of Dask's")

    def ask(
        self, request: str, read: Callable[[Plain], Answer], *, bounds: Bounds = SMALL, **arguments: Plain
    ) -> Answer:
        """Send a request, and wait for its answer.

        Args:
            request: The name of a handler of the scheduler.
            read: Makes a value of the answer, or raises `Nonsense`.
            bounds: Of the answer.
            arguments: The handler's.

        Raises:
            DaskError: there is no answer.
        """
        asked = f"for {request}"
        with counted(request, self._called), explained(self._address, asked, self._channel):
            self._send({"op": request, "reply": True, **arguments})
            answer = self._receive(bounds)
            if not _is_refusal(answer):
                return read(answer)
            error = f"answers an error: {_words(answer)}"
            raise SchedulerError(_message(self._address, asked, error, "see its log"))

    def _send(self, message: Plain) -> None:
        send_all(self._channel, packed(encode(message)), self._deadline.left)

    def _receive(self, bounds: Bounds) -> Plain:
        first = self._read(first_size(self._read(WORD_SIZE), bounds))
        parts = layout(first, bounds)
        for _ in self._pieces(parts.rest):
            pass
        return decode(first, bounds, parts.start, parts.end)

    def _read(self, size: int) -> bytearray:
        data = bytearray()
        for piece in self._pieces(size):
            data += piece
        return data

    def _pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes, as they arrive."""
        while size:
            self._channel.settimeout(self._deadline.left())
            piece = self._channel.recv(min(size, PIECE))
            if not piece:
                raise ConnectionError("it closed the connection")
            size -= len(piece)
            yield piece


@contextlib.contextmanager
def connect(
    address: Address,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    called: Called = lambda _: None,
) -> Iterator[Connection]:
    """A conversation with a scheduler; it is closed at the end of the `with`, without waiting for the scheduler.

    Args:
        address: The scheduler's.
        seconds: How long all of the conversation may take, connecting included.
        clock: Seconds that only grow.
        called: Told of each request.

    Raises:
        DaskError: there is no scheduler that speaks with us.
    """
    deadline = Deadline(clock() + seconds, clock)
    with contextlib.ExitStack() as opened:
        with counted("connect", called):
            with explained(address, "to connect"):
                connected = channel_to(address, deadline, opened)
            connection = Connection(address, connected, deadline, called)
            connection.shake_hands()
        yield connection


def channel_to(address: Address, deadline: Deadline, opened: contextlib.ExitStack) -> Channel:
    """What carries bytes to an address; it is closed with `opened`."""
    plain: Channel
    if address.through is None:
        plain = direct = opened.enter_context(socket.socket(_family(address.host), socket.SOCK_STREAM))
        direct.settimeout(deadline.left())
        direct.connect((address.host, address.port))
        direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        plain = opened.enter_context(contextlib.closing(address.through(deadline.left())))
    if address.tls is None:
        return plain
    secured = Secured(plain, address.tls, deadline.left)
    secured.shake_hands()
    return secured


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@contextlib.contextmanager
def counted(method: str, called: Called) -> Iterator[None]:
    """Have a request counted, however it ends."""
    began, result = time.monotonic(), "ok"
    try:
        yield
    except DaskError as error:
        result = error.result
        raise
    finally:
        called(Call(method, result, time.monotonic() - began))


@contextlib.contextmanager
def explained(address: Address, asked: str, *to_close: Channel) -> Iterator[None]:
    """Whatever goes wrong is an error that says who was asked for what, and what to do."""
    try:
        yield
    except (OSError, Nonsense) as error:
        for connected in to_close:
            connected.close()
        kind, what, remedy = _explanation(error)
        raise kind(_message(address, asked, what, remedy)) from None


def _explanation(error: OSError | Nonsense) -> tuple[type[DaskError], str, str]:
    match error:
        case TimeoutError():
            return Silent, "did not answer in time", "see whether it is busy or hangs"
        case Excess():
            return TooLarge, f"answered too much: {error}", "the bounds are those of docs/dask.md"
        case Nonsense():
            return (
                Malformed,
                f"answered something else: {error}",
                "see whether a scheduler of Dask 2021.4 or newer listens there",
            )
        case ssl.SSLError():
            words = getattr(error, "verify_message", "") or error.reason or error.strerror or "TLS failed"
            return (
                Unreachable,
                f"refused TLS: {words}",
                "see whether it speaks tls:// and trusts our certificate, and we its",
            )
    words = error.strerror or str(error)
    return (
        Unreachable,
        f"cannot be reached: {words}",
        "see whether its Pod runs, and whether it listens there with this protocol",
    )


def _message(address: Address, asked: str, what: str, remedy: str) -> str:
    return f"The scheduler at {address}, asked {asked}, {what}; {remedy}."


def _is_refusal(answer: Plain) -> bool:
    return isinstance(answer, dict) and answer.get("status") in ("error", "uncaught-error")


def _words(answer: Plain) -> str:
    """The error in the scheduler's own words, as far as they are plain and short."""
    text = answer.get("exception_text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        return "without plain words"
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST_TEXT])
