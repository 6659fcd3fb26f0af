"""What a list shows, and what selectors choose."""

import json
from collections.abc import Callable

import pytest

from models.kinds import POD
from reconciler.wire.errors import Invalid
from tests.contract.world import World, event, every_sort, key_of, pod, running_pod, service, uid, version
from tests.manifests import Manifest, autoscaler, cluster, group, job


@every_sort
def test_a_list_is_a_kubernetes_list(world: World, body: Manifest) -> None:
    """A list says what it holds and at which resourceVersion, which no object in it exceeds."""
    assert world.listing(body)["items"] == []
    created = world.create(body)
    listed = world.listing(body)
    assert (listed["apiVersion"], listed["kind"]) == (body["apiVersion"], f"{body['kind']}List")
    assert version(listed) >= version(created)
    assert [uid(item) for item in listed["items"]] == [uid(created)]


def test_the_items_of_kubernetes_own_kinds_leave_out_what_they_are(world: World) -> None:
    """In a list, Pods have no apiVersion and kind; custom resources have."""
    world.create(pod())
    world.create(group())
    assert world.listing(pod())["items"][0].keys() == {"metadata", "spec", "status"}
    assert world.listing(group())["items"][0].keys() >= {"apiVersion", "kind", "metadata", "spec"}


def test_a_list_is_ordered_by_name(world: World) -> None:
    """Objects are listed by name, whatever the order they were made in."""
    for name in ("b", "a", "c.d", "c-d", "c", "c0"):
        world.create(pod(name))
    assert world.names(pod()) == ["a", "b", "c", "c-d", "c.d", "c0"]


def test_a_list_is_of_one_namespace_or_of_all(world: World) -> None:
    """Without a namespace all namespaces are listed, in order."""
    there = world.another_namespace()
    world.create(pod(), labels={"in": world.namespace})
    world.create(pod(), labels={"in": world.namespace}, namespace=there)
    assert world.names(pod()) == ["p"]
    everywhere = json.loads(world.api.list(POD, None, labels=f"in={world.namespace}"))
    assert [item["metadata"]["namespace"] for item in everywhere["items"]] == sorted([world.namespace, there])
    one = json.loads(world.api.list(POD, None, fields=f"metadata.namespace={there}"))
    assert [item["metadata"]["namespace"] for item in one["items"]] == [there]


def test_a_list_shows_the_last_write(world: World) -> None:
    """What was answered to a write is what the next list shows."""
    created = world.create(pod())
    patched = world.api.patch(key_of(created), {"metadata": {"labels": {"a": "b"}}}).body
    assert version(world.listing(pod())["items"][0]) == version(patched)
    assert version(world.listing(pod())) >= version(patched)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", ["bare", "blue", "red"]),
        ("color", ["blue", "red"]),
        ("!color", ["bare"]),
        ("color=red", ["red"]),
        ("color==red", ["red"]),
        ("color!=red", ["bare", "blue"]),
        ("color,color!=red", ["blue"]),
        ("color,size=big", ["red"]),
        ("size=", ["blue"]),
        ("!size,!color", ["bare"]),
        (" color = red , size = big ", ["red"]),
        ("example.com/x=1", ["blue"]),
        ("color=green", []),
        ("color in (red, green)", ["red"]),
        ("color in (red,blue),size in (big)", ["red"]),
        ("color notin (red)", ["bare", "blue"]),
        ("size in ()", ["blue"]),
    ],
)
def test_label_selectors(world: World, selector: str, chosen: list[str]) -> None:
    """A selector is a conjunction of key, !key, key=value, key!=value, which a missing label meets, and sets."""
    world.create(pod("bare"))
    world.create(pod("red"), labels={"color": "red", "size": "big"})
    world.create(pod("blue"), labels={"color": "blue", "size": "", "example.com/x": "1"})
    assert world.names(pod(), labels=selector) == chosen


@pytest.mark.parametrize(
    "selector", ["=", "a=b=c", "a,", "-=b", "a=b c", "!a=b", "a/b/c=d", "a=-", "a in b", "a in (b", "a in (-)"]
)
def test_a_label_selector_that_makes_no_sense_is_refused(world: World, selector: str) -> None:
    """A malformed selector is an error, not an empty list."""
    with pytest.raises(Invalid):
        world.names(pod(), labels=selector)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", ["a", "b"]),
        ("metadata.name=a", ["a"]),
        ("metadata.name==a", ["a"]),
        ("metadata.name!=a", ["b"]),
        ("metadata.name=c", []),
        ("metadata.name=a,metadata.name=b", []),
        ("metadata.namespace=nowhere", []),
    ],
)
@pytest.mark.parametrize("sort", [pod, service, group, cluster, job, autoscaler])
def test_names_and_namespaces_can_be_selected_for_every_kind(
    world: World, sort: Callable[..., Manifest], selector: str, chosen: list[str]
) -> None:
    """Field selectors know metadata.name and metadata.namespace everywhere."""
    for name in ("b", "a"):
        world.create(sort(name))
    assert world.names(sort(), fields=selector) == chosen


@pytest.mark.parametrize("sort", [group, autoscaler])
def test_groups_and_autoscalers_can_be_selected_by_cluster(world: World, sort: Callable[..., Manifest]) -> None:
    """The cluster is a selectable field of worker groups and autoscalers."""
    world.create(sort("a", "one"))
    world.create(sort("b", "two"))
    assert world.names(sort(), fields="spec.cluster=one") == ["a"]
    assert world.names(sort(), fields="spec.cluster!=one") == ["b"]
    assert world.names(sort(), fields="spec.cluster=one,metadata.name=b") == []


def test_pods_can_be_selected_by_phase_and_node(world: World) -> None:
    """The phase and the node are selectable fields of Pods; an absent value is empty."""
    world.create(pod("waiting"))
    world.create(running_pod("running"))
    world.api.patch(key_of(world.placed(pod("running"))), {"status": {"phase": "Running"}}, "status")
    assert world.names(pod(), fields="status.phase=Running") == ["running"]
    assert world.names(pod(), fields="spec.nodeName=") == ["waiting"]
    assert world.names(pod(), fields="spec.nodeName=a-node,status.phase!=Pending") == ["running"]


def test_services_can_be_selected_by_type(world: World) -> None:
    """The type is a selectable field of Services."""
    world.create(service("inside"))
    world.create(service("outside", type="NodePort"))
    assert world.names(service(), fields="spec.type=NodePort") == ["outside"]


def test_events_can_be_selected_by_what_they_are_about(world: World) -> None:
    """The fields of involvedObject, and the type, are selectable fields of Events."""
    world.create(event(world.namespace))
    for selector in ("involvedObject.uid=u", "involvedObject.name=p,involvedObject.kind=Pod", "type=Normal"):
        assert world.names(event(""), fields=selector) == ["e"]
    assert world.names(event(""), fields="involvedObject.uid=v") == []


@pytest.mark.parametrize(
    ("body", "selector"),
    [
        (pod(), "metadata.uid=a"),
        (group(), "spec.worker.replicas=1"),
        (cluster(), "spec.cluster=c"),
        (service(), "status.phase=Running"),
        (pod(), "metadata.name"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_selected_is_refused(world: World, body: Manifest, selector: str) -> None:
    """A field that a kind does not offer is an error, not an empty list."""
    with pytest.raises(Invalid, match=r"field label not supported|invalid selector"):
        world.names(body, fields=selector)
