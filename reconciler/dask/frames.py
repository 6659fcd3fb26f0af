"""How `distributed` puts messages on a TCP connection, since 2021.4.

    ┌────────────┬───────────────────┬────────────┬─────┬─────────┬─────────┬─────┐
    │ bytes that │ number of frames  │ bytes of   │  …  │ frame 0 │ frame 1 │  …  │
    │ come first │                   │ frame 0    │     │         │         │     │
    └────────────┴───────────────────┴────────────┴─────┴─────────┴─────────┴─────┘
                  ◄── the bytes that come first ──────────────────────────►  the rest

Each number takes eight bytes, the smallest first. Frame 0 is the message; the others are what it refers to, objects
that were serialized, and are never looked at.
"""

import struct
from dataclasses import dataclass

from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.plain import Bounds

WORD_SIZE = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the message is within the bytes that come first, and how much comes after them.

    Args:
        start: Where frame 0 begins.
        end: Where it ends.
        rest: The bytes that come after those that come first.
    """

    start: int
    end: int
    rest: int


def packed(message: bytes) -> bytes:
    """A message of one frame, as it is sent."""
    return struct.pack("<3Q", 2 * WORD_SIZE + len(message), 1, len(message)) + message


def first_size(word: bytes | bytearray, bounds: Bounds) -> int:
    """How many bytes come first.

    Raises:
        Excess: they are more than the bounds allow.
        Nonsense: no message is that short.
    """
    size: int
    (size,) = struct.unpack("<Q", word)
    _within(size, bounds)
    if size < 2 * WORD_SIZE:
        raise Nonsense("its length is that of no message")
    return size


def layout(first: bytes | bytearray, bounds: Bounds) -> Layout:
    """What the bytes that come first say of the frames.

    Raises:
        Excess: the frames are more than the bounds allow.
        Nonsense: they contradict each other.
    """
    (count,) = struct.unpack_from("<Q", first)
    if count > bounds.frames:
        raise Excess(f"it has {count:,} frames, more than {bounds.frames:,}")
    start = (1 + count) * WORD_SIZE
    if count == 0 or start > len(first):
        raise Nonsense("it has no frames")
    lengths = struct.unpack_from(f"<{count}Q", first, WORD_SIZE)
    size = start + sum(lengths)
    _within(size, bounds)
    if start + lengths[0] > len(first) or size < len(first):
        raise Nonsense("the lengths of its frames contradict each other")
    return Layout(start, start + lengths[0], size - len(first))


def _within(size: int, bounds: Bounds) -> None:
    if size > bounds.size:
        raise Excess(f"it announces {size:,} bytes, more than {bounds.size:,}")
