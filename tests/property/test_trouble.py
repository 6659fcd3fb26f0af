"""Whatever goes wrong between the reconciler and the API, it ends in the world that the resources ask for."""

from hypothesis import given
from hypothesis import strategies as st

from tests.faults import Fault, Faulty, plans
from tests.property.histories import beginnings, live_through, short_histories
from tests.simulation.happenings import Happening
from tests.simulation.oracle import check_at_rest
from tests.simulation.troubled import DisputedWorld, MortalWorld
from tests.simulation.world import World

gaps = st.lists(st.integers(0, 25), min_size=1, max_size=15)


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
    beginning: list[Happening],
    history: list[Happening],
    at: list[int],
    afterwards: bool,  # noqa: FBT001  # Hypothesis gives it by position
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
