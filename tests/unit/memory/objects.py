"""Objects in one namespace."""

from typing import Any

from models.kinds import Key, Kind
from reconciler.wire.protocol import Body


def placed(body: Body, **metadata: Any) -> Body:
    return {**body, "metadata": {"namespace": "here", **body["metadata"], **metadata}}


def key(kind: Kind, name: str) -> Key:
    return Key(kind, "here", name)


def owner(body: Body) -> Body:
    metadata = body["metadata"]
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": metadata["name"], "uid": metadata["uid"]}
