"""In which order trees are planned, a few at a time.

    first                those that had no turn in a pass that was cut off: so none waits for ever
    of those the newest  of each namespace, then the second of each: whoever creates a cluster while a thousand others
                         come up waits for none of them
    at the end           those that have much to delete, since how much may be deleted in a pass is bounded

Planned that late, the first write waits for no plan but its own, and a pass that is cut off has planned little in vain.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable

from models.kinds import Key
from models.snapshot import Snapshot
from reconciler.passes.lanes import namespaces_in_turn
from reconciler.passes.values import Action

AT_A_TIME = 8
"""How many trees are planned at a time."""
SHARE_OF_CAP = 10
"""A tree that has more to delete than this part of what may be deleted in a pass comes after the others."""


class PlanningOrder:
    """The trees that are still to be planned.

    Args:
        trees: The trees.
        snapshot: Where they are.
        served: Those that had a turn in a pass that was cut off.
        deletion_cap: How much may be deleted in a pass; 0 means any number.
        under_way: Tells the trees that were planned and are not through.
    """

    def __init__(
        self,
        trees: Iterable[Key],
        snapshot: Snapshot,
        served: Collection[Key],
        deletion_cap: int,
        under_way: Callable[[], Collection[Key]],
    ) -> None:
        def created_seconds(tree: Key) -> float:
            root = snapshot.objects.get(tree)
            at = root.metadata.creation_timestamp if root is not None else None
            return at.timestamp() if at is not None else 0.0

        newest_first = namespaces_in_turn(sorted(trees, key=created_seconds, reverse=True))
        self._waiting = deque(sorted(newest_first, key=served.__contains__))
        self._cap = deletion_cap
        self._under_way = under_way
        self._late: list[Key] = []
        self._were_late: set[Key] = set()

    @property
    def left(self) -> frozenset[Key]:
        """The trees that are still to be planned."""
        return frozenset((*self._waiting, *self._late))

    def take(self) -> list[Key]:
        """The next trees; none if all had their turn, or those that are left come after those under way."""
        if not self._waiting and self._late and not self._others():
            self._waiting.extend(self._late)
            self._late.clear()
        return [self._waiting.popleft() for _ in range(min(AT_A_TIME, len(self._waiting)))]

    def put_off(self, actions: Iterable[Action]) -> set[Key]:
        """The trees that come after the others, once, since they have much to delete.

        Args:
            actions: What is to be written.
        """
        counts: Counter[Key] = Counter()
        for action in actions:
            counts[action.tree] += action.deletions
        most = max(1, self._cap // SHARE_OF_CAP)
        late = {tree for tree, count in counts.items() if count > most} - self._were_late
        if not self._cap or not late or not (self._waiting or self._others() - late):
            return set()
        self._late += sorted(late)
        self._were_late |= late
        return late

    def _others(self) -> set[Key]:
        return set(self._under_way()).difference(self._late)
