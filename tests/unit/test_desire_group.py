"""Worker groups: who is kept, created, let go, deleted, and in what order that is decided."""

from datetime import timedelta
from typing import Any

import pytest

from models.actions import Desired, Topic
from models.kinds import DASK_CLUSTER, POD
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Observed, Unreadable
from reconciler import names
from reconciler.desire import desire
from reconciler.labels import KOPF_FINALIZER, ORDINAL, SCHEDULER_HASH, TEMPLATE_HASH
from reconciler.names import Naming
from reconciler.revision import scheduler_hash, worker_hash
from tests.builders import (
    NOON,
    cluster,
    group,
    pod,
    pod_spec,
    reference,
    scheduler,
    topics,
    unreadable,
    worker,
    world,
)

ONE = cluster(labels={"team": "cluster", "a": "cluster"})
HEAD = scheduler(ONE)


def _group(**more: Any) -> DaskWorkerGroup:
    return group(ONE, "more", **more)


def _desired(of: DaskWorkerGroup, *objects: Observed | Unreadable, **more: Any) -> Desired:
    return desire(of, world(ONE, HEAD, of, *objects, **more), Naming.CLASSIC)


def _created(desired: Desired) -> list[str]:
    return [wanted.key.name for wanted in desired.wanted if wanted.present is None]


def _kept(desired: Desired) -> list[str]:
    return [wanted.key.name for wanted in desired.wanted if wanted.present is not None]


def _leaving(desired: Desired) -> list[str]:
    """Who is written down as going."""
    (record,) = desired.records
    retiring: list[str] = record.body["status"]["retiring"]
    return retiring


def _name(ordinal: int) -> str:
    return names.worker("more", _group().metadata.uid, ordinal)


def _three(of: DaskWorkerGroup, **more: Any) -> list[Pod]:
    return [worker(of, ONE, ordinal, **more) for ordinal in (1, 2, 3)]


def test_a_new_group_gets_its_workers_with_their_names_in_their_environment() -> None:
    """Each knows its own name, where the scheduler is, and what it was made from."""
    one = _group(
        labels={"a": "group", "b": "group"}, worker={"metadata": {"labels": {"b": "pod"}, "annotations": {"c": "d"}}}
    )
    desired = _desired(one)
    assert _created(desired) == [_name(1), _name(2), _name(3)]
    body = desired.wanted[1].body
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
        {"name": "DASK_WORKER_NAME", "value": _name(2)},
        {"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://simple-scheduler.default.svc:8786"},
    ]


def test_a_long_group_name_is_shortened_in_the_label_and_nowhere_else() -> None:
    """A label's value has 63 characters at most, a Pod's name 253."""
    one = group(ONE, "g" * 100, replicas=1)
    (wanted,) = _desired(one).wanted
    assert wanted.key.name.startswith("g" * 100 + "-worker-")
    assert len(wanted.body["metadata"]["labels"]["dask.org/workergroup-name"]) == 63


def test_enough_workers_are_kept_as_they_are() -> None:
    """Ready or not."""
    one = _group()
    desired = _desired(one, worker(one, ONE, 1), worker(one, ONE, 2, ready=False), worker(one, ONE, 3, phase="Pending"))
    assert _kept(desired) == [_name(1), _name(2), _name(3)]
    assert (_created(desired), desired.records, desired.unwanted) == ([], (), ())


def test_a_worker_that_is_gone_or_going_is_replaced_under_a_new_name() -> None:
    """An ordinal is never used again, so Dask never sees an old name."""
    one = _group(status={"highestOrdinal": 3})
    assert _created(_desired(one, worker(one, ONE, 1), worker(one, ONE, 2))) == [_name(4)]
    leaving = worker(one, ONE, 3, deleting=NOON)
    assert _created(_desired(_group(), worker(one, ONE, 1), worker(one, ONE, 2), leaving)) == [_name(4)]


def test_the_next_ordinal_is_beyond_the_highest_seen_and_the_high_water_mark() -> None:
    """Whichever is higher."""
    low, high = _group(status={"highestOrdinal": 2}), _group(status={"highestOrdinal": 9})
    pods = [worker(low, ONE, 5), worker(low, ONE, 1)]
    assert _created(_desired(low, *pods)) == [_name(6)]
    assert _created(_desired(high, *pods)) == [_name(10)]


def test_a_worker_whose_ordinal_was_damaged_does_not_block_the_group() -> None:
    """Its name is skipped."""
    one = _group()
    damaged = worker(one, ONE, 2, annotations={ORDINAL: "x"})
    assert _created(_desired(one, worker(one, ONE, 1), damaged)) == [_name(3)]


def test_who_goes_is_written_down_before_anything_is_deleted() -> None:
    """Under guard of the group's version, with the high-water mark; two reconcilers cannot choose differently."""
    one = _group(replicas=1)
    desired = _desired(one, worker(one, ONE, 1), worker(one, ONE, 2, ready=False), worker(one, ONE, 3))
    assert (desired.wanted, desired.unwanted) == ((), ())
    assert _leaving(desired) == sorted([_name(2), _name(3)])
    assert desired.records[0].resource is one
    assert desired.records[0].body["status"]["highestOrdinal"] == 3


