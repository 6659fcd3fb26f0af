"""JSON documents: their copies and their merge patches.

A document in the store is never changed in place: a change makes a new one that shares what stayed the same.
"""

from typing import Any

from reconciler.wire.protocol import Body

NESTED = (dict, list, tuple)  # looked for before a call, which would cost more than the copy of a leaf


def copied(value: Any) -> Any:
    """A copy that shares nothing with the original."""
    if isinstance(value, dict):
        return {key: copied(item) if isinstance(item, NESTED) else item for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) if isinstance(item, NESTED) else item for item in value]
    return value


def without_nulls(value: Any) -> Any:
    """A copy without the keys whose value is null, which Kubernetes' own kinds read as absent."""
    if isinstance(value, dict):
        return {
            key: without_nulls(item) if isinstance(item, NESTED) else item
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def merge_patched(target: Any, patch: Any) -> Any:
    """The target with a JSON merge patch (RFC 7386) applied; neither is changed."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), value)
    return result


def replaced(body: Body, key: str, value: Any) -> Body:
    """The document with another value at a key, or without the key if the value is `None`."""
    if value is None:
        return {name: item for name, item in body.items() if name != key}
    return {**body, key: value}


def at(body: Body, path: str) -> Any:
    """What stands at a dotted path, or `None`."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
