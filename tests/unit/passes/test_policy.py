"""Policy: what of a plan may be done now, and what is said about the rest."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, Key
from reconciler.passes import policy
from reconciler.passes.values import Action, Change, Finding, Plan, Verb
from reconciler.passes.write_backoff import Wait
from reconciler.rules.reasons import Reason
from tests.builders import NAMESPACE, reasons
from tests.unit.passes.planning import action, plan_of

FAILURES = {"count": 1}


def _key(name: str) -> Key:
    return Key(DASK_CLUSTER, NAMESPACE, name)


def _deletes(owner: str, count: int, tree: str | None = None) -> list[Action]:
    deletes = [action(Verb.DELETE, f"{owner}-{number}", owner=owner, tree=tree) for number in range(count)]
    return [replace(delete, uid=delete.key.name) for delete in deletes]


def _workers(owner: str, count: int) -> list[Action]:
    """Creates that follow from their owner's record."""
    creates = [action(Verb.CREATE, f"{owner}-new-{number}", owner=owner) for number in range(count)]
    return [replace(create, after_record=True) for create in creates]


def _record(owner: str, doomed: int = 0, before: Sequence[str] = (), **decisions: object) -> Action:
    """A record that lets so many Pods go, `owner-0` and on, and decides whatever else is said."""
    uids = tuple(f"{owner}-{number}" for number in range(doomed))
    going = [{"name": uid, "uid": uid} for uid in (*before, *uids)]
    changes: tuple[Change, ...] = ()
    if going:
        decisions["retiring"] = going
        changes = (Change("status.decisions.retiring", [], going),)
    body = {"metadata": {"resourceVersion": "1"}, "status": {"decisions": decisions}}
    record = replace(action(Verb.RECORD, owner, owner=owner, kind=DASK_WORKER_GROUP), body=body)
    return replace(record, doomed=uids, changes=changes, to_status=True)


def _names(actions: Sequence[Action]) -> list[str]:
    return [one.key.name for one in actions]


def _retiring(record: Action) -> list[str]:
    return [one["uid"] for one in record.body["status"]["decisions"]["retiring"]]


def _wait(of: Action) -> Wait:
    return Wait(
        1, 60.0, 1, "u", Finding(of.owner, Reason.BACK_OFF, f"could not {of.verb} {of.key}: exceeded quota"), of.tree
    )


def test_what_met_an_error_in_this_pass_is_held_in_silence() -> None:
    """The whole tree, or the one object that was refused; who met it is told of the error itself."""
    of_tree = action(Verb.CREATE, "a", owner="two", tree="top")
    refused, beside = action(Verb.CREATE, "b", owner="one"), action(Verb.CREATE, "c", owner="one")
    allowed = policy.without_stopped(plan_of(of_tree, refused, beside), {_key("top")}, {refused.subject})
    assert allowed == Plan((beside,), (), (of_tree, refused))


def test_a_refused_worker_holds_all_workers_of_its_owner() -> None:
    """One is as good as another."""
    (refused,) = _workers("one", 1)
    more = [*_workers("one", 3), *_workers("two", 1)]
    assert _names(policy.without_stopped(plan_of(*more), (), {refused.subject}).actions) == ["two-new-0"]


def test_what_someone_takes_back_is_written_once_a_pass() -> None:
    """A webhook that takes away what was just set would otherwise be fought with in every round."""
    change = replace(action(Verb.UPDATE), uid="u", changes=(Change("metadata.labels.team", None, "x"),))
    other = action(Verb.CREATE, "q")
    assert policy.without_undone(plan_of(change, other), {change.subject}, ()) == Plan((other,), (), (change,))


def test_what_was_created_in_this_pass_does_not_go_in_it() -> None:
    """Neither by a delete nor by a decision, whatever it looks like by now; what else is decided stands."""
    old, new = _deletes("one", 2)
    allowed = policy.without_undone(plan_of(old, new), (), {"one-1"})
    assert (allowed.actions, allowed.postponed) == ((old,), (new,))
    record = _record("one", 2, before=["earlier"], failures=FAILURES)
    (less,) = policy.without_undone(plan_of(record), (), {"one-1"}).actions
    assert (_retiring(less), less.doomed) == (["earlier", "one-0"], ("one-0",))
    assert less.body["status"]["decisions"]["failures"] == FAILURES


