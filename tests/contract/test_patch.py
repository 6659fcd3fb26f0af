"""What a merge patch does, to an object and to its status."""

import pytest

from reconciler.wire.errors import Conflict, Invalid, NotFound
from reconciler.wire.protocol import Body, Subresource
from tests.contract.world import (
    ABSENT_UID,
    World,
    event,
    every_sort,
    generation,
    key_of,
    pod,
    service,
    uid,
    version,
)
from tests.manifests import Manifest, cluster, group, job

STATUS: Subresource = "status"


@every_sort
def test_a_patch_changes_what_it_names_and_nothing_else(world: World, body: Manifest) -> None:
    """A patch sets the keys it has; all else stays, but for a higher resourceVersion."""
    before = world.create(body, labels={"a": "1", "b": "2"}, annotations={"x": "y"})
    after = world.api.patch(key_of(before), {"metadata": {"labels": {"b": "3", "c": "4"}}}).body
    assert after["metadata"]["labels"] == {"a": "1", "b": "3", "c": "4"}
    assert version(after) > version(before)
    ignored = {"labels", "resourceVersion", "managedFields"}
    for body_ in (before, after):
        body_["metadata"] = {key: value for key, value in body_["metadata"].items() if key not in ignored}
    assert after == before


def test_null_removes(world: World) -> None:
    """A null removes the key; what was not there stays away, and an emptied map goes."""
    before = world.create(pod(), labels={"a": "1", "b": "2"})
    after = world.api.patch(key_of(before), {"metadata": {"labels": {"a": None, "z": None}}}).body
    assert after["metadata"]["labels"] == {"b": "2"}
    after = world.api.patch(key_of(before), {"metadata": {"labels": {"b": None}}}).body
    assert "labels" not in after["metadata"]
    world.api.patch(key_of(before), {"metadata": {"labels": {"a": "1", "b": "2"}}})
    after = world.api.patch(key_of(before), {"metadata": {"labels": None}}).body
    assert "labels" not in after["metadata"]


def test_lists_are_replaced_as_a_whole(world: World) -> None:
    """A list in a merge patch takes the place of the one that was there."""
    template = {"containers": [{"name": "main", "image": "dask", "args": ["1", "2"]}, {"name": "more", "image": "x"}]}
    before = world.create(group())
    key = key_of(before)
    world.api.patch(key, {"spec": {"worker": {"spec": template}}})
    after = world.api.patch(key, {"spec": {"worker": {"spec": {"containers": [{"name": "main", "image": "y"}]}}}}).body
    assert after["spec"]["worker"]["spec"]["containers"] == [{"name": "main", "image": "y"}]


def test_nulls_below_what_was_not_there_are_left_out(world: World) -> None:
    """A patch that makes a new object drops its nulls, however deep."""
    before = world.create(group())
    patch = {"spec": {"worker": {"spec": {"affinity": {"nodeAffinity": {"x": None, "y": 1}, "z": None}}}}}
    after = world.api.patch(key_of(before), patch).body
    assert after["spec"]["worker"]["spec"]["affinity"] == {"nodeAffinity": {"y": 1}}


@every_sort
def test_a_patch_that_changes_nothing_writes_nothing(world: World, body: Manifest) -> None:
    """A patch without effect is answered with the object as it is, at its old resourceVersion."""
    before = world.create(body, labels={"a": "1"})
    key = key_of(before)
    for patch in (
        {},
        {"metadata": {"labels": {"a": "1"}}},
        {"metadata": {"annotations": {"z": None}}},
        {"spec": {"restartPolicy": "Always"} if body["kind"] == "Pod" else body["spec"]},
    ):
        assert version(world.api.patch(key, patch).body) == version(before)
    assert version(world.listing(body)["items"][0]) == version(before)


@every_sort
def test_a_patch_of_what_is_not_there_is_not_found(world: World, body: Manifest) -> None:
    """Nothing is created by a patch, to the object or its status; the message names it."""
    key = key_of(world.placed(body))
    for subresource in (None, STATUS):
        with pytest.raises(NotFound, match=f'{key.kind.plural}.* "{key.name}" not found'):
            world.api.patch(key, {"metadata": {"labels": {"a": "1"}}}, subresource)
    assert world.names(body) == []


