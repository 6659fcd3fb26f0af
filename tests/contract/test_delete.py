"""What deleting an object does."""

import pytest

from reconciler.wire.errors import Conflict, Invalid, NotFound
from tests.contract.world import (
    ABSENT_UID,
    EVERY_SORT,
    FINALIZER,
    World,
    event,
    every_sort,
    generation,
    key_of,
    pod,
    uid,
    version,
)
from tests.manifests import Manifest, group


@every_sort
def test_what_is_deleted_is_gone(world: World, body: Manifest) -> None:
    """A deleted object is in no list; the list's resourceVersion shows that something happened."""
    created = world.create(body)
    before = version(world.listing(body))
    world.api.delete(key_of(created), uid(created))
    assert world.names(body) == []
    assert version(world.listing(body)) > before


@every_sort
def test_only_the_object_of_that_uid_is_deleted(world: World, body: Manifest) -> None:
    """A delete that means another object of the same name is a Conflict, and the object stays."""
    created = world.create(body)
    with pytest.raises(Conflict, match=rf"precondition \({ABSENT_UID}\) does not match the UID .*{uid(created)}"):
        world.api.delete(key_of(created), ABSENT_UID)
    assert world.names(body) == [body["metadata"]["name"]]


@every_sort
def test_only_the_object_of_that_version_is_deleted(world: World, body: Manifest) -> None:
    """A delete that means the object as it was before a change is a Conflict, and the object stays."""
    created = world.create(body)
    key = key_of(created)
    changed = world.api.patch(key, {"metadata": {"annotations": {"example.com/seen": "now"}}}).body
    old, new = str(version(created)), str(version(changed))
    with pytest.raises(Conflict, match=rf"precondition \({old}\) does not match the ResourceVersion .*{new}"):
        world.api.delete(key, uid(created), old)
    with pytest.raises(Conflict, match="UID"):
        world.api.delete(key, ABSENT_UID, new)
    assert world.names(body) == [key.name]
    world.api.delete(key, uid(created), new)
    assert world.names(body) == []


@every_sort
def test_what_is_gone_is_not_found(world: World, body: Manifest) -> None:
    """Deleting what is not there, or no longer, is NotFound."""
    key = key_of(world.placed(body))
    with pytest.raises(NotFound):
        world.api.delete(key, ABSENT_UID)
    created = world.create(body)
    world.api.delete(key, uid(created))
    with pytest.raises(NotFound) as refusal:
        world.api.delete(key, uid(created))
    assert refusal.value.status == 404


def test_the_answer_is_the_object_or_a_status(world: World) -> None:
    """A Pod's or Service's delete is answered with the object, a custom resource's or Event's with a Status."""
    answers = {}
    for body in (*EVERY_SORT, event(world.namespace)):
        created = world.create(body)
        answers[body["kind"]] = world.api.delete(key_of(created), uid(created)).body["kind"]
    assert answers == {"Pod": "Pod", "Service": "Service", "DaskWorkerGroup": "Status", "Event": "Status"}


@every_sort
def test_a_finalizer_holds_what_is_deleted(world: World, body: Manifest) -> None:
    """An object with finalizers is marked as deleted, which counts as a generation, and stays until the last goes."""
    created = world.create(body, finalizers=[FINALIZER, "example.com/other"])
    key = key_of(created)
    deleted = world.api.delete(key, uid(created)).body
    assert deleted["metadata"]["deletionTimestamp"] >= created["metadata"]["creationTimestamp"]
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 0
    assert version(deleted) > version(created)
    assert generation(deleted) == (2 if generation(created) else None)
    world.api.patch(key, {"metadata": {"finalizers": [FINALIZER]}})
    assert world.names(body) == [key.name]
    world.api.patch(key, {"metadata": {"finalizers": None}})
    assert world.names(body) == []


@every_sort
def test_what_is_held_can_be_deleted_again(world: World, body: Manifest) -> None:
    """A second delete of an object that finalizers hold changes nothing."""
    created = world.create(body, finalizers=[FINALIZER])
    first = world.api.delete(key_of(created), uid(created)).body
    second = world.api.delete(key_of(created), uid(created)).body
    assert version(second) == version(first)
    assert second["metadata"]["deletionTimestamp"] == first["metadata"]["deletionTimestamp"]


@every_sort
def test_what_is_being_deleted_takes_no_new_finalizer(world: World, body: Manifest) -> None:
    """Finalizers can only be removed once the object is being deleted."""
    created = world.create(body, finalizers=[FINALIZER])
    world.api.delete(key_of(created), uid(created))
    patch = {"metadata": {"finalizers": [FINALIZER, "example.com/late"]}}
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        world.api.patch(key_of(created), patch)


def test_what_is_being_deleted_can_be_changed(world: World) -> None:
    """Spec and status of a custom resource that finalizers hold still change, and its name is taken."""
    created = world.create(group(), finalizers=[FINALIZER])
    key = key_of(created)
    world.api.delete(key, uid(created))
    assert generation(world.api.patch(key, {"spec": {"worker": {"replicas": 5}}}).body) == 3
    assert world.api.patch(key, {"status": {"replicas": 5}}, "status").body["status"] == {"replicas": 5}


def test_finalizers_of_what_is_not_deleted_come_and_go(world: World) -> None:
    """Removing the last finalizer of an object that nobody deleted deletes nothing."""
    key = key_of(world.create(pod(), finalizers=[FINALIZER]))
    world.api.patch(key, {"metadata": {"finalizers": None}})
    assert world.names(pod()) == ["p"]
    world.api.patch(key, {"metadata": {"finalizers": [FINALIZER]}})
    assert world.names(pod()) == ["p"]
