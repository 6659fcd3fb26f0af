"""What becomes of objects whose owners are gone; on a real server it takes a moment."""

import pytest

from models.kinds import POD
from tests.contract.world import (
    ABSENT_UID,
    FINALIZER,
    World,
    key_of,
    owner,
    pod,
    running_pod,
    service,
    uid,
)
from tests.manifests import Manifest, cluster, group


def test_what_an_object_owns_goes_with_it(world: World) -> None:
    """The dependents of a deleted object are deleted, and theirs, and nobody else's."""
    root = world.create(cluster())
    middle = world.create(group(), ownerReferences=[owner(root, controller=True)])
    world.create(pod("leaf"), ownerReferences=[owner(middle)])
    world.create(service(), ownerReferences=[owner(root)])
    other = world.create(group("other"))
    world.create(pod("others"), ownerReferences=[owner(other)])
    world.create(pod("nobodys"))
    world.api.delete(key_of(root), uid(root))
    world.sees(lambda: world.names(pod()) == ["nobodys", "others"], "the dependents are gone")
    world.sees(lambda: world.names(group()) == ["other"], "the group is gone")
    world.sees(lambda: world.names(service()) == [], "the Service is gone")


def test_what_names_an_owner_that_never_was_goes(world: World) -> None:
    """An object that is created for an owner that is not there is deleted."""
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "owner", "uid": ABSENT_UID}
    world.create(pod("owner"))
    world.create(pod("orphan"), ownerReferences=[reference])
    world.sees(lambda: world.names(pod()) == ["owner"], "the orphan is gone")


def test_an_owner_is_an_object_not_a_name(world: World) -> None:
    """A new object of the owner's name is not the owner: what the old one owned goes."""
    first = world.create(group())
    world.create(pod(), ownerReferences=[owner(first)])
    world.api.delete(key_of(first), uid(first))
    second = world.create(group())
    world.create(pod("new"), ownerReferences=[owner(second)])
    world.sees(lambda: world.names(pod()) == ["new"], "what the old group owned is gone")


def test_an_owner_must_be_what_the_reference_says(world: World) -> None:
    """A reference with an owner's uid but another name or kind leads nowhere."""
    real = world.create(group())
    world.create(pod("right"), ownerReferences=[owner(real)])
    world.create(pod("wrong-name"), ownerReferences=[{**owner(real), "name": "other"}])
    world.create(pod("wrong-kind"), ownerReferences=[{**owner(real), "kind": "DaskCluster"}])
    world.sees(lambda: world.names(pod()) == ["right"], "the others are gone")


def test_an_owner_is_in_the_same_namespace(world: World) -> None:
    """An object in another namespace cannot be an owner."""
    there = world.another_namespace()
    real = world.create(group(), namespace=there)
    world.create(pod(), ownerReferences=[owner(real)])
    world.sees(lambda: world.names(pod()) == [], "the Pod is gone")


def test_one_owner_is_enough(world: World) -> None:
    """An object with several owners stays while one is there, and loses its references to the others."""
    owners = [world.create(group(name)) for name in "ab"]
    created = world.create(pod(), ownerReferences=[owner(body) for body in owners])
    key = key_of(created)
    world.api.delete(key_of(owners[0]), uid(owners[0]))

    def references() -> list[str]:
        body = world.get(key)
        return [] if body is None else [item["name"] for item in body["metadata"]["ownerReferences"]]

    world.sees(lambda: references() == ["b"], "the reference is gone")
    world.api.delete(key_of(owners[1]), uid(owners[1]))
    world.sees(lambda: world.get(key) is None, "the Pod is gone")


def test_garbage_terminates_with_grace(world: World) -> None:
    """A Pod on a node that has lost its owner terminates like any other."""
    root = world.create(group())
    key = key_of(world.create(running_pod(), ownerReferences=[owner(root)]))
    world.api.delete(key_of(root), uid(root))

    def terminating() -> bool:
        body = world.get(key)
        return body is not None and body["metadata"].get("deletionGracePeriodSeconds") == 30

    world.sees(terminating, "the Pod terminates")


def test_an_owner_that_finalizers_hold_is_still_there(world: World) -> None:
    """What an object owns stays until the object is really gone."""
    root = world.create(group(), finalizers=[FINALIZER])
    world.create(pod(), ownerReferences=[owner(root)])
    world.api.delete(key_of(root), uid(root))
    assert world.names(pod()) == ["p"]
    world.api.patch(key_of(root), {"metadata": {"finalizers": None}})
    world.sees(lambda: world.names(pod()) == [], "the Pod is gone")


def test_an_owner_that_ends_takes_its_own_along(world: World) -> None:
    """What a terminating Pod owns goes when its kubelet has ended it."""
    root = world.create(running_pod("root"))
    world.create(service(), ownerReferences=[owner(root)])
    world.api.delete(key_of(root), uid(root))
    assert world.names(service()) == ["s"]
    world.end(key_of(root))
    world.sees(lambda: world.names(service()) == [], "the Service is gone")


def test_finalizers_hold_garbage(world: World) -> None:
    """A dependent with finalizers is marked as deleted and stays until they are gone."""
    root = world.create(group())
    key = key_of(world.create(service(), ownerReferences=[owner(root)], finalizers=[FINALIZER]))
    world.api.delete(key_of(root), uid(root))

    def held() -> bool:
        body = world.get(key)
        return body is not None and "deletionTimestamp" in body["metadata"]

    world.sees(held, "the Service is marked")
    world.api.patch(key, {"metadata": {"finalizers": None}})
    assert world.get(key) is None


@pytest.mark.parametrize("body", [pod(), service()], ids=lambda body: body["kind"])
def test_what_is_adopted_goes_with_its_new_owner(world: World, body: Manifest) -> None:
    """An owner that a patch adds counts like one of the creation."""
    root = world.create(group())
    key = key_of(world.create(body))
    world.api.patch(key, {"metadata": {"ownerReferences": [owner(root)]}})
    world.api.delete(key_of(root), uid(root))
    world.sees(lambda: world.get(key) is None, "what was adopted is gone")


def test_what_is_released_stays(world: World) -> None:
    """An object whose owner reference is taken away belongs to nobody and stays."""
    root = world.create(group())
    key = key_of(world.create(pod(), ownerReferences=[owner(root)]))
    world.api.patch(key, {"metadata": {"ownerReferences": None}})
    kept = world.create(pod("garbage"), ownerReferences=[owner(root)])
    world.api.delete(key_of(root), uid(root))
    world.sees(lambda: world.get(key_of(kept)) is None, "the other Pod is gone")
    assert world.names(pod()) == ["p"]


def test_an_owner_of_another_kind_of_thing_is_looked_up_by_its_kind(world: World) -> None:
    """A Pod may own a Pod."""
    root = world.create(pod("root"))
    world.create(pod("leaf"), ownerReferences=[owner(root)])
    assert key_of(root).kind == POD
    world.api.delete(key_of(root), uid(root))
    world.sees(lambda: world.names(pod()) == [], "both are gone")
