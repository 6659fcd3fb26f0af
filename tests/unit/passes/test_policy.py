"""Policy: what of a plan may be done now, and what is said about the rest."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.kinds import DASK_CLUSTER, Key
from reconciler.passes import policy
from reconciler.passes.values import Action, Change, Plan, Verb
from reconciler.passes.write_backoff import Wait
from reconciler.rules.reasons import Reason
from tests.builders import NAMESPACE, action, plan_of, reasons


def _key(name: str) -> Key:
    return Key(DASK_CLUSTER, NAMESPACE, name)


def _deletes(owner: str, count: int) -> list[Action]:
    return [action(Verb.DELETE, f"{owner}-{number}", owner=owner) for number in range(count)]


def _names(actions: tuple[Action, ...]) -> list[str]:
    return [one.key.name for one in actions]


WAIT = Wait(1, datetime(2026, 1, 31, 12, tzinfo=UTC), 1, "could not create it: exceeded quota", "u")


def test_stopped_owners_and_chains_are_held_in_silence() -> None:
    """Who met an error in this pass was told already."""
    of_owner, of_tree = action(Verb.CREATE, "a", owner="one"), action(Verb.CREATE, "b", owner="two", tree="top")
    free = action(Verb.CREATE, "c", owner="three")
    allowed = policy.without_stopped(plan_of(of_owner, of_tree, free), {_key("one"), _key("top")})
    assert allowed == Plan((free,), (), (of_owner, of_tree))


def test_who_backs_off_is_held_and_told() -> None:
    """The last error stays in sight while nothing is tried."""
    allowed = policy.without_waiting(
        plan_of(action(Verb.CREATE, "a", owner="one"), action(Verb.CREATE, "b", owner="two")), {_key("one"): WAIT}
    )
    assert (_names(allowed.actions), _names(allowed.postponed)) == (["b"], ["a"])
    assert allowed.findings == (WAIT.finding(_key("one")),)


@pytest.mark.parametrize(("altogether", "goes_on"), [(True, []), (False, ["record", "delete"])])
def test_a_refusal_holds_up_nothing_that_was_decided_already(altogether: bool, goes_on: list[str]) -> None:  # noqa: FBT001 -- a table
    """A job's outcome is written although a quota refuses its workers; a server in trouble is left alone."""
    verbs = (Verb.RECORD, Verb.DELETE, Verb.UPDATE, Verb.CREATE)
    plan = plan_of(*(action(verb, str(verb), owner="one") for verb in verbs))
    allowed = policy.without_waiting(plan, {_key("one"): replace(WAIT, altogether=altogether)})
    assert _names(allowed.actions) == goes_on


def test_no_delete_holds_every_delete_and_nothing_else() -> None:
    """With deletion switched off, each owner is told how many objects are not deleted."""
    writes = [action(verb, f"{verb}") for verb in Verb if verb is not Verb.DELETE]
    allowed = policy.without_deletes(plan_of(*_deletes("one", 2), *writes, *_deletes("two", 1)))
    assert allowed.actions == tuple(writes)
    assert [(one.about.name, one.reason) for one in allowed.findings] == [
        ("one", Reason.NO_DELETE),
        ("two", Reason.NO_DELETE),
    ]
    assert "2 objects" in allowed.findings[0].message
    assert "--no-delete" in allowed.findings[0].message


def test_without_deletes_nobody_is_told_anything() -> None:
    """A setting that changes nothing is no news."""
    plan = plan_of(action(Verb.CREATE))
    assert policy.without_deletes(plan) == plan
    assert policy.within_deletion_cap(plan, 1, 0) == plan


@pytest.mark.parametrize(("cap", "postponed"), [(0, []), (5, []), (4, ["big"]), (2, ["big"]), (1, ["big", "small"])])
def test_trees_with_few_deletes_go_first(cap: int, postponed: list[str]) -> None:
    """One large mistake does not hold up the others; a tree's deletes go all together or not at all; 0 is no cap."""
    allowed = policy.within_deletion_cap(plan_of(*_deletes("big", 3), *_deletes("small", 2)), cap, 0)
    assert sorted({one.owner.name for one in allowed.postponed}) == postponed
    assert sorted(one.about.name for one in allowed.findings) == postponed
    assert set(reasons(allowed.findings)) <= {Reason.DELETION_CAP}
    assert all(f"cap of {cap}" in one.message and "--deletion-cap" in one.message for one in allowed.findings)


def test_what_was_deleted_in_earlier_rounds_counts() -> None:
    """The cap is for a whole pass."""
    plan = plan_of(*_deletes("one", 2))
    assert policy.within_deletion_cap(plan, 5, 3).actions == plan.actions
    assert policy.within_deletion_cap(plan, 5, 4).postponed == plan.actions


def test_the_cap_holds_deletes_only() -> None:
    """A tree whose deletes are postponed still heals."""
    create = action(Verb.CREATE, owner="big")
    allowed = policy.within_deletion_cap(plan_of(*_deletes("big", 3), create), 1, 0)
    assert allowed.actions == (create,)


def test_the_cap_is_not_blamed_for_what_something_else_holds() -> None:
    """Deletes postponed by a backoff or by --no-delete are not said to exceed the cap."""
    waiting = policy.without_waiting(plan_of(*_deletes("one", 1)), {_key("one"): WAIT})
    assert reasons(policy.within_deletion_cap(waiting, 10, 0).findings) == [Reason.BACK_OFF]
    switched_off = policy.without_deletes(plan_of(*_deletes("one", 1)))
    assert reasons(policy.within_deletion_cap(switched_off, 10, 0).findings) == [Reason.NO_DELETE]


def test_each_chain_gets_its_share_of_a_round() -> None:
    """A thousand Pods of one cluster do not make another wait."""
    big = [action(Verb.CREATE, f"big-{number}", owner=f"group-{number % 2}", tree="big") for number in range(10)]
    small = [action(Verb.CREATE, f"small-{number}", owner="small") for number in range(2)]
    allowed = policy.within_budget(plan_of(*big, *small), 3)
    assert _names(allowed.actions) == ["big-0", "big-1", "big-2", "small-0", "small-1"]
    assert len(allowed.postponed) == 7
    assert allowed.findings == ()


def test_a_budget_of_nothing_is_no_bound() -> None:
    """0 means any number of writes."""
    plan = plan_of(*_deletes("one", 100))
    assert policy.within_budget(plan, 0) == plan


def test_filters_add_up() -> None:
    """What one filter postponed stays postponed, and in its order."""
    plan = plan_of(*_deletes("one", 1), *[action(Verb.CREATE, f"c{number}", owner="one") for number in range(3)])
    both = policy.within_budget(policy.without_deletes(plan), 2)
    assert _names(both.actions) == ["c0", "c1"]
    assert _names(both.postponed) == ["one-0", "c2"]
    assert reasons(both.findings) == [Reason.NO_DELETE]


def test_a_change_that_someone_undoes_is_made_once_a_pass() -> None:
    """A webhook that takes away what was just set would otherwise be fought with in every round."""
    change = replace(action(Verb.UPDATE), uid="u", changes=(Change("metadata.labels.team", None, "x"),))
    allowed = policy.without_repeated(plan_of(change, action(Verb.CREATE, "q")), [change])
    assert [one.verb for one in allowed.actions] == [Verb.CREATE]
    assert allowed.postponed == (change,)
