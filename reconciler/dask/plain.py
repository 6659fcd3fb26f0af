"""Plain data: all that is made of what schedulers say, and how much of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from reconciler.dask.errors import Excess


class Opaque(Enum):
    """The one value that stands for everything that is not plain data."""

    OPAQUE = "opaque"


OPAQUE: Final = Opaque.OPAQUE

Plain: TypeAlias = (
    bool | int | float | str | bytes | Literal[Opaque.OPAQUE] | tuple["Plain", ...] | dict[str, "Plain"] | None
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of an answer is read before it is refused.

    Args:
        size: Bytes, of all frames.
        memory: Bytes that the values take, about.
        depth: Arrays and maps within one another.
        frames: Parts of which the message consists.
    """

    size: int
    memory: int
    depth: int = 32
    frames: int = 1024


MEBIBYTE = 2**20
SMALL = Bounds(size=MEBIBYTE, memory=2 * MEBIBYTE)
LARGE = Bounds(size=16 * MEBIBYTE, memory=48 * MEBIBYTE)

LONGEST_KEY = 4096
"""The most letters of a key that is no text: its text may be several times as long."""


def key_of(value: Plain) -> str:
    """A key of Dask's, which may be of several types, as text: so they are told apart here.

    Raises:
        Excess: it is no text, and longer than any key.
    """
    if isinstance(value, str):
        return value
    if _length(value) > LONGEST_KEY:
        raise Excess(f"it has a key of more than {LONGEST_KEY:,} letters")
    return ascii(value)


def _length(value: Plain) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, tuple):
        return len(value) + sum(map(_length, value))
    return LONGEST_KEY + 1 if isinstance(value, dict) else 1
