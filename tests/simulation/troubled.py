"""Worlds in which the reconciler is killed, or is not alone."""

from collections.abc import Sequence

from reconciler.loop import Loop
from reconciler.passes.values import PassResult
from reconciler.wire.protocol import API
from tests.simulation.interruptions import Interrupted, Killed, kill
from tests.simulation.world import World


class MortalWorld(World):
    """A world whose reconciler is killed at certain requests; a new one, which knows nothing, takes over.

    Args:
        at: How many requests lie between one death and the next.
        afterwards: Whether it dies when a request has been carried out, rather than before.
    """

    def __init__(self, at: Sequence[int], *, afterwards: bool = False) -> None:
        self._at, self._afterwards = at, afterwards
        super().__init__(through=self._through)

    def reconcile(self) -> PassResult:
        """One pass, by the first reconciler that survives it."""
        while True:
            try:
                return super().reconcile()
            except Killed:
                self._mortal.revive()
                self.restart()

    def _through(self, api: API) -> API:
        self._mortal = Interrupted(api, self._at, kill, afterwards=self._afterwards)
        return self._mortal


class DisputedWorld(World):
    """A world in which a second reconciler makes a pass between certain requests of the first.

    Args:
        at: How many requests of the first lie between two passes of the second.
    """

    def __init__(self, at: Sequence[int]) -> None:
        super().__init__(alone=False, through=lambda api: Interrupted(api, at, self._dispute))
        self._other = Loop(self.watch, self.settings, clock=self.clock, seconds=self.clock.seconds)

    def _dispute(self) -> None:
        self._other.once()