def test_only_who_is_written_down_is_deleted() -> None:
    """The decision stands, whatever has happened since."""
    one = _group(replicas=3, status={"retiring": [_name(2), _name(3), "long-gone"]})
    pods = [worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, deleting=NOON)]
    desired = _desired(one, *pods)
    assert [unwanted.present.metadata.name for unwanted in desired.unwanted] == [_name(2)]
    assert _kept(desired) == [_name(1)]


def test_a_replacement_waits_until_deletion_has_begun() -> None:
    """Where deletions are held back, workers do not pile up."""
    one = _group(replicas=3, status={"retiring": [_name(2), _name(3)]})
    here = [worker(one, ONE, ordinal) for ordinal in (1, 2, 3)]
    assert _created(_desired(one, *here)) == []
    leaving = [worker(one, ONE, ordinal, deleting=NOON) for ordinal in (2, 3)]
    assert _created(_desired(one, here[0], *leaving)) == [_name(4), _name(5)]


def test_names_that_are_gone_are_dropped_from_the_decision_with_the_next() -> None:
    """The list stays as long as the group at most."""
    one = _group(replicas=1, status={"retiring": [_name(3), "long-gone"]})
    assert _leaving(_desired(one, *_three(one))) == sorted([_name(2), _name(3)])


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_worker_that_ended_is_counted_and_replaced_after_a_wait(phase: str) -> None:
    """First it is written down, then it is deleted; its successor comes when the wait is over."""
    one = _group()
    pods = [worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, phase=phase, exit_code=1)]
    (record,) = _desired(one, *pods).records
    status = record.body["status"]
    assert status["retiring"] == [_name(3)]
    assert status["failures"]["count"] == 1
    assert "exit code 1" in record.reason

    counted = _group(status=status)
    desired = _desired(counted, *pods)
    assert [unwanted.present.metadata.name for unwanted in desired.unwanted] == [_name(3)]
    assert (_created(desired), topics(desired.findings)) == ([], [Topic.BACK_OFF])
    assert "2026-01-31T12:00:10Z" in desired.findings[0].message
    later = _desired(counted, *pods[:2], at=NOON + timedelta(seconds=10))
    assert (_created(later), later.findings) == ([_name(4)], ())


def test_an_evicted_worker_is_replaced_at_once() -> None:
    """It ran no crashing image."""
    one = _group()
    (record,) = _desired(one, worker(one, ONE, 1, phase="Failed", disrupted=True)).records
    assert "failures" not in record.body["status"]


def test_the_wait_holds_up_nothing_but_new_workers() -> None:
    """Scaling down goes on, and enough workers say nothing of a wait."""
    failures = {"count": 3, "lastTime": "2026-01-31T12:00:00Z", "templateHash": worker_hash(_group(), ONE)}
    one = _group(status={"failures": failures})
    assert _desired(one, *_three(one)).findings == ()
    fewer = _group(replicas=1, status={"failures": failures})
    assert len(_leaving(_desired(fewer, *_three(fewer)))) == 2


def test_another_template_does_not_wait_for_the_failures_of_the_old_one() -> None:
    """Who mends the image sees it run at once."""
    failures = {"count": 6, "lastTime": "2026-01-31T12:00:00Z", "templateHash": "old"}
    one = _group(status={"failures": failures})
    assert len(_created(_desired(one))) == 3


def test_a_changed_template_rolls_one_by_one() -> None:
    """By default one goes at a time."""
    one = _group()
    assert _leaving(_desired(one, *_three(one, stale=True))) == [_name(3)]


def test_a_worker_counts_as_available_after_min_ready_seconds() -> None:
    """Until then no other goes in a rolling update."""
    one = _group(worker={"minReadySeconds": 60})
    stale = [worker(one, ONE, ordinal, stale=True) for ordinal in (1, 2)]
    fresh = worker(one, ONE, 3, ready_for=timedelta(seconds=59))
    assert _desired(one, *stale, fresh).records == ()
    ripe = worker(one, ONE, 3, ready_for=timedelta(seconds=60))
    assert len(_leaving(_desired(one, *stale, ripe))) == 1


def test_recreate_waits_for_the_last_of_the_old_workers() -> None:
    """Terminating ones, and those whose deletion is held back."""
    recreate = {"updateStrategy": {"type": "Recreate"}}
    one = _group(worker=recreate)
    assert len(_leaving(_desired(one, *_three(one, stale=True)))) == 3
    assert _created(_desired(one, worker(one, ONE, 1, stale=True, deleting=NOON))) == []
    held = _group(worker=recreate, status={"retiring": [_name(1)]})
    assert _created(_desired(held, worker(held, ONE, 1, stale=True))) == []
    assert len(_created(_desired(one))) == 3


