"""Which trees need no planning: those of which nothing has changed since they were planned and all was as wanted.

What is wanted follows from what was observed and, here and there, from the time. A tree rests only while no time counts
for it: it is ready, nothing of it is on the way, and its cluster has no owner that must be seen again and again, nor is
nearly as old as it may become.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from models.kinds import Key
from models.observed import Pod
from models.resources import DaskAutoscaler, DaskCluster, DaskWorkerGroup
from models.snapshot import Owner, Snapshot
from reconciler.rules.labels import OWNER_TIMEOUT_SECONDS
from reconciler.rules.parts import tree_of
from reconciler.rules.reason_sets import is_content, is_settled

LONGEST_SECONDS = 300.0
"""After that a tree is planned again whether or not anything of it has changed."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A tree as it was when it came to rest.

    Args:
        print: Stands for all its objects and their versions.
        since_seconds: When it was last planned, on the monotonic clock.
    """

    print: int
    since_seconds: float


@dataclass(frozen=True, slots=True)
class Tree:
    """The resources of one tree, and what stands for all its objects.

    Args:
        owners: The custom resources, parents first.
        print: Changes with any object.
    """

    owners: tuple[Owner, ...]
    print: int


def trees_of(owners: Iterable[Owner], snapshot: Snapshot) -> Mapping[Key, Tree]:
    """The trees of the custom resources.

    Args:
        owners: The custom resources, parents first.
        snapshot: The observed world.
    """
    found: dict[Key, list[Owner]] = {}
    for owner in owners:
        found.setdefault(tree_of(owner, snapshot), []).append(owner)
    return {key: Tree(tuple(members), _print(members, snapshot)) for key, members in found.items()}


def is_resting(tree: Tree, rest: Rest | None, at_seconds: float) -> bool:
    """Whether nothing of the tree has changed since it came to rest, and that is not too long ago."""
    return rest is not None and rest.print == tree.print and at_seconds - rest.since_seconds < LONGEST_SECONDS


def at_rest(
    trees: Mapping[Key, Tree], busy: Collection[Key], snapshot: Snapshot, at_seconds: float
) -> Mapping[Key, Rest]:
    """The trees that have come to rest.

    Args:
        trees: The trees that were planned, as they are now.
        busy: Those of which something was done, postponed or found.
        snapshot: The world as it was left.
        at_seconds: The time on the monotonic clock.
    """
    return {
        key: Rest(tree.print, at_seconds)
        for key, tree in trees.items()
        if key not in busy and all(_is_settled(owner, snapshot) for owner in tree.owners)
    }


def _print(owners: Iterable[Owner], snapshot: Snapshot) -> int:
    versions = {(owner.metadata.uid, owner.metadata.resource_version) for owner in owners}
    for owner in owners:
        answer = snapshot.answer_of(owner.key)
        if answer is not None:
            versions.add((answer.pod_uid, f"{answer.roll} {sorted(map(str, answer.targets.items()))}"))
        children = snapshot.everything_of(owner.metadata.uid)
        versions.update((child.metadata.uid, child.metadata.resource_version) for child in children)
    return hash(frozenset(versions))


def _is_settled(owner: Owner, snapshot: Snapshot) -> bool:
    """Whether the resource is as it should be, and time alone changes nothing."""
    if isinstance(owner, DaskAutoscaler):
        return is_content(owner.status.conditions)
    if not isinstance(owner, DaskCluster | DaskWorkerGroup):
        return False
    has_limit = OWNER_TIMEOUT_SECONDS in owner.metadata.annotations or _ends_soon(owner, snapshot)
    pods = (child for child in snapshot.everything_of(owner.metadata.uid) if isinstance(child, Pod))
    return is_settled(owner.status.conditions) and not has_limit and all(pod.is_ready for pod in pods)


def _ends_soon(owner: Owner, snapshot: Snapshot) -> bool:
    """Whether a cluster is, or will be before it is looked at again, as old as it may become."""
    if not isinstance(owner, DaskCluster) or not owner.spec.ttl_seconds:
        return False
    age = snapshot.taken_at - (owner.metadata.creation_timestamp or snapshot.taken_at)
    return age + timedelta(seconds=LONGEST_SECONDS) >= timedelta(seconds=owner.spec.ttl_seconds)
