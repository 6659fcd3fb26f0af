"""Whatever has happened, once nothing more does, the world becomes what its resources ask for, and stays so."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.rules.names import Naming
from tests.property.histories import beginnings, histories, live_through
from tests.simulation.happenings import Happening
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World


@given(beginnings, histories, st.sampled_from(Naming))
def test_passes_converge_to_what_the_resources_ask_for(
    beginning: list[Happening], history: list[Happening], naming: Naming
) -> None:
    """After any history the passes come to rest, in a world that the resources alone describe.

    On the way every write is watched: tests/simulation/watch.py lists the rules.
    """
    world = World(naming=naming)
    live_through(world, [*beginning, *history])
    check_at_rest(world)


@given(beginnings, histories, st.integers(1, 7))
def test_a_small_deletion_cap_changes_only_how_long_it_takes(
    beginning: list[Happening], history: list[Happening], cap: int
) -> None:
    """What is postponed is done in a later pass."""
    world = World(deletion_cap=cap)
    live_through(world, [*beginning, *history])
    check_at_rest(world)


@given(beginnings, histories)
def test_with_deletion_switched_off_nothing_is_deleted_and_the_passes_come_to_rest(
    beginning: list[Happening], history: list[Happening]
) -> None:
    """Nor is any bound broken; and when deletion is allowed again, the world is what was asked for."""
    world = World(no_delete=True)
    live_through(world, [*beginning, *history])
    world.allow_deletion()
    world.settle()
    check_at_rest(world)


@given(beginnings, histories)
def test_a_second_pass_at_the_same_moment_does_nothing(beginning: list[Happening], history: list[Happening]) -> None:
    """A pass leaves nothing to be done that needs no waiting: planning on its own result is empty."""
    world = World()
    for happening in [*beginning, *history]:
        happening.befall(world)
    world.reconcile()
    writes = world.watch.writes
    second = world.reconcile()
    assert second.plan.actions == (), world.last_words()
    assert world.watch.writes == writes, world.last_words()
