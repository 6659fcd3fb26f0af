"""Where messages are among the bytes of a connection."""

import struct
from typing import Any

import pytest
from distributed.comm.tcp import _add_frames_header
from distributed.protocol.core import dumps, loads
from distributed.protocol.serialize import to_serialize
from distributed.protocol.utils import unpack_frames
from hypothesis import given
from hypothesis import strategies as st

from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.frames import WORD_SIZE, first_size, layout, packed
from reconciler.dask.messagepack import decode, encode
from reconciler.dask.plain import OPAQUE, SMALL, Bounds
from tests.unit.dask.hostile import on_wire

GIGABYTES = 8 * 2**30


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def read(data: bytes) -> tuple[Any, int]:
    """The message, and how much comes after the bytes that come first."""
    first = data[WORD_SIZE : WORD_SIZE + first_size(data[:WORD_SIZE], SMALL)]
    parts = layout(first, SMALL)
    return decode(first, SMALL, parts.start, parts.end), parts.rest


def test_distributed_reads_what_is_packed() -> None:
    """A request is one frame."""
    data = packed(encode({"op": "identity", "workers": ("a", "b")}))
    (size,) = struct.unpack("<Q", data[:WORD_SIZE])
    assert size == len(data) - WORD_SIZE
    assert loads(unpack_frames(data[WORD_SIZE:])) == {"op": "identity", "workers": ("a", "b")}


def test_what_distributed_sends_is_read() -> None:
    """Its own header before its own frames; objects that are serialized are opaque."""
    frames, _, total = _add_frames_header(list(dumps({"a": 1, "b": to_serialize(b"x" * 1000)})))
    data = b"".join(map(bytes, frames))
    assert len(data) == total
    assert read(data) == ({"a": 1, "b": OPAQUE}, 0)


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 6))
def test_frames_after_the_first_are_only_counted(others: list[bytes], first: int) -> None:
    """However many of them come among the bytes that come first."""
    assert read(on_wire(encode("x"), *others, first=first)) == ("x", sum(map(len, others[first - 1 :])))


@pytest.mark.parametrize("size", [0, 15])
def test_a_message_has_a_frame(size: int) -> None:
    with pytest.raises(Nonsense):
        first_size(words(size), SMALL)


def test_a_size_beyond_the_bounds_is_refused_before_it_is_read() -> None:
    """Gigabytes that come first, and gigabytes that come after them."""
    with pytest.raises(Excess, match="8,589,934,592 bytes"):
        first_size(words(GIGABYTES), SMALL)
    with pytest.raises(Excess, match="bytes, more than"):
        layout(words(2, 1, GIGABYTES) + b"\x01", SMALL)


def test_lengths_whose_sum_is_beyond_the_bounds_are_refused() -> None:
    bounds = Bounds(size=100, memory=1000)
    with pytest.raises(Excess):
        layout(words(3, 1, 50, 50) + b"\x01", bounds)


@pytest.mark.parametrize(
    ("first", "error"),
    [
        pytest.param(words(0, 0), Nonsense, id="no frames"),
        pytest.param(words(2**63, 0), Excess, id="more frames than there are atoms"),
        pytest.param(words(1000, 0), Nonsense, id="frames without lengths"),
        pytest.param(words(1, 2) + b"\x01", Nonsense, id="a frame that ends after the bytes that come first"),
        pytest.param(words(1, 1) + b"\x01\x01", Nonsense, id="bytes that belong to no frame"),
    ],
)
def test_lengths_that_contradict_each_other_are_nonsense(first: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        layout(first, SMALL)


@given(st.binary(min_size=16, max_size=100))
def test_any_bytes_have_a_layout_within_them_or_are_nonsense(first: bytes) -> None:
    try:
        parts = layout(first, SMALL)
    except Nonsense:
        return
    assert WORD_SIZE < parts.start <= parts.end <= len(first)
    assert 0 <= parts.rest <= SMALL.size
