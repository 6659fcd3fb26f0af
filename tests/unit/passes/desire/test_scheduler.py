"""The scheduler: one Pod, replaced when its template changes, when it ends and when it is stuck."""

from datetime import timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.resources import DaskCluster
from models.snapshot import Observed
from reconciler.passes.desire.scheduler import desire_scheduler
from reconciler.passes.values import Body, Desired
from reconciler.rules import names
from reconciler.rules.labels import TEMPLATE_HASH
from reconciler.rules.parts import ClusterParts
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import scheduler_hash
from tests.builders import NOON, cluster, pod, reasons, scheduler, world
from tests.manifests import pod_spec
from tests.unit.passes.desire.groups import decisions, deleted

ONE = cluster(labels={"team": "x"}, scheduler={"metadata": {"labels": {"tier": "head"}}})
ON_DELETE = cluster(scheduler={"updateStrategy": {"type": "OnDelete"}})
LONG_AGO = NOON - timedelta(seconds=31)


def _desired(of: DaskCluster, *objects: Observed) -> Desired:
    return desire_scheduler(ClusterParts(of, world(of, *objects)))


def _wanted(desired: Desired) -> list[tuple[str, bool]]:
    """The names of the wanted Pods, and whether they are there."""
    return [(wanted.key.name, wanted.present is not None) for wanted in desired.wanted]


def _chosen(*pods: Pod) -> Body:
    """The decision that those go, as it is written at noon."""
    since = "2026-01-31T12:00:00Z"
    return {"retiring": [{"name": pod.metadata.name, "uid": pod.metadata.uid, "since": since} for pod in pods]}


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
        "kubernetes.dask.org/cluster": "simple",
        "sidecar.istio.io/inject": "false",
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
    found = _desired(ONE, ended)
    assert (found.wanted, found.unwanted) == ((), ())
    written = decisions(found)
    assert written["retiring"] == _chosen(ended)["retiring"]
    assert written["failures"]["count"] == 1
    assert found.records[0].doomed == (ended.metadata.uid,)

    counted = cluster(status={"decisions": written})
    assert deleted(_desired(counted, ended)) == ["simple-scheduler"]
    waiting = _desired(counted)
    assert waiting.wanted == ()
    assert reasons(waiting.findings) == [Reason.BACK_OFF]
    over = desire_scheduler(ClusterParts(counted, world(counted, at=NOON + timedelta(seconds=10))))
    assert _wanted(over) == [("simple-scheduler", False)]


def test_the_next_scheduler_of_the_same_name_counts_again() -> None:
    """A crashing image makes no storm."""
    failures = {"count": 1, "lastTime": "2026-01-31T11:59:30Z", "templateHash": scheduler_hash(ONE)}
    first, second = (scheduler(ONE, phase="Failed", uid=uid, age=timedelta(seconds=10)) for uid in ("first", "second"))
    counted = cluster(status={"decisions": {**_chosen(first), "failures": failures}})
    written = decisions(_desired(counted, second))
    assert written["failures"]["count"] == 2
    assert written["retiring"] == _chosen(second)["retiring"]


def test_a_scheduler_that_was_taken_away_is_replaced_without_a_wait() -> None:
    """It ran no crashing image; the third in a row waits all the same."""
    lost = decisions(_desired(ONE, scheduler(ONE, phase="Failed", reason="Evicted", disrupted=True)))
    assert "failures" not in lost
    assert _wanted(_desired(cluster(status={"decisions": lost}))) == [("simple-scheduler", False)]
    third = {"count": 3, "lastTime": "2026-01-31T11:59:55Z", "templateHash": scheduler_hash(ONE)}
    waiting = _desired(cluster(status={"decisions": {"losses": third}}))
    assert (waiting.wanted, reasons(waiting.findings)) == ((), [Reason.BACK_OFF])


def _decided(of: DaskCluster, *pods: Pod) -> DaskCluster:
    """The cluster after it was written down who goes, before which nobody goes and no other comes."""
    first = _desired(of, *pods)
    assert first.unwanted == ()
    assert all(wanted.present is not None for wanted in first.wanted)
    assert "failures" not in decisions(first)
    return cluster(status={"decisions": decisions(first)})


def test_a_changed_template_replaces_the_scheduler() -> None:
    """The old one goes first; its successor has the same name and comes when that is free."""
    old = scheduler(ONE, template_hash="old")
    desired = _desired(_decided(ONE, old), old)
    assert (deleted(desired), desired.wanted) == (["simple-scheduler"], ())
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


def test_a_scheduler_that_ended_and_is_kept_by_a_finalizer_holds_its_name_in_vain() -> None:
    """Kueue's may stay until there is a replacement."""
    held = scheduler(ONE, phase="Failed", deleting=NOON, finalizers=["kueue.x-k8s.io/managed"], uid="held")
    assert _wanted(_desired(ONE, held)) == [(names.replacement("simple-scheduler", "held"), False)]


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
    assert deleted(desired) == ["simple-scheduler"]


def test_who_was_chosen_before_and_is_still_there_stays_chosen() -> None:
    """Another decision takes none back."""
    first, second = (scheduler(ONE, name=f"simple-scheduler-{name}", template_hash="old") for name in "ab")
    chosen = cluster(status={"decisions": _chosen(first)})
    desired = _desired(chosen, first, second)
    assert deleted(desired) == [first.metadata.name]
    assert decisions(desired) == _chosen(first, second)
    assert desired.records[0].doomed == (second.metadata.uid,)


def test_a_later_scheduler_of_the_same_name_was_not_chosen() -> None:
    """It is the uid that was chosen."""
    chosen = cluster(status={"decisions": _chosen(scheduler(ONE, uid="an-earlier-one"))})
    desired = _desired(chosen, scheduler(chosen))
    assert (_wanted(desired), desired.unwanted, desired.records) == ([("simple-scheduler", True)], (), ())


def test_what_a_user_hangs_on_the_cluster_is_no_scheduler() -> None:
    """It is neither kept for one nor deleted as one too many."""
    notebook = pod("notebook", owner=ONE, labels={"dask.org/component": "notebook"})
    desired = _desired(ONE, scheduler(ONE), notebook)
    assert desired.unwanted == ()
    assert _wanted(_desired(ONE, notebook)) == [("simple-scheduler", False)]
