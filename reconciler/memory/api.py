"""The API in memory, and the hands of everyone else who acts on the objects."""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Condition, RLock

from models.kinds import Key, Kind
from models.snapshot import Snapshot
from reconciler.memory.document import copied
from reconciler.memory.ownership import Applier
from reconciler.memory.recent_changes import Change, MemoryWatch
from reconciler.memory.refusals import bad_request
from reconciler.memory.request_handling import Server
from reconciler.memory.schema import Schemas
from reconciler.memory.selector import field_selector, label_selector
from reconciler.wire.protocol import FIELD_MANAGER, Body, Reply, Subresource


class MemoryAPI:
    """Answers the requests of the API protocol itself.

    - What is sent is copied, what is given out is a copy: nobody changes an object but by a request.
    - Every change, and nothing else, gives an object a higher resourceVersion. A uid is never used twice.
    - Objects whose owners are gone are gone when a request returns, unless `collects_garbage` is off.
    - Threads may share an instance.
    - Watches send a bookmark when their time is over, and otherwise only by `bookmark`.
    - The same requests at the same times bring the same uids, names and addresses.

    Args:
        now: The time.
        objects: Objects that are there already, taken in as they are, without checks. One without a uid gets one, and
            with it defaults and a first status; `metadata.managedFields` says what earlier applies set.
        schemas: Hold custom resources, Pods and Services against these: unknown fields are left out with a warning,
            defaults set, values validated. Without, objects are written as they come.
        collects_garbage: Whether garbage is collected at once; if not, by `collect_garbage`.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        objects: Iterable[Body] = (),
        schemas: Schemas | None = None,
        collects_garbage: bool = True,
    ) -> None:
        self._server = Server(now, schemas)
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._collects_garbage = collects_garbage
        self._server.load(objects)

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind; see `reconciler.wire.protocol.API`."""
        predicates = (*label_selector(labels), *field_selector(kind, fields))
        with self._lock:
            return self._server.store.listing(kind, namespace, predicates)

    def watch(  # noqa: PLR0913 - what a watch consists of
        self,
        kind: Kind,
        namespace: str | None,
        *,
        version: str,
        labels: str = "",
        fields: str = "",
        timeout_seconds: int,
    ) -> MemoryWatch:
        """Watch the objects of a kind; see `reconciler.wire.protocol.Watcher`. `fields` is as for `list`."""
        if not version.isdecimal():
            raise bad_request(f"Invalid value: {version!r}: the resourceVersion is a number")
        predicates, history = (*label_selector(labels), *field_selector(kind, fields)), self._server.store.history
        with self._lock:
            return MemoryWatch(history, self._changed, kind, namespace, predicates, int(version), timeout_seconds)

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create an object; see `reconciler.wire.protocol.API`."""
        with self._lock:
            return self._replied(*self._server.create(kind, body))

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object by a merge patch; see `reconciler.wire.protocol.API`."""
        with self._lock:
            return self._replied(*self._server.patch(key, body, subresource))

    def apply(
        self,
        key: Key,
        body: Body,
        subresource: Subresource | None = None,
        *,
        manager: str = FIELD_MANAGER,
        takes_over: bool = True,
    ) -> Reply:
        """Set fields by server-side apply; see `reconciler.wire.protocol.API`.

        Args:
            key: Which object.
            body: The fields.
            subresource: What is applied to, if not the object itself.
            manager: Who applies.
            takes_over: Whether fields are taken over that others own with other values; else they are a conflict.
        """
        with self._lock:
            return self._replied(*self._server.apply(key, body, Applier(manager, subresource), takes_over=takes_over))

    def delete(self, key: Key, uid: str | None, resource_version: str = "", grace_seconds: int | None = None) -> Reply:
        """Ask for an object to be deleted; see `reconciler.wire.protocol.API`.

        Args:
            key: Which object.
            uid: The uid it must have, if any.
            resource_version: The version it must still have, if any.
            grace_seconds: How long it may take; by default as long as its kind has it.
        """
        with self._lock:
            return self._replied(self._server.delete(key, uid, resource_version, grace_seconds))

    def orphan(self, key: Key) -> None:
        """Take from an object's dependents the reference to it, so that they stay when it goes."""
        with self._lock:
            self._replied(self._server.orphan(key))

    def change(self, key: Key, change: Callable[[Body], None], subresource: Subresource | None = None) -> Reply:
        """Change an object by doing something to a copy of it, which nobody else changes meanwhile."""
        with self._lock:
            return self._replied(*self._server.edit(key, change, subresource))

    def rehearsal(self, key: Key) -> "MemoryAPI":
        """An API of its own that holds this object alone, if it is there: what it is asked changes nothing here."""
        with self._lock:
            twin = MemoryAPI(self._server.now, schemas=self._server.schemas, collects_garbage=False)
            if record := self._server.store.get(key):
                twin._server.store.load(key, record.body, record.owners)
            return twin

    def wait(self, revision: int, seconds: float) -> int:
        """Wait until the revision is another one, or so long; the revision then."""
        with self._changed:
            self._changed.wait_for(lambda: self._server.store.revision != revision, seconds)
            return self._server.store.revision

    @property
    def revision(self) -> int:
        """A number that rises with every change and stays with every other request."""
        with self._lock:
            return self._server.store.revision

    def get(self, key: Key) -> Body | None:
        """An object, or `None`."""
        with self._lock:
            record = self._server.store.get(key)
            return None if record is None else self._copied(record.body)

    def objects(self, kind: Kind, namespace: str | None = None) -> tuple[Body, ...]:
        """The objects of a kind, by namespace and name.

        Args:
            kind: The kind.
            namespace: Where, or `None` for everywhere.
        """
        with self._lock:
            bodies = [record.body for record in self._server.store.records(kind)]
        return tuple(self._copied(body) for body in bodies if namespace in (None, body["metadata"]["namespace"]))

    def edit(self, key: Key, change: Body | Callable[[Body], None]) -> Body:
        """Change an object as a user does with kubectl.

        Args:
            key: Which object.
            change: A merge patch, or what to do to a copy of the object.
        """
        with self._lock:
            if isinstance(change, dict):
                return self._replied(*self._server.patch(key, change, None)).body
            return self.change(key, change).body

    def set_status(self, key: Key, status: Body) -> Body:
        """Replace an object's status, as a kubelet or another controller does."""
        with self._lock:
            return self._replied(*self._server.replace_status(key, status)).body

    def bind(self, key: Key, node: str) -> Body:
        """Assign a Pod to a node, as the scheduler does.

        Raises:
            Conflict: it is gated, or has a node.
        """
        with self._lock:
            return self._replied(self._server.bind(key, node)).body

    def remove(self, key: Key) -> None:
        """Delete an object without grace, as a kubelet does when it has ended a Pod; finalizers still hold it."""
        with self._lock:
            self._replied(self._server.delete(key, None, grace_seconds=0))

    def collect_garbage(self) -> None:
        """Delete what has lost its owners."""
        with self._lock:
            self._server.collect_garbage()
            self._changed.notify_all()

    def bookmark(self) -> None:
        """Send a bookmark to every watch, as the server does about every minute."""
        with self._lock:
            self._server.store.history.add(Change(self.revision))
            self._changed.notify_all()

    def forget_history(self) -> None:
        """Make every version before the present one too old to watch from, as etcd's compaction does."""
        with self._lock:
            self._server.store.history.forget(self.revision)

    def _replied(self, body: Body, warnings: tuple[str, ...] = ()) -> Reply:
        reply = Reply(self._copied(body), warnings)
        if self._collects_garbage:
            self._server.collect_garbage()
        self._changed.notify_all()
        return reply

    @staticmethod
    def _copied(body: Body) -> Body:
        copy: Body = copied(body)
        return copy


def twin_of(snapshot: Snapshot) -> MemoryAPI:
    """An API in memory that holds the observed world, at the time at which it was observed."""
    objects = (
        {"apiVersion": observed.key.kind.api_version, "kind": observed.key.kind.name, **observed.written()}
        for observed in snapshot.objects.values()
    )
    return MemoryAPI(lambda: snapshot.taken_at, objects=objects)