def test_workers_of_a_scheduler_that_is_gone_go_with_it() -> None:
    """Once the deletion of the old scheduler has begun, and not while it is held back."""
    one = _group()
    orphans = _three(one, orphaned=True)
    assert len(_leaving(_desired(one, *orphans))) == 3
    living = world(ONE, scheduler(ONE, template_hash="old"), one, *orphans)
    assert desire(one, living, Naming.CLASSIC).records == ()


def test_a_group_whose_cluster_is_missing_says_so() -> None:
    """And acts when it appears."""
    lost = group("nobody")
    desired = desire(lost, world(lost), Naming.CLASSIC)
    assert (desired.wanted, topics(desired.findings)) == ((), [Topic.CLUSTER_NOT_FOUND])
    assert "DaskCluster default/nobody" in desired.findings[0].message
    unread = desire(lost, world(lost, unreadable(DASK_CLUSTER, "nobody")), Naming.CLASSIC)
    assert topics(unread.findings) == [Topic.INVALID]


def test_a_new_group_is_adopted_before_anything_is_made_for_it() -> None:
    """The reference to the cluster is added to those it has."""
    free = group("simple", "free", ownerReferences=[reference(cluster("app"), controller=False) | {"kind": "App"}])
    desired = _desired(free)
    (record,) = desired.records
    app, ours = record.body["metadata"]["ownerReferences"]
    assert (app["kind"], ours["uid"], ours["controller"]) == ("App", ONE.metadata.uid, True)
    assert desired.wanted == ()


def test_a_group_that_someone_controls_is_adopted_beside_its_controller() -> None:
    """An object has one controller at most."""
    app = {**reference(cluster("app")), "kind": "App"}
    (record,) = _desired(group("simple", "free", ownerReferences=[app])).records
    assert [owner["controller"] for owner in record.body["metadata"]["ownerReferences"]] == [True, False]


def test_a_group_of_another_cluster_is_left_alone_and_told() -> None:
    """Two owners would both count on it."""
    taken = group("simple", "taken", ownerReferences=[reference(cluster("other"))])
    desired = _desired(taken)
    assert (desired.records, desired.wanted) == ((), ())
    assert topics(desired.findings) == [Topic.NAME_CONFLICT]
    assert "belongs to DaskCluster other" in desired.findings[0].message


@pytest.mark.parametrize(
    "of",
    [
        cluster(deleting=NOON),
        cluster(naming=None),
        cluster(naming=None, finalizers=[KOPF_FINALIZER]),
        cluster("a.b"),
    ],
    ids=["deleted", "new", "of dask-kubernetes", "badly named"],
)
def test_nothing_is_done_for_a_group_whose_cluster_is_not_to_be_touched(of: DaskCluster) -> None:
    """Neither adoption nor workers."""
    for one in (group(of, "more"), group(of.metadata.name, "free")):
        desired = desire(one, world(of, one), Naming.CLASSIC)
        assert (desired.wanted, desired.unwanted, desired.records) == ((), (), ())


def test_a_deleted_group_asks_for_nothing() -> None:
    """Garbage collection does the rest."""
    one = _group(deleting=NOON)
    desired = _desired(one, worker(one, ONE, 1, phase="Failed"))
    assert (desired.wanted, desired.unwanted, desired.records, desired.findings) == ((), (), (), ())


def test_nothing_is_touched_while_one_of_the_workers_cannot_be_read() -> None:
    """How many there are is not known then; nor is it while the scheduler cannot be read."""
    one = _group()
    for owner in (one, ONE):
        desired = _desired(one, worker(one, ONE, 1, phase="Failed"), unreadable(POD, "odd", owner))
        assert (desired.wanted, desired.unwanted, desired.records) == ((), (), ())


def test_what_a_user_hangs_on_the_group_is_no_worker() -> None:
    """It does not count, and it does not go."""
    one = _group(replicas=0)
    theirs = pod("sidecar", owner=one, labels={"dask.org/component": "x"})
    desired = _desired(one, theirs)
    assert (desired.records, desired.unwanted) == ((), ())


def test_two_groups_never_touch_each_others_workers() -> None:
    """Victims are the group's own."""
    one, other = _group(replicas=0), group(ONE, "other", replicas=0)
    mine, theirs = worker(one, ONE, 1), worker(other, ONE, 1)
    assert _leaving(_desired(one, mine, theirs, other)) == [mine.metadata.name]


def test_what_the_user_wrote_reaches_the_workers_whole() -> None:
    """Volumes, tolerations and fields of a newer Kubernetes."""
    spec = {**pod_spec(), "tolerations": [{"key": "gpu"}], "volumes": [{"name": "v", "emptyDir": {}}], "new": {"x": 1}}
    (wanted, *_) = _desired(_group(worker={"spec": spec})).wanted
    assert {name: wanted.body["spec"][name] for name in ("tolerations", "volumes", "new")} == {
        name: spec[name] for name in ("tolerations", "volumes", "new")
    }