def test_numbers_that_are_used_are_recorded_though_what_they_doom_is_undone() -> None:
    """A number that nobody wrote down would be given a second time."""
    record = _record("a", 2, highestOrdinal=2)
    undone = replace(_wait(record), finding=Finding(record.owner, Reason.UNDONE, "a webhook"))
    for allowed in (
        policy.without_undone(plan_of(record), {record.subject}, ()),
        policy.without_waiting(plan_of(record), {record.subject: undone}),
    ):
        (left,) = allowed.actions
        assert (left.doomed, left.body["status"]["decisions"]["highestOrdinal"]) == ((), 2)


def test_what_waits_is_held_and_its_owner_told() -> None:
    """The last error stays in sight while nothing is tried; what else its owner needs goes on."""
    waiting = action(Verb.CREATE, "a", owner="one")
    others = [action(Verb.CREATE, "b", owner="one"), action(Verb.DELETE, "a", owner="one"), action(Verb.CREATE, "a")]
    allowed = policy.without_waiting(plan_of(waiting, *others), {waiting.subject: _wait(waiting)})
    assert allowed == Plan(tuple(others), (_wait(waiting).finding,), (waiting,))


def test_the_same_wait_is_told_once() -> None:
    """A thousand Pods that wait for a quota are one piece of news."""
    creates = _workers("one", 1000)
    allowed = policy.without_waiting(plan_of(*creates), {creates[0].subject: _wait(creates[0])})
    assert (allowed.actions, len(allowed.postponed), reasons(allowed.findings)) == ((), 1000, [Reason.BACK_OFF])


def test_an_owner_of_whom_nothing_is_held_is_told_nothing() -> None:
    """What ends a wait is also that someone else did what was to be done."""
    waiting = action(Verb.CREATE, "a", owner="one")
    plan = plan_of(action(Verb.CREATE, "b", owner="one"))
    assert policy.without_waiting(plan, {waiting.subject: _wait(waiting)}) == plan


def test_what_follows_from_a_record_waits_with_it() -> None:
    """A worker takes the place of one that was counted; deletes were decided before."""
    record, workers, deletes = _record("one", highestOrdinal=2), _workers("one", 2), _deletes("one", 1)
    others = _workers("two", 1)
    plan = plan_of(record, *deletes, *workers, *others)
    allowed = policy.without_waiting(plan, {record.subject: _wait(record)})
    assert (allowed.actions, allowed.postponed) == ((*deletes, *others), (record, *workers))
    assert allowed.findings == (_wait(record).finding,)


def test_no_delete_holds_every_deletion_and_every_decision_to_delete() -> None:
    """With deletion switched off, each owner is told how many objects are not deleted."""
    writes = [action(verb, f"{verb}") for verb in Verb if verb is not Verb.DELETE]
    deletes, record = [*_deletes("one", 2), *_deletes("two", 1)], _record("three", 4)
    allowed = policy.without_deletes(plan_of(record, *deletes, *writes))
    assert allowed.actions == tuple(writes)
    assert allowed.postponed == (record, *deletes)
    assert set(reasons(allowed.findings)) == {Reason.NO_DELETE}
    told = {one.about.name: one.message for one in allowed.findings}
    assert len(told) == len(allowed.findings) == 3
    assert "2 objects are not deleted" in told["one"]
    assert "1 object is not deleted" in told["two"]
    assert "4 objects are not deleted" in told["three"]
    assert all("--no-delete" in message for message in told.values())


def test_who_may_not_go_is_not_counted_among_those_let_go() -> None:
    """A record that lets nobody go any more is none; who was not ready never counted."""
    plan = plan_of(_record("one", doomed=3, released=9))
    less = policy.within_deletion_cap(plan, 1, ()).actions[0].body["status"]["decisions"]
    assert ([one["uid"] for one in less["retiring"]], less["released"]) == (["one-0"], 7)
    assert policy.without_deletes(plan).actions == ()


