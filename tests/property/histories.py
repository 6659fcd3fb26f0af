"""Histories of a world, for Hypothesis to invent."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.simulation.happenings import HAPPENINGS, Happening
from tests.simulation.world import World

OFTEN = ("newcomer", "tick", "tick", "tick", "pass", "child deleted", "worker edited", "scaled")

_happenings = st.builds(Happening, st.sampled_from([*HAPPENINGS, *OFTEN]), st.integers(0, 11), st.integers(0, 11))
beginnings = st.lists(
    st.builds(Happening, st.just("newcomer"), st.integers(0, 7), st.integers(1, 3)), min_size=1, max_size=3
)
histories = st.lists(_happenings, max_size=30)
short_histories = st.lists(_happenings, max_size=15)


def live_through(world: World, history: Sequence[Happening]) -> None:
    """Let a history happen, then let everything come to rest."""
    for happening in history:
        happening.befall(world)
    Happening("nodes back").befall(world)
    world.settle()
