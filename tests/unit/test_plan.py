"""Planning: the table in `plan`, row by row, and what an update changes and leaves alone."""

from typing import Any

import pytest

from models.actions import Action, Body, Change, Desired, Finding, Record, Topic, Unwanted, Verb, Wanted
from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key
from models.observed import Pod
from models.snapshot import Observed, Snapshot
from reconciler.desire.children import Marks, child_body
from reconciler.difference import fields
from reconciler.labels import ROLE, SET_BY_OWNER, Role, set_by_owner
from reconciler.plan import chain_of, plan
from tests.builders import (
    NAMESPACE,
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    pod_spec,
    scheduler,
    service,
    topics,
    unreadable,
    world,
)

OWNER = cluster()
WHY = "because"


def _wanted(body: Body, present: Observed | None = None) -> Wanted:
    kind = {"Pod": POD, "Service": SERVICE, "DaskWorkerGroup": DASK_WORKER_GROUP}[body["kind"]]
    return Wanted(Key(kind, NAMESPACE, body["metadata"]["name"]), body, present, WHY)


def _pod_body(spec: Body | None = None, labels: dict[str, str] | None = None) -> Body:
    return child_body(POD, "p", OWNER, Marks(Role.SCHEDULER, (), labels or {}), spec)


def _plan(*wanted: Wanted, snapshot: Snapshot | None = None, **more: Any) -> tuple[Action, ...]:
    return plan(Desired(OWNER, wanted, **more), snapshot or world()).actions


def _patch(present: Observed, body: Body) -> Body:
    """What an update of the object would send, without its guards."""
    actions = _plan(_wanted(body, present))
    if not actions:
        return {}
    (action,) = actions
    assert action.verb is Verb.UPDATE
    return {
        part: fields
        for part, fields in (
            ("metadata", {name: value for name, value in action.body["metadata"].items() if name not in GUARDS}),
            ("spec", action.body.get("spec", {})),
        )
        if fields
    }


GUARDS = ("uid", "resourceVersion")


def test_what_is_wanted_and_not_there_is_created_whole() -> None:
    """The create carries the owner reference with its uid, and the reason."""
    body = _pod_body(pod_spec())
    (create,) = _plan(_wanted(body))
    assert (create.verb, create.key.name, create.reason, create.body) == (Verb.CREATE, "p", WHY, body)
    (owner,) = create.body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (OWNER.metadata.uid, True)
    assert (create.owner, create.chain, create.uid) == (OWNER.key, OWNER.key, "")


@pytest.mark.parametrize(
    ("occupant", "topic", "words"),
    [
        (pod("p"), Topic.NAME_CONFLICT, "belongs to nobody"),
        (pod("p", owner=cluster("other")), Topic.NAME_CONFLICT, "belongs to DaskCluster other"),
        (pod("p", owner=OWNER, deleting=True), Topic.TERMINATING, "waiting for Pod default/p"),
        (unreadable(POD, "p"), Topic.NAME_CONFLICT, "cannot be read: spec is wrong"),
    ],
)
def test_a_name_that_is_taken_is_waited_for_and_said(occupant: Any, topic: Topic, words: str) -> None:
    """Nothing is done about an object of our name that is not ours; the owner is told whose it is."""
    planned = plan(Desired(OWNER, (_wanted(_pod_body(pod_spec())),)), world(occupant))
    assert planned.actions == ()
    (finding,) = planned.findings
    assert (finding.about, finding.topic) == (OWNER.key, topic)
    assert words in finding.message


def test_an_equal_object_is_left_alone() -> None:
    """There is nothing to do about an object that is as wanted."""
    one = scheduler(OWNER)
    body = _pod_body(labels=dict(one.metadata.labels))
    assert _plan(_wanted(body, one)) == ()


def test_an_unwanted_object_is_deleted_by_its_uid() -> None:
    """A namesake created in between is not hit."""
    (delete,) = _plan(unwanted=(Unwanted(pod("p", uid="this-one"), "it ended"),))
    assert (delete.verb, delete.uid, delete.reason, delete.body) == (Verb.DELETE, "this-one", "it ended", {})


def test_a_terminating_object_is_not_deleted_again() -> None:
    """It goes anyhow."""
    assert _plan(unwanted=(Unwanted(pod("p", deleting=True), "it ended"),)) == ()


def test_deletes_come_first_and_creates_last() -> None:
    """What takes the place of something comes after it is gone."""
    present = pod("old", owner=OWNER)
    wanted = (_wanted(_pod_body(pod_spec())), _wanted(_pod_body(labels={"a": "b"}), present))
    actions = _plan(*wanted, unwanted=(Unwanted(pod("x"), "it ended"),))
    assert [action.verb for action in actions] == [Verb.DELETE, Verb.UPDATE, Verb.CREATE]


def test_decisions_are_recorded_first_and_alone() -> None:
    """What follows from a decision is planned on the world in which it stands."""
    one = group(OWNER, status={"retiring": ["a"]}, resourceVersion="9")
    record = Record(one, {"status": {"retiring": ["a", "b"]}}, "1 to go")
    said = Finding(one.key, Topic.BACK_OFF, "x")
    desired = Desired(OWNER, (_wanted(_pod_body(pod_spec())),), (Unwanted(pod("x"), ""),), (record,), (said,))
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


