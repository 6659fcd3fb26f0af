"""Server-side apply (KEP-555): which writer owns which fields, and what an apply sets and removes.

A field is a path of names; an item of a list that merges is the values of its keys:
`("status", "conditions", (("type", "Ready"),), "reason")`.

Of the writers, each applier is kept apart; all others count as one, since apply only asks whether any of them owns
a field. Nothing is tracked until an object is first applied; what it holds then belongs to those others.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.kinds import SERVICE, Key
from reconciler.memory.refusals import invalid
from reconciler.wire.errors import Conflict
from reconciler.wire.protocol import Body, Subresource

Name = str
Item = tuple[tuple[str, Any], ...]
Path = tuple[Name | Item, ...]
Fields = frozenset[Path]

MISSING: Any = object()

# Lists whose items merge, by the keys that tell items apart; a set of values has none. All other lists, those in Pod
# specs too, are replaced as a whole.
MERGING: dict[tuple[str, ...], tuple[str, ...]] = {
    ("metadata", "ownerReferences"): ("uid",),
    ("metadata", "finalizers"): (),
    ("status", "conditions"): ("type",),
}
SERVICE_PORTS = ("spec", "ports")
SERVICE_SELECTOR = ("spec", "selector")  # a map that is replaced as a whole
KEY_DEFAULTS = {"protocol": "TCP"}
TRACKED_METADATA = ("labels", "annotations", "ownerReferences", "finalizers")
REPEATED = "#"
METADATA: Path = ("metadata",)
KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
UNKNOWN_WRITER = "before-first-apply"
"""What the API server calls those who wrote before it knew who."""


@dataclass(frozen=True, slots=True)
class Applier:
    """A writer that applies.

    Args:
        manager: Its field manager.
        subresource: What it applies to, if not the object itself: to Kubernetes another writer.
    """

    manager: str
    subresource: Subresource | None

    @property
    def hidden(self) -> str:
        """What it cannot reach: the status with the object, the spec with the status."""
        return "spec" if self.subresource else "status"


Owners = dict[Applier | None, Fields]  # `None`: all writers but appliers


def applied(key: Key, live: Body, config: Body, owners: Owners, applier: Applier) -> tuple[Body, Owners]:
    """The object after an apply, and who owns what then.

    Raises:
        Invalid: the configuration has two items of one key, or what would be left is empty in the wrong way.
    """
    shape = Shape(key)
    new = shape.fields(_tracked(config, applier.hidden))
    shape.refuse_repeated(new)
    others = {writer: fields for writer, fields in owners.items() if writer != applier}
    gone = _with_containers(owners.get(applier, frozenset())) - _with_containers(new.union(*others.values()))
    body = shape.pruned(shape.merged(live, config, ()), (), gone - {METADATA})
    touched, removed = shape.difference(_tracked(live, applier.hidden), _tracked(body, applier.hidden))
    after = {writer: fields - touched - removed for writer, fields in others.items()} | {applier: new}
    return body, {writer: fields for writer, fields in after.items() if fields}


def refuse_conflicts(key: Key, live: Body, config: Body, owners: Owners, applier: Applier) -> None:
    """Refuse an apply that would change what others own.

    What kubectl itself applied on the client's side is no other's to kubectl.

    Raises:
        Conflict: it would.
    """
    shape = Shape(key)
    theirs = {writer: fields for writer, fields in owners.items() if writer != applier}
    if applier.manager == KUBECTL and LAST_APPLIED in (live["metadata"].get("annotations") or {}):
        theirs.pop(None, None)
    before = _tracked(live, applier.hidden)
    touched, _ = shape.difference(before, shape.merged(before, _tracked(config, applier.hidden), ()))
    conflicts = [
        (writer.manager if writer else UNKNOWN_WRITER, path)
        for writer, fields in theirs.items()
        for path in sorted(fields & touched, key=_dotted)
    ]
    if conflicts:
        said = ", ".join(f'conflict with "{who}": {_dotted(path)}' for who, path in conflicts)
        plural = "s" if len(conflicts) > 1 else ""
        raise Conflict(f"Apply failed with {len(conflicts)} conflict{plural}: {said}", status=409)


def updated(key: Key, old: Body, new: Body, owners: Owners) -> Owners:
    """Who owns what after a write that was no apply."""
    touched, removed = Shape(key).difference(_tracked(old), _tracked(new))
    if not touched and not removed:
        return owners
    after = {writer: fields - touched - removed for writer, fields in owners.items()}
    after[None] = after.get(None, frozenset()) | touched
    return {writer: fields for writer, fields in after.items() if fields}


def untracked(key: Key, body: Body) -> Owners:
    """Who owns what in an object that was never applied."""
    return {None: Shape(key).fields(_tracked(body))}


class Shape:
    """How the document of an object falls apart into fields.

    Args:
        key: The object.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._kind = key.kind

    def keys(self, names: tuple[str, ...]) -> tuple[str, ...] | None:
        """The keys of a list whose items merge, or `None` if it is replaced as a whole."""
        if names == SERVICE_PORTS and self._kind == SERVICE:
            return ("port", "protocol")
        return MERGING.get(names)

    def is_atomic(self, names: tuple[str, ...]) -> bool:
        """Whether a map is replaced as a whole."""
        return names == SERVICE_SELECTOR and self._kind == SERVICE

    def fields(self, body: Body) -> Fields:
        """All fields of a document."""
        return frozenset(self._fields(body, (), ()))

    def _fields(self, value: Any, path: Path, names: tuple[str, ...]) -> Iterator[Path]:
        if isinstance(value, dict) and (value or not path) and not self.is_atomic(names):
            for name, child in value.items():
                yield from self._fields(child, (*path, name), (*names, name))
        elif isinstance(value, list) and self.keys(names) is not None:
            for item, child in self._items(value, names).items():
                yield (*path, item)
                if isinstance(child, dict):
                    yield from self._fields(child, (*path, item), names)
        else:
            yield path

    def _items(self, values: list[Any], names: tuple[str, ...]) -> dict[Item, Any]:
        """The items of a list by what tells them apart; a second one of the same keys gets a number."""
        keys = self.keys(names) or ()
        items: dict[Item, Any] = {}
        for value in values:
            item: Item = tuple((key, value.get(key, KEY_DEFAULTS.get(key))) for key in keys) or (("", value),)
            while item in items:
                item = (*item, (REPEATED, len(items)))
            items[item] = value
        return items

    def refuse_repeated(self, fields: Fields) -> None:
        """Refuse a configuration with two items of the same keys.

        Raises:
            Invalid: it has.
        """
        for path in fields:
            for place, part in enumerate(path):
                if isinstance(part, tuple) and part[-1][0] == REPEATED:
                    where = ".".join(name for name in path[:place] if isinstance(name, str))
                    which = ",".join(f"{key}={value}" for key, value in part if key != REPEATED)
                    cause = f"{where}: Duplicate value: duplicate entries for key [{which}]"
                    raise invalid(self._kind, self._key.name, [cause])

    def merged(self, live: Any, config: Any, names: tuple[str, ...]) -> Any:
        """The live value with the configuration's fields set."""
        if isinstance(config, dict) and isinstance(live, dict) and not self.is_atomic(names):
            changes = {key: self.merged(live.get(key, MISSING), config[key], (*names, key)) for key in config}
            return {**live, **changes}
        if isinstance(config, list) and isinstance(live, list) and self.keys(names) is not None:
            ours, theirs = self._items(config, names), self._items(live, names)
            return [
                self.merged(theirs.get(item, MISSING), ours[item], names) if item in ours else theirs[item]
                for item in _interleaved(list(theirs), list(ours))
            ]
        return config

    def pruned(self, value: Any, path: Path, gone: Fields) -> Any:
        """The value without the fields that are gone.

        Raises:
            Invalid: an object or list would be left empty that someone still owns, which the server makes null.
        """
        if not gone or not isinstance(value, dict | list) or not value:
            return value
        names = tuple(part for part in path if isinstance(part, str))
        if isinstance(value, dict) and not self.is_atomic(names):
            left: Any = {
                name: self.pruned(child, (*path, name), gone)
                for name, child in value.items()
                if (*path, name) not in gone
            }
        elif isinstance(value, list) and self.keys(names) is not None:
            items = self._items(value, names).items()
            left = [self.pruned(child, (*path, item), gone) for item, child in items if (*path, item) not in gone]
        else:
            return value
        if not left and self._kind.group and names[:1] != METADATA:
            where = ".".join(names)
            raise invalid(
                self._kind, self._key.name, [f'{where}: Invalid value: "null": {where} in body must not be null']
            )
        return left

    def difference(self, old: Body, new: Body) -> tuple[Fields, Fields]:
        """The fields that were added or changed, and those that were removed."""
        changes = set(self._changes(old, new, (), ()))
        touched = frozenset(path for path, is_gone in changes if not is_gone)
        return touched, frozenset(path for path, is_gone in changes if is_gone)

    def _changes(self, old: Any, new: Any, path: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, bool]]:
        """The fields that differ, and whether each is gone."""
        if old is new:
            return
        children = self._pairs(old, new, names)
        for part, was, now in children:
            deeper = (*names, part) if isinstance(part, str) else names
            yield from self._changes(was, now, (*path, part), deeper)
        if old is MISSING or new is MISSING or (not children and old != new):
            yield path, new is MISSING

    def _pairs(self, old: Any, new: Any, names: tuple[str, ...]) -> list[tuple[Name | Item, Any, Any]]:
        """The children of two values of the same sort, one of which may be missing."""
        present = [value for value in (old, new) if value is not MISSING]
        if all(isinstance(value, dict) for value in present) and not self.is_atomic(names):
            was, now = ({} if value is MISSING else value for value in (old, new))
        elif all(isinstance(value, list) for value in present) and self.keys(names) is not None:
            was, now = (self._items([] if value is MISSING else value, names) for value in (old, new))
        else:
            return []
        return [(part, was.get(part, MISSING), now.get(part, MISSING)) for part in {**was, **now}]


