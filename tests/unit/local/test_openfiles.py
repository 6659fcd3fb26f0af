"""How many files the command may have open: as many as the system gives."""

import resource
from itertools import pairwise

import pytest

from reconciler.local.openfiles import WANTED, limits

NO_LIMIT = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "first"),
    [
        (1024, 4096, 4096),
        (256, NO_LIMIT, WANTED),
        (1024, 1 << 20, WANTED),
        (1024, 12345, 12345),
    ],
)
def test_the_most_that_is_wanted_and_allowed_is_tried_first(soft: int, hard: int, first: int) -> None:
    """What more is allowed is of no use."""
    assert next(limits(soft, hard)) == first


@pytest.mark.parametrize(("soft", "hard"), [(4096, 4096), (NO_LIMIT, NO_LIMIT), (WANTED, NO_LIMIT), (1 << 20, 1 << 20)])
def test_a_limit_that_is_high_enough_is_left_alone(soft: int, hard: int) -> None:
    """Nothing is ever lowered."""
    assert [*limits(soft, hard)] == []


def test_what_macos_takes_for_certain_is_among_what_is_tried() -> None:
    """It tells that there is no limit, and refuses what is above its own; each try is lower than the one before."""
    tried = [*limits(256, NO_LIMIT)]
    assert 10240 in tried
    assert all(one > other > 256 for one, other in pairwise(tried))
