"""What may happen to a world, as data: so that a history can be replayed, shrunk and printed.

A happening names whom it concerns by a number, which counts round what there is then; one that concerns nobody does
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulation.hands import Hand
from tests.simulation.meddling import MEDDLING
from tests.simulation.mishaps import MISHAPS, ON_THE_WAY, PASSES
from tests.simulation.users import USERS
from tests.simulation.world import World

HAPPENINGS: Mapping[str, Hand] = {**USERS, **MEDDLING, **MISHAPS, **ON_THE_WAY, **PASSES}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens.

    Args:
        what: A name of `HAPPENINGS`.
        whom: Which of those concerned.
        how: A small number.
        request: Before which request of the next pass; 0 for between two passes.
    """

    what: str
    whom: int = 0
    how: int = 0
    request: int = 0

    def befall(self, world: World) -> None:
        """Let it happen, or have it happen during the next pass."""
        if self.request:
            world.during_pass(self.request, lambda: self._happens(world))
        else:
            self._happens(world)

    def _happens(self, world: World) -> None:
        if self.what not in PASSES:
            world.journal.note("", f"{self.what} ({self.whom}, {self.how})")
        HAPPENINGS[self.what](world, self.whom, self.how)
