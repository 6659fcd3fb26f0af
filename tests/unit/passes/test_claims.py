"""Whose turn it is to work on a tree, where two passes run side by side."""

from models.kinds import DASK_CLUSTER, Key
from reconciler.passes.claims import Claims

A, B = (Key(DASK_CLUSTER, "default", name) for name in "ab")


def test_what_the_full_pass_works_on_is_its_own_until_it_ends() -> None:
    """Then hints of it are looked at again, however long the next full pass is away."""
    claims = Claims()
    claims.begin_full()
    claims.claim_full([A])
    assert set(claims.claim_small([A, B])) == {B}
    claims.end_full()
    assert set(claims.claim_small([A])) == {A}


def test_what_a_small_pass_works_on_when_the_full_one_begins_is_left_to_it() -> None:
    """Or both would make the same hundreds of workers."""
    claims = Claims()
    assert set(claims.claim_small([A])) == {A}
    claims.begin_full()
    assert claims.taken == {A}
    assert claims.claim_full([A, B]) == [B]


def test_what_a_small_pass_takes_meanwhile_is_left_to_it_even_when_it_has_ended() -> None:
    """The full pass saw it before the small one wrote; the next full pass sees what was written."""
    claims = Claims()
    claims.begin_full()
    assert set(claims.claim_small([A])) == {A}
    claims.end_small()
    assert claims.claim_full([A, B]) == [B]
    claims.begin_full()
    assert claims.claim_full([A, B]) == [A, B]


def test_what_the_full_pass_is_through_with_is_free_at_once() -> None:
    """Nobody's hint waits for the end of a pass that has long left its tree."""
    claims = Claims()
    claims.begin_full()
    claims.claim_full([A, B])
    claims.give_back([A])
    assert set(claims.claim_small([A, B])) == {A}
    assert claims.taken == {A}


def test_a_tree_that_the_full_pass_has_not_come_to_yet_is_free() -> None:
    """Someone waits for it, and the full pass may take long until it does."""
    claims = Claims()
    claims.begin_full()
    assert claims.claim_full([A]) == [A]
    assert set(claims.claim_small([A, B])) == {B}
    assert claims.claim_full([B]) == []
