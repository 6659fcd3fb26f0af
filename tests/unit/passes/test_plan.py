"""Planning: the table in `plan`, row by row, and what an update changes and leaves alone."""

from dataclasses import replace

import pytest

from models.kinds import POD
from models.snapshot import Observed
from reconciler.passes.plan import plan
from reconciler.passes.values import Desired, Finding, Record, Unwanted, Verb
from reconciler.rules.reasons import Reason
from tests.builders import cluster, group, pod, reasons, scheduler, unreadable, world
from tests.manifests import pod_spec
from tests.unit.passes.planning import OWNER, WHY, planned, pod_body, wanting

OTHER = cluster("other")


def test_what_is_wanted_and_not_there_is_created_whole() -> None:
    """The create carries the owner reference with its uid, and the reason."""
    body = pod_body(pod_spec())
    (create,) = planned(wanting(body))
    assert (create.verb, create.key.name, create.reason, create.body) == (Verb.CREATE, "p", WHY, body)
    (owner,) = create.body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (OWNER.metadata.uid, True)
    assert (create.owner, create.tree, create.uid) == (OWNER.key, OWNER.key, "")


@pytest.mark.parametrize(
    ("there", "reason", "words"),
    [
        ([pod("p")], Reason.NAME_CONFLICT, "belongs to nobody"),
        ([pod("p", owner=OTHER), OTHER], Reason.NAME_CONFLICT, "belongs to DaskCluster other"),
        ([pod("p", owner=OTHER)], Reason.TERMINATING, "whose owner is gone, to be deleted by garbage collection"),
        ([pod("p", owner=OTHER), cluster("other", uid="anew")], Reason.TERMINATING, "whose owner is gone"),
        ([pod("p", owner=OWNER, deleting=True)], Reason.TERMINATING, "waiting for Pod default/p"),
        ([unreadable(POD, "p")], Reason.NAME_CONFLICT, "cannot be read: spec is wrong"),
    ],
    ids=["nobody's", "another's", "of one who is gone", "of a namesake before", "terminating", "unreadable"],
)
def test_a_name_that_is_taken_is_waited_for_and_said(there: list[Observed], reason: Reason, words: str) -> None:
    """Nothing is done about an object of our name that is not ours; the owner is told whose it is."""
    planned = plan(Desired(OWNER, (wanting(pod_body(pod_spec())),)), world(*there))
    assert planned.actions == ()
    (finding,) = planned.findings
    assert (finding.about, finding.reason) == (OWNER.key, reason)
    assert words in finding.message


def test_in_a_look_at_one_tree_an_owner_that_is_not_seen_may_be_there() -> None:
    """Only a namesake shows then that it is gone; else the owner would be told another thing at each look."""
    taken = Desired(OWNER, (wanting(pod_body(pod_spec())),))
    for there, reason in (((), Reason.NAME_CONFLICT), ((cluster("other", uid="anew"),), Reason.TERMINATING)):
        seen = replace(world(pod("p", owner=OTHER), *there), is_partial=True)
        assert reasons(plan(taken, seen).findings) == [reason]


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


def test_decisions_are_recorded_first() -> None:
    """Under guard of the resource's version; what was decided before, and what follows, is planned beside them."""
    a, b = ({"name": name, "uid": f"{name}-uid"} for name in "ab")
    one = group(OWNER, status={"decisions": {"retiring": [a]}}, resourceVersion="9")
    decisions = {"retiring": [a, b], "highestOrdinal": 1}
    record = Record(one, {"status": {"decisions": decisions}}, "1 to go", doomed=("b-uid",))
    said = Finding(one.key, Reason.BACK_OFF, "x")
    create = replace(wanting(pod_body(pod_spec())), after_record=True)
    planned = plan(Desired(OWNER, (create,), (Unwanted(pod("x"), ""),), (record,), (said,)), world())
    action, delete, created = planned.actions
    assert (action.verb, action.key, action.to_status, action.reason) == (Verb.RECORD, one.key, True, "1 to go")
    assert action.body == {"status": {"decisions": decisions}, "metadata": {"resourceVersion": "9"}}
    assert (action.uid, action.doomed) == (one.metadata.uid, ("b-uid",))
    assert [change.path for change in action.changes] == [
        "status.decisions.retiring",
        "status.decisions.highestOrdinal",
    ]
    assert ((delete.verb, delete.after_record), (created.verb, created.after_record)) == (
        (Verb.DELETE, False),
        (Verb.CREATE, True),
    )
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
