"""Updates: what one changes in a child, and what it leaves alone."""

from typing import Any

import pytest

from models.kinds import DASK_WORKER_GROUP, SERVICE, Key
from models.observed import Pod
from models.snapshot import Observed
from reconciler.passes.desire import desire
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.merge_patch import fields
from reconciler.passes.plan import plan
from reconciler.passes.values import Body
from reconciler.rules.labels import ROLE, SET_BY_OWNER, Role, set_by_owner
from reconciler.rules.names import Naming
from tests.builders import NAMESPACE, cluster, default_group, pod, scheduler, service, world
from tests.manifests import pod_spec
from tests.unit.passes.planning import GUARDS, OWNER, WHY, patch_of, planned, pod_body, wanting


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
    (update,) = planned(wanting(body, present))
    assert {name: update.body["metadata"][name] for name in GUARDS} == {**guards, "resourceVersion": "1"}
    (of_pod,) = planned(wanting(pod_body(labels={"a": "b"}), pod("p", uid="u")))
    assert of_pod.body["metadata"]["uid"] == of_pod.uid == "u"
    assert "resourceVersion" not in of_pod.body["metadata"]


def _marked(labels: dict[str, str], former: dict[str, str], **more: Any) -> Pod:
    annotations = {ROLE: "scheduler", SET_BY_OWNER: set_by_owner(former, ())}
    return pod("p", owner=OWNER, labels=labels, annotations=annotations, **more)


def test_labels_are_set_put_right_and_taken_away_again() -> None:
    """What the owner had set and no longer has goes; what others set stays."""
    present = _marked({"team": "x", "theirs": "1", "old": "1"}, {"team": "x", "old": "1"})
    body = pod_body(labels={"dask.org/component": "scheduler"})
    body["metadata"]["labels"]["team"] = "y"
    body["metadata"]["annotations"][SET_BY_OWNER] = set_by_owner(["team"], ())
    assert patch_of(present, body) == {
        "metadata": {
            "labels": {"old": None, "dask.org/component": "scheduler", "team": "y"},
            "annotations": {SET_BY_OWNER: set_by_owner(["team"], ())},
        }
    }


def test_what_was_set_is_forgotten_when_nothing_is_set_any_more() -> None:
    """A label that someone else sets later under the same name is theirs."""
    present = _marked({"team": "x"}, {"team": "x"})
    patch = patch_of(present, pod_body())
    assert patch["metadata"] == {"labels": {"team": None}, "annotations": {SET_BY_OWNER: None}}
    without = pod("p", owner=OWNER, labels={"team": "theirs"}, annotations={ROLE: "scheduler"})
    assert patch_of(without, pod_body()) == {}


def test_annotations_of_others_stay() -> None:
    """Webhooks and users annotate Pods as they like."""
    present = pod("p", owner=OWNER, annotations={ROLE: "scheduler", "cni.example.com/ip": "10.0.0.1"})
    assert patch_of(present, pod_body()) == {}


def test_a_pods_spec_is_never_compared() -> None:
    """Whatever a webhook adds, the Pod is right; only what is given in the body is looked at."""
    assert patch_of(pod("p", owner=OWNER, annotations={ROLE: "scheduler"}), pod_body()) == {}


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
    body = pod_body({"schedulingGates": wanted})
    assert patch_of(present, body) == patch
    if patch:
        (update,) = planned(wanting(body, present))
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
    spec: Body = patch_of(observed, body).get("spec", {})
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
    assert patch_of(present, body)["spec"] == {
        "worker": {"spec": {**pod_spec("dask:2"), "nodeSelector": None}, "minReadySeconds": None}
    }
    (update,) = planned(wanting(body, present))
    paths = {change.path for change in update.changes}
    assert paths == {"spec.worker.spec.containers", "spec.worker.spec.nodeSelector", "spec.worker.minReadySeconds"}


def test_defaults_that_the_server_stores_are_no_difference() -> None:
    """A child that shows a default its parent did not write is right."""
    stored = default_group(OWNER, worker={"replicas": 3, "minReadySeconds": 0})
    spec = {"cluster": "simple", "worker": {"spec": pod_spec(), "replicas": 3, "minReadySeconds": 0}}
    marks = Marks(Role.DEFAULT_GROUP, (), {}, dict(stored.metadata.annotations))
    assert patch_of(stored, child_body(DASK_WORKER_GROUP, stored.key.name, OWNER, marks, spec)) == {}


EMPTY: dict[str, tuple[Body, Body]] = {
    "false": ({"publishNotReadyAddresses": False}, {}),
    "an empty list": ({"externalIPs": [], "loadBalancerSourceRanges": []}, {}),
    "an empty text": ({"clusterIP": "", "sessionAffinity": ""}, {"clusterIP": "10.0.0.7", "sessionAffinity": "None"}),
    "0": ({"healthCheckNodePort": 0}, {"healthCheckNodePort": 30007}),
    "one IP family of two": (
        {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]},
        {"ipFamilies": ["IPv6", "IPv4"]},
    ),
    "one address of two": ({"clusterIPs": ["10.0.0.7"]}, {"clusterIPs": ["10.0.0.7", "fd00::7"]}),
}


@pytest.mark.parametrize(("asked", "shown"), EMPTY.values(), ids=EMPTY)
def test_what_the_server_leaves_out_or_fills_in_is_no_difference(asked: Body, shown: Body) -> None:
    """Otherwise the same update would be sent again and again, in every round of every pass."""
    one = cluster(scheduler={"service": asked})
    first = plan(desire(one, world(one, scheduler(one)), Naming.CLASSIC), world(one))
    body = next(each.body for each in first.actions if each.key == Key(SERVICE, NAMESPACE, "simple-service"))
    spec = {name: value for name, value in {**body["spec"], **shown}.items() if value or name in shown}
    meta = body["metadata"]
    stored = service("simple-service", spec, owner=one, labels=meta["labels"], annotations=meta["annotations"])
    there = world(one, scheduler(one), stored)
    again = plan(desire(one, there, Naming.CLASSIC), there)
    assert [each.body for each in again.actions if each.key == stored.key] == []
