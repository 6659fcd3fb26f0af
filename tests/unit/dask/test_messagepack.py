"""Messages as plain data, between bounds: against `msgpack`, which is what `distributed` packs with."""

import math
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.messagepack import LONGEST_TEXT, decode, encode
from reconciler.dask.plain import LARGE, LONGEST_KEY, MEBIBYTE, OPAQUE, SMALL, Plain, key_of
from tests.unit.dask.hostile import little_memory

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=300)
)
# Names with a meaning of their own begin so.
names = st.text().filter(lambda name: not name.startswith("__"))
keys = names | st.integers(-(2**63), 2**64 - 1) | st.binary() | st.tuples(st.text(), st.integers(0, 9))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=40).map(tuple) | st.dictionaries(keys, inner, max_size=40),
    max_leaves=40,
)
said = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def texts_as_keys(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(texts_as_keys, value))
    if isinstance(value, dict):
        return {key_of(key): texts_as_keys(item) for key, item in value.items()}
    return value


@given(values)
def test_what_msgpack_packs_is_read_with_text_as_keys(value: Any) -> None:
    """Every plain value of every type and width comes back."""
    assert decode(msgpack.packb(value), LARGE) == texts_as_keys(value)


@given(st.floats(width=32, allow_nan=False))
def test_short_floats_are_read(value: float) -> None:
    assert decode(msgpack.packb(value, use_single_float=True), SMALL) == value


@pytest.mark.parametrize("length", [0, 15, 16, 31, 32, 255, 256, 65535, 65536])
def test_lengths_of_all_widths_are_read(length: int) -> None:
    """MessagePack writes each length in the fewest bytes."""
    for value in ("x" * length, b"x" * length, (1,) * length, {str(number): number for number in range(length)}):
        assert decode(msgpack.packb(value), LARGE) == value


@given(said)
def test_what_is_said_is_read_by_msgpack(value: Plain) -> None:
    """Requests are read by `distributed` as they were meant."""
    read = msgpack.unpackb(encode(value), use_list=False)
    assert read == value
    assert type(read) is type(value)


def test_what_is_not_plain_is_not_said() -> None:
    with pytest.raises(TypeError):
        encode(OPAQUE)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_nonsense(data: bytes) -> None:
    """Garbage raises nothing else."""
    try:
        value = decode(data, SMALL)
    except Nonsense:
        return
    hash(repr(value))


@given(values, st.data())
def test_half_a_value_is_nonsense(value: Any, data: st.DataObject) -> None:
    """A message that ends early is never taken for a smaller one."""
    packed = msgpack.packb(value)
    end = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(Nonsense):
        decode(packed[:end], LARGE)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (msgpack.ExtType(1, b"x"), OPAQUE),
        (msgpack.ExtType(2, b"xxxx"), OPAQUE),
        (msgpack.ExtType(5, b"x" * 16), OPAQUE),
        (msgpack.ExtType(5, b"x" * 3), OPAQUE),
        (msgpack.ExtType(5, b"x" * 300), OPAQUE),
        (msgpack.ExtType(5, b"x" * 70_000), OPAQUE),
        (msgpack.Timestamp(1, 2), OPAQUE),
        ({"__Serialized__": 1}, OPAQUE),
        ({"__Pickled__": 1}, OPAQUE),
        ({"__Serialized__": True, "data": [{}, [b"cos"]]}, OPAQUE),
        ({"__Set__": True, "as-list": ["a", "b"]}, ("a", "b")),
        ({"__Set__": True}, OPAQUE),
        ({"__Enum__": True, "name": "running", "__module__": "os", "__name__": "system"}, "running"),
        ({"__Enum__": True}, OPAQUE),
    ],
)
def test_what_is_not_plain_is_opaque(value: object, read: Plain) -> None:
    """Neither imported nor made: sets and enums are what they consist of, all else is one marker."""
    assert decode(msgpack.packb(["before", value, "after"]), LARGE) == ("before", read, "after")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x91" * 100_000, id="a hundred thousand arrays within one another"),
        pytest.param(b"\x81" * 100_000, id="maps whose keys are maps"),
        pytest.param(b"\x81\xa1x" * 100_000, id="maps within one another"),
        pytest.param(b"\xdd\xff\xff\xff\xff" * 1000, id="arrays that announce four thousand millions"),
        pytest.param(b"\xdf\xff\xff\xff\xff" * 1000, id="maps that announce four thousand millions"),
    ],
)
def test_a_nesting_bomb_goes_no_deeper_than_the_bounds(data: bytes) -> None:
    """Nothing is allocated for what is only announced."""
    with little_memory(), pytest.raises(Excess):
        decode(data, LARGE)


