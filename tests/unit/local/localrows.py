"""Stored objects in one line each, and the rows they make."""

from typing import Any

from models.base import wire_time
from models.kinds import POD, Kind
from reconciler.local.display.rows import Row, rows
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.manifests import pod_spec


def body(kind: Kind, name: str, *owners: str, spec: Any = None, status: Any = None, **meta: Any) -> Body:
    """An object as it is stored; its uid is its name."""
    references = [{"apiVersion": "v1", "kind": "Any", "name": owner, "uid": owner} for owner in owners]
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": name,
        "creationTimestamp": wire_time(NOON),
        "ownerReferences": references,
        **meta,
    }
    parts = {"spec": spec or {}, "status": status or {}}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **parts}


def pod(name: str = "p", *owners: str, **more: Any) -> Body:
    """A Pod as it is stored."""
    return body(POD, name, *owners, **{"spec": pod_spec(), **more})


def condition(type_: str, status: str, reason: str, message: str = "") -> Body:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def shown(*bodies: Body) -> tuple[Row, ...]:
    """The rows of those objects."""
    return rows(MemoryAPI(lambda: NOON, objects=bodies))