@pytest.mark.parametrize(
    ("present", "guards"),
    [
        (default_group(OWNER, labels={"mine": "1"}), {"uid": "daskworkergroup-simple-default-worker-group-uid"}),
        (service("simple-service", owner=OWNER), {"uid": "service-simple-service-uid"}),
    ],
)
def test_children_that_others_write_too_are_guarded_by_their_version(present: Observed, guards: Body) -> None:
    """An update worked out from an older picture is refused; Pods, whose status changes all the time, by uid alone."""
    kind = present.key.kind
    body = child_body(kind, present.key.name, OWNER, Marks(Role.COMM_SERVICE, (), {"a": "b"}), None)
    (update,) = _plan(_wanted(body, present))
    assert {name: update.body["metadata"][name] for name in GUARDS} == {**guards, "resourceVersion": "1"}
    (of_pod,) = _plan(_wanted(_pod_body(labels={"a": "b"}), pod("p", uid="u")))
    assert of_pod.body["metadata"]["uid"] == of_pod.uid == "u"
    assert "resourceVersion" not in of_pod.body["metadata"]


def _marked(labels: dict[str, str], former: dict[str, str], **more: Any) -> Pod:
    annotations = {ROLE: "scheduler", SET_BY_OWNER: set_by_owner(former, ())}
    return pod("p", owner=OWNER, labels=labels, annotations=annotations, **more)


def test_labels_are_set_put_right_and_taken_away_again() -> None:
    """What the owner had set and no longer has goes; what others set stays."""
    present = _marked({"team": "x", "theirs": "1", "old": "1"}, {"team": "x", "old": "1"})
    body = _pod_body(labels={"dask.org/component": "scheduler"})
    body["metadata"]["labels"]["team"] = "y"
    body["metadata"]["annotations"][SET_BY_OWNER] = set_by_owner(["team"], ())
    assert _patch(present, body) == {
        "metadata": {
            "labels": {"old": None, "dask.org/component": "scheduler", "team": "y"},
            "annotations": {SET_BY_OWNER: set_by_owner(["team"], ())},
        }
    }


def test_what_was_set_is_forgotten_when_nothing_is_set_any_more() -> None:
    """A label that someone else sets later under the same name is theirs."""
    present = _marked({"team": "x"}, {"team": "x"})
    patch = _patch(present, _pod_body())
    assert patch["metadata"] == {"labels": {"team": None}, "annotations": {SET_BY_OWNER: None}}
    without = pod("p", owner=OWNER, labels={"team": "theirs"}, annotations={ROLE: "scheduler"})
    assert _patch(without, _pod_body()) == {}


def test_annotations_of_others_stay() -> None:
    """Webhooks and users annotate Pods as they like."""
    present = pod("p", owner=OWNER, annotations={ROLE: "scheduler", "cni.example.com/ip": "10.0.0.1"})
    assert _patch(present, _pod_body()) == {}


def test_a_pods_spec_is_never_compared() -> None:
    """Whatever a webhook adds, the Pod is right; only what is given in the body is looked at."""
    assert _patch(pod("p", owner=OWNER, annotations={ROLE: "scheduler"}), _pod_body()) == {}


@pytest.mark.parametrize(
    ("gates", "wanted", "patch"),
    [
        (("ours",), [], {"spec": {"schedulingGates": None}}),
        (("ours", "theirs"), [{"name": "theirs"}], {"spec": {"schedulingGates": [{"name": "theirs"}]}}),
        (("theirs",), [{"name": "theirs"}], {}),
        ((), [], {}),
    ],
)
def test_a_scheduling_gate_falls_by_itself(gates: tuple[str, ...], wanted: list[Body], patch: Body) -> None:
    """Other people's gates stay, and an empty list is sent as null."""
    present = pod("p", owner=OWNER, gates=gates, annotations={ROLE: "scheduler"})
    body = _pod_body({"schedulingGates": wanted})
    assert _patch(present, body) == patch
    if patch:
        (update,) = _plan(_wanted(body, present))
        assert update.reason == WHY


SPEC: Body = {
    "type": "ClusterIP",
    "selector": {"a": "1"},
    "ports": [{"name": "x", "port": 1, "protocol": "TCP", "targetPort": 2}],
    "sessionAffinity": "ClientIP",
    "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}},
}
ADDED: Body = {"clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"], "internalTrafficPolicy": "Cluster"}


def _service_patch(wanted: Body, present: Body, former: Body = SPEC) -> Body:
    annotations = {ROLE: "service", SET_BY_OWNER: set_by_owner((), (), fields(former))}
    observed = service("s", present, owner=OWNER, annotations=annotations)
    body = child_body(SERVICE, "s", OWNER, Marks(Role.USER_SERVICE, (), spec_fields=tuple(fields(wanted))), wanted)
    spec: Body = _patch(observed, body).get("spec", {})
    return spec


def _without(spec: Body, *names: str) -> Body:
    return {name: value for name, value in spec.items() if name not in names}


