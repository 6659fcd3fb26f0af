"""What server-side apply does to Services, and to any whole object."""

from typing import Any

import pytest

from reconciler.wire.errors import Conflict, Invalid
from reconciler.wire.protocol import Body
from tests.contract.world import ABSENT_UID, World, generation, key_of, pod, service, uid, version
from tests.manifests import Manifest, cluster, group

COMM, DASHBOARD = {"name": "comm", "port": 8786}, {"name": "dashboard", "port": 8787}


def ports(body: Body) -> list[str]:
    return [port["name"] for port in body["spec"]["ports"]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (pod(), {"phase": "Running"}),
        (service(), {"loadBalancer": {"ingress": [{"hostname": "a.b"}]}}),
        (group(), {"replicas": 1}),
        (cluster(), {"phase": "Running"}),
    ],
    ids=lambda value: value.get("kind", ""),
)
def test_an_apply_creates_what_is_not_there(world: World, body: Manifest, status: Body) -> None:
    """An apply to an object creates it, with what a create gives, without its status; a second one changes nothing."""
    whole = world.placed({**body, "status": status}, labels={"a": "b"})
    created = world.api.apply(key_of(whole), whole).body
    assert len(uid(created)) == len(ABSENT_UID)
    assert created["metadata"]["labels"] == {"a": "b"}
    assert created.get("status", {}).items().isdisjoint(status.items())
    again = world.api.apply(key_of(whole), whole).body
    assert version(again) == version(created)


def test_an_unknown_field_of_a_service_makes_an_apply_fail(strict_world: World) -> None:
    """A create would warn; an apply refuses, and creates nothing."""
    whole = strict_world.placed(service(unheard="of"))
    with pytest.raises(Invalid, match="failed to create typed patch object"):
        strict_world.api.apply(key_of(whole), whole)
    assert strict_world.names(service()) == []


def test_a_resource_version_does_not_keep_an_apply_from_creating(world: World) -> None:
    """The guard has nothing to hold on to when the object is gone: it is created."""
    whole = world.placed(service(), resourceVersion="5")
    assert world.api.apply(key_of(whole), whole).body["metadata"]["name"] == "s"


@pytest.mark.parametrize("body", [pod(), service(), group()], ids=lambda body: body["kind"])
def test_a_uid_keeps_an_apply_from_creating(world: World, body: Manifest) -> None:
    """With a uid, an apply is carried out on that object or not at all."""
    whole = world.placed(body, uid=ABSENT_UID)
    with pytest.raises(Conflict, match="uid"):
        world.api.apply(key_of(whole), whole)
    assert world.names(body) == []
    world.create(body)
    with pytest.raises(Conflict, match=r"metadata.uid"):
        world.api.apply(key_of(whole), whole)


def test_the_document_must_be_of_the_object(world: World) -> None:
    """Kind, name and namespace of an apply must be the object's; kind must be there."""
    key = key_of(world.create(service()))
    whole = world.placed(service())
    wrong = [
        {**whole, "kind": "Pod"},
        {key_: value for key_, value in whole.items() if key_ != "kind"},
        {**whole, "metadata": {"name": "other"}},
        {**whole, "metadata": {"name": "s", "namespace": "other"}},
        {**whole, "metadata": {"name": "s", "managedFields": []}},
    ]
    for body in wrong:
        with pytest.raises(Invalid):
            world.api.apply(key, body)


def test_a_service_is_applied_port_by_port(world: World) -> None:
    """Ports are told apart by number and protocol: an apply adds, changes and removes its own."""
    world.api.apply(*_service(world, ports=[COMM, DASHBOARD]))
    assert ports(world.api.apply(*_service(world, ports=[DASHBOARD])).body) == ["dashboard"]
    renamed = world.api.apply(*_service(world, ports=[{**DASHBOARD, "name": "http"}, COMM])).body
    assert ports(renamed) == ["http", "comm"]


def test_a_services_selector_is_one_value(world: World) -> None:
    """A selector is replaced as a whole, even where others set keys in it."""
    key, body = _service(world, selector={"a": "1", "b": "2"})
    world.api.apply(key, body)
    world.api.patch(key, {"spec": {"selector": {"c": "3"}}})
    after = world.api.apply(*_service(world, selector={"a": "1"})).body
    assert after["spec"]["selector"] == {"a": "1"}


def test_what_the_server_filled_in_stays(world: World) -> None:
    """Addresses, node ports and defaults are not part of an apply and not removed by one."""
    first = world.api.apply(*_service(world, type="NodePort")).body
    second = world.api.apply(*_service(world, type="NodePort")).body
    assert second["spec"] == first["spec"]
    assert version(second) == version(first)


