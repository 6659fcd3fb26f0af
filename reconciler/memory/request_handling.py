"""What happens to a request: the checks, the order they come in, and what is written."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from models.base import wire_time
from models.kinds import Key, Kind, kind_of
from reconciler.memory import garbage, managed_fields, ownership, pods, preconditions, refusals, strategy
from reconciler.memory import metadata as meta
from reconciler.memory.document import copied, merge_patched, replaced, without_nulls
from reconciler.memory.ownership import Applier, Owners
from reconciler.memory.schema import Schemas
from reconciler.memory.store import Record, Store, owners_of
from reconciler.wire.errors import Refused
from reconciler.wire.protocol import Body, Subresource

LONGEST_GRACE_SECONDS = 2**31 - 1
"""As far ahead as a deletionTimestamp is: 68 years, so that it is a date whatever a Pod's grace."""

Written = tuple[Body, tuple[str, ...]]  # the object, and warnings


class Server:
    """The objects and the rules by which requests change them.

    What it gives out is never changed afterwards, and must not be changed by who gets it.

    Args:
        now: The time.
        schemas: Schemas to hold objects against, if any.
    """

    def __init__(self, now: Callable[[], datetime], schemas: Schemas | None) -> None:
        self.store = Store()
        self.now = now
        self.schemas = schemas
        self._supply = strategy.Supply()
        self._suspects: deque[Key] = deque()

    def load(self, objects: Iterable[Body]) -> None:
        """Take in objects as they are; what the server would have set is filled in where it is missing."""
        for body in objects:
            kind = kind_of(body.get("apiVersion", ""), body.get("kind", ""))
            if kind is None:
                raise refusals.no_such_path()
            metadata = {**body["metadata"]}
            metadata.setdefault("namespace", "default")
            metadata.pop("managedFields", None)
            loaded = copied({**body, "metadata": metadata})
            key = Key(kind, metadata["namespace"], metadata["name"])
            if not metadata.get("uid"):
                status = loaded.get("status")
                loaded = self._begun(kind, strategy.created(kind, loaded, self._supply, self.now()))
                loaded = replaced(loaded, "status", status) if status is not None else loaded
            if not loaded["metadata"].get("resourceVersion"):
                loaded["metadata"]["resourceVersion"] = str(self.store.revision + 1)
            self.store.load(key, loaded, managed_fields.owners(body))

    def create(self, kind: Kind, body: Body) -> Written:
        """Create an object."""
        body = copied(body) if kind.group else without_nulls(body)
        if not isinstance(body.get("metadata"), dict) or not body["metadata"].get("namespace"):
            message = "the server does not allow this method on the requested resource"
            raise Refused(message, status=405, reason="MethodNotAllowed")
        return self._create(kind, body, None)

    def _create(self, kind: Kind, body: Body, owners: Owners | None) -> Written:
        if body["metadata"].get("resourceVersion"):
            raise refusals.bad_request("resourceVersion should not be set on objects to be created")
        warnings = meta.unknown(body["metadata"])
        metadata = meta.as_sent(kind, body)
        if not metadata.get("name"):
            metadata["name"] = self._supply.name(metadata["generateName"])
        defaults = {} if kind.group else {"apiVersion": kind.api_version, "kind": kind.name}
        body = {**defaults, **body, "metadata": metadata}
        key = Key(kind, metadata["namespace"], metadata["name"])
        meta.check_place(key, body)
        body, more = self._admitted(kind, self._without_status(kind, body), None)
        body = strategy.created(kind, body, self._supply, self.now())
        meta.check(kind, metadata)
        preconditions.check_event(kind, body)
        if self.store.get(key) is not None:
            raise refusals.already_exists(key)
        written = self.store.put(key, self._begun(kind, body), owners)
        if owners_of(written):
            self._suspects.append(key)
        return written, warnings + more

    def patch(self, key: Key, patch: Body, subresource: Subresource | None) -> Written:
        """Change an object by a merge patch."""
        record = self._found(key, subresource)
        body = merge_patched(record.body, patch)
        body = body if key.kind.group else without_nulls(body)
        return self._update(key, record, body, subresource, None)

    def edit(self, key: Key, change: Callable[[Body], None], subresource: Subresource | None = None) -> Written:
        """Change an object by doing something to a copy."""
        record = self._found(key, subresource)
        body = copied(record.body)
        change(body)
        return self._update(key, record, body if key.kind.group else without_nulls(body), subresource, None)

    def replace_status(self, key: Key, status: Body) -> Written:
        """Give an object another status."""
        record = self._found(key, "status")
        return self._update(key, record, {**record.body, "status": copied(status)}, "status", None)

    def bind(self, key: Key, node: str) -> Body:
        """Assign a Pod to a node, which leaves its generation as it was."""
        record = self._found(key, None)
        bound = pods.bound(key, record.body, node, wire_time(self.now()))
        return self.store.put(key, bound, record.owners)

    def apply(self, key: Key, config: Body, applier: Applier, *, takes_over: bool = True) -> Written:
        """Set fields by server-side apply."""
        kind, subresource = key.kind, applier.subresource
        config = copied(config) if kind.group else without_nulls(config)
        config["metadata"] = {"name": key.name, "namespace": key.namespace, **(config.get("metadata") or {})}
        preconditions.check_config(key, config, self.schemas)
        record = self.store.get(key)
        if record is None and not subresource:
            return self._create_by_apply(key, config, applier)
        record = self._found(key, subresource)
        if strategy.has_status(kind):
            config = replaced(config, applier.hidden, None)
        owners = record.owners if record.owners is not None else ownership.untracked(key, record.body)
        if not takes_over:
            ownership.refuse_conflicts(key, record.body, config, owners, applier)
        body, owners = ownership.applied(key, record.body, config, owners, applier)
        return self._update(key, record, body, subresource, owners)

    def delete(self, key: Key, uid: str | None, version: str = "", grace_seconds: int | None = None) -> Body:
        """Ask for an object to be deleted; without a grace of its own, with that of its kind."""
        record = self._found(key, None)
        if uid is not None and uid != record.uid:
            raise refusals.another_uid(key, uid, record.uid)
        metadata = record.body["metadata"]
        if version and version != metadata["resourceVersion"]:
            raise refusals.another_version(key, version, metadata["resourceVersion"])
        pending = metadata.get("deletionGracePeriodSeconds", 0) if "deletionTimestamp" in metadata else None
        grace = strategy.grace_seconds(key.kind, record.body) if grace_seconds is None else grace_seconds
        if pending is not None:
            grace = pending if grace_seconds is None else min(grace, pending)
        body = record.body if pending == grace else self._terminating(record.body, grace)
        if grace or metadata.get("finalizers"):
            return body if body is record.body else self.store.put(key, body, record.owners)
        self._drop(key)
        return body if key.kind in strategy.SHOWN_AT_THE_END else _success(key, record.uid)

    def orphan(self, key: Key) -> Body:
        """Take from an object's dependents the reference to it."""
        record = self._found(key, None)
        for dependent in self.store.dependents(record.uid):
            found = self._found(dependent, None)
            left = [one for one in found.body["metadata"]["ownerReferences"] if one["uid"] != record.uid]
            self.patch(dependent, {"metadata": {"ownerReferences": left}}, None)
        return record.body

    def collect_garbage(self) -> None:
        """Delete what has lost its owners, and what then loses its own."""
        while self._suspects:
            key = self._suspects.popleft()
            record = self.store.get(key)
            if record is None:
                continue
            fate, owners = garbage.fate(self.store, record.body)
            if fate is garbage.Fate.GOES:
                self.delete(key, record.uid)
            elif fate is garbage.Fate.LOSES_OWNERS:
                self.patch(key, {"metadata": {"ownerReferences": owners}}, None)

    def _found(self, key: Key, subresource: Subresource | None) -> Record:
        if subresource and not strategy.has_status(key.kind):
            raise refusals.no_such_path()
        record = self.store.get(key)
        if record is None:
            raise refusals.not_found(key)
        return record

    def _create_by_apply(self, key: Key, config: Body, applier: Applier) -> Written:
        if uid := config["metadata"].get("uid"):
            raise refusals.no_such_uid(key, uid)
        body = replaced(config, "metadata", replaced(config["metadata"], "resourceVersion", None))
        _, owners = ownership.applied(key, {}, body, {}, applier)
        return self._create(key.kind, body, owners)

    def _update(
        self, key: Key, record: Record, body: Body, subresource: Subresource | None, owners: Owners | None
    ) -> Written:
        """Write a changed object, unless nothing changed.

        Args:
            key: Which object.
            record: It, as it is.
            body: It, as the request would have it.
            subresource: What the request may change.
            owners: Who owns which fields after an apply; `None` if this is none.
        """
        kind, old = key.kind, record.body
        meta.check_place(key, body)
        preconditions.check_guards(key, old["metadata"], body["metadata"], subresource)
        warnings = meta.unknown(body["metadata"])
        kept = {name: value for name, value in old["metadata"].items() if name in meta.SYSTEM}
        metadata = {name: value for name, value in body["metadata"].items() if name not in meta.SYSTEM} | kept
        body = {**body, "metadata": meta.tidied(kind, metadata)}
        if kind.group:
            new, more = self._admitted(kind, strategy.updated(kind, old, body, subresource, self._supply), old)
        else:
            body, more = self._admitted(kind, body, old)
            new = strategy.updated(kind, old, body, subresource, self._supply)
        if new["metadata"] != old["metadata"]:
            meta.check_finalizers(key, old, new)
            meta.check(kind, new["metadata"])
        if (generation := strategy.generation(kind, old, new)) is not None:
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        if owners is None and record.owners is not None:
            owners = ownership.updated(key, old, new, record.owners)
        return self._put(key, record, new, owners), warnings + more

    def _put(self, key: Key, record: Record, new: Body, owners: Owners | None) -> Body:
        metadata = new["metadata"]
        ended = "deletionTimestamp" in metadata and not metadata.get("deletionGracePeriodSeconds")
        if ended and not metadata.get("finalizers"):
            self._drop(key)
            return new
        if new == record.body and owners == record.owners:
            return record.body
        if owners_of(new) != owners_of(record.body):
            self._suspects.append(key)
        return self.store.put(key, new, owners)

    def _admitted(self, kind: Kind, body: Body, old: Body | None) -> Written:
        return self.schemas.admitted(kind, body, old) if self.schemas else (body, ())

    def _without_status(self, kind: Kind, body: Body) -> Body:
        return replaced(body, "status", None) if strategy.has_status(kind) else body

    def _begun(self, kind: Kind, body: Body) -> Body:
        generation = strategy.first_generation(kind)
        # An object that was loaded, as into the twin of an API in memory, may have a uid of this supply's.
        uid = next(uid for uid in iter(self._supply.uid, "") if self.store.place(uid) is None)
        system: Body = {"uid": uid, "creationTimestamp": wire_time(self.now())}
        system |= {} if generation is None else {"generation": generation}
        return {**body, "metadata": {**body["metadata"], **system}}

    def _terminating(self, body: Body, grace_seconds: int) -> Body:
        metadata = body["metadata"]
        deadline = wire_time(self.now() + timedelta(seconds=min(grace_seconds, LONGEST_GRACE_SECONDS)))
        marks: Body = {"deletionTimestamp": deadline, "deletionGracePeriodSeconds": grace_seconds}
        if "deletionTimestamp" not in metadata and "generation" in metadata:
            marks["generation"] = metadata["generation"] + 1
        return {**body, "metadata": {**metadata, **marks}}

    def _drop(self, key: Key) -> None:
        record = self.store.get(key)
        self.store.drop(key)
        if record is not None:
            self._suspects.extend(self.store.dependents(record.uid))


def _success(key: Key, uid: str) -> Body:
    """The answer to a delete that does not show the object."""
    details = {"name": key.name, "kind": key.kind.plural, "uid": uid}
    details |= {"group": key.kind.group} if key.kind.group else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