@every_sort
def test_a_resource_version_guards_a_patch(world: World, body: Manifest) -> None:
    """With a resourceVersion, a patch is carried out only on that state of the object, even if it changes nothing."""
    before = world.create(body)
    key = key_of(before)
    guard = {"resourceVersion": before["metadata"]["resourceVersion"]}
    after = world.api.patch(key, {"metadata": {**guard, "labels": {"a": "1"}}}).body
    for patch in ({**guard, "labels": {"a": "2"}}, {**guard, "labels": {"a": "1"}}, guard):
        with pytest.raises(Conflict, match="the object has been modified; please apply your changes to the latest"):
            world.api.patch(key, {"metadata": patch})
    assert version(world.listing(body)["items"][0]) == version(after)


@every_sort
def test_a_resource_version_guards_a_status(world: World, body: Manifest) -> None:
    """The guard holds for a patch of the status too."""
    before = world.create(body)
    world.api.patch(key_of(before), {"metadata": {"labels": {"a": "1"}}})
    guard = {"resourceVersion": before["metadata"]["resourceVersion"]}
    with pytest.raises(Conflict, match="the object has been modified"):
        world.api.patch(key_of(before), {"metadata": guard, "status": {}}, "status")


@every_sort
def test_a_uid_guards_a_patch(world: World, body: Manifest) -> None:
    """With a uid, a patch is carried out only on that object, not on another one of the same name."""
    before = world.create(body)
    key = key_of(before)
    for patch in ({"uid": ABSENT_UID, "labels": {"a": "1"}}, {"uid": ABSENT_UID}):
        with pytest.raises(Conflict, match=r"metadata.uid"):
            world.api.patch(key, {"metadata": patch})
    after = world.api.patch(key, {"metadata": {"uid": uid(before), "labels": {"a": "1"}}}).body
    assert version(after) > version(before)


@pytest.mark.parametrize("body", [pod(), service()], ids=lambda body: body["kind"])
def test_a_uid_guards_the_status_of_kubernetes_own_kinds(world: World, body: Manifest) -> None:
    """The uid is compared in a patch of a Pod's or Service's status."""
    before = world.create(body)
    with pytest.raises(Conflict, match=r"metadata.uid"):
        world.api.patch(key_of(before), {"metadata": {"uid": ABSENT_UID}, "status": {}}, "status")


def test_a_uid_does_not_guard_the_status_of_a_custom_resource(world: World) -> None:
    """The server ignores the uid when a custom resource's status is written: only the resourceVersion guards it."""
    before = world.create(group())
    patch = {"metadata": {"uid": ABSENT_UID}, "status": {"replicas": 1}}
    after = world.api.patch(key_of(before), patch, "status").body
    assert after["status"] == {"replicas": 1}
    assert uid(after) == uid(before)


@every_sort
def test_a_patch_cannot_rename_or_move(world: World, body: Manifest) -> None:
    """A patch with another name or namespace is refused."""
    key = key_of(world.create(body))
    with pytest.raises(Invalid, match=r"the name of the object \(other\) does not match the name on the URL"):
        world.api.patch(key, {"metadata": {"name": "other"}})
    with pytest.raises(Invalid, match="the namespace of the provided object does not match the namespace"):
        world.api.patch(key, {"metadata": {"namespace": "other"}})


@every_sort
def test_a_patch_cannot_change_what_only_the_server_gives(world: World, body: Manifest) -> None:
    """Generation and timestamps in a patch are ignored."""
    before = world.create(body)
    system = {"generation": 77, "creationTimestamp": "2001-01-01T00:00:00Z"}
    after = world.api.patch(key_of(before), {"metadata": system}).body
    assert version(after) == version(before)
    assert generation(after) == generation(before)
    assert after["metadata"]["creationTimestamp"] == before["metadata"]["creationTimestamp"]


@every_sort
def test_a_patch_is_held_to_the_rules_of_a_create(world: World, body: Manifest) -> None:
    """Labels, annotations, owners and finalizers must be valid after a patch too."""
    before = world.create(body)
    for metadata in (
        {"labels": {"a": "b c"}},
        {"annotations": {"a b": "c"}},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x"}]},
        {"finalizers": ["not valid"]},
    ):
        with pytest.raises(Invalid, match=f"metadata.{next(iter(metadata))}"):
            world.api.patch(key_of(before), {"metadata": metadata})
    assert version(world.listing(body)["items"][0]) == version(before)


