"""Workers: who is kept, created, let go, deleted, and in what order that is decided."""

from datetime import timedelta

import pytest

from reconciler.passes.desire import desire
from reconciler.rules.labels import ORDINAL, SCHEDULER_HASH, TEMPLATE_HASH
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import scheduler_hash, worker_hash
from tests.builders import (
    NOON,
    group,
    reasons,
    scheduler,
    worker,
    world,
)
from tests.unit.passes.desire.groups import ONE, created, desired, group_of_one, kept, leaving, name_of, three


def test_a_new_group_gets_its_workers_with_their_names_in_their_environment() -> None:
    """Each knows its own name, where the scheduler is, and what it was made from."""
    one = group_of_one(
        labels={"a": "group", "b": "group"}, worker={"metadata": {"labels": {"b": "pod"}, "annotations": {"c": "d"}}}
    )
    found = desired(one)
    assert created(found) == [name_of(1), name_of(2), name_of(3)]
    body = found.wanted[1].body
    assert body["metadata"]["labels"] == {
        "team": "cluster",
        "a": "group",
        "b": "pod",
        "dask.org/cluster-name": "simple",
        "dask.org/component": "worker",
        "dask.org/workergroup-name": "more",
    }
    annotations = body["metadata"]["annotations"]
    assert (annotations["c"], annotations[ORDINAL]) == ("d", "2")
    assert annotations[TEMPLATE_HASH] == worker_hash(one, ONE)
    assert annotations[SCHEDULER_HASH] == scheduler_hash(ONE)
    assert body["spec"]["containers"][0]["env"] == [
        {"name": "DASK_WORKER_NAME", "value": name_of(2)},
        {"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://simple-scheduler.default.svc:8786"},
    ]


def test_a_long_group_name_is_shortened_in_the_label_and_nowhere_else() -> None:
    """A label's value has 63 characters at most, a Pod's name 253."""
    one = group(ONE, "g" * 100, replicas=1)
    (wanted,) = desired(one).wanted
    assert wanted.key.name.startswith("g" * 100 + "-worker-")
    assert len(wanted.body["metadata"]["labels"]["dask.org/workergroup-name"]) == 63


def test_enough_workers_are_kept_as_they_are() -> None:
    """Ready or not."""
    one = group_of_one()
    found = desired(one, worker(one, ONE, 1), worker(one, ONE, 2, ready=False), worker(one, ONE, 3, phase="Pending"))
    assert kept(found) == [name_of(1), name_of(2), name_of(3)]
    assert (created(found), found.records, found.unwanted) == ([], (), ())


def test_a_worker_that_is_gone_or_going_is_replaced_under_a_new_name() -> None:
    """An ordinal is never used again, so Dask never sees an old name."""
    one = group_of_one(status={"highestOrdinal": 3})
    assert created(desired(one, worker(one, ONE, 1), worker(one, ONE, 2))) == [name_of(4)]
    leaving = worker(one, ONE, 3, deleting=NOON)
    assert created(desired(group_of_one(), worker(one, ONE, 1), worker(one, ONE, 2), leaving)) == [name_of(4)]


def test_the_next_ordinal_is_beyond_the_high_water_mark_and_nobodys() -> None:
    """A gap beyond the mark is one that another daemon is about to fill: the same name fills it once."""
    low, high = group_of_one(status={"highestOrdinal": 2}), group_of_one(status={"highestOrdinal": 9})
    pods = [worker(low, ONE, 3), worker(low, ONE, 5)]
    assert created(desired(low, *pods)) == [name_of(4)]
    assert created(desired(low, *pods[:1])) == [name_of(4), name_of(5)]
    assert created(desired(high, *pods)) == [name_of(10)]


def test_a_worker_whose_ordinal_was_damaged_does_not_block_the_group() -> None:
    """Its name is skipped."""
    one = group_of_one()
    damaged = worker(one, ONE, 2, annotations={ORDINAL: "x"})
    assert created(desired(one, worker(one, ONE, 1), damaged)) == [name_of(3)]


def test_who_goes_is_written_down_before_anything_is_deleted() -> None:
    """Under guard of the group's version, with the high-water mark; two reconcilers cannot choose differently."""
    one = group_of_one(replicas=1)
    found = desired(one, worker(one, ONE, 1), worker(one, ONE, 2, ready=False), worker(one, ONE, 3))
    assert (found.wanted, found.unwanted) == ((), ())
    assert leaving(found) == sorted([name_of(2), name_of(3)])
    assert found.records[0].resource is one
    assert found.records[0].body["status"]["highestOrdinal"] == 3


def test_only_who_is_written_down_is_deleted() -> None:
    """The decision stands, whatever has happened since."""
    one = group_of_one(replicas=3, status={"retiring": [name_of(2), name_of(3), "long-gone"]})
    pods = [worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, deleting=NOON)]
    found = desired(one, *pods)
    assert [unwanted.present.metadata.name for unwanted in found.unwanted] == [name_of(2)]
    assert kept(found) == [name_of(1)]


