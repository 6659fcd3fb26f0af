"""Planning: the table in `plan`, row by row, and what an update changes and leaves alone."""

from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, POD, Key
from reconciler.passes.plan import tree_of, plan
from reconciler.passes.values import Change, Desired, Finding, Record, Unwanted, Verb
from reconciler.rules.reasons import Reason
from tests.builders import (
    NAMESPACE,
    autoscaler,
    cluster,
    group,
    job,
    job_cluster,
    pod,
    pod_spec,
    reasons,
    scheduler,
    unreadable,
    world,
)
from tests.unit.passes.planning import OWNER, WHY, planned, pod_body, wanting


def test_what_is_wanted_and_not_there_is_created_whole() -> None:
    """The create carries the owner reference with its uid, and the reason."""
    body = pod_body(pod_spec())
    (create,) = planned(wanting(body))
    assert (create.verb, create.key.name, create.reason, create.body) == (Verb.CREATE, "p", WHY, body)
    (owner,) = create.body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (OWNER.metadata.uid, True)
    assert (create.owner, create.tree, create.uid) == (OWNER.key, OWNER.key, "")


@pytest.mark.parametrize(
    ("occupant", "reason", "words"),
    [
        (pod("p"), Reason.NAME_CONFLICT, "belongs to nobody"),
        (pod("p", owner=cluster("other")), Reason.NAME_CONFLICT, "belongs to DaskCluster other"),
        (pod("p", owner=OWNER, deleting=True), Reason.TERMINATING, "waiting for Pod default/p"),
        (unreadable(POD, "p"), Reason.NAME_CONFLICT, "cannot be read: spec is wrong"),
    ],
)
def test_a_name_that_is_taken_is_waited_for_and_said(occupant: Any, reason: Reason, words: str) -> None:
    """Nothing is done about an object of our name that is not ours; the owner is told whose it is."""
    planned = plan(Desired(OWNER, (wanting(pod_body(pod_spec())),)), world(occupant))
    assert planned.actions == ()
    (finding,) = planned.findings
    assert (finding.about, finding.reason) == (OWNER.key, reason)
    assert words in finding.message


def test_an_equal_object_is_left_alone() -> None:
    """There is nothing to do about an object that is as wanted."""
    one = scheduler(OWNER)
    body = pod_body(labels=dict(one.metadata.labels))
    assert planned(wanting(body, one)) == ()


def test_an_unwanted_object_is_deleted_by_its_uid() -> None:
    """A namesake created in between is not hit."""
    (delete,) = planned(unwanted=(Unwanted(pod("p", uid="this-one"), "it ended"),))
    assert (delete.verb, delete.uid, delete.reason, delete.body) == (Verb.DELETE, "this-one", "it ended", {})


def test_a_terminating_object_is_not_deleted_again() -> None:
    """It goes anyhow."""
    assert planned(unwanted=(Unwanted(pod("p", deleting=True), "it ended"),)) == ()


def test_deletes_come_first_and_creates_last() -> None:
    """What takes the place of something comes after it is gone."""
    present = pod("old", owner=OWNER)
    wanted = (wanting(pod_body(pod_spec())), wanting(pod_body(labels={"a": "b"}), present))
    actions = planned(*wanted, unwanted=(Unwanted(pod("x"), "it ended"),))
    assert [action.verb for action in actions] == [Verb.DELETE, Verb.UPDATE, Verb.CREATE]


def test_decisions_are_recorded_first_and_alone() -> None:
    """What follows from a decision is planned on the world in which it stands."""
    one = group(OWNER, status={"retiring": ["a"]}, resourceVersion="9")
    record = Record(one, {"status": {"retiring": ["a", "b"]}}, "1 to go")
    said = Finding(one.key, Reason.BACK_OFF, "x")
    desired = Desired(OWNER, (wanting(pod_body(pod_spec())),), (Unwanted(pod("x"), ""),), (record,), (said,))
    planned = plan(desired, world())
    (action,) = planned.actions
    assert (action.verb, action.key, action.to_status, action.reason) == (Verb.RECORD, one.key, True, "1 to go")
    assert action.body == {"status": {"retiring": ["a", "b"]}, "metadata": {"resourceVersion": "9"}}
    assert action.uid == one.metadata.uid
    assert action.changes == (Change("status.retiring", ["a"], ["a", "b"]),)
    assert planned.findings == (said,)


def test_a_record_of_metadata_keeps_its_guard_beside_it() -> None:
    """An annotation is written to the resource and not to its status, under the same guard."""
    record = Record(OWNER, {"metadata": {"annotations": {"a": "b"}}}, "naming")
    (action,) = plan(Desired(OWNER, records=(record,)), world()).actions
    assert action.body == {"metadata": {"annotations": {"a": "b"}, "resourceVersion": "1"}}
    assert not action.to_status


def test_findings_are_passed_on() -> None:
    """What desire has to say is said, with or without something to do."""
    said = Finding(OWNER.key, Reason.BACK_OFF, "x")
    assert reasons(plan(Desired(OWNER, findings=(said,)), world()).findings) == [Reason.BACK_OFF]


def test_the_chain_is_what_stands_at_the_top() -> None:
    """Budgets and conflicts count by job, or by cluster that belongs to no job."""
    top = job()
    of_job = job_cluster(top)
    own, of_its_cluster = cluster(), group("train-cluster")
    snapshot = world(top, of_job, own, group(own), of_its_cluster)
    key = Key(DASK_JOB, NAMESPACE, "train")
    assert tree_of(top, snapshot) == tree_of(of_job, snapshot) == tree_of(of_its_cluster, snapshot) == key
    assert tree_of(autoscaler("train-cluster"), snapshot) == key
    assert tree_of(group(own), snapshot) == Key(DASK_CLUSTER, NAMESPACE, "simple")
    lost = group("nobody")
    assert tree_of(lost, snapshot) == lost.key
