"""`metadata.managedFields` of objects that a real API server made: who owns which of their fields."""

import json
from collections.abc import Iterator
from typing import Any

from reconciler.memory.ownership import Applier, Item, Name, Owners, Path
from reconciler.wire.protocol import Body


def owners(body: Body) -> Owners | None:
    """Who owns which fields, or `None` if the object does not say."""
    entries = body["metadata"].get("managedFields")
    if not entries:
        return None
    result: Owners = {}
    for entry in entries:
        applies = entry.get("operation") == "Apply"
        writer = Applier(entry.get("manager", ""), entry.get("subresource") or None) if applies else None
        result[writer] = result.get(writer, frozenset()) | frozenset(_paths(entry.get("fieldsV1") or {}, ()))
    return result


def _paths(fields: Body, path: Path) -> Iterator[Path]:
    """The paths of a FieldsV1: a leaf is an empty object, and `.` says that its parent is owned too."""
    for key, below in fields.items():
        if key == ".":
            yield path
        else:
            deeper = (*path, _part(key))
            yield from _paths(below, deeper) if below else [deeper]


def _part(key: str) -> Name | Item:
    """A step of a path: `f:name` is a field, `k:{…}` an item by its keys, `v:…` an item of a set."""
    sort, _, text = key.partition(":")
    if sort == "f":
        return text
    value: Any = json.loads(text)
    return tuple(value.items()) if sort == "k" else (("", value),)
