"""What is asked of the API server, as a value: building a request is apart from sending it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import quote

from models.kinds import POD, Key, Kind
from reconciler.wire.protocol import FIELD_MANAGER, Body, Subresource


class HttpVerb(StrEnum):
    """What is done, in Kubernetes' words."""

    LIST = "LIST"
    WATCH = "WATCH"
    CREATE = "CREATE"
    PATCH = "PATCH"
    APPLY = "APPLY"
    DELETE = "DELETE"
    GET = "GET"


METHODS = {
    HttpVerb.LIST: "GET",
    HttpVerb.WATCH: "GET",
    HttpVerb.CREATE: "POST",
    HttpVerb.PATCH: "PATCH",
    HttpVerb.APPLY: "PATCH",
    HttpVerb.DELETE: "DELETE",
    HttpVerb.GET: "GET",
}
CONTENT_TYPES = {
    HttpVerb.CREATE: "application/json",
    HttpVerb.PATCH: "application/merge-patch+json",
    HttpVerb.APPLY: "application/apply-patch+yaml",  # JSON is YAML too
    HttpVerb.DELETE: "application/json",
}
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"  # of each object nothing else
# Who writes, and that what the server doesn't know comes back as warnings and stops nothing.
WRITTEN = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Warn"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        verb: What is done.
        kind: To which kind of object.
        namespace: Where, or `None` for everywhere.
        name: To which object.
        subresource: To which part of it.
        query: The URL's parameters.
        body: What is sent.
    """

    verb: HttpVerb
    kind: Kind
    namespace: str | None
    name: str | None = None
    subresource: Subresource | Literal["portforward"] | None = None
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None

    @property
    def writes(self) -> bool:
        """Whether something is different afterwards."""
        return self.verb not in (HttpVerb.LIST, HttpVerb.WATCH, HttpVerb.GET)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return METHODS[self.verb]

    @property
    def path(self) -> str:
        """The URL's path. A collection takes a new object, so that its name is not part of it."""
        name = None if self.verb is HttpVerb.CREATE else _quoted(self.name)
        return self.kind.path(_quoted(self.namespace), name, self.subresource)

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers, without those that say who asks."""
        content = {"Content-Type": CONTENT_TYPES[self.verb]} if self.verb in CONTENT_TYPES else {}
        return {"Accept": METADATA if self.verb is HttpVerb.WATCH else JSON} | content

    @property
    def resource(self) -> str:
        """The resource as roles spell it, such as `daskclusters/status`."""
        return "/".join(part for part in (self.kind.plural, self.subresource) if part)

    def __str__(self) -> str:
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (self.verb, self.resource, where) if part)


def listing(kind: Kind, namespace: str | None, labels: str, fields: str) -> Request:
    """Read a collection. Without a resourceVersion the answer is consistent, without a limit it is whole."""
    query = tuple((key, value) for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value)
    return Request(HttpVerb.LIST, kind, namespace, query=query)


def watching(kind: Kind, namespace: str | None, version: str, labels: str, timeout_seconds: int) -> Request:
    """Follow a collection from a version on, until the time is over, with bookmarks."""
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(timeout_seconds),
        "labelSelector": labels,
    }
    return Request(HttpVerb.WATCH, kind, namespace, query=tuple((key, value) for key, value in query.items() if value))


def reading(key: Key) -> Request:
    """Read one object."""
    return Request(HttpVerb.GET, key.kind, key.namespace, key.name)


def forwarding(namespace: str, pod: str, port: int) -> Request:
    """Open a way to a port of a Pod."""
    return Request(HttpVerb.GET, POD, namespace, pod, "portforward", (("ports", str(port)),))


def creation(kind: Kind, body: Body) -> Request:
    """Create an object where its metadata says."""
    metadata = body["metadata"]
    return Request(HttpVerb.CREATE, kind, metadata.get("namespace"), metadata.get("name"), query=WRITTEN, body=body)


def patch(key: Key, body: Body, subresource: Subresource | None) -> Request:
    """Change an object by a merge patch."""
    return Request(HttpVerb.PATCH, key.kind, key.namespace, key.name, subresource, WRITTEN, body)


def application(key: Key, body: Body, subresource: Subresource | None) -> Request:
    """Set fields by server-side apply; `force` takes them over from others."""
    query = (*WRITTEN, ("force", "true"))
    return Request(HttpVerb.APPLY, key.kind, key.namespace, key.name, subresource, query, body)


def deletion(key: Key, uid: str, resource_version: str = "") -> Request:
    """Delete the object of that uid, and of that version if one is given, and, in the background, what it owns."""
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {}),
    }
    return Request(HttpVerb.DELETE, key.kind, key.namespace, key.name, body=options)


def _quoted(part: str | None) -> str | None:
    """A name as one part of a path, whatever it is."""
    if part is None or part.strip("."):
        return part and quote(part, safe="")
    return part.replace(".", "%2E")