def test_a_services_type_goes_back_to_its_default(world: World) -> None:
    """A type that is left out again becomes ClusterIP, and the node ports go."""
    before = world.api.apply(*_service(world)).body
    outside = world.api.apply(*_service(world, type="NodePort")).body
    assert all("nodePort" in port for port in outside["spec"]["ports"])
    assert world.api.apply(*_service(world)).body["spec"] == before["spec"]


def test_what_a_user_adds_to_a_service_stays(world: World) -> None:
    """Labels, annotations and fields that a user patches into an applied Service survive the next apply."""
    key, body = _service(world)
    world.api.apply(key, world.placed(body, labels={"ours": "1"}))
    edit = {"metadata": {"labels": {"theirs": "1"}, "annotations": {"a": "b"}}, "spec": {"sessionAffinity": "ClientIP"}}
    world.api.patch(key, edit)
    after = world.api.apply(key, world.placed(body, labels={"ours": "2"})).body
    assert after["metadata"]["labels"] == {"ours": "2", "theirs": "1"}
    assert after["metadata"]["annotations"] == {"a": "b"}
    assert after["spec"]["sessionAffinity"] == "ClientIP"


def test_what_was_created_is_not_owned_by_apply(world: World) -> None:
    """After a create, an apply that leaves a field out does not remove it: the create was another writer."""
    key = key_of(world.create(service(ports=[COMM, DASHBOARD]), labels={"a": "b"}))
    after = world.api.apply(key, world.placed(service(ports=[COMM]))).body
    assert ports(after) == ["comm", "dashboard"]
    assert after["metadata"]["labels"] == {"a": "b"}


def test_an_apply_that_makes_no_sense_is_refused(world: World) -> None:
    """A Service that would be left without ports, or two ports of one number, are refused."""
    key, body = _service(world)
    world.api.apply(key, body)
    with pytest.raises(Invalid, match=r"spec.ports: Required value"):
        world.api.apply(*_service(world, ports=[]))
    with pytest.raises(Invalid, match="duplicate entries for key"):
        world.api.apply(*_service(world, ports=[COMM, {**COMM, "name": "again"}]))


def test_owners_and_finalizers_are_applied_one_by_one(world: World) -> None:
    """Owner references are told apart by uid, finalizers by name: those of others stay."""
    owners = [world.create(pod(name)) for name in ("a", "b")]
    references = [
        {"apiVersion": "v1", "kind": "Pod", "name": body["metadata"]["name"], "uid": uid(body)} for body in owners
    ]
    key, body = _service(world)
    world.create(body, ownerReferences=references[:1], finalizers=["example.com/theirs"])
    whole = world.placed(body, ownerReferences=references[1:], finalizers=["example.com/ours"])
    after = world.api.apply(key, whole).body
    assert after["metadata"]["ownerReferences"] == references
    assert after["metadata"]["finalizers"] == ["example.com/theirs", "example.com/ours"]
    without = world.api.apply(key, body).body
    assert without["metadata"]["ownerReferences"] == references[:1]
    assert without["metadata"]["finalizers"] == ["example.com/theirs"]


def test_labels_of_a_pod_are_applied_alone(world: World) -> None:
    """An apply may name nothing but labels; what it leaves out later goes."""
    created = world.create(pod(), labels={"theirs": "1"})
    key = key_of(created)
    bare = world.placed({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}})
    labelled = world.api.apply(key, {**bare, "metadata": {**bare["metadata"], "labels": {"ours": "1"}}}).body
    assert labelled["metadata"]["labels"] == {"theirs": "1", "ours": "1"}
    assert labelled["spec"] == created["spec"]
    assert world.api.apply(key, bare).body["metadata"]["labels"] == {"theirs": "1"}


def test_an_applied_spec_counts_as_a_generation(world: World) -> None:
    """A spec that an apply changes counts, one that it repeats does not; defaults come back for what goes."""
    key = key_of(world.placed(group()))
    world.api.apply(key, world.placed(group(minReadySeconds=5)))
    assert generation(world.api.apply(key, world.placed(group(minReadySeconds=5))).body) == 1
    after = world.api.apply(key, world.placed(group())).body
    assert "minReadySeconds" not in after["spec"]["worker"]
    assert generation(after) == 2


def _service(world: World, **spec: Any) -> tuple[Any, Body]:
    """The arguments of an apply of a Service."""
    body = world.placed(service(**spec))
    return key_of(body), body
