"""The watches of all places, and what they have said."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Condition, Thread

from models.kinds import Key
from reconciler.hints.queue import WINDOW_SECONDS, Claim, HintQueue
from reconciler.hints.reopening import Watching
from reconciler.hints.trees import tree_of
from reconciler.passes.lists import SELECTORS, Place
from reconciler.wire.protocol import Watcher, WatchEvent

Pause = Callable[[Condition, float], object]


class Hints:
    """Says which trees have changed.

    - Nothing is watched before the first `restart`.
    - A tree is named at most once by each `wait`, whatever happened to it.
    - No method but `wait` and `join` waits for anything.

    Args:
        watcher: Where to watch.
        namespaces: The namespaces to watch; empty for all.
        clock: A monotonic time in seconds.
        pause: How a watch waits before it is opened again; see `Watching`.
        window_seconds: How long after the first event of a tree `wait` returns.
    """

    def __init__(
        self,
        watcher: Watcher,
        namespaces: Sequence[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Pause = Condition.wait,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._queue = HintQueue(clock, window_seconds)
        places: list[Place] = [(kind, namespace) for kind in SELECTORS for namespace in namespaces or (None,)]
        self._watches = {place: Watching(watcher, place, self._hear, clock, pause) for place in places}
        self._threads: list[Thread] = []

    @property
    def healthy(self) -> bool:
        """Whether every watch is open and was heard from lately, so that changes are told of."""
        return all(watch.is_healthy() for watch in self._watches.values())

    def restart(self, versions: Mapping[Place, str], left_out: Collection[Key] = ()) -> None:
        """Take in that everything was listed, by a pass that acts on it.

        What changed before is no hint any more. Watches that are not open begin at these versions; the first call
        begins them all. Places without a version are left as they are.

        Args:
            versions: The versions of the lists, as `Observation.versions` has them.
            left_out: Trees on which that pass does not act: what changed in them is a hint all the same.
        """
        self._queue.note_listed(versions, left_out)
        for place, version in versions.items():
            if place in self._watches:
                self._watches[place].restart(version)
        if not self._threads:
            self._threads = [
                Thread(target=watch.run, name=f"watch {watch}", daemon=True) for watch in self._watches.values()
            ]
            for thread in self._threads:
                thread.start()

    def wait(self, timeout_seconds: float, claim: Claim = iter) -> frozenset[Key]:
        """Wait for changes.

        Args:
            timeout_seconds: How long to wait at most.
            claim: Asked which trees may be given out now.

        Returns:
            The trees that have changed since they were last given out: each a DaskJob or DaskCluster, or a
            DaskWorkerGroup or DaskAutoscaler whose cluster only its spec tells. None at the timeout, or when closed.
        """
        for watch in self._watches.values():
            watch.close_if_silent()
        return self._queue.take(timeout_seconds, claim)

    def note_written(self, key: Key, resource_version: str) -> None:
        """Take in that a version is a write of our own, whose answer is known: its event is no hint.

        To be called only for a write that changed the object. One that changed nothing is answered with the version of
        whoever wrote last, whose change would then wait for the interval.
        """
        if key.kind in SELECTORS:
            self._queue.note_written(key, resource_version)

    @property
    def is_crowded(self) -> bool:
        """Whether so many trees have changed that a pass over everything is due."""
        return self._queue.is_crowded

    def rest(self, trees: Iterable[Key], seconds: float) -> None:
        """Keep hints of trees back for so many seconds, since looking at them has cost much; none is lost."""
        self._queue.rest(trees, seconds)

    def remind(self, trees: Iterable[Key], seconds: float) -> None:
        """Give trees out once more in so many seconds, or when something else happens to them before."""
        self._queue.remind(trees, seconds)

    def close(self) -> None:
        """End the watches, and whoever waits, without waiting for them."""
        self._queue.close()
        for watch in self._watches.values():
            watch.stop()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the watches to end, after `close`; whether they did."""
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _hear(self, event: WatchEvent) -> None:
        tree = tree_of(event)
        if tree is not None:
            self._queue.put(tree, event.key, event.resource_version)