@pytest.mark.parametrize("body", [group(), cluster(), job()], ids=lambda body: body["kind"])
def test_a_custom_resources_generation_counts_changes_to_its_spec(world: World, body: Manifest) -> None:
    """Generation grows with the spec, not with metadata, status or a patch without effect."""
    key = key_of(world.create(body))
    assert generation(world.api.patch(key, {"metadata": {"annotations": {"a": "b"}}}).body) == 1
    assert generation(world.api.patch(key, {"status": {"observedGeneration": 1}}, "status").body) == 1
    change = {"spec": _other_image(body)}
    assert generation(world.api.patch(key, change).body) == 2
    assert generation(world.api.patch(key, change).body) == 2


def _other_image(body: Manifest) -> Body:
    """A patch of the spec that changes one template."""
    template = {"spec": {"containers": [{"name": "main", "image": "other"}]}}
    return {"job": template} if body["kind"] == "DaskJob" else {"worker": template}


@every_sort
def test_a_patch_of_the_object_leaves_the_status_alone(world: World, body: Manifest) -> None:
    """A status in a patch of the object is ignored, whether there is one yet or not."""
    before = world.create(body)
    after = world.api.patch(key_of(before), {"status": {"phase": "Failed", "replicas": 1}}).body
    assert after.get("status") == before.get("status")
    assert version(after) == version(before)


def test_a_patch_of_the_status_leaves_a_custom_resource_alone(world: World) -> None:
    """Spec and metadata in a patch of a custom resource's status are ignored."""
    before = world.create(group())
    patch = {"metadata": {"labels": {"a": "1"}}, "spec": {"worker": {"replicas": 7}}, "status": {"replicas": 1}}
    after = world.api.patch(key_of(before), patch, "status").body
    assert after["status"] == {"replicas": 1}
    assert after["spec"] == before["spec"]
    assert "labels" not in after["metadata"]
    assert version(after) > version(before)


def test_a_patch_of_the_status_may_label_a_pod(world: World) -> None:
    """Through a Pod's status, labels and annotations can be set, but no owner and nothing in the spec."""
    before = world.create(pod())
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": ABSENT_UID}
    metadata = {"labels": {"a": "1"}, "annotations": {"b": "2"}, "ownerReferences": [reference]}
    patch = {"metadata": metadata, "spec": {"activeDeadlineSeconds": 1}, "status": {"phase": "Running"}}
    after = world.api.patch(key_of(before), patch, "status").body
    assert after["status"]["phase"] == "Running"
    assert after["metadata"]["labels"] == {"a": "1"}
    assert after["metadata"]["annotations"] == {"b": "2"}
    assert "ownerReferences" not in after["metadata"]
    assert after["spec"] == before["spec"]


def test_a_status_is_patched_like_the_rest(world: World) -> None:
    """Keys of a status are set and removed one by one, lists as a whole; without effect nothing is written."""
    key = key_of(world.create(group()))
    a, b = ({"name": name, "uid": f"{name}-uid"} for name in "ab")
    first = {"replicas": 2, "selector": "a=b", "decisions": {"retiring": [a, b], "highestOrdinal": 2}}
    world.api.patch(key, {"status": first}, "status")
    change = {"replicas": None, "readyReplicas": 1, "decisions": {"retiring": [b]}}
    after = world.api.patch(key, {"status": change}, "status").body
    decisions = {"retiring": [b], "highestOrdinal": 2}
    assert after["status"] == {"selector": "a=b", "readyReplicas": 1, "decisions": decisions}
    again = world.api.patch(key, {"status": {"readyReplicas": 1, "replicas": None}}, "status").body
    assert version(again) == version(after)
    assert "status" not in world.api.patch(key, {"status": None}, "status").body


def test_an_event_has_no_status(world: World) -> None:
    """Events have no status subresource."""
    created = world.create(event(world.namespace))
    with pytest.raises(NotFound):
        world.api.patch(key_of(created), {"status": {}}, "status")


def test_events_are_counted_by_a_patch(world: World) -> None:
    """Events are created in the namespace of what they are about, and may be patched."""
    created = world.create(event(world.namespace, count=1))
    assert world.api.patch(key_of(created), {"count": 2}).body["count"] == 2
    with pytest.raises(Invalid, match=r"involvedObject.namespace.* does not match event.namespace"):
        world.create(event("elsewhere", "e2"))
