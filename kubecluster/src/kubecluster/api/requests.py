"""What is asked of the API server, as a value: building a request is apart from sending it."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from kubecluster.api.paths import Target, target

Body = dict[str, Any]
"""A Kubernetes object as JSON."""

FIELD_MANAGER = "dask-kubecluster"


class Verb(StrEnum):
    """What is done, in the words of roles."""

    GET = "get"
    LIST = "list"
    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"


METHODS = {Verb.GET: "GET", Verb.LIST: "GET", Verb.CREATE: "POST", Verb.PATCH: "PATCH", Verb.DELETE: "DELETE"}
CONTENT_TYPES = {
    Verb.CREATE: "application/json",
    Verb.PATCH: "application/merge-patch+json",
    Verb.DELETE: "application/json",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        verb: what is done.
        path: to what.
        query: the URL's parameters.
        body: what is sent.
        only_asks: whether nothing is different afterwards, so that it may be sent again.
    """

    verb: Verb
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    only_asks: bool = True

    @property
    def method(self) -> str:
        """The HTTP method."""
        return METHODS[self.verb]

    @property
    def url(self) -> str:
        """The path and the query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The HTTP headers, without those that say who asks."""
        content = CONTENT_TYPES.get(self.verb)
        accepted = (("Accept", "application/json, */*"),)
        return (*accepted, ("Content-Type", content)) if content else accepted

    @property
    def payload(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def target(self) -> Target:
        """What it is about: what the path leads to, or the object that is to be there."""
        leads_to = target(self.path)
        metadata = (self.body or {}).get("metadata") or {}
        return replace(leads_to, name=leads_to.name or str(metadata.get("name") or ""))

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


def reading(path: str, **query: str) -> Request:
    """Read an object, or a part of it."""
    return Request(Verb.GET, path, _given(query))


def listing(path: str, labels: str, fields: str) -> Request:
    """Read a collection. Without a resourceVersion the answer is consistent, without a limit it is whole."""
    return Request(Verb.LIST, path, _given({"labelSelector": labels, "fieldSelector": fields}))


def creation(path: str, body: Body) -> Request:
    """Create an object."""
    return Request(Verb.CREATE, path, (("fieldManager", FIELD_MANAGER),), body, only_asks=False)


def change(path: str, body: Body) -> Request:
    """Change an object by a merge patch."""
    return Request(Verb.PATCH, path, (("fieldManager", FIELD_MANAGER),), body, only_asks=False)


def deletion(path: str, uid: str = "") -> Request:
    """Delete an object, if it has that uid, and, in the background, what it owns."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    only = {"preconditions": {"uid": uid}} if uid else {}
    return Request(Verb.DELETE, path, body={**options, **only}, only_asks=False)


def _given(query: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in query.items() if value)
