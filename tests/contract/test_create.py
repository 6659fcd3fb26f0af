"""What creating an object does."""

from datetime import UTC, datetime, timedelta

import pytest

from models.kinds import POD
from reconciler.wire.errors import AlreadyExists, ApiError, Invalid, Refused
from tests.contract.world import (
    ABSENT_UID,
    WITH_GENERATION,
    World,
    every_sort,
    generation,
    key_of,
    pod,
    service,
    uid,
    version,
)
from tests.manifests import Manifest, group


@every_sort
def test_a_new_object_has_what_only_the_server_gives(world: World, body: Manifest) -> None:
    """A new object has a uid, a resourceVersion and the time of its creation, and is listed as it was answered."""
    created = world.create(body)
    assert len(uid(created)) == len(ABSENT_UID)
    assert version(created) > 0
    made = datetime.strptime(created["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
    listed = world.get(key_of(created))
    assert listed is not None
    assert {**created, **listed} == created


@every_sort
def test_the_server_overrules_what_only_it_may_set(world: World, body: Manifest) -> None:
    """A uid and timestamps that a client sends in a create are ignored."""
    created = world.create(
        body,
        uid=ABSENT_UID,
        creationTimestamp="2001-01-01T00:00:00Z",
        deletionTimestamp="2001-01-01T00:00:00Z",
        deletionGracePeriodSeconds=5,
    )
    assert uid(created) != ABSENT_UID
    assert not created["metadata"]["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in created["metadata"]
    assert "deletionGracePeriodSeconds" not in created["metadata"]


@pytest.mark.parametrize("body", WITH_GENERATION, ids=lambda body: body["kind"])
def test_generations_start_at_one(world: World, body: Manifest) -> None:
    """A new Pod or custom resource has generation 1, whatever a client sends."""
    assert generation(world.create(body, generation=7)) == 1


def test_a_service_has_no_generation(world: World) -> None:
    """Services have no generation, but keep one that a client sends."""
    assert generation(world.create(service())) is None
    odd = world.create(service("odd"), generation=7)
    assert generation(odd) == 7
    assert generation(world.api.patch(key_of(odd), {"spec": {"type": "NodePort"}}).body) == 7


@every_sort
def test_no_two_objects_of_a_kind_share_a_name(world: World, body: Manifest) -> None:
    """Creating what is there is refused as AlreadyExists and leaves it as it is; the message names it."""
    created = world.create(body)
    resource = key_of(body).kind.plural + (f".{key_of(body).kind.group}" if key_of(body).kind.group else "")
    with pytest.raises(AlreadyExists) as refusal:
        world.create(body, labels={"another": "one"})
    assert refusal.value.message == f'{resource} "{body["metadata"]["name"]}" already exists'
    assert (refusal.value.status, refusal.value.reason) == (409, "AlreadyExists")
    assert version(world.listing(body)["items"][0]) == version(created)


def test_a_name_is_free_in_another_namespace_and_for_another_kind(world: World) -> None:
    """Names are unique per kind and namespace only."""
    world.create(pod("same"))
    world.create(service("same"))
    world.create(pod("same"), namespace=world.another_namespace())
    assert world.names(pod()) == world.names(service()) == ["same"]


def test_a_name_can_be_used_again_with_another_uid(world: World) -> None:
    """An object of a name that was deleted is another object."""
    first = world.create(pod())
    world.api.delete(key_of(first), uid(first))
    second = world.create(pod())
    assert uid(second) != uid(first)
    assert version(second) > version(first)


@every_sort
def test_a_created_object_has_no_status_of_its_creator(world: World, body: Manifest) -> None:
    """A status in a create is dropped, for every kind with a status subresource."""
    created = world.create({**body, "status": {"phase": "Running", "loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}})
    assert created.get("status", {}).get("phase") in (None, "Pending")
    assert created.get("status", {}).get("loadBalancer", {}) == {}


@every_sort
def test_the_server_makes_up_the_rest_of_a_generated_name(world: World, body: Manifest) -> None:
    """With generateName and no name, the server appends something to it; with a name, it counts for nothing."""
    kind, metadata = key_of(body).kind, {"generateName": "some-", "namespace": world.namespace}
    first, second = (
        world.api.create(kind, {**body, "metadata": {**metadata, **empty}}).body["metadata"]["name"]
        for empty in ({}, {"name": ""})
    )
    assert first != second
    for name in (first, second):
        assert name.startswith("some-")
        assert len(name) == len("some-") + 5
    assert world.create(body, generateName="other-")["metadata"]["name"] == body["metadata"]["name"]


def test_a_generated_name_is_cut_for_what_is_made_up(world: World) -> None:
    """Of its beginning 58 characters are used."""
    body = {**group(), "metadata": {"generateName": "x" * 70, "namespace": world.namespace}}
    name = world.api.create(key_of(group()).kind, body).body["metadata"]["name"]
    assert (name[:58], len(name)) == ("x" * 58, 63)


@every_sort
def test_nulls_in_metadata_are_as_good_as_nothing(world: World, body: Manifest) -> None:
    """As Go clients write the time of an object's creation."""
    nulls = dict.fromkeys(("creationTimestamp", "labels", "annotations", "ownerReferences", "finalizers"))
    reply = world.api.create(key_of(body).kind, world.placed(body, **nulls))
    assert reply.warnings == ()
    assert reply.body["metadata"]["creationTimestamp"]
    assert reply.body["metadata"].keys().isdisjoint({"labels", "annotations", "ownerReferences", "finalizers"})


def test_an_object_needs_a_name(world: World) -> None:
    """Without a name and a generateName nothing is created."""
    with pytest.raises(Invalid, match=r"metadata.name: Required value: name or generateName is required"):
        world.api.create(POD, {**pod(), "metadata": {"namespace": world.namespace}})


def test_an_object_needs_a_namespace(world: World) -> None:
    """An object that says nothing about its namespace is refused: there is no default."""
    with pytest.raises(Refused):
        world.api.create(POD, {**pod(), "metadata": {"name": "p"}})


def test_an_object_that_exists_already_cannot_be_created(world: World) -> None:
    """A resourceVersion in a create is an error."""
    with pytest.raises(ApiError, match="resourceVersion should not be set on objects to be created"):
        world.create(pod(), resourceVersion="5")
    assert world.names(pod()) == []


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "dash-", "a..b", "x" * 254, "ä"])
@pytest.mark.parametrize("body", [pod(), group()], ids=lambda body: body["kind"])
def test_a_name_that_is_no_dns_subdomain_is_refused(world: World, body: Manifest, name: str) -> None:
    """Pods and custom resources are named with a DNS subdomain of up to 253 characters."""
    with pytest.raises(Invalid, match=r"metadata.name"):
        world.create({**body, "metadata": {"name": name}})


@pytest.mark.parametrize("name", ["9lives", "a.b", "x" * 64, "Upper", "dash-"])
def test_a_service_name_that_is_no_dns_label_is_refused(world: World, name: str) -> None:
    """Services are named with a DNS label of up to 63 characters that starts with a letter."""
    with pytest.raises(Invalid, match=r"metadata.name"):
        world.create(service(name))


@pytest.mark.parametrize("name", ["a", "a.b", "9", "x" * 200])
def test_names_may_be_as_long_as_a_dns_subdomain(world: World, name: str) -> None:
    """Dots, digits and 200 characters are fine in a Pod's name."""
    assert world.create(pod(name))["metadata"]["name"] == name


@pytest.mark.parametrize(
    "labels",
    [
        {"key": "with space"},
        {"key": "x" * 64},
        {"key": "-dash"},
        {"": "value"},
        {"a/b/c": "value"},
        {"Upper/name": "value"},
        {"x" * 64: "value"},
        {"dash-": "value"},
    ],
)
@every_sort
def test_a_label_that_is_not_valid_is_refused(world: World, body: Manifest, labels: dict[str, str]) -> None:
    """Label keys and values are short words; the message names the field."""
    with pytest.raises(Invalid, match=r"metadata.labels"):
        world.create(body, labels=labels)


def test_labels_and_annotations_that_are_valid(world: World) -> None:
    """Values may be empty, keys may have a DNS prefix, annotations may hold anything."""
    labels = {"a": "", "example.com/Key_1.x": "Value-1_x.y", "x" * 63: "x" * 63}
    annotations = {"EXAMPLE.com/Key": "any\nthing ä", "a": ""}
    created = world.create(pod(), labels=labels, annotations=annotations)
    assert created["metadata"]["labels"] == labels
    assert created["metadata"]["annotations"] == annotations


def test_an_annotation_whose_key_is_not_valid_is_refused(world: World) -> None:
    """Annotation keys follow the rule for label keys, but for upper case in the prefix."""
    with pytest.raises(Invalid, match=r"metadata.annotations"):
        world.create(pod(), annotations={"with space": ""})


def test_annotations_have_a_limit(world: World) -> None:
    """All annotations together may take 256 KiB."""
    with pytest.raises(Invalid, match=r"metadata.annotations: Too long"):
        world.create(pod(), annotations={"key": "x" * (256 * 1024)})


@pytest.mark.parametrize("field", ["apiVersion", "kind", "name", "uid"])
def test_an_owner_reference_must_be_whole(world: World, field: str) -> None:
    """An owner is named by apiVersion, kind, name and uid."""
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "owner", "uid": ABSENT_UID, field: ""}
    with pytest.raises(Invalid, match=rf"metadata.ownerReferences.{field}"):
        world.create(pod(), ownerReferences=[reference])


def test_an_object_has_one_controller(world: World) -> None:
    """Of several owners, one may be the controller."""
    references = [
        {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True} for name in ("a", "b")
    ]
    with pytest.raises(Invalid, match="Only one reference can have Controller set to true"):
        world.create(pod(), ownerReferences=references)


def test_a_finalizer_has_a_qualified_name(world: World) -> None:
    """Finalizers of Pods are named like labels, with a prefix."""
    with pytest.raises(Invalid, match=r"metadata.finalizers"):
        world.create(pod(), finalizers=["unqualified"])


def test_a_custom_resource_must_say_what_it_is(world: World) -> None:
    """A custom resource without kind, or with another, is refused."""
    without = {key: value for key, value in group().items() if key != "kind"}
    for body in (without, {**group(), "kind": "DaskJob"}):
        with pytest.raises(Invalid, match="DaskWorkerGroup"):
            world.api.create(key_of(group()).kind, world.placed(body))


def test_a_pod_need_not_say_what_it_is(world: World) -> None:
    """For Kubernetes' own kinds the URL says it."""
    without = {key: value for key, value in pod().items() if key not in ("apiVersion", "kind")}
    created = world.api.create(POD, world.placed(without)).body
    assert (created["apiVersion"], created["kind"]) == ("v1", "Pod")


def test_unknown_metadata_comes_back_as_a_warning(world: World) -> None:
    """A field of metadata that Kubernetes does not know is left out, with a warning."""
    reply = world.api.create(key_of(group()).kind, world.placed(group(), unheard="of"))
    assert 'unknown field "metadata.unheard"' in reply.warnings
    assert "unheard" not in reply.body["metadata"]


def test_empty_metadata_is_as_good_as_none(world: World) -> None:
    """Empty labels, annotations, finalizers and owners are not stored."""
    created = world.create(pod(), labels={}, annotations={}, finalizers=[], ownerReferences=[])
    assert created["metadata"].keys().isdisjoint({"labels", "annotations", "finalizers", "ownerReferences"})
