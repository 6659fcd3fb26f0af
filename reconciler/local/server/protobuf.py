"""Protobuf, in which kubectl sends what it makes of its own arguments: `auth can-i`, `create configmap` and `secret`.

A message is a sequence of fields: a number and how it is packed, then the value. Which field has which name, and what
is in it, only the tables here say; all other kinds are asked for in JSON.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.memory.refusals import bad_request
from reconciler.wire.errors import Refused
from reconciler.wire.protocol import Body

MAGIC = b"k8s\0"
NUMBER, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
TEXT, TRUTH, BYTES = "text", "truth", "bytes"


@dataclass(frozen=True, slots=True)
class Map:
    """A field that maps texts to values.

    Args:
        of: What the values are.
    """

    of: str


@dataclass(frozen=True, slots=True)
class Many:
    """A field that may come again and again.

    Args:
        of: What each is.
    """

    of: Any


Message = Mapping[int, tuple[str, Any]]

OWNER: Message = {
    1: ("kind", TEXT),
    3: ("name", TEXT),
    4: ("uid", TEXT),
    5: ("apiVersion", TEXT),
    6: ("controller", TRUTH),
    7: ("blockOwnerDeletion", TRUTH),
}
METADATA: Message = {
    1: ("name", TEXT),
    2: ("generateName", TEXT),
    3: ("namespace", TEXT),
    5: ("uid", TEXT),
    6: ("resourceVersion", TEXT),
    11: ("labels", Map(TEXT)),
    12: ("annotations", Map(TEXT)),
    13: ("ownerReferences", Many(OWNER)),
    14: ("finalizers", Many(TEXT)),
}
ATTRIBUTES = dict(enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), 1))
ACCESS: Message = {
    1: ("resourceAttributes", {number: (name, TEXT) for number, name in ATTRIBUTES.items()}),
    2: ("nonResourceAttributes", {1: ("path", TEXT), 2: ("verb", TEXT)}),
}
KINDS: Mapping[str, Message] = {
    "ConfigMap": {
        1: ("metadata", METADATA),
        2: ("data", Map(TEXT)),
        3: ("binaryData", Map(BYTES)),
        4: ("immutable", TRUTH),
    },
    "Secret": {
        1: ("metadata", METADATA),
        2: ("data", Map(BYTES)),
        3: ("type", TEXT),
        4: ("stringData", Map(TEXT)),
        5: ("immutable", TRUTH),
    },
    "SelfSubjectAccessReview": {1: ("metadata", METADATA), 2: ("spec", ACCESS)},
    "SelfSubjectRulesReview": {1: ("metadata", METADATA), 2: ("spec", {1: ("namespace", TEXT)})},
    "SelfSubjectReview": {1: ("metadata", METADATA)},
    "Namespace": {1: ("metadata", METADATA)},
    "DeleteOptions": {},
}
UNKNOWN: Message = {1: ("type", {1: ("apiVersion", TEXT), 2: ("kind", TEXT)}), 2: ("raw", BYTES)}


def decoded(data: bytes) -> Body:
    """An object that was sent in protobuf.

    Raises:
        Refused: it is of a kind that is taken in JSON and YAML alone.
        Invalid: it is no protobuf.
    """
    if not data.startswith(MAGIC):
        raise bad_request("the body of the request is no protobuf as Kubernetes sends it")
    try:
        outer = _message(data[len(MAGIC) :], UNKNOWN, encoded=False)
        kind = outer["type"].get("kind", "")
        if kind not in KINDS:
            message = f"a {kind} is taken in JSON or YAML alone; write a manifest and use kubectl apply"
            raise Refused(message, status=415, reason="UnsupportedMediaType")
        return {**outer["type"], **_message(outer.get("raw", b""), KINDS[kind])}
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise bad_request(f"the body of the request cannot be read as protobuf: {error!r}") from error


def _message(data: bytes, fields: Message, *, encoded: bool = True) -> Body:
    result: Body = {}
    for number, value in _fields(data):
        if number not in fields:
            continue
        name, type_ = fields[number]
        if isinstance(type_, Map):
            entry = _message(value, {1: ("key", TEXT), 2: ("value", type_.of)})
            result.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        elif isinstance(type_, Many):
            result.setdefault(name, []).append(_value(value, type_.of, encoded=encoded))
        else:
            result[name] = _value(value, type_, encoded=encoded)
    return {name: value for name, value in result.items() if value not in ("", None)}


def _value(value: Any, type_: Any, *, encoded: bool) -> Any:
    if type_ == TEXT:
        return value.decode()
    if type_ == TRUTH:
        return bool(value)
    if type_ == BYTES:
        return b64encode(value).decode() if encoded else value
    return _message(value, type_)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message: numbers, or the bytes of all else."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        packing = tag & 7
        if packing == NUMBER:
            value, at = _number(data, at)
            yield tag >> 3, value
            continue
        if packing == LENGTH:
            size, at = _number(data, at)
        else:
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}[packing]
        yield tag >> 3, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return value, at
