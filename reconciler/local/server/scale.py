"""The scale subresource: how many replicas there are and should be, in the form that `kubectl scale` knows."""

from collections.abc import Callable
from typing import Any

from reconciler.local.server.catalogue import Resource
from reconciler.local.server.tables import found_at
from reconciler.memory.refusals import bad_request
from reconciler.wire.protocol import Body


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
