"""How Pods end."""

import pytest

from tests.contract.world import FINALIZER, GATE, World, generation, key_of, pod, running_pod, uid, version
from tests.manifests import Manifest


def test_a_pod_on_a_node_terminates_with_grace(world: World) -> None:
    """Deleting a Pod that has a node marks it with a deadline; it stays until its kubelet ends it."""
    created = world.create(running_pod(terminationGracePeriodSeconds=7))
    key = key_of(created)
    deleted = world.api.delete(key, uid(created)).body
    terminating = world.get(key)
    assert terminating is not None
    for body in (deleted, terminating):
        assert body["metadata"]["deletionGracePeriodSeconds"] == 7
        assert body["metadata"]["deletionTimestamp"] > created["metadata"]["creationTimestamp"]
        assert generation(body) == 2
        assert version(body) > version(created)
    world.end(key)
    world.sees(lambda: world.get(key) is None, "the Pod is gone")


def test_grace_is_half_a_minute_unless_the_pod_says_otherwise(world: World) -> None:
    """A Pod has half a minute to end by default."""
    created = world.create(running_pod())
    assert world.api.delete(key_of(created), uid(created)).body["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_terminating_pod_can_be_deleted_again(world: World) -> None:
    """A second delete changes nothing: the deadline stays, even if the Pod has ended since."""
    created = world.create(running_pod())
    key = key_of(created)
    first = world.api.delete(key, uid(created)).body
    second = world.api.delete(key, uid(created)).body
    assert second["metadata"]["deletionTimestamp"] == first["metadata"]["deletionTimestamp"]
    assert version(second) == version(first)
    world.api.patch(key, {"status": {"phase": "Failed"}}, "status")
    third = world.api.delete(key, uid(created)).body
    assert third["metadata"]["deletionTimestamp"] == first["metadata"]["deletionTimestamp"]
    assert world.names(pod()) == ["p"]


def test_a_terminating_pod_can_be_patched(world: World) -> None:
    """Labels and status still change while a Pod terminates; the deadline can't be taken back."""
    created = world.create(running_pod())
    key = key_of(created)
    deleted = world.api.delete(key, uid(created)).body
    patch = {"metadata": {"labels": {"a": "b"}, "deletionTimestamp": None, "deletionGracePeriodSeconds": None}}
    patched = world.api.patch(key, patch).body
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert patched["metadata"]["deletionTimestamp"] == deleted["metadata"]["deletionTimestamp"]
    assert world.api.patch(key, {"status": {"phase": "Running"}}, "status").body["status"]["phase"] == "Running"


@pytest.mark.parametrize("body", [pod(), pod(schedulingGates=[GATE])], ids=["waiting", "gated"])
def test_a_pod_without_a_node_goes_at_once(world: World, body: Manifest) -> None:
    """No kubelet has to end a Pod that was never scheduled."""
    created = world.create(body)
    deleted = world.api.delete(key_of(created), uid(created)).body
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 0
    assert world.names(pod()) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_goes_at_once(world: World, phase: str) -> None:
    """Nothing is left to end in a Pod that Succeeded or Failed."""
    created = world.create(running_pod())
    world.api.patch(key_of(created), {"status": {"phase": phase}}, "status")
    world.api.delete(key_of(created), uid(created))
    assert world.names(pod()) == []


def test_a_pod_with_no_grace_goes_at_once(world: World) -> None:
    """A grace of 0 means that nobody waits for the kubelet."""
    created = world.create(running_pod(terminationGracePeriodSeconds=0))
    world.api.delete(key_of(created), uid(created))
    assert world.names(pod()) == []


def test_a_finalizer_holds_a_pod_that_has_ended(world: World) -> None:
    """A Pod whose grace is over stays while it has finalizers, and goes with the last."""
    created = world.create(running_pod(), finalizers=[FINALIZER])
    key = key_of(created)
    world.api.delete(key, uid(created))
    world.end(key)
    held = world.get(key)
    assert held is not None
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    world.api.patch(key, {"metadata": {"finalizers": None}})
    assert world.names(pod()) == []


def test_a_finalizer_that_goes_leaves_the_grace_alone(world: World) -> None:
    """A Pod that loses its finalizer while it terminates still waits for its kubelet."""
    created = world.create(running_pod(), finalizers=[FINALIZER])
    world.api.delete(key_of(created), uid(created))
    world.api.patch(key_of(created), {"metadata": {"finalizers": []}})
    assert world.names(pod()) == ["p"]
