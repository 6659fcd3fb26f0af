"""Objects as tables, the form in which `kubectl get` asks for them."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from reconciler.local.server.ages import age
from reconciler.local.server.catalogue import Resource
from reconciler.local.server.cells import BUILT_IN
from reconciler.wire.protocol import Body

META = "meta.k8s.io/v1"
STEP = re.compile(r'\.(\w+)(?:\[\?\(@\.(\w+)==["\'](.*?)["\']\)\])?')
"""A step of the JSON paths that our definitions have: a field, or the item of a list whose field has a value."""


def table(resource: Resource, objects: Sequence[Body], version: str, include: str, now: datetime) -> Body:
    """A table of objects.

    Args:
        resource: What they are.
        objects: The objects.
        version: Their list's resourceVersion.
        include: What of each object is in its row: `None`, `Metadata` or `Object`.
        now: The time.
    """
    columns, rows = _custom(resource, objects, now) if resource.is_custom else _built_in(resource, objects, now)
    shown = [
        {"cells": cells, **({} if include == "None" else {"object": _included(body, include)})}
        for body, cells in zip(objects, rows, strict=True)
    ]
    head = {"kind": "Table", "apiVersion": META, "metadata": {"resourceVersion": version}}
    return {**head, "columnDefinitions": columns, "rows": shown}


def partial(body: Body) -> Body:
    """An object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": body["metadata"]}


def found_at(body: Body, path: str) -> Any:
    """What stands at a JSON path of a definition, such as `.status.conditions[?(@.type=="Ready")].status`."""
    value: Any = body
    for name, key, wanted in STEP.findall(path):
        value = value.get(name) if isinstance(value, dict) else None
        if key:
            items = value if isinstance(value, list) else []
            value = next((item for item in items if isinstance(item, dict) and item.get(key) == wanted), None)
    return value


def _included(body: Body, include: str) -> Body:
    return body if include == "Object" else partial(body)


def _built_in(resource: Resource, objects: Iterable[Body], now: datetime) -> tuple[list[Body], list[list[Any]]]:
    columns, cells = BUILT_IN[resource.kind]
    heads = [column(name, "name" if name == "Name" else "", "string", wide) for name, wide in columns]
    return heads, [cells(body, now) for body in objects]


def _custom(resource: Resource, objects: Iterable[Body], now: datetime) -> tuple[list[Body], list[list[Any]]]:
    heads = [column("Name", "name", "string", 0)]
    heads += [
        column(one["name"], one.get("format", ""), one["type"], one.get("priority", 0), one.get("description", ""))
        for one in resource.columns
    ]
    rows = [[body["metadata"]["name"], *(_cell(one, body, now) for one in resource.columns)] for body in objects]
    return heads, rows


def column(name: str, format_: str, type_: str, priority: int = 0, description: str = "") -> Body:
    """The definition of a column."""
    return {"name": name, "type": type_, "format": format_, "description": description or name, "priority": priority}


def _cell(column: Body, body: Body, now: datetime) -> Any:
    value = found_at(body, column["jsonPath"])
    if value is None:
        return None
    return age(value, now) if column["type"] == "date" else str(value) if column["type"] == "string" else value
