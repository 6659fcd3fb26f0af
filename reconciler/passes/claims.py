"""Which of two passes that run side by side works on a tree."""

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from models.kinds import Key


class Claims:
    """Keeps two passes that run side by side from working on one tree.

    Nothing depends on it: two passes on one tree are as safe as two daemons, and as wasteful.

    - `full` is the pass over everything, `small` one over a few trees. Of each there is one at a time.
    - What a small pass works on when the full one begins to look, or takes after that, is not the full one's: what it
      writes meanwhile, the full one may not see.
    - What a pass works on is its own until it ends, or until the full one gives it back.

    Args:
        taken: Trees that another pass has taken already.
    """

    def __init__(self, taken: Iterable[Key] = ()) -> None:
        self._lock = Lock()
        self._taken = set(taken)
        self._held: set[Key] = set()
        self._small: set[Key] = set()

    def begin_full(self) -> None:
        """The full pass begins to look."""
        with self._lock:
            self._taken = set(self._small)

    def end_full(self) -> None:
        """The full pass is over."""
        with self._lock:
            self._held.clear()

    def end_small(self) -> None:
        """The small pass is over."""
        with self._lock:
            self._small.clear()

    @property
    def taken(self) -> frozenset[Key]:
        """The trees that a small pass has taken, so that the full one leaves them alone."""
        with self._lock:
            return frozenset(self._taken)

    def claim_full(self, trees: Sequence[Key]) -> list[Key]:
        """The trees, of those, that the full pass takes: no small one has since it began to look."""
        with self._lock:
            mine = [tree for tree in trees if tree not in self._taken]
            self._held.update(mine)
            return mine

    def give_back(self, trees: Iterable[Key]) -> None:
        """The full pass is through with these."""
        with self._lock:
            self._held.difference_update(trees)

    def claim_small(self, trees: Iterable[Key]) -> Iterator[Key]:
        """The trees, of those, that a small pass takes: the full one is not working on them."""
        for tree in trees:
            with self._lock:
                is_free = tree not in self._held
                if is_free:
                    self._taken.add(tree)
                    self._small.add(tree)
            if is_free:
                yield tree
