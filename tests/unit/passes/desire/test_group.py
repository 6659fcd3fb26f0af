"""Worker groups: whose they are, and when nothing is done for them."""

import pytest

from models.kinds import DASK_CLUSTER, POD
from models.resources import DaskCluster
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules.labels import KOPF_FINALIZER
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    reasons,
    reference,
    unreadable,
    worker,
    world,
)
from tests.manifests import pod_spec
from tests.unit.passes.desire.groups import ONE, desired, group_of_one, leaving


def test_a_group_whose_cluster_is_missing_says_so() -> None:
    """And acts when it appears."""
    lost = group("nobody")
    desired = desire(lost, world(lost), Naming.CLASSIC)
    assert (desired.wanted, reasons(desired.findings)) == ((), [Reason.CLUSTER_NOT_FOUND])
    assert "DaskCluster default/nobody" in desired.findings[0].message
    unread = desire(lost, world(lost, unreadable(DASK_CLUSTER, "nobody")), Naming.CLASSIC)
    assert reasons(unread.findings) == [Reason.INVALID]


def test_a_group_names_the_cluster_that_cannot_be_built() -> None:
    """The finding about the group says whose name is wrong."""
    dotted = cluster("a.b")
    of_it = group("a.b", "of-it", ownerReferences=[reference(dotted)])
    (finding,) = desire(of_it, world(dotted, of_it), Naming.CLASSIC).findings
    assert (finding.about, finding.reason) == (of_it.key, Reason.NAME_TOO_LONG)
    assert finding.message.startswith("DaskCluster default/a.b: the name 'a.b' must consist of")


def test_a_group_that_goes_with_its_cluster_says_nothing() -> None:
    """It is only a moment until garbage collection comes to it."""
    going = group(ONE, "going")
    assert desire(going, world(going), Naming.CLASSIC) == Desired(going)


def test_a_new_group_is_adopted_before_anything_is_made_for_it() -> None:
    """The reference to the cluster is added to those it has."""
    free = group("simple", "free", ownerReferences=[reference(cluster("app"), controller=False) | {"kind": "App"}])
    found = desired(free)
    (record,) = found.records
    app, ours = record.body["metadata"]["ownerReferences"]
    assert (app["kind"], ours["uid"], ours["controller"]) == ("App", ONE.metadata.uid, True)
    assert found.wanted == ()


def test_a_group_that_someone_controls_is_adopted_beside_its_controller() -> None:
    """An object has one controller at most."""
    app = {**reference(cluster("app")), "kind": "App"}
    (record,) = desired(group("simple", "free", ownerReferences=[app])).records
    assert [owner["controller"] for owner in record.body["metadata"]["ownerReferences"]] == [True, False]


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ([cluster("other")], Reason.NAME_CONFLICT),
        ([cluster("other", uid="anew")], Reason.TERMINATING),
        ([], Reason.TERMINATING),
    ],
    ids=["there", "created anew", "gone"],
)
def test_a_group_of_another_cluster_is_left_alone_and_told(there: list[DaskCluster], reason: Reason) -> None:
    """Two owners would both count on it. Of one that is gone, garbage collection takes it away."""
    taken = group("simple", "taken", ownerReferences=[reference(cluster("other"))])
    found = desired(taken, *there)
    assert (found.records, found.wanted) == ((), ())
    assert reasons(found.findings) == [reason]
    assert "belongs to DaskCluster other" in found.findings[0].message


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
    one = group_of_one(deleting=NOON)
    found = desired(one, worker(one, ONE, 1, phase="Failed"))
    assert (found.wanted, found.unwanted, found.records, found.findings) == ((), (), (), ())


def test_nothing_is_touched_while_one_of_the_workers_cannot_be_read() -> None:
    """How many there are is not known then; nor is it while the scheduler cannot be read."""
    one = group_of_one()
    for owner in (one, ONE):
        found = desired(one, worker(one, ONE, 1, phase="Failed"), unreadable(POD, "odd", owner))
        assert (found.wanted, found.unwanted, found.records) == ((), (), ())


def test_what_a_user_hangs_on_the_group_is_no_worker() -> None:
    """It does not count, and it does not go."""
    one = group_of_one(replicas=0)
    theirs = pod("sidecar", owner=one, labels={"dask.org/component": "x"})
    found = desired(one, theirs)
    assert (found.records, found.unwanted) == ((), ())


def test_two_groups_never_touch_each_others_workers() -> None:
    """Victims are the group's own."""
    one, other = group_of_one(replicas=0), group(ONE, "other", replicas=0)
    mine, theirs = worker(one, ONE, 1), worker(other, ONE, 1)
    assert leaving(desired(one, mine, theirs, other)) == [mine.metadata.name]


def test_what_the_user_wrote_reaches_the_workers_whole() -> None:
    """Volumes, tolerations and fields of a newer Kubernetes."""
    spec = {**pod_spec(), "tolerations": [{"key": "gpu"}], "volumes": [{"name": "v", "emptyDir": {}}], "new": {"x": 1}}
    (wanted, *_) = desired(group_of_one(worker={"spec": spec})).wanted
    assert {name: wanted.body["spec"][name] for name in ("tolerations", "volumes", "new")} == {
        name: spec[name] for name in ("tolerations", "volumes", "new")
    }


@pytest.mark.parametrize(("status", "made"), [("Running", 3), ("Successful", 0), ("Failed", 0)])
def test_nothing_is_made_for_the_cluster_of_a_job_that_has_ended(status: str, made: int) -> None:
    """It is about to go; a worker or scheduler lost at the same moment is not replaced."""
    ended = job(status={"jobStatus": status})
    of = job_cluster(ended)
    one = default_group(of)
    seen = world(ended, of, one)
    assert len(desire(one, seen, Naming.CLASSIC).wanted) == made
    assert bool(desire(of, seen, Naming.CLASSIC).wanted) == bool(made)