def test_a_record_that_came_to_nothing_is_not_made_again() -> None:
    """In the same pass: an API server may drop what it does not know. Another record is made."""
    one = replace(_record("one", failures=FAILURES), changes=(Change("status.decisions.failures", None, FAILURES),))
    plan, of = plan_of(one), one.subject
    assert policy.without_undone(plan, [of], (), {of: one.changes}).postponed == (one,)
    assert policy.without_undone(plan, [of], (), {of: (Change("another", None, 1),)}).actions == (one,)


def test_what_of_records_came_to_nothing_is_tried_again_seldom() -> None:
    """Whatever it is to be by then; a record that decides more, or lets somebody go, does not wait for that."""
    one = replace(_record("one", threads=2), changes=(Change("status.decisions.threads", None, 2),))
    finding = Finding(one.owner, Reason.UNDONE, "an older API server")
    wait = replace(_wait(one), finding=finding, dropped=frozenset({"status.decisions.threads"}))
    allowed = policy.without_waiting(plan_of(one), {one.subject: wait})
    assert (allowed.actions, allowed.postponed, allowed.findings) == ((), (one,), (finding,))
    more = replace(one, changes=(*one.changes, Change("status.decisions.highestOrdinal", 1, 2)))
    assert policy.without_waiting(plan_of(more), {one.subject: wait}).actions == (more,)


def test_nothing_is_scaled_to_zero_where_nothing_may_be_deleted() -> None:
    """It would be a deletion to come."""
    scaled = replace(_record("one"), body={"spec": {"worker": {"replicas": 0}}}, to_status=False)
    allowed = policy.without_deletes(plan_of(scaled))
    assert (allowed.actions, allowed.postponed) == ((), (scaled,))
    assert reasons(allowed.findings) == [Reason.NO_DELETE]


def test_what_else_a_record_decides_stands_where_nobody_may_go() -> None:
    """Failures are counted, numbers given, workers taken back and created, as if nobody were to go."""
    record = _record("one", 2, before=["earlier"], failures=FAILURES, highestOrdinal=7)
    workers = _workers("one", 1)
    allowed = policy.without_deletes(plan_of(record, *workers))
    less, *rest = allowed.actions
    assert (rest, allowed.postponed) == (workers, ())
    assert less.doomed == ()
    assert less.body["metadata"] == record.body["metadata"]
    retiring = [{"name": "earlier", "uid": "earlier"}]
    assert less.body["status"]["decisions"] == {"failures": FAILURES, "highestOrdinal": 7, "retiring": retiring}
    assert less.changes == (Change("status.decisions.retiring", [], retiring),)


def test_who_may_not_go_does_not_count_as_let_go() -> None:
    """Those that were ready count; of a record that decides nothing else, nothing is left."""
    record = _record("one", 3, highestOrdinal=7, released=12)
    going = record.body["status"]["decisions"]["retiring"]
    going[1]["ready"] = False
    (less,) = policy.without_deletes(plan_of(record)).actions
    assert less.body["status"]["decisions"] == {"highestOrdinal": 7, "released": 10, "retiring": []}
    assert policy.without_deletes(plan_of(_record("one", 2, released=2))).actions == ()


def test_without_deletions_nobody_is_told_anything() -> None:
    """A setting that changes nothing is no news."""
    plan = plan_of(_record("one", highestOrdinal=1), *_workers("one", 1), action(Verb.UPDATE))
    assert policy.without_deletes(plan) == plan
    assert policy.within_deletion_cap(plan, 1, ()) == plan


