"""What is remembered of passes side by side, and for how long."""

from models.kinds import DASK_CLUSTER, SERVICE, Key
from reconciler.passes.pass_memory import Memory
from reconciler.passes.values import Finding
from reconciler.passes.write_backoff import FORGOTTEN_AFTER, Backoff, Repeat
from reconciler.rules.reasons import Reason

A, B = (Key(DASK_CLUSTER, "default", name) for name in "ab")
P, Q = (Key(SERVICE, "default", name) for name in "pq")
LATER = FORGOTTEN_AFTER.total_seconds()


def _changed(**repeats: Repeat) -> Memory:
    return Memory(Backoff(repeats={Key(SERVICE, "default", name): repeat for name, repeat in repeats.items()}))


def test_of_a_change_that_was_repeated_the_later_count_stands() -> None:
    """Whichever of two passes ends first."""
    once, twice = _changed(p=Repeat("x", 1, 1.0)), _changed(p=Repeat("x", 2, 2.0))
    assert once.merged(twice, lambda _: True) == twice.merged(once, lambda _: True) == twice


def test_a_change_is_forgotten_when_it_counts_no_more() -> None:
    """Or the daemon would grow with each Service that was ever corrected."""
    known = _changed(p=Repeat("x", 1, 1.0), q=Repeat("x", 1, 2.0))
    after = known.merged(_changed(r=Repeat("x", 1, LATER + 1.0)), lambda _: True)
    assert {key.name for key in after.backoff.repeats} == {"q", "r"}


def test_a_bug_is_forgotten_when_a_pass_of_its_tree_did_not_meet_it() -> None:
    """If it comes back, its traceback is logged again."""
    first, second = (Finding(key, Reason.INTERNAL_ERROR, "KeyError: 1") for key in (A, B))
    known = Memory(bugs=(first, second))
    assert known.merged(Memory(), A.__eq__).bugs == (second,)
    assert known.merged(known, A.__eq__).bugs == (second, first)
