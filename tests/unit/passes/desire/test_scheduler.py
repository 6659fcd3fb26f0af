"""The scheduler: one Pod, replaced when its template changes, when it ends and when it is stuck."""

from datetime import timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.resources import DaskCluster
from models.snapshot import Observed
from reconciler.passes.desire.scheduler import desire_scheduler, living_scheduler_hashes, scheduler_hash_for_workers
from reconciler.passes.values import Desired
from reconciler.rules import names
from reconciler.rules.labels import TEMPLATE_HASH
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import scheduler_hash
from tests.builders import NOON, cluster, pod, pod_spec, reasons, scheduler, world

ONE = cluster(labels={"team": "x"}, scheduler={"metadata": {"labels": {"tier": "head"}}})
ON_DELETE = cluster(scheduler={"updateStrategy": {"type": "OnDelete"}})
LONG_AGO = NOON - timedelta(seconds=31)


def _desired(of: DaskCluster, *objects: Observed) -> Desired:
    return desire_scheduler(of, world(of, *objects))


def _wanted(desired: Desired) -> list[tuple[str, bool]]:
    """The names of the wanted Pods, and whether they are there."""
    return [(wanted.key.name, wanted.present is not None) for wanted in desired.wanted]


def _unwanted(desired: Desired) -> list[str]:
    return [unwanted.present.metadata.name for unwanted in desired.unwanted]


def test_a_cluster_without_a_scheduler_gets_one() -> None:
    """With the user's PodSpec as it was written, the labels that Services look for, and the template's hash."""
    (wanted,) = _desired(ONE).wanted
    assert wanted.present is None
    assert wanted.body["spec"] == pod_spec()
    assert wanted.body["metadata"]["labels"] == {
        "team": "x",
        "tier": "head",
        "dask.org/cluster-name": "simple",
        "dask.org/component": "scheduler",
    }
    assert wanted.body["metadata"]["annotations"][TEMPLATE_HASH] == scheduler_hash(ONE)


def test_the_scheduler_that_is_there_is_kept() -> None:
    """Only its labels and annotations are looked at."""
    desired = _desired(ONE, scheduler(ONE))
    assert _wanted(desired) == [("simple-scheduler", True)]
    assert "spec" not in desired.wanted[0].body
    assert desired.unwanted == ()


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_scheduler_that_ended_is_counted_before_it_is_deleted(phase: str) -> None:
    """First the failure is written down, then the Pod goes, and its successor waits for the backoff."""
    ended = scheduler(ONE, phase=phase)
    (record,) = _desired(ONE, ended).records
    status = record.body["status"]
    assert status["retiring"] == [ended.metadata.uid]
    assert status["failures"]["count"] == 1

    counted = cluster(status=status)
    assert _unwanted(_desired(counted, ended)) == ["simple-scheduler"]
    waiting = _desired(counted)
    assert waiting.wanted == ()
    assert reasons(waiting.findings) == [Reason.BACK_OFF]
    over = desire_scheduler(counted, world(counted, at=NOON + timedelta(seconds=10)))
    assert _wanted(over) == [("simple-scheduler", False)]


def test_the_next_scheduler_of_the_same_name_counts_again() -> None:
    """A crashing image makes no storm."""
    failures = {"count": 1, "lastTime": "2026-01-31T11:59:30Z", "templateHash": scheduler_hash(ONE)}
    counted = cluster(status={"retiring": ["first-uid"], "failures": failures})
    (record,) = _desired(
        counted, scheduler(counted, phase="Failed", uid="second-uid", age=timedelta(seconds=10))
    ).records
    assert record.body["status"]["failures"]["count"] == 2
    assert record.body["status"]["retiring"] == ["second-uid"]


def test_an_evicted_scheduler_is_replaced_without_a_wait() -> None:
    """It ran no crashing image."""
    evicted = scheduler(ONE, phase="Failed", reason="Evicted")
    (record,) = _desired(ONE, evicted).records
    assert "failures" not in record.body["status"]


def _decided(of: DaskCluster, *pods: Pod) -> DaskCluster:
    """The cluster after it was written down who goes, which comes first and alone."""
    first = _desired(of, *pods)
    assert (first.wanted, first.unwanted) == ((), ())
    (record,) = first.records
    assert "failures" not in record.body["status"]
    return cluster(status=record.body["status"])


