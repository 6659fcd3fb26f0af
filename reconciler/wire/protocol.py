"""The few requests made of Kubernetes; `api` makes them over HTTP, `memory` answers them itself."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.kinds import Key, Kind

Body = dict[str, Any]
Subresource = Literal["status"]

FIELD_MANAGER = "dask-reconciler"


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
