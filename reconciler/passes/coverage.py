"""What a pass knows about."""

from dataclasses import dataclass

from models.kinds import Key


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was read whole; of all else, what was known before still stands.

    Args:
        namespaces: The namespaces that were read; `None` for all.
        trees: The custom resources whose trees alone were read there, present or not; `None` for everything.
    """

    namespaces: frozenset[str] | None = None
    trees: frozenset[Key] | None = None

    def covers(self, resource: Key) -> bool:
        """Whether a DaskJob or DaskCluster was looked for, with all that belongs to it."""
        there = self.namespaces is None or resource.namespace in self.namespaces
        return there and (self.trees is None or resource in self.trees)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read."""
        return self.namespaces is not None and not self.namespaces


EVERYTHING = Coverage()
"""All trees in all namespaces."""
