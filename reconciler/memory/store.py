"""The objects, by key, by owner, and as the JSON that lists are made of."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.kinds import Key, Kind
from reconciler.memory.ownership import Owners
from reconciler.memory.recent_changes import Change, History
from reconciler.memory.selector import Predicate
from reconciler.wire.protocol import Body


@dataclass(slots=True)
class Record:
    """One object.

    Args:
        body: The object as it is; never changed in place.
        owners: Who owns which of its fields, once it was applied.
    """

    body: Body
    owners: Owners | None
    _json: bytes | None = field(default=None, init=False)

    @property
    def uid(self) -> str:
        """The object's uid."""
        uid: str = self.body["metadata"]["uid"]
        return uid

    def json(self, kind: Kind) -> bytes:
        """The object as an item of a list: Kubernetes' own kinds leave out which kind they are."""
        if self._json is None:
            hidden = () if kind.group else ("apiVersion", "kind")
            item = {key: value for key, value in self.body.items() if key not in hidden}
            self._json = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
        return self._json


class Store:
    """The objects of all kinds.

    - Every change gets a resourceVersion higher than all before.
    - Lists are ordered by namespace and name, as etcd orders its keys.
    - The last changes are remembered.
    """

    def __init__(self) -> None:
        self.revision = 1
        self.history = History()
        self._records: dict[Kind, dict[Key, Record]] = {}
        self._order: dict[Kind, list[Key]] = {}
        self._keys: dict[str, Key] = {}
        self._dependents: dict[str, dict[Key, None]] = {}

    def get(self, key: Key) -> Record | None:
        """An object, if it is there."""
        return self._records.get(key.kind, {}).get(key)

    def load(self, key: Key, body: Body, owners: Owners | None) -> None:
        """Take in an object with the resourceVersion that it has."""
        self._put(key, body, owners)
        version = str(body["metadata"]["resourceVersion"])
        self.revision = max(self.revision, int(version) if version.isdecimal() else 0)
        self.history.forget(self.revision)

    def put(self, key: Key, body: Body, owners: Owners | None) -> Body:
        """Write an object; gives it back with its new resourceVersion."""
        self.revision += 1
        written = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.revision)}}
        before = self.get(key)
        self._put(key, written, owners)
        self.history.add(Change(self.revision, key, before.body if before else None, written))
        return written

    def drop(self, key: Key) -> None:
        """Remove an object."""
        self.revision += 1
        record = self._records[key.kind].pop(key)
        self._order.pop(key.kind, None)
        self._keys.pop(record.uid, None)
        self._forget(key, record.body)
        self.history.add(Change(self.revision, key, record.body, None))

    def place(self, uid: str) -> Key | None:
        """The object with a uid, if it is there."""
        return self._keys.get(uid)

    def dependents(self, uid: str) -> tuple[Key, ...]:
        """The objects that name an owner, oldest reference first."""
        return tuple(self._dependents.get(uid, ()))

    def records(self, kind: Kind) -> Iterator[Record]:
        """The objects of a kind, in order."""
        records = self._records.get(kind, {})
        if kind not in self._order:
            self._order[kind] = sorted(records, key=lambda key: f"{key.namespace}/{key.name}")
        return (records[key] for key in self._order[kind])

    def listing(self, kind: Kind, namespace: str | None, predicates: Iterable[Predicate]) -> bytes:
        """The objects that meet all predicates, as the JSON of a List."""
        chosen: Iterable[Record] = self.records(kind)
        if namespace is not None:
            chosen = (record for record in chosen if record.body["metadata"]["namespace"] == namespace)
        for predicate in predicates:
            chosen = _those(chosen, predicate)
        items = b",".join(record.json(kind) for record in chosen)
        head = f'{{"kind":"{kind.name}List","apiVersion":"{kind.api_version}","metadata":{{"resourceVersion":'
        return b'%s"%d"},"items":[%s]}' % (head.encode(), self.revision, items)

    def _put(self, key: Key, body: Body, owners: Owners | None) -> None:
        records = self._records.setdefault(key.kind, {})
        before = records.get(key)
        if before is None:
            self._order.pop(key.kind, None)
        elif owners_of(before.body) != owners_of(body):
            self._forget(key, before.body)
        records[key] = Record(body, owners)
        self._keys[body["metadata"]["uid"]] = key
        for uid in owners_of(body):
            self._dependents.setdefault(uid, {})[key] = None

    def _forget(self, key: Key, body: Body) -> None:
        for uid in owners_of(body):
            dependents = self._dependents[uid]
            dependents.pop(key, None)
            if not dependents:
                del self._dependents[uid]


def owners_of(body: Body) -> list[str]:
    """The uids of an object's owners, each once."""
    return list(dict.fromkeys(owner["uid"] for owner in body["metadata"].get("ownerReferences", ())))


def _those(records: Iterable[Record], predicate: Predicate) -> Iterator[Record]:
    return (record for record in records if predicate(record.body))
