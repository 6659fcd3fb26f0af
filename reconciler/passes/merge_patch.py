"""What differs between two JSON values, as a merge patch for the API and as a list of fields for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.passes.values import Change

Json = Mapping[str, Any]


def merge_patch(old: Json, new: Json) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `old` equal to `new`; empty if they are equal.

    Lists are replaced as a whole. A null in `new` counts as a missing field, as it does for the API server.
    """
    patch: dict[str, Any] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            inner = merge_patch(before, after)
            if inner:
                patch[name] = inner
        else:
            patch[name] = after
    return patch


def changes(old: Json, patch: Json, prefix: str = "") -> Iterator[Change]:
    """What a merge patch changes in an object, one field at a time."""
    for name, value in patch.items():
        path = f"{prefix}.{name}" if prefix else name
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from changes(before, value, path)
        elif isinstance(value, Mapping) and before is None and value:
            yield from changes({}, value, path)
        elif before != value:
            yield Change(path, before, value)


def fields(value: Any, prefix: str = "") -> Iterator[str]:
    """The paths of all fields with a value of their own, such as `ports.0.targetPort`."""
    if isinstance(value, Mapping) and value:
        named: Iterable[tuple[object, Any]] = value.items()
    elif isinstance(value, list) and value:
        named = enumerate(value)
    else:
        yield prefix
        return
    for name, inner in named:
        yield from fields(inner, f"{prefix}.{name}" if prefix else str(name))


def covers(observed: Any, wanted: Any) -> bool:
    """Whether everything wanted is observed, whatever else is there.

    Servers and webhooks add fields to what they are sent, so whole objects are never compared. Lists must be of the
    same length and cover each other item by item. An empty text or 0 leaves the choice to the server, and false or an
    empty list is not shown by it.
    """
    if wanted in ("", 0) and wanted is not False:
        return True
    if wanted in (False, []):
        return not observed
    if isinstance(wanted, Mapping):
        return isinstance(observed, Mapping) and all(covers(observed.get(name), wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        if not isinstance(observed, list) or len(observed) != len(wanted):
            return False
        return all(map(covers, observed, wanted))
    return bool(observed == wanted)
