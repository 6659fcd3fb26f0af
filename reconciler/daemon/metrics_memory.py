"""What metrics remember of trees that a pass did not look at: what was last known of each.

Only counts are kept, so that no snapshot outlives its pass.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Generic, TypeVar

from models.kinds import Key
from models.observed import Pod
from models.resources import DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.values import PassResult
from reconciler.rules.parts import cluster_key, is_live, workers_of

COUNTED = ("objects", "phases", "wanted", "ready", "joined", "retiring", "answered")

T = TypeVar("T")
Name = tuple[str, ...]


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
    """Counts of what is there.

    Attributes:
        objects: How many objects there are, by kind.
        unreadable: How many of them cannot be read, by kind.
        phases: How many there are by kind and phase.
        wanted: How many workers a cluster wants, by namespace and name.
        ready: How many of its workers are ready.
        joined: How many of these its scheduler has; nothing of clusters whose schedulers do not answer.
        retiring: How many of its workers were chosen to go.
        answered: When its scheduler was asked what it last answered, as a Unix time.
    """

    def __init__(self) -> None:
        self._trees = ByTree[Mapping[str, Counter[Name]]]()
        self._strangers: Mapping[str, Counter[Name]] = _counted((), Snapshot(datetime.min.replace(tzinfo=UTC)))
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

    @property
    def objects(self) -> Counter[Name]:
        """How many objects there are, by kind."""
        return self._sum("objects")

    @property
    def unreadable(self) -> Counter[Name]:
        """How many objects cannot be read, by kind."""
        return Counter(self._unreadable.values())

    @property
    def phases(self) -> Counter[Name]:
        """How many objects there are by kind and phase; a job's is its jobStatus."""
        return self._sum("phases")

    @property
    def wanted(self) -> Counter[Name]:
        """How many workers each cluster wants, by its namespace and name."""
        return self._sum("wanted")

    @property
    def ready(self) -> Counter[Name]:
        """How many of each cluster's workers are ready."""
        return self._sum("ready")

    @property
    def joined(self) -> Counter[Name]:
        """How many of them each cluster's scheduler has, where it answers."""
        return self._sum("joined")

    @property
    def retiring(self) -> Counter[Name]:
        """How many of each cluster's workers were chosen to go, and are not deleted yet."""
        return self._sum("retiring")

    @property
    def answered(self) -> Counter[Name]:
        """When each cluster's scheduler was asked what it last answered, as a Unix time."""
        return self._sum("answered")

    def _sum(self, what: str) -> Counter[Name]:
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


def _counted(objects: Iterable[Observed], snapshot: Snapshot) -> Mapping[str, Counter[Name]]:
    counts: Mapping[str, Counter[Name]] = {name: Counter() for name in COUNTED}
    for one in objects:
        counts["objects"][one.key.kind.name,] += 1
        counts["phases"].update(_phase(one))
        if isinstance(one, DaskCluster):
            counts["wanted"][one.metadata.namespace, one.metadata.name] += 0
            counts["ready"][one.metadata.namespace, one.metadata.name] += 0
            counts["retiring"][one.metadata.namespace, one.metadata.name] += 0
            counts["answered"].update(_answered(one, snapshot))
        if isinstance(one, DaskWorkerGroup):
            cluster = (one.metadata.namespace, one.spec.cluster)
            counts["wanted"][cluster] += one.spec.worker.replicas
            pods, going = workers_of(one, snapshot), {each.uid for each in one.status.decisions.retiring}
            counts["ready"][cluster] += sum(pod.is_ready for pod in pods)
            counts["retiring"][cluster] += sum(is_live(pod) and pod.metadata.uid in going for pod in pods)
            answer = (snapshot.schedulers or {}).get(cluster_key(one))
            if answer is not None and answer.at is not None and not answer.is_silent:
                inside = (answer.workers_in(pod.metadata.name, pod.status.pod_ip) for pod in pods if pod.is_ready)
                counts["joined"][cluster] += sum(map(bool, inside))
    return counts


def _answered(cluster: DaskCluster, snapshot: Snapshot) -> Mapping[Name, int]:
    answer = (snapshot.schedulers or {}).get(cluster.key)
    if answer is None or answer.at is None:
        return {}
    return {(cluster.metadata.namespace, cluster.metadata.name): int(answer.at.timestamp())}


def _phase(observed: Observed) -> Iterator[Name]:
    if isinstance(observed, DaskCluster):
        yield "DaskCluster", observed.status.phase or "Unknown"
    elif isinstance(observed, DaskJob):
        yield "DaskJob", observed.status.job_status or "Unknown"
    elif isinstance(observed, Pod):
        yield "Pod", observed.status.phase
