"""One request of the reconciler as data, for whoever lets it pass, refuses it or writes it down."""

from dataclasses import dataclass

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, EVENT, Key, Kind, kind_of
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body, Subresource


@dataclass(frozen=True, slots=True)
class Request:
    """What the reconciler asks for.

    Args:
        verb: `list`, `create`, `patch`, `apply` or `delete`.
        kind: Of what.
        namespace: Where; `None` for everywhere.
        name: Which; empty for a list.
        body: What is sent.
        subresource: Of what part.
    """

    verb: str
    kind: Kind
    namespace: str | None
    name: str = ""
    body: Body | None = None
    subresource: Subresource | None = None

    @property
    def is_report(self) -> bool:
        """Whether it only tells how things are: an Event, or a status without a decision."""
        return self.kind == EVENT or self.verb == "apply"

    @property
    def is_guarded(self) -> bool:
        """Whether it is refused if the object has changed meanwhile."""
        return self.body is not None and "resourceVersion" in self.body.get("metadata", {})

    def __str__(self) -> str:
        part = f" {self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.kind}{part} {self.name}".rstrip()


def of_create(kind: Kind, body: Body) -> Request:
    """A create."""
    return Request("create", kind, body["metadata"].get("namespace"), body["metadata"].get("name", ""), body)


def of_change(verb: str, key: Key, body: Body | None = None, subresource: Subresource | None = None) -> Request:
    """A write to something that is there."""
    return Request(verb, key.kind, key.namespace, key.name, body, subresource)


def tree_of(api: MemoryAPI, request: Request) -> Key | None:
    """The resource at the top of the tree that a write is about; `None` for what belongs to nobody."""
    if request.kind == EVENT and request.body is not None:
        about = request.body["involvedObject"]
        return _found(api, about["kind"], about["apiVersion"], about["namespace"], about["name"])
    body = request.body if request.verb == "create" else None
    if body is None:
        body = api.get(Key(request.kind, request.namespace or "", request.name))
    return root_of(api, body) if body is not None else None


def root_of(api: MemoryAPI, body: Body) -> Key | None:
    """The resource at the top of the tree that an object is part of; `None` if nobody's."""
    meta, kind = body["metadata"], kind_of(body["apiVersion"], body["kind"])
    for owner in meta.get("ownerReferences", ()):
        return _found(api, owner["kind"], owner["apiVersion"], meta["namespace"], owner["name"])
    if kind not in CUSTOM_KINDS or kind is None:
        return None
    named = body["spec"].get("cluster")
    if isinstance(named, str) and api.get(Key(DASK_CLUSTER, meta["namespace"], named)) is not None:
        return _found(api, DASK_CLUSTER.name, DASK_CLUSTER.api_version, meta["namespace"], named)
    return Key(kind, meta["namespace"], meta["name"])


def _found(api: MemoryAPI, kind_name: str, version: str, namespace: str, name: str) -> Key | None:
    kind = kind_of(version, kind_name)
    body = api.get(Key(kind, namespace, name)) if kind is not None else None
    return root_of(api, body) if body is not None else None