def _dotted(path: Path) -> str:
    """A path as the API server writes it."""
    return "".join(
        f".{part}" if isinstance(part, str) else f"[{','.join(f'{name}={json.dumps(value)}' for name, value in part)}]"
        for part in path
    )


def _tracked(body: Body, hidden: str = "") -> Body:
    """The part of a document that has owners: not what the server writes, nor what a request cannot reach."""
    sent = body.get("metadata") or {}
    metadata = {key: sent[key] for key in TRACKED_METADATA if sent.get(key)}
    untouched = ("apiVersion", "kind", "metadata", hidden)
    rest = {key: value for key, value in body.items() if key not in untouched and value is not None}
    return {"metadata": metadata, **rest} if metadata else rest


def _with_containers(fields: Fields) -> Fields:
    """The fields and the objects they are in; an item of a list must be owned itself."""
    containers = (path[:end] for path in fields for end in range(1, len(path)))
    return fields | {path for path in containers if isinstance(path[-1], str)}


def _interleaved(live: list[Item], config: list[Item]) -> list[Item]:
    """The items of both lists: the configuration's in its order, the others where they stood between them."""
    places = {item: place for place, item in enumerate(live)}
    wanted = set(config)
    shared = [item for item in config if item in places]
    order: list[Item] = []
    done = 0
    for item in config:
        place = places[shared[0]] if shared else len(live)
        stop = place if place >= done else len(live)
        order += [other for other in live[done:stop] if other not in wanted]
        done = stop
        order.append(item)
        if item in places:
            shared.pop(0)
            done += places[item] == done
    return order + [other for other in live[done:] if other not in wanted]