def _port(**change: Any) -> list[Body]:
    port = {**SPEC["ports"][0], **change}
    return [{name: value for name, value in port.items() if value is not None}]


@pytest.mark.parametrize(
    ("wanted", "present", "patch"),
    [
        (SPEC, {**SPEC, **ADDED}, {}),
        (SPEC, {**SPEC, **ADDED, "ports": _port(nodePort=30001)}, {}),
        (SPEC, {**SPEC, "type": "NodePort"}, {"type": "ClusterIP"}),
        (SPEC, {**SPEC, "ports": _port(port=9)}, {"ports": SPEC["ports"]}),
        (SPEC, {**SPEC, "ports": [*_port(), *_port(name="y", port=7)]}, {"ports": SPEC["ports"]}),
        (SPEC, {**SPEC, "selector": {"a": "2"}}, {"selector": {"a": "1"}}),
        (SPEC, {**SPEC, "selector": {"a": "1", "more": "x"}}, {"selector": {"more": None}}),
        (SPEC, {**SPEC, "selector": None}, {"selector": {"a": "1"}}),
        (SPEC, _without(SPEC, "sessionAffinity"), {"sessionAffinity": "ClientIP"}),
        (_without(SPEC, "sessionAffinity"), SPEC, {"sessionAffinity": None}),
        (
            _without(SPEC, "sessionAffinity", "sessionAffinityConfig"),
            _without(SPEC, "sessionAffinityConfig"),
            {"sessionAffinity": None},
        ),
        ({**SPEC, "ports": _port(targetPort=None)}, SPEC, {"ports": _port(targetPort=None)}),
        (
            {**SPEC, "sessionAffinityConfig": {"clientIP": {}}},
            SPEC,
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": None}}},
        ),
        (
            {**SPEC, "selector": {}},
            SPEC,
            {"selector": {"a": None}},
        ),
    ],
)
def test_a_services_spec_is_put_right_field_by_field(wanted: Body, present: Body, patch: Body) -> None:
    """What the server filled in stays, the selector is exact, and what the user took out of the manifest goes."""
    assert _service_patch(wanted, present) == patch


def test_what_the_user_never_wrote_is_not_taken_away() -> None:
    """A field of the Service that did not come from the manifest is someone else's."""
    assert _service_patch(SPEC, {**SPEC, "externalIPs": ["192.0.2.1"]}) == {}
    assert _service_patch(_without(SPEC, "sessionAffinity"), SPEC, former={}) == {}


def test_a_child_resources_spec_is_replaced_as_a_whole() -> None:
    """Keys that the parent no longer has go."""
    present = default_group(OWNER, worker={"spec": {**pod_spec(), "nodeSelector": {"gpu": "a"}}, "minReadySeconds": 5})
    spec = {"cluster": "simple", "worker": {"spec": pod_spec("dask:2"), "replicas": 3}}
    marks = Marks(Role.DEFAULT_GROUP, (), dict(present.metadata.labels), dict(present.metadata.annotations))
    body = child_body(DASK_WORKER_GROUP, present.key.name, OWNER, marks, spec)
    assert _patch(present, body)["spec"] == {
        "worker": {"spec": {**pod_spec("dask:2"), "nodeSelector": None}, "minReadySeconds": None}
    }
    (update,) = _plan(_wanted(body, present))
    paths = {change.path for change in update.changes}
    assert paths == {"spec.worker.spec.containers", "spec.worker.spec.nodeSelector", "spec.worker.minReadySeconds"}


def test_defaults_that_the_server_stores_are_no_difference() -> None:
    """A child that shows a default its parent did not write is right."""
    stored = default_group(OWNER, worker={"replicas": 3, "minReadySeconds": 0})
    spec = {"cluster": "simple", "worker": {"spec": pod_spec(), "replicas": 3, "minReadySeconds": 0}}
    marks = Marks(Role.DEFAULT_GROUP, (), {}, dict(stored.metadata.annotations))
    assert _patch(stored, child_body(DASK_WORKER_GROUP, stored.key.name, OWNER, marks, spec)) == {}


def test_findings_are_passed_on() -> None:
    """What desire has to say is said, with or without something to do."""
    said = Finding(OWNER.key, Topic.BACK_OFF, "x")
    assert topics(plan(Desired(OWNER, findings=(said,)), world()).findings) == [Topic.BACK_OFF]


def test_the_chain_is_what_stands_at_the_top() -> None:
    """Budgets and conflicts count by job, or by cluster that belongs to no job."""
    top = job()
    of_job = job_cluster(top)
    own, of_its_cluster = cluster(), group("train-cluster")
    snapshot = world(top, of_job, own, group(own), of_its_cluster)
    key = Key(DASK_JOB, NAMESPACE, "train")
    assert chain_of(top, snapshot) == chain_of(of_job, snapshot) == chain_of(of_its_cluster, snapshot) == key
    assert chain_of(autoscaler("train-cluster"), snapshot) == key
    assert chain_of(group(own), snapshot) == Key(DASK_CLUSTER, NAMESPACE, "simple")
    lost = group("nobody")
    assert chain_of(lost, snapshot) == lost.key
