"""A page of a scheduler's HTTP server, as data."""

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from reconciler.dask.connection import PIECE, Address, Called, Deadline, channel_to, counted, explained
from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.secured import send_all

LARGEST = 64 * 1024
"""The most bytes of a page."""

_SUCCESS = re.compile(rb"HTTP/1\.[01] 200 ")

Answer = TypeVar("Answer")


def fetch(
    address: Address, path: str, read: Callable[[Any], Answer], *, seconds: float, called: Called = lambda _: None
) -> Answer:
    """What there is at a path, as JSON. No redirect is followed.

    Args:
        address: The server's.
        path: Where it has it.
        read: Makes a value of the answer, or raises `Nonsense`.
        seconds: How long it may take, connecting included.
        called: Told of the request.

    Raises:
        DaskError: there is no answer.
    """
    deadline = Deadline(time.monotonic() + seconds, time.monotonic)
    with counted(path, called), ExitStack() as opened, explained(address, f"for {path}"):
        channel = channel_to(address, deadline, opened)
        send_all(channel, f"GET {path} HTTP/1.0\r\nHost: {address.host}\r\n\r\n".encode(), deadline.left)
        answer = bytearray()
        while piece := channel.recv(PIECE):
            answer += piece
            if len(answer) > LARGEST:
                raise Excess(f"it has more than {LARGEST} bytes")
            channel.settimeout(deadline.left())
        return read(_json(bytes(answer)))


def _json(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    if _SUCCESS.match(head) is None:
        raise Nonsense("it is no page of that address")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Nonsense("it is no JSON") from None
