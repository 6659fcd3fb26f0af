"""Patches: JSON merge patch, JSON patch (RFC 6902), and Kubernetes' strategic merge patch."""

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.memory.document import copied, merge_patched
from reconciler.memory.refusals import bad_request
from reconciler.wire.errors import Invalid
from reconciler.wire.protocol import Body

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")

# Lists whose items merge, by the field that tells items apart; those of plain values have none. Others are replaced.
MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "ownerReferences": "uid",
    "conditions": "type",
    "finalizers": "",
}
PORTS = "ports"
"""Their key is `containerPort` in a container, and `port` in a Service."""

DIRECTIVE, ORDER, DELETIONS, KEPT = "$patch", "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"


def change(type_: str, patch: Any, *, is_custom: bool = False) -> Callable[[Body], None]:
    """What a patch does to an object, in place.

    Args:
        type_: The patch's media type.
        patch: The patch.
        is_custom: Whether the object is a custom resource, of whose lists nobody knows which merge.

    Raises:
        Invalid: nobody knows such a type, or the patch cannot be read.
    """
    if not isinstance(patch, list if type_ == JSON else dict):
        raise bad_request(f"the patch is no JSON {'array' if type_ == JSON else 'object'}")
    operations: Any = patch
    kinds: dict[str, Callable[[Body], Any]] = {
        MERGE: lambda body: merge_patched(body, patch),
        JSON: lambda body: json_patched(body, operations),
        **({} if is_custom else {STRATEGIC: lambda body: strategic(body, patch)}),
    }
    if type_ not in kinds:
        supported = ", ".join((JSON, MERGE, *([] if is_custom else [STRATEGIC]), APPLY[0]))
        message = f"the body of the request was in an unknown format - accepted media types include: {supported}"
        raise Invalid(message, status=415, reason="UnsupportedMediaType")

    def changed(body: Body) -> None:
        new = kinds[type_](body)
        body.clear()
        body.update(new)

    return changed


def json_patched(body: Any, operations: list[Body]) -> Any:
    """A document after the operations of a JSON patch.

    Raises:
        Invalid: one of them cannot be done.
    """
    document = copied(body)
    for operation in operations:
        try:
            document = _operated(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = "the server rejected our request due to an error in our request"
            raise Invalid(f"{message}: {operation}: {error!r}", status=422) from error
    return document


def strategic(live: Any, patch: Any, name: str = "") -> Any:
    """A document after a strategic merge patch; neither is changed.

    Args:
        live: The document.
        patch: The patch.
        name: The field in which the document stands.
    """
    if not isinstance(patch, dict):
        return copied(patch)
    if patch.get(DIRECTIVE) == "replace":
        return {key: copied(value) for key, value in patch.items() if key != DIRECTIVE}
    if patch.get(DIRECTIVE) == "delete":
        return {}
    result = dict(live) if isinstance(live, dict) else {}
    if KEPT in patch:
        result = {key: value for key, value in result.items() if key in patch[KEPT]}
    for key, value in patch.items():
        if key.startswith(DELETIONS):
            field = key.removeprefix(DELETIONS)
            result[field] = [item for item in result.get(field, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merged(result.get(key), value, _key(key, name), patch.get(f"{ORDER}{key}"))
        else:
            result[key] = strategic(result.get(key), value, key)
    return result


def _key(name: str, parent: str) -> str | None:
    """What tells the items of a list apart; `None` if it is replaced as a whole."""
    if name == PORTS:
        return "port" if parent == "spec" else "containerPort"
    return MERGE_KEYS.get(name)


def _merged(live: Any, patch: list[Any], key: str | None, order: list[Any] | None) -> list[Any]:
    if key is None or {DIRECTIVE: "replace"} in patch:
        return [copied(item) for item in patch if item != {DIRECTIVE: "replace"}]
    before = live if isinstance(live, list) else []
    if not key:
        return [*before, *(item for item in patch if item not in before)]
    items = {item.get(key): item for item in before}
    for item in patch:
        if item.get(DIRECTIVE) == "delete":
            items.pop(item.get(key), None)
        else:
            items[item.get(key)] = strategic(items.get(item.get(key)), item, "item")
    places = {one.get(key): number for number, one in enumerate(order or ())}
    return sorted(items.values(), key=lambda item: places.get(item.get(key), len(places)))


def _operated(document: Any, operation: Body) -> Any:
    name, path = operation["op"], _pointer(operation["path"])
    if name == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError("the test failed")
        return document
    value = copied(_at(document, _pointer(operation["from"])) if name in ("move", "copy") else operation.get("value"))
    if name == "move":
        document = _removed(document, _pointer(operation["from"]))
    if name in ("add", "move", "copy"):
        return _put(document, path, value, replaces=False)
    if name == "replace":
        _at(document, path)
        return _put(document, path, value, replaces=True)
    if name == "remove":
        return _removed(document, path)
    raise ValueError(f"there is no operation {name}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _put(document: Any, path: list[str], value: Any, *, replaces: bool) -> Any:
    if not path:
        return value
    place, last = _at(document, path[:-1]), path[-1]
    if not isinstance(place, list):
        place[last] = value
    elif last == "-":
        place.append(value)
    elif replaces:
        place[int(last)] = value
    else:
        place.insert(int(last), value)
    return document


def _removed(document: Any, path: list[str]) -> Any:
    place, last = _at(document, path[:-1]), path[-1]
    del place[int(last) if isinstance(place, list) else last]
    return document