def test_a_changed_template_replaces_the_scheduler() -> None:
    """The old one goes first; its successor has the same name and comes when that is free."""
    old = scheduler(ONE, template_hash="old")
    desired = _desired(_decided(ONE, old), old)
    assert (_unwanted(desired), desired.wanted) == (["simple-scheduler"], ())
    leaving = scheduler(ONE, template_hash="old", deleting=NOON)
    assert _wanted(_desired(ONE, leaving)) == [("simple-scheduler", False)]


def test_on_delete_leaves_the_old_scheduler_to_someone() -> None:
    """Its labels are still kept right."""
    assert _wanted(_desired(ON_DELETE, scheduler(ON_DELETE, template_hash="old"))) == [("simple-scheduler", True)]


@pytest.mark.parametrize(
    ("since", "name"),
    [
        (NOON, "simple-scheduler"),
        (NOON - timedelta(seconds=30), "simple-scheduler"),
        (LONG_AGO, names.replacement("simple-scheduler", "stuck")),
    ],
)
def test_a_scheduler_stuck_in_terminating_is_replaced_under_another_name(since: Any, name: str) -> None:
    """30 s past its deadline its node must be gone; the Services follow by label."""
    stuck = scheduler(ONE, deleting=since, uid="stuck")
    (wanted,) = _desired(ONE, stuck).wanted
    assert (wanted.key.name, wanted.present) == (name, None)
    assert wanted.body["metadata"]["labels"]["dask.org/component"] == "scheduler"


def test_a_replacement_that_is_stuck_itself_is_replaced_too() -> None:
    """The names follow from the stuck Pods' uids."""
    first = scheduler(ONE, deleting=LONG_AGO, uid="first")
    second_name = names.replacement("simple-scheduler", "first")
    second = scheduler(ONE, name=second_name, deleting=LONG_AGO, uid="second")
    (wanted,) = _desired(ONE, first, second).wanted
    assert wanted.key.name == names.replacement("simple-scheduler", "second")


def test_a_replacement_stays_when_the_stuck_one_is_gone_at_last() -> None:
    """Names do not matter: what runs is kept."""
    replacement = scheduler(ONE, name=names.replacement("simple-scheduler", "stuck"))
    assert _wanted(_desired(ONE, replacement)) == [(replacement.metadata.name, True)]
    with_stuck = _desired(ONE, replacement, scheduler(ONE, deleting=LONG_AGO))
    assert _wanted(with_stuck) == [(replacement.metadata.name, True)]


def test_of_two_schedulers_the_one_that_is_ready_stays() -> None:
    """However it came to two."""
    ready, other = scheduler(ONE, name="simple-scheduler-0a1b2"), scheduler(ONE, ready=False)
    desired = _desired(_decided(ONE, other, ready), other, ready)
    assert _wanted(desired) == [(ready.metadata.name, True)]
    assert _unwanted(desired) == ["simple-scheduler"]


def test_what_a_user_hangs_on_the_cluster_is_no_scheduler() -> None:
    """It is neither kept for one nor deleted as one too many."""
    notebook = pod("notebook", owner=ONE, labels={"dask.org/component": "notebook"})
    desired = _desired(ONE, scheduler(ONE), notebook)
    assert desired.unwanted == ()
    assert _wanted(_desired(ONE, notebook)) == [("simple-scheduler", False)]


def _hashes(of: DaskCluster, *pods: Pod) -> tuple[str, set[str]]:
    snapshot = world(of, *pods)
    return scheduler_hash_for_workers(of, snapshot), set(living_scheduler_hashes(of, snapshot))


def test_workers_belong_to_the_scheduler_there_is_or_the_one_to_come() -> None:
    """They stay with an old one until its deletion has begun."""
    present = scheduler_hash(ONE)
    assert _hashes(ONE) == (present, set())
    assert _hashes(ONE, scheduler(ONE)) == (present, {present})
    assert _hashes(ONE, scheduler(ONE, template_hash="old")) == (present, {"old"})
    assert _hashes(ONE, scheduler(ONE, template_hash="old", deleting=NOON)) == (present, set())
    assert _hashes(ONE, scheduler(ONE, template_hash="old", phase="Failed")) == (present, set())
    assert _hashes(ON_DELETE, scheduler(ON_DELETE, template_hash="old")) == ("old", {"old"})
