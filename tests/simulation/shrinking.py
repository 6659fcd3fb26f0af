"""The shortest story that still fails in the same way: delta debugging, then settings to their defaults."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.stories import Story

MOST_TRIES = 300


class Shrinker:
    """Makes a failing story shorter.

    Args:
        fails: Whether a story fails in the same way.
        tries: How many stories may be tried.
    """

    def __init__(self, fails: Callable[[Story], bool], tries: int = MOST_TRIES) -> None:
        self._fails = fails
        self._left = tries

    def shortest(self, story: Story) -> Story:
        """The shortest one found."""
        before = None
        while before != story and self._left > 0:
            before = story
            story = self._without_happenings(story)
            story = self._simpler(story)
        return story

    def _still_fails(self, story: Story) -> bool:
        self._left -= 1
        return self._left >= 0 and self._fails(story)

    def _without_happenings(self, story: Story) -> Story:
        """Leave out halves, quarters, …, single happenings, from the end."""
        size = max(1, len(story.happenings) // 2)
        while size:
            place = len(story.happenings) - size
            while place > -size:
                kept = story.happenings[: max(0, place)] + story.happenings[place + size :]
                shorter = replace(story, happenings=kept)
                if self._still_fails(shorter):
                    story = shorter
                place -= size
            size //= 2
        return story

    def _simpler(self, story: Story) -> Story:
        """Take over each simplification that still fails."""
        for simpler in story.simpler():
            if self._still_fails(simpler):
                return self._simpler(simpler)
        return story
