"""From what the API says to models; one bad object never hides the others."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, ValidationError, create_model

from models.base import Model
from models.kinds import (
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_JOB,
    DASK_WORKER_GROUP,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Key,
    Kind,
)
from models.observed import Pod, PodDisruptionBudget, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Unreadable
from reconciler.wire.wording import sentence

RESOURCES: Mapping[Kind, type[Owner]] = {
    DASK_JOB: DaskJob,
    DASK_CLUSTER: DaskCluster,
    DASK_WORKER_GROUP: DaskWorkerGroup,
    DASK_AUTOSCALER: DaskAutoscaler,
}
MODELS: Mapping[Kind, type[Observed]] = {
    **RESOURCES,
    POD: Pod,
    SERVICE: Service,
    POD_DISRUPTION_BUDGET: PodDisruptionBudget,
}


def _list_of(model: type[Observed]) -> type[Model]:
    """A list whose items are models, or plain data where an item is no such model."""
    item = Annotated[model | dict[str, Any], Field(union_mode="left_to_right")]  # type: ignore[valid-type]
    return create_model(f"{model.__name__}List", __base__=Model, items=(list[item], ...))


_LISTS = {kind: _list_of(model) for kind, model in MODELS.items()}


class _PlainList(Model):
    items: list[dict[str, Any]]


_FIRST = b'"items":['
_PART_BYTES = 1 << 19
_LONGEST_SHOWN = 80
NOTHING_KNOWN: Mapping[Key, Observed] = MappingProxyType({})
_VERSION = rb'"metadata":\{[^{}]*"resourceVersion":"([^"]*)"[^{}]*\}'
_VERSION_FIRST = re.compile(rb'\{"kind":"\w+","apiVersion":"[\w./]+",' + _VERSION)
_VERSION_LAST = re.compile(_VERSION + rb"\}\s*\Z")
_VERSION_BYTES = 500
"""How far from either end of a list its version is looked for."""


class NotAListError(ValueError):
    """The answer to a list request is not a Kubernetes list."""


def parse_list(
    kind: Kind, payload: bytes, part_bytes: int = _PART_BYTES, known: Mapping[Key, Observed] = NOTHING_KNOWN
) -> Sequence[Observed | Unreadable]:
    """The objects of a Kubernetes list.

    They are parsed from bytes to models without a detour by Python dicts; only an object that cannot be read so is
    read as a dict, to tell what is wrong with it. A long list is parsed in parts: while the parser works, it takes
    four times the memory of its input.

    Args:
        kind: The kind of its items.
        payload: The list as the API server sent it.
        part_bytes: How much of it is parsed at once, roughly.
        known: What an earlier list brought. An object that has not changed since is taken from there, so that two
            pictures of the same world take the memory of one.

    Raises:
        NotAListError: the payload is no list of objects.
    """
    try:
        items = [_as_known(item, known) for part in _parts(kind, payload, part_bytes) for item in _items(kind, part)]
    except ValidationError:
        items = _leniently(kind, payload)
    return [parse_object(kind, item) if isinstance(item, dict) else item for item in items]


def resource_version(payload: bytes) -> str:
    """The version of a Kubernetes list, from which changes can be watched; empty if it has none.

    It stands before the items or, for custom resources, behind them.
    """
    found = _VERSION_FIRST.match(payload) or _VERSION_LAST.search(payload, max(0, len(payload) - _VERSION_BYTES))
    if found:
        return found[1].decode()
    try:
        return str(json.loads(payload)["metadata"]["resourceVersion"])
    except (ValueError, KeyError, TypeError):
        return ""


def parse_object(kind: Kind, body: Mapping[str, Any]) -> Observed | Unreadable:
    """One object, or what is wrong with it."""
    try:
        return MODELS[kind].model_validate(body)
    except ValidationError as error:
        return _unreadable(kind, body, error)


def _items(kind: Kind, payload: bytes) -> list[Any]:
    """The items of a list or a part of one.

    The models of custom resources take nulls for values; only their `model_validate` leaves them out.
    """
    shape = _PlainList if kind in RESOURCES and b"null" in payload else _LISTS[kind]
    return shape.model_validate_json(payload).items  # type: ignore[attr-defined, no-any-return]


def _as_known(item: Any, known: Mapping[Key, Observed]) -> Any:
    """The known object if it is of the same version, else the item."""
    was = None if isinstance(item, dict) else known.get(item.key)
    if was is None or not was.metadata.resource_version:
        return item
    old, new = was.metadata, item.metadata
    return was if (old.uid, old.resource_version) == (new.uid, new.resource_version) else item


def _parts(kind: Kind, payload: bytes, part_bytes: int) -> Iterator[bytes]:
    """A list as several lists with the same items.

    It is cut where an array goes on with a further object as the API server writes it. Within a text these bytes
    cannot be, as its quotation marks are escaped. Within an item they may be; then a part is no valid JSON.
    """
    start = payload.find(_FIRST) + len(_FIRST)
    if len(payload) <= part_bytes or start < len(_FIRST):
        yield payload
        return
    head, following = payload[:start], b"}," + _beginning(kind)
    while (cut := payload.find(following, start + part_bytes)) >= 0:
        yield head + payload[start : cut + 1] + b"]}"
        head, start = b"{" + _FIRST, cut + 2
    yield head + payload[start:]


def _beginning(kind: Kind) -> bytes:
    """How the API server begins an item: with its kind only if that is a custom resource."""
    named = f'"apiVersion":"{kind.api_version}","kind":"{kind.name}",' if kind in RESOURCES else ""
    return f'{{{named}"metadata":{{'.encode()


def _leniently(kind: Kind, payload: bytes) -> list[dict[str, Any]]:
    """The items of a list that was not cut well, or that Pydantic's parser refuses, such as for half a surrogate."""
    try:
        items = json.loads(payload)["items"]
    except (ValueError, KeyError, TypeError, RecursionError):
        items = None
    if not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
        raise NotAListError(f"the answer is not a list of {kind.plural}: {payload[:_LONGEST_SHOWN]!r}")
    return items


def _unreadable(kind: Kind, body: Mapping[str, Any], error: ValidationError) -> Unreadable:
    meta, status = _mapping(body.get("metadata")), _mapping(body.get("status"))
    owners, generation = meta.get("ownerReferences"), meta.get("generation")
    return Unreadable(
        Key(kind, str(meta.get("namespace", "")), str(meta.get("name", ""))),
        sentence(error, body),
        tuple(str(_mapping(owner).get("uid", "")) for owner in (owners if isinstance(owners, list) else ())),
        str(meta.get("uid", "")),
        generation if isinstance(generation, int) else 0,
        status,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping; anything else has no fields."""
    return value if isinstance(value, dict) else {}