@pytest.mark.parametrize("first", [b"\xc6", b"\xc9", b"\xdb"])
def test_an_announced_length_is_not_allocated(first: bytes) -> None:
    """Four gigabytes of text, of bytes, of an extension."""
    with little_memory(), pytest.raises(Nonsense):
        decode(first + b"\xff\xff\xff\xff" + b"x" * 100, LARGE)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(msgpack.packb([None] * 1_000_000), id="constants"),
        pytest.param(msgpack.packb([1.5] * 1_000_000), id="numbers"),
        pytest.param(msgpack.packb([[]] * 1_000_000), id="empty arrays"),
        pytest.param(msgpack.packb([{}] * 1_000_000), id="empty maps"),
        pytest.param(msgpack.packb([{"": 1}] * 1_000_000), id="maps"),
        pytest.param(msgpack.packb(["x"] * 1_000_000), id="texts"),
        pytest.param(msgpack.packb(["x" * 999_000 + "\N{GRINNING FACE}"] * 10), id="wide texts"),
        pytest.param(msgpack.packb([b"x" * 1000] * 10_000), id="bytes"),
        pytest.param(msgpack.packb({("\0" * 4000, number): 1 for number in range(1000)}), id="keys"),
    ],
)
def test_values_take_no_more_memory_than_the_bounds_allow(data: bytes) -> None:
    """A byte can become a hundred, and the widest letter widens its whole text."""
    with little_memory(8 * MEBIBYTE), pytest.raises(Excess, match="2,097,152 bytes of memory"):
        decode(data, SMALL)


def test_a_text_that_is_longer_than_any_is_not_made() -> None:
    assert decode(msgpack.packb("x" * LONGEST_TEXT), LARGE) == "x" * LONGEST_TEXT
    bomb = msgpack.packb("x" * (LONGEST_TEXT + 1))
    with little_memory(), pytest.raises(Excess, match="text of more than"):
        decode(bomb, LARGE)


@pytest.mark.parametrize("key", [bytes(LONGEST_KEY + 1), ("\0" * LONGEST_KEY, 1), (("x",) * 1000,) * 10, {}])
def test_a_key_that_is_longer_than_any_is_not_made(key: Plain) -> None:
    """As text it would be many times as long. Texts themselves may be as long as they like."""
    with little_memory(), pytest.raises(Excess, match="a key of more than"):
        key_of(key)
    assert key_of("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT


def test_depth_is_counted_from_the_whole() -> None:
    bounds = replace(SMALL, depth=2)
    assert decode(msgpack.packb([[1]]), bounds) == ((1,),)
    with pytest.raises(Excess, match="2 deep"):
        decode(msgpack.packb([[[1]]]), bounds)


def test_keys_that_collide_cost_no_more_than_others() -> None:
    """Tuples of numbers can be made to have one hash; they are text before they are keys."""
    value = decode(msgpack.packb({(1, 2): 3, 4: 5, None: 6}), SMALL)
    assert value == {"(1, 2)": 3, "4": 5, "None": 6}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01\x01", b"\xa1\xff", b"\xa3\xed\xa0\x80"])
def test_what_is_not_messagepack_is_nonsense(data: bytes) -> None:
    """Nothing, a byte that is never used, two values, text that is not UTF-8."""
    with pytest.raises(Nonsense):
        decode(data, SMALL)


def test_numbers_that_are_none_are_read() -> None:
    value = decode(msgpack.packb(math.nan), SMALL)
    assert isinstance(value, float)
    assert math.isnan(value)
