"""Whatever goes wrong between the reconciler and the API, it ends in the world that the resources ask for."""

from hypothesis import given, strategies as st

from reconciler.loop import Loop
from tests.faults import Fault, Faulty, plans
from tests.property.histories import beginnings, histories, live_through
from tests.simulation.happenings import Happening
from tests.simulation.interruptions import Interrupted, Killed, kill
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World

gaps = st.lists(st.integers(0, 25), min_size=1, max_size=15)
short_histories = histories.map(lambda history: history[:15])


@given(beginnings, short_histories, plans(max_size=80))
def test_requests_that_fail_before_or_after_their_effect_change_nothing_in_the_end(
    beginning: list[Happening], history: list[Happening], plan: list[Fault | None]
) -> None:
    """Refused, throttled and lost requests, lost answers: no duplicate, no orphan, the same world."""
    world = World(through=lambda api: Faulty(api, plan))
    live_through(world, [*beginning, *history])
    check_at_rest(world)


@given(beginnings, short_histories, gaps, st.booleans())
def test_a_reconciler_killed_between_any_two_requests_leaves_nothing_that_the_next_cannot_finish(
    beginning: list[Happening], history: list[Happening], at: list[int], afterwards: bool
) -> None:
    """Killed before or after any request, a new reconciler that has forgotten everything takes over."""
    world = MortalWorld(at, afterwards=afterwards)
    live_through(world, [*beginning, *history])
    check_at_rest(world)


@given(beginnings, short_histories, gaps)
def test_two_reconcilers_that_both_believe_they_lead_agree_in_the_end(
    beginning: list[Happening], history: list[Happening], at: list[int]
) -> None:
    """A second reconciler makes whole passes between any two requests of the first."""
    world = DisputedWorld(at)
    live_through(world, [*beginning, *history])
    check_at_rest(world)


class MortalWorld(World):
    """A world whose reconciler is killed at certain requests and started anew."""

    def __init__(self, at: list[int], *, afterwards: bool) -> None:
        self._killer = lambda api: Interrupted(api, at, kill, afterwards=afterwards)
        super().__init__(through=self._through)

    def _through(self, api):  # type: ignore[no-untyped-def]
        self._mortal = self._killer(api)
        return self._mortal

    def reconcile(self):  # type: ignore[no-untyped-def]
        while True:
            try:
                return super().reconcile()
            except Killed:
                self._mortal.revive()
                self.restart()


class DisputedWorld(World):
    """A world in which a second reconciler makes a pass at certain requests of the first."""

    def __init__(self, at: list[int]) -> None:
        super().__init__(alone=False, through=lambda api: Interrupted(api, at, self._dispute))
        self._other = Loop(self.watch, self.settings, clock=self.clock)

    def _dispute(self) -> None:
        self._other.once()
