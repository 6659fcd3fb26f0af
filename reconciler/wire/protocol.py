"""The few requests made of Kubernetes; `api` makes them over HTTP, `memory` answers them itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from models.base import OwnerReference
from models.kinds import Key, Kind

Body = dict[str, Any]
Subresource = Literal["status"]

FIELD_MANAGER = "dask-reconciler"

WATCH_SILENCE_SECONDS = 150.0
"""How long a watch may bring nothing. The API server sends a bookmark about every minute: two are missing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to a write that succeeded.

    Args:
        body: The object as it is now; for a delete, the object or a Status.
        warnings: The server's warnings, such as an unknown field in the object sent.
    """

    body: Body
    warnings: tuple[str, ...] = ()


class API(Protocol):
    """The requests, each with the semantics of the Kubernetes API.

    Every method raises a subclass of `reconciler.wire.errors.ApiError` and never retries.
    """

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind, as the JSON of a Kubernetes List with a consistent `metadata.resourceVersion`.

        Args:
            kind: What to list.
            namespace: Where, or `None` for everywhere.
            labels: A label selector: comma-separated `key`, `!key`, `key=value` or `key!=value`.
            fields: A field selector: comma-separated `path=value`; `metadata.name` and `metadata.namespace` work
                for every kind, the rest as the kind allows.
        """
        ...

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create the object in its namespace. Unknown fields come back as warnings.

        Raises:
            AlreadyExists: an object of that name is there.
            Invalid: the object is wrong.
            Forbidden: rights or quota do not suffice.
        """
        ...

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object by a JSON merge patch (RFC 7386).

        A `metadata.resourceVersion` or `metadata.uid` in the body must match the object's; for the status of a custom
        resource only the `resourceVersion` counts, since the server does not look at the uid there.

        Raises:
            Conflict: they do not match.
            NotFound: there is no such object.
            Invalid: the result would be wrong.
        """
        ...

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Set fields by server-side apply (KEP-555), taking them over where others own them.

        A field that an earlier apply set and this one leaves out is removed, unless someone else set it too.
        A `metadata.resourceVersion` in the body must match the object's.

        Raises:
            Conflict: it does not match.
            NotFound: there is no such object; with a subresource nothing is created.
        """
        ...

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Ask for an object to be deleted, in the background, with the grace period of its kind.

        Args:
            key: Which object.
            uid: The uid it must have.
            resource_version: The version it must still have; empty if any will do.

        Raises:
            Conflict: the object of that name has another uid or version.
            NotFound: there is no such object.
        """
        ...


class EventType(StrEnum):
    """What a watch tells."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    """Nothing happened up to this version; from here a watch can be opened again."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change to an object, without its content.

    Args:
        type: What happened.
        key: To which object; of a bookmark only the kind counts.
        resource_version: At which version; of a deletion, the version of the deletion.
        uid: The object's uid.
        labels: The object's labels after the change; of a deletion, those before.
        controller: The owner that manages the object, if any.
    """

    type: EventType
    key: Key
    resource_version: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    controller: OwnerReference | None = None


class Watch(Protocol):
    """An open watch."""

    def __iter__(self) -> Iterator[WatchEvent]:
        """The events, in the order of their versions, until the server ends the watch or `close` is called.

        Raises:
            Gone: the version is too old; list anew.
            Unavailable: the connection broke, or brought nothing for `WATCH_SILENCE_SECONDS`.
            ApiError: the server says so.
        """
        ...

    def close(self) -> None:
        """End the watch, from any thread and any number of times; whoever waits for an event stops waiting."""
        ...


class Watcher(Protocol):
    """Where changes can be watched. Apart from `API`, since a pass never watches."""

    def watch(
        self, kind: Kind, namespace: str | None, *, version: str, labels: str = "", timeout_seconds: int
    ) -> Watch:
        """Watch the objects of a kind, with bookmarks.

        An object that begins to match the selector is told as added, one that no longer does as deleted.

        Args:
            kind: What to watch.
            namespace: Where, or `None` for everywhere.
            version: The resourceVersion of a list, an event or a bookmark; what came after it is told.
            labels: A label selector, as for `API.list`.
            timeout_seconds: After how long the server ends the watch.

        Raises:
            ApiError: the server refuses, or cannot be reached. `Gone` may come here or with the first event.
        """
        ...
