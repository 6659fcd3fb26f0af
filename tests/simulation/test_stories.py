"""Stories drawn from seeds, and the machinery that tells and shrinks them."""

from dataclasses import replace

import pytest

from tests.simulation.__main__ import failure_of
from tests.simulation.happenings import HAPPENINGS, Happening
from tests.simulation.shrinking import Shrinker
from tests.simulation.stories import Setting, Story, draw
from tests.simulation.trials import attempt, bring_to_rest

STORIES = 200
BATCH = 20
TRIES = 60
"""How many shorter stories are tried here; `make simulate SEED=…` tries more."""


@pytest.mark.parametrize("first", range(0, STORIES, BATCH))
def test_every_story_ends_well(first: int) -> None:
    """Whatever happens, every write keeps the rules, and the world comes to what its resources ask for."""
    failed = [seed for seed in range(first, first + BATCH) if attempt(draw(seed)) is not None]
    assert not failed, f"the seeds {failed} fail. The first of them:\n{failure_of(failed[0], TRIES)}"


def test_a_clock_that_was_wrong_makes_nobody_wait_when_it_is_right_again() -> None:
    """What was refused while it was a day ahead is tried again within the longest wait."""
    happenings = (Happening("newcomer", 0, 3), Happening("clock jumps", 1, 3), Happening("refused", 3, 3))
    assert attempt(Story(Setting(), happenings)) is None


def test_a_seed_tells_the_same_story_each_time() -> None:
    """Down to the last request."""
    story = replace(draw(5), ending="")
    first, second = (bring_to_rest(story, story.setting.world()).journal.lines for _ in range(2))
    assert first == second
    assert len(first) > 20


def test_seeds_draw_everything_that_can_happen() -> None:
    """No sort of happening is forgotten."""
    drawn = {happening.what for seed in range(STORIES) for happening in draw(seed).happenings}
    assert drawn >= HAPPENINGS.keys() - {"restart"}


def test_the_shortest_story_has_only_what_its_failure_needs() -> None:
    """Happenings, the times at which they happen, settings and the ending: what does not matter is as by default."""
    needed = {"scaled", "killed"}
    story = replace(draw(3), happenings=tuple(Happening(what, request=7) for what in HAPPENINGS), choice=1)
    story = replace(story, setting=replace(story.setting, deletion_cap=1, no_delete=True, interval=60.0))

    def fails(other: Story) -> bool:
        return needed <= {one.what for one in other.happenings} and other.setting.deletion_cap == 1

    shortest = Shrinker(fails).shortest(story)
    assert shortest.setting == Setting(deletion_cap=1)
    assert [(one.what, one.request) for one in shortest.happenings] == [("scaled", 0), ("killed", 0)]
    assert not shortest.ending