@pytest.mark.parametrize(("cap", "big", "small"), [(0, 3, 2), (5, 3, 2), (4, 2, 2), (3, 1, 2), (2, 0, 2), (1, 0, 1)])
@pytest.mark.parametrize("decided", [False, True])
def test_the_cap_throttles_and_trees_with_few_deletions_go_first(
    cap: int, big: int, small: int, *, decided: bool
) -> None:
    """One large mistake does not hold up the others, and locks nobody in; 0 is no cap."""
    plan = (
        plan_of(_record("big", 3), _record("small", 2))
        if decided
        else plan_of(*_deletes("big", 3), *_deletes("small", 2))
    )
    allowed = policy.within_deletion_cap(plan, cap, ())
    going = [uid for one in allowed.actions for uid in (one.doomed or (one.uid,)) if uid]
    assert going == [*(f"big-{number}" for number in range(big)), *(f"small-{number}" for number in range(small))]
    told = {one.about.name: one for one in allowed.findings}
    assert sorted(told) == [name for name, count, of in (("big", big, 3), ("small", small, 2)) if count < of]
    for name, count, of in (("big", big, 3), ("small", small, 2)):
        if name in told:
            assert told[name].reason is Reason.DELETION_CAP
            assert f"{count} of {of} deletions are made in this pass" in told[name].message
            assert f"--deletion-cap {cap}" in told[name].message


def test_all_owners_of_a_tree_are_throttled_as_one() -> None:
    """Two groups of one cluster have no more room than one."""
    groups = [*_deletes("one", 2, tree="top"), *_deletes("two", 2, tree="top")]
    allowed = policy.within_deletion_cap(plan_of(*groups, *_deletes("other", 3)), 5, ())
    assert _names(allowed.actions) == ["one-0", "one-1", "other-0", "other-1", "other-2"]


def test_what_was_deleted_in_earlier_rounds_counts() -> None:
    """The cap is for a whole pass, and so is what is told of it."""
    done = [*_deletes("one", 1), *_deletes("other", 2)]
    plan = plan_of(*_deletes("one", 9))
    assert policy.within_deletion_cap(plan, 12, done) == plan
    allowed = policy.within_deletion_cap(plan, 5, done)
    assert len(allowed.actions) == 2
    assert "3 of 10 deletions" in allowed.findings[0].message
    assert policy.within_deletion_cap(plan, 2, done).actions == ()


def test_a_deletion_that_was_decided_in_this_pass_is_not_counted_twice() -> None:
    """Deciding and deleting each have the whole cap, so that what is decided is also done in one pass."""
    record = _record("one", 3)
    assert policy.within_deletion_cap(plan_of(*_deletes("one", 3)), 3, [record]).postponed == ()
    assert policy.within_deletion_cap(plan_of(_record("two", 1)), 3, [record]).actions == ()
    assert policy.within_deletion_cap(plan_of(_record("two", 3)), 3, _deletes("one", 3)).postponed == ()


def test_the_cap_holds_deletions_only() -> None:
    """A tree whose deletions are postponed still heals."""
    create, record = action(Verb.CREATE, owner="big"), _record("big", 3, failures=FAILURES)
    allowed = policy.within_deletion_cap(plan_of(record, *_deletes("big", 3), create), 1, ())
    assert [one.verb for one in allowed.actions] == [Verb.RECORD, Verb.DELETE, Verb.CREATE]
    assert _retiring(allowed.actions[0]) == ["big-0"]


def test_the_cap_is_not_blamed_for_what_something_else_holds() -> None:
    """Deletions postponed by a backoff or by --no-delete are not said to exceed the cap."""
    (delete,) = _deletes("one", 1)
    waiting = policy.without_waiting(plan_of(delete), {delete.subject: _wait(delete)})
    assert reasons(policy.within_deletion_cap(waiting, 10, ()).findings) == [Reason.BACK_OFF]
    switched_off = policy.without_deletes(plan_of(delete))
    assert reasons(policy.within_deletion_cap(switched_off, 10, ()).findings) == [Reason.NO_DELETE]


def test_filters_add_up() -> None:
    """What one filter postponed stays postponed, and in its order."""
    deletes, creates = _deletes("one", 1), [action(Verb.CREATE, f"c{number}", owner="one") for number in range(3)]
    both = policy.without_stopped(policy.without_deletes(plan_of(*deletes, *creates)), (), {creates[2].subject})
    assert (_names(both.actions), _names(both.postponed)) == (["c0", "c1"], ["one-0", "c2"])
    assert reasons(both.findings) == [Reason.NO_DELETE]
