"""Watches in memory: what changed lately, told again from any version that is not too old."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Condition

from models.base import Meta, OwnerReference
from models.kinds import Key, Kind
from reconciler.memory.selector import Predicate
from reconciler.wire.errors import Gone
from reconciler.wire.protocol import Body, EventType, WatchEvent

MOST_REMEMBERED = 1000
"""So many changes can be told again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one object, or, without a key, a bookmark.

    Args:
        revision: The version that it made.
        key: The object's.
        before: The object before; `None` if it was created.
        after: The object afterwards; `None` if it is gone.
    """

    revision: int
    key: Key | None = None
    before: Body | None = None
    after: Body | None = None


class History:
    """The last changes, oldest first."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque()
        self._forgotten = 0  # how many changes are not remembered any more
        self.oldest_version = 0

    def add(self, change: Change) -> None:
        """Remember a change, and forget one if there are too many."""
        self._changes.append(change)
        if len(self._changes) > MOST_REMEMBERED:
            self.oldest_version = self._changes.popleft().revision
            self._forgotten += 1

    def forget(self, revision: int) -> None:
        """Forget all; `revision` is the oldest version from which can be watched then."""
        self._forgotten += len(self._changes)
        self._changes.clear()
        self.oldest_version = revision

    def place(self, version: int) -> int:
        """The place of the first change after a version.

        Raises:
            Gone: it is forgotten.
        """
        if version < self.oldest_version:
            raise _gone(version, self.oldest_version)
        before = sum(1 for change in self._changes if change.revision <= version)
        return self._forgotten + before

    def since(self, place: int) -> Sequence[Change]:
        """The changes from a place on.

        Raises:
            Gone: the first of them is forgotten.
        """
        if place < self._forgotten:
            raise _gone(self.oldest_version - 1, self.oldest_version)
        return list(self._changes)[place - self._forgotten :]


class MemoryWatch:
    """Events from a history.

    Args:
        history: What changed.
        changed: Held while the history is read, and notified when something is added to it.
        kind: What is watched.
        namespace: Where, or `None` for everywhere.
        predicates: What the objects must meet.
        version: The version to start from.
        timeout_seconds: After how long it ends, with a bookmark.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a watch consists of, named above
        self,
        history: History,
        changed: Condition,
        kind: Kind,
        namespace: str | None,
        predicates: Sequence[Predicate],
        version: int,
        timeout_seconds: float,
    ) -> None:
        self._history = history
        self._changed = changed
        self._kind = kind
        self._namespace = namespace
        self._predicates = predicates
        self._version = version
        self._deadline = time.monotonic() + timeout_seconds
        self._place = history.place(version)
        self._closed = False

    def poll(self) -> list[tuple[EventType, Body]]:
        """What happened since the last call, with the objects: as they are now, or as they were when they went.

        Raises:
            Gone: some of it is forgotten.
        """
        with self._changed:
            changes = self._history.since(self._place)
            self._place += len(changes)
        return [happened for change in changes if (happened := self._happened(change))]

    def __iter__(self) -> Iterator[WatchEvent]:
        """The events; see `reconciler.wire.protocol.Watch`."""
        while changes := self._wait():
            for change in changes:
                self._version = change.revision
                if event := self._event(change):
                    yield event
                if self._closed:
                    return
        if not self._closed:
            yield self._bookmark()

    def close(self) -> None:
        """End the watch; see `reconciler.wire.protocol.Watch`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait(self) -> Sequence[Change]:
        """The next changes; none when the watch is over."""
        with self._changed:
            while not self._closed:
                if changes := self._history.since(self._place):
                    self._place += len(changes)
                    return changes
                left = self._deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return ()

    def _event(self, change: Change) -> WatchEvent | None:
        """What the change is to this watch, if anything."""
        if change.key is None:
            return self._bookmark()
        happened = self._happened(change)
        if happened is None:
            return None
        type_, body = happened
        meta = body["metadata"]
        return WatchEvent(
            type_, change.key, str(change.revision), meta["uid"], meta.get("labels") or {}, _controller(meta)
        )

    def _happened(self, change: Change) -> tuple[EventType, Body] | None:
        """What the change is to this watch, if anything, and the object."""
        key = change.key
        if key is None or key.kind != self._kind or self._namespace not in (None, key.namespace):
            return None
        before, after = self._matching(change.before), self._matching(change.after)
        if after is not None:
            return (EventType.ADDED if before is None else EventType.MODIFIED), after
        if before is None:
            return None
        version = {"resourceVersion": str(change.revision)}
        return EventType.DELETED, {**before, "metadata": {**before["metadata"], **version}}

    def _matching(self, body: Body | None) -> Body | None:
        return body if body is not None and all(predicate(body) for predicate in self._predicates) else None

    def _bookmark(self) -> WatchEvent:
        return WatchEvent(EventType.BOOKMARK, Key(self._kind, "", ""), str(self._version))


def _controller(metadata: Body) -> OwnerReference | None:
    owners = metadata.get("ownerReferences") or ()
    return Meta.model_validate({"name": "", "ownerReferences": owners}).controller


def _gone(version: int, oldest: int) -> Gone:
    return Gone(f"too old resource version: {version} ({oldest})", status=410, reason="Expired")
