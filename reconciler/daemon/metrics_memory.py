"""What metrics remember of trees that a pass did not look at: what was last known of each.

Only counts are kept, so that no snapshot outlives its pass.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Generic, TypeVar

from models.kinds import Key
from models.observed import Pod
from models.resources import DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.values import PassResult
from reconciler.rules.parts import cluster_key, is_live, workers_of

T = TypeVar("T")
Name = tuple[str, ...]


class Count(Enum):
    """What is counted, by what."""

    OBJECTS = auto()
    """How many objects there are, by kind."""
    UNREADABLE = auto()
    """How many of them cannot be read, by kind."""
    PHASES = auto()
    """How many there are by kind and phase; a job's is its jobStatus."""
    WANTED = auto()
    """How many workers a cluster wants, by its namespace and name."""
    READY = auto()
    """How many of its workers are ready."""
    JOINED = auto()
    """How many of these its scheduler has; nothing of clusters whose schedulers do not answer."""
    RETIRING = auto()
    """How many of its workers were chosen to go, and are not deleted yet."""
    ANSWERED = auto()
    """When its scheduler was asked what it last answered, as a Unix time."""


Counts = Mapping[Count, Counter[Name]]


class ByTree(Generic[T]):
    """Something known of each of several things, each of which belongs to a tree.

    - What a pass says of its trees takes the place of what was known of them.
    - What is known of other trees stays.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Key, T]] = {}

    def update(self, result: PassResult, news: Mapping[Hashable, tuple[Key, T]]) -> dict[Hashable, T]:
        """Take in what a pass says.

        Args:
            result: The pass.
            news: What it says, each with its tree.

        Returns:
            What was known and is no more.
        """
        gone = {
            about: known for about, (tree, known) in self._known.items() if about not in news and result.is_about(tree)
        }
        for about in gone:
            del self._known[about]
        self._known.update(news)
        return gone

    def get(self, about: Hashable) -> T | None:
        """What is known of one of them; `None` if nothing is."""
        known = self._known.get(about)
        return None if known is None else known[1]

    def values(self) -> Iterator[T]:
        """All that is known, as it is now: whoever asks may be another thread than the one that updates."""
        return (known for _, known in tuple(self._known.values()))


class World:
    """Counts of what is there."""

    def __init__(self) -> None:
        self._trees = ByTree[Counts]()
        self._strangers: Counts = _counted((), Snapshot(datetime.min.replace(tzinfo=UTC)))
        self._unreadable = ByTree[Name]()

    def update(self, result: PassResult) -> None:
        """Take in what a pass saw."""
        snapshot = result.snapshot
        if snapshot is None:
            return
        members = _members(result.trees, snapshot)
        # Of a tree that was left to another pass, that one's picture is the newer, or the only whole one.
        known = {tree: objects for tree, objects in members.items() if result.is_about(tree)}
        self._trees.update(result, {tree: (tree, _counted(objects, snapshot)) for tree, objects in known.items()})
        self._unreadable.update(result, {key: (key, (key.kind.name,)) for key in snapshot.unreadable})
        if result.coverage.trees is None:
            ours = {one.key for objects in members.values() for one in objects}
            self._strangers = _counted((one for key, one in snapshot.objects.items() if key not in ours), snapshot)

    def count(self, what: Count) -> Counter[Name]:
        """The count of one of these, of all trees."""
        if what is Count.UNREADABLE:
            return Counter(self._unreadable.values())
        total = Counter(self._strangers[what])
        for counts in self._trees.values():
            total.update(counts[what])
        return total


def _members(trees: Mapping[Key, Key], snapshot: Snapshot) -> Mapping[Key, list[Observed]]:
    """The objects of each tree: its custom resources, and the Pods and Services that belong to them."""
    found: dict[Key, list[Observed]] = {}
    for key, tree in trees.items():
        owner = snapshot.objects[key]
        children = (one for one in snapshot.everything_of(owner.metadata.uid) if not isinstance(one, Owner))
        found.setdefault(tree, []).extend((owner, *children))
    return found


def _counted(objects: Iterable[Observed], snapshot: Snapshot) -> Counts:
    counts: Counts = {what: Counter() for what in Count}
    for one in objects:
        counts[Count.OBJECTS][one.key.kind.name,] += 1
        counts[Count.PHASES].update(_phase(one))
        if isinstance(one, DaskCluster):
            cluster = (one.metadata.namespace, one.metadata.name)
            for what in (Count.WANTED, Count.READY, Count.RETIRING):
                counts[what][cluster] += 0
            answer = snapshot.answer_of(one.key)
            if answer is not None and answer.at is not None:
                counts[Count.ANSWERED][cluster] = int(answer.at.timestamp())
        if isinstance(one, DaskWorkerGroup):
            cluster = (one.metadata.namespace, one.spec.cluster)
            counts[Count.WANTED][cluster] += one.spec.worker.replicas
            pods, going = workers_of(one, snapshot), {each.uid for each in one.status.decisions.retiring}
            counts[Count.READY][cluster] += sum(pod.is_ready for pod in pods)
            counts[Count.RETIRING][cluster] += sum(pod.metadata.uid in going and is_live(pod) for pod in pods)
            answer = snapshot.answer_of(cluster_key(one))
            if answer is not None and answer.at is not None and not answer.is_silent:
                inside = (answer.workers_in(pod.metadata.name, pod.status.pod_ip) for pod in pods if pod.is_ready)
                counts[Count.JOINED][cluster] += sum(map(bool, inside))
    return counts


def _phase(observed: Observed) -> Iterator[Name]:
    if isinstance(observed, DaskCluster):
        yield "DaskCluster", observed.status.phase or "Unknown"
    elif isinstance(observed, DaskJob):
        yield "DaskJob", observed.status.job_status or "Unknown"
    elif isinstance(observed, Pod):
        yield "Pod", observed.status.phase
