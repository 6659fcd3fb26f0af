"""Trees that have changed, until someone asks for them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from threading import Condition

from models.kinds import CUSTOM_KINDS, Key
from reconciler.passes.lanes import namespaces_in_turn
from reconciler.passes.lists import Place

WINDOW_SECONDS = 0.02
"""How long after a change others are waited for: what is applied together is looked at together."""
MOST_TREES = 32
"""How many trees are looked at by themselves: each takes seven small lists."""
MOST_URGENT = 2
"""How many of the urgent ones, the newest of each namespace first, if too many have changed: so few that a pass over
them is short. The others are in the next full pass."""
MOST_EVENTS = 100_000
"""How many are kept, about 50 MiB, while nothing can be listed; what comes then, the next list shows."""
BUSY_SECONDS = 0.25
"""How long trees on which another pass works are left to it before they are asked for again."""

Claim = Callable[[Iterable[Key]], Iterable[Key]]
"""Which trees, of those, may be given out now."""


class HintQueue:
    """Trees that have changed.

    - A tree is given out once, however many events it had.
    - An event that is known already gives no hint: a write of our own, or one that a list of everything showed.
    - What happened to a custom resource is urgent: someone waits for it.
    - Threads may put; one thread takes.

    Args:
        clock: A monotonic time in seconds.
        window_seconds: How long after its first event a tree is given out.
        most: How many trees are given out at once. If more have changed, only urgent ones are given out; the others
            are for the pass over everything.
    """

    def __init__(
        self, clock: Callable[[], float], window_seconds: float = WINDOW_SECONDS, most: int = MOST_TREES
    ) -> None:
        self._clock = clock
        self._window = window_seconds
        self._most = most
        self._urgent: set[Key] = set()
        self._changed = Condition()
        self._events: dict[tuple[Key, str], Key] = {}
        self._counts: Counter[Key] = Counter()
        self._due: dict[Key, float] = {}
        self._rests: dict[Key, float] = {}
        self._reminders: dict[Key, float] = {}
        self._written: set[tuple[Key, str]] = set()
        self._seen: dict[Place, int] = {}
        self._left_out: Collection[Key] = ()
        self._closed = False

    def put(self, tree: Key, key: Key, version: str) -> None:
        """Take in that an object of a tree has changed.

        Args:
            tree: The tree.
            key: The object.
            version: The resourceVersion of the change.
        """
        with self._changed:
            if (key, version) in self._written:
                self._written.remove((key, version))
                return
            if (key, version) in self._events or (tree not in self._left_out and self._is_seen(key, version)):
                return
            if len(self._events) >= MOST_EVENTS:
                return
            self._events[key, version] = tree
            self._counts[tree] += 1
            is_news = tree not in self._due or (key.kind in CUSTOM_KINDS and tree not in self._urgent)
            if key.kind in CUSTOM_KINDS:
                self._urgent.add(tree)
            self._due.setdefault(tree, self._clock() + self._window)
            if is_news:
                self._changed.notify()

    def take(self, timeout_seconds: float, claim: Claim = iter) -> frozenset[Key]:
        """Wait for trees, and remove them.

        Args:
            timeout_seconds: How long to wait at most.
            claim: Asked one tree at a time which may be given out; the others stay, with all that is known of them.

        Returns:
            All that have changed, once the window of the first is over; none at the timeout, or when closed.
        """
        deadline = self._clock() + timeout_seconds
        with self._changed:
            while not self._closed:
                now = self._clock()
                awake = self._awake(now)
                if awake and min(awake.values()) <= now:
                    most = min(MOST_URGENT, self._most) if self.is_crowded else self._most
                    in_order = sorted(awake, key=awake.__getitem__, reverse=self.is_crowded)
                    free = claim(namespaces_in_turn(in_order))
                    if taken := frozenset(islice(free, most)):
                        self._forget(taken)
                        return taken
                    deadline = min(deadline, now + BUSY_SECONDS)
                if deadline <= now:
                    break
                self._changed.wait(min((deadline, *self._times(now))) - now)
        return frozenset()

    def _times(self, now: float) -> Iterator[float]:
        """When trees may be given out that may not be yet."""
        crowded = self.is_crowded
        due = {tree: self._due[tree] for tree in self._urgent} if crowded else {**self._reminders, **self._due}
        for tree, when in due.items():
            at = max(when, self._rests.get(tree, 0.0))
            if at > now:
                yield at

    @property
    def is_crowded(self) -> bool:
        """Whether so many trees have changed, or are to be looked at again, that looking at everything is cheaper."""
        if len(self._due) + len(self._reminders) <= self._most:
            return False
        now = self._clock()
        due = self._due.keys() | {tree for tree, at in self._reminders.items() if at <= now}
        return sum(self._rests.get(tree, now) <= now for tree in due) > self._most

    def _awake(self, now: float) -> dict[Key, float]:
        """The trees that may be given out once their window is over."""
        if self.is_crowded:
            due = {tree: self._due[tree] for tree in self._urgent}
        else:
            due = {**{tree: at for tree, at in self._reminders.items() if at <= now}, **self._due}
        return {tree: at for tree, at in due.items() if self._rests.get(tree, now) <= now}

    def note_written(self, key: Key, version: str) -> None:
        """Take in that a change is a write of our own, whose result is in the picture; its event is no hint."""
        with self._changed:
            tree = self._events.pop((key, version), None)
            if tree is not None:
                self._drop(tree)
            elif not self._is_seen(key, version):
                self._written.add((key, version))

    def note_listed(self, versions: Mapping[Place, str], left_out: Collection[Key] = ()) -> None:
        """Take in that everything was listed at these versions; older changes are no hints but in trees left out."""
        with self._changed:
            self._left_out = left_out
            self._seen.update({place: number(version) for place, version in versions.items()})
            for known, tree in list(self._events.items()):
                if tree not in left_out and self._is_seen(*known):
                    self._drop(self._events.pop(known))
            self._written = {known for known in self._written if not self._is_seen(*known)}
            now = self._clock()
            self._rests = {tree: until for tree, until in self._rests.items() if until > now}
            if versions:  # or nothing was looked at
                self._reminders = {tree: at for tree, at in self._reminders.items() if at > now or tree in left_out}
            self._changed.notify()  # it may be no crowd any more

    def rest(self, trees: Iterable[Key], seconds: float) -> None:
        """Keep the hints of trees for so many seconds, counted from now, or for longer if that was asked before."""
        with self._changed:
            until = self._clock() + seconds
            self._rests.update({tree: max(until, self._rests.get(tree, until)) for tree in trees})

    def remind(self, trees: Iterable[Key], seconds: float) -> None:
        """Give trees out once more in so many seconds, or when something else happens to them before."""
        with self._changed:
            at = self._clock() + seconds
            self._reminders.update({tree: min(at, self._reminders.get(tree, at)) for tree in trees})
            self._changed.notify()

    def close(self) -> None:
        """Give out nothing more; whoever waits stops waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_seen(self, key: Key, version: str) -> bool:
        seen = max(self._seen.get((key.kind, place), 0) for place in (key.namespace, None))
        return 0 < number(version) <= seen

    def _forget(self, trees: frozenset[Key]) -> None:
        for tree in trees:
            for known in (self._due, self._counts, self._reminders):
                known.pop(tree, None)
            self._urgent.discard(tree)
        self._events = {known: tree for known, tree in self._events.items() if tree not in trees}

    def _drop(self, tree: Key) -> None:
        """Forget one event of a tree, and the tree with the last."""
        self._counts[tree] -= 1
        if not self._counts[tree]:
            del self._counts[tree], self._due[tree]
            self._urgent.discard(tree)


def number(version: str) -> int:
    """A resourceVersion as a number, by which it can be compared; 0 if it is none."""
    return int(version) if version.isdecimal() else 0