def test_a_replacement_waits_until_deletion_has_begun() -> None:
    """Where deletions are held back, workers do not pile up."""
    one = group_of_one(replicas=3, status={"retiring": [name_of(2), name_of(3)]})
    here = [worker(one, ONE, ordinal) for ordinal in (1, 2, 3)]
    assert created(desired(one, *here)) == []
    leaving = [worker(one, ONE, ordinal, deleting=NOON) for ordinal in (2, 3)]
    assert created(desired(one, here[0], *leaving)) == [name_of(4), name_of(5)]


def test_names_that_are_gone_are_dropped_from_the_decision_with_the_next() -> None:
    """The list stays as long as the group at most."""
    one = group_of_one(replicas=1, status={"retiring": [name_of(3), "long-gone"]})
    assert leaving(desired(one, *three(one))) == sorted([name_of(2), name_of(3)])


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_worker_that_ended_is_counted_and_replaced_after_a_wait(phase: str) -> None:
    """First it is written down, then it is deleted; its successor comes when the wait is over."""
    one = group_of_one()
    pods = [worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, phase=phase, exit_code=1)]
    (record,) = desired(one, *pods).records
    status = record.body["status"]
    assert status["retiring"] == [name_of(3)]
    assert status["failures"]["count"] == 1
    assert "exit code 1" in record.reason

    counted = group_of_one(status=status)
    found = desired(counted, *pods)
    assert [unwanted.present.metadata.name for unwanted in found.unwanted] == [name_of(3)]
    assert (created(found), reasons(found.findings)) == ([], [Reason.BACK_OFF])
    assert "2026-01-31T12:00:10Z" in found.findings[0].message
    later = desired(counted, *pods[:2], at=NOON + timedelta(seconds=10))
    assert (created(later), later.findings) == ([name_of(4)], ())


def test_an_evicted_worker_is_replaced_at_once() -> None:
    """It ran no crashing image."""
    one = group_of_one()
    (record,) = desired(one, worker(one, ONE, 1, phase="Failed", disrupted=True)).records
    assert "failures" not in record.body["status"]


def test_the_wait_holds_up_nothing_but_new_workers() -> None:
    """Scaling down goes on, and enough workers say nothing of a wait."""
    failures = {"count": 3, "lastTime": "2026-01-31T12:00:00Z", "templateHash": worker_hash(group_of_one(), ONE)}
    one = group_of_one(status={"failures": failures})
    assert desired(one, *three(one)).findings == ()
    fewer = group_of_one(replicas=1, status={"failures": failures})
    assert len(leaving(desired(fewer, *three(fewer)))) == 2


def test_another_template_does_not_wait_for_the_failures_of_the_old_one() -> None:
    """Who mends the image sees it run at once."""
    failures = {"count": 6, "lastTime": "2026-01-31T12:00:00Z", "templateHash": "old"}
    one = group_of_one(status={"failures": failures})
    assert len(created(desired(one))) == 3


def test_a_changed_template_rolls_one_by_one() -> None:
    """By default one goes at a time."""
    one = group_of_one()
    assert leaving(desired(one, *three(one, stale=True))) == [name_of(3)]


def test_a_worker_counts_as_available_after_min_ready_seconds() -> None:
    """Until then no other goes in a rolling update."""
    one = group_of_one(worker={"minReadySeconds": 60})
    stale = [worker(one, ONE, ordinal, stale=True) for ordinal in (1, 2)]
    fresh = worker(one, ONE, 3, ready_for=timedelta(seconds=59))
    assert desired(one, *stale, fresh).records == ()
    ripe = worker(one, ONE, 3, ready_for=timedelta(seconds=60))
    assert len(leaving(desired(one, *stale, ripe))) == 1


def test_recreate_waits_for_the_last_of_the_old_workers() -> None:
    """Terminating ones, and those whose deletion is held back."""
    recreate = {"updateStrategy": {"type": "Recreate"}}
    one = group_of_one(worker=recreate)
    assert len(leaving(desired(one, *three(one, stale=True)))) == 3
    assert created(desired(one, worker(one, ONE, 1, stale=True, deleting=NOON))) == []
    held = group_of_one(worker=recreate, status={"retiring": [name_of(1)]})
    assert created(desired(held, worker(held, ONE, 1, stale=True))) == []
    assert len(created(desired(one))) == 3


def test_workers_of_a_scheduler_that_is_gone_go_with_it() -> None:
    """Once the deletion of the old scheduler has begun, and not while it is held back."""
    one = group_of_one()
    orphans = three(one, orphaned=True)
    assert len(leaving(desired(one, *orphans))) == 3
    living = world(ONE, scheduler(ONE, template_hash="old"), one, *orphans)
    assert desire(one, living, Naming.CLASSIC).records == ()
