"""Messages as bytes: MessagePack, as far as plain data goes, and nothing else.

    encode    values ──► bytes                                what we say is ours, and small
    decode    bytes  ──► None, bool, int, float, str, bytes, tuples, and dicts whose keys are text

The bytes that are decoded are hostile. So

- it takes no more memory than the bounds allow, however much is announced: a byte can become a hundred, or thousands,
- what is not plain, an extension or an object that `distributed` has serialized, becomes `OPAQUE`, unseen,
- keys of dicts become text, whatever they were: a tuple as a key can be made to collide with thousands of others.
"""

import struct
from sys import getsizeof

from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.plain import MEBIBYTE, OPAQUE, Bounds, Plain, key_of

LONGEST_TEXT = MEBIBYTE
"""The most bytes of one text: it may take four times as many in memory, and is made before it is counted."""

# What bytes, arrays and maps take in memory, and each item and entry while they are made.
BYTES_SIZE = 48
ARRAY_SIZE, ITEM_SIZE = 64, 16
MAP_SIZE, ENTRY_SIZE = 64, 128

_NUMBERS = {
    0xCA: struct.Struct(">f"),
    0xCB: struct.Struct(">d"),
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# Kind, and how many bytes its length takes.
_LENGTHS = {
    0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4),
    0xC7: ("extension", 1), 0xC8: ("extension", 2), 0xC9: ("extension", 4),
    0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4),
    0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip
_FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def encode(value: Plain) -> bytes:
    """The value as MessagePack, in its widest forms.

    Raises:
        TypeError: it is not plain.
    """
    match value:
        case None | True | False:
            return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
        case int():
            return struct.pack(">Bq", 0xD3, value)
        case float():
            return struct.pack(">Bd", 0xCB, value)
        case str():
            text = value.encode()
            return struct.pack(">BI", 0xDB, len(text)) + text
        case tuple():
            return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(encode, value))
        case dict():
            items = b"".join(encode(key) + encode(item) for key, item in value.items())
            return struct.pack(">BI", 0xDF, len(value)) + items
    raise TypeError(f"{value!r} is not said to schedulers")


def decode(data: bytes | bytearray, bounds: Bounds, start: int = 0, end: int | None = None) -> Plain:
    """The one value of which a part of the data consists.

    Raises:
        Excess: it is more than the bounds allow.
        Nonsense: it is not MessagePack, ends early, or something follows it.
    """
    reader = _Reader(data, start, len(data) if end is None else end, bounds)
    value = reader.value(bounds.depth)
    reader.finish()
    return value


class _Reader:
    """Goes through the data once; each value must be there before it is made."""

    __slots__ = ("_at", "_bounds", "_data", "_end", "_left")

    def __init__(self, data: bytes | bytearray, start: int, end: int, bounds: Bounds) -> None:
        self._data = data
        self._at = start
        self._end = end
        self._bounds = bounds
        self._left = bounds.memory

    def value(self, depth: int) -> Plain:
        first = self._data[self._take(1)]
        match first >> 4:
            case 0xA | 0xB:
                return self._text(first & 0x1F)
            case 0x9:
                return self._array(first & 0x0F, depth)
            case 0x8:
                return self._map(first & 0x0F, depth)
            case 0xC | 0xD:
                return self._marked(first, depth)
            case 0xE | 0xF:
                return first - 0x100
        return first

    def finish(self) -> None:
        if self._at != self._end:
            raise Nonsense("something follows its end")

    def _marked(self, first: int, depth: int) -> Plain:
        """A value of which the first byte says the type alone."""
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if number := _NUMBERS.get(first):
            (value,) = number.unpack_from(self._data, self._take(number.size))
            self._count(getsizeof(value))
            return value  # type: ignore[no-any-return]  # an int or a float
        if first in _FIXED_EXTENSIONS:
            return self._extension(_FIXED_EXTENSIONS[first])
        if first not in _LENGTHS:
            raise Nonsense("it is not MessagePack")
        return self._sized(*_LENGTHS[first], depth)

    def _sized(self, kind: str, width: int, depth: int) -> Plain:
        """A value whose length comes first."""
        at = self._take(width)
        length = int.from_bytes(self._data[at : at + width], "big")
        match kind:
            case "map":
                return self._map(length, depth)
            case "array":
                return self._array(length, depth)
            case "text":
                return self._text(length)
            case "extension":
                return self._extension(length)
        return self._bytes(length)

    def _bytes(self, length: int) -> bytes:
        at = self._take(length)
        self._count(BYTES_SIZE + length)
        return bytes(self._data[at : at + length])

    def _text(self, length: int) -> str:
        at = self._take(length)
        if length > LONGEST_TEXT:
            raise Excess(f"it has a text of more than {LONGEST_TEXT:,} bytes")
        try:
            text = self._data[at : at + length].decode()
        except UnicodeDecodeError:
            raise Nonsense("its text is not UTF-8") from None
        self._count(getsizeof(text))
        return text

    def _extension(self, length: int) -> Plain:
        self._take(1 + length)
        return OPAQUE

    def _array(self, length: int, depth: int) -> Plain:
        deeper = self._deeper(depth)
        self._count(ARRAY_SIZE + length * ITEM_SIZE)
        return tuple([self.value(deeper) for _ in range(length)])

    def _map(self, length: int, depth: int) -> Plain:
        deeper = self._deeper(depth)
        self._count(MAP_SIZE + length * ENTRY_SIZE)
        items = {self._key(deeper): self.value(deeper) for _ in range(length)}
        if "__Serialized__" in items or "__Pickled__" in items:
            return OPAQUE
        if "__Set__" in items:
            return items.get("as-list", OPAQUE)
        if "__Enum__" in items:
            return items.get("name", OPAQUE)
        return items

    def _key(self, depth: int) -> str:
        left = self._left
        key = self.value(depth)
        text = key_of(key)
        if text is not key:
            self._left = left  # the key itself is not kept
            self._count(getsizeof(text))
        return text

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Excess(f"it takes more than {self._bounds.memory:,} bytes of memory")

    def _deeper(self, depth: int) -> int:
        if depth == 0:
            raise Excess(f"it is nested more than {self._bounds.depth} deep")
        return depth - 1

    def _take(self, length: int) -> int:
        """Go on by so many bytes, and say where they begin."""
        at = self._at
        self._at = at + length
        if self._at > self._end:
            raise Nonsense("it ends in the middle of a value")
        return at
