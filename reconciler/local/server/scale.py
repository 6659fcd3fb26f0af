"""The scale subresource: how many replicas there are and should be, in the form that `kubectl scale` knows."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from reconciler.local.server.ages import age
from reconciler.local.server.catalogue import Resource
from reconciler.local.server.tables import META, column, found_at
from reconciler.memory.refusals import bad_request
from reconciler.wire.protocol import Body

COLUMNS = ("Name", "Desired", "Available", "Age")


def scale(resource: Resource, body: Body) -> Body:
    """An object's scale.

    Args:
        resource: What it is.
        body: The object.
    """
    meta, paths = body["metadata"], resource.scale
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Body = {"replicas": found_at(body, paths["statusReplicasPath"]) or 0}
    selector = found_at(body, paths.get("labelSelectorPath", "")) if "labelSelectorPath" in paths else None
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": found_at(body, paths["specReplicasPath"]) or 0},
        "status": status | ({"selector": selector} if selector else {}),
    }


def scale_table(body: Body, now: datetime) -> Body:
    """A scale as a table of one row.

    Args:
        body: The scale.
        now: The time.
    """
    columns = [column(name, "name" if name == "Name" else "", "string") for name in COLUMNS]
    meta = body["metadata"]
    created = age(meta.get("creationTimestamp"), now)
    row = {"cells": [meta["name"], body["spec"]["replicas"], body["status"]["replicas"], created], "object": body}
    head = {"kind": "Table", "apiVersion": META, "metadata": {"resourceVersion": meta["resourceVersion"]}}
    return {**head, "columnDefinitions": columns, "rows": [row]}


def rescaled(resource: Resource, alter: Callable[[Body], None]) -> Callable[[Body], None]:
    """What a change to a scale does to the object.

    Args:
        resource: What it is.
        alter: What is done to the scale.
    """
    names = resource.scale["specReplicasPath"].strip(".").split(".")

    def change(body: Body) -> None:
        changed = scale(resource, body)
        alter(changed)
        replicas = (changed.get("spec") or {}).get("replicas", 0)
        if type(replicas) is not int or replicas < 0:
            raise bad_request(f"spec.replicas: Invalid value: {replicas!r}: must be greater than or equal to 0")
        place: Any = body
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = replicas
        version = changed.get("metadata", {}).get("resourceVersion")
        body["metadata"]["resourceVersion"] = version or body["metadata"]["resourceVersion"]

    return change
