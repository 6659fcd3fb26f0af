"""What server-side apply does to the status of custom resources."""

from typing import Any

import pytest

from reconciler.wire.errors import Conflict, Invalid, NotFound
from reconciler.wire.protocol import Body
from tests.contract.world import ABSENT_UID, World, generation, key_of, uid, version
from tests.manifests import Manifest, group

A, B, C = ({"name": name, "uid": f"{name}-uid"} for name in "abc")
COMM, DASHBOARD = {"name": "comm", "port": 8786}, {"name": "dashboard", "port": 8787}


def condition(type_: str, status: str = "True", **more: str) -> Body:
    return {"type": type_, "status": status, "reason": "Because", "message": "", **more}


def applied(world: World, body: Manifest, status: Body, **metadata: Any) -> Body:
    """Apply a status; the object after it."""
    whole = world.placed({**body, "status": status}, **metadata)
    del whole["spec"]
    return world.api.apply(key_of(whole), whole, "status").body


def test_a_status_that_is_applied_is_there(world: World) -> None:
    """An apply sets what it names in the status, at a higher resourceVersion, and nothing in the spec."""
    before = world.create(group())
    after = applied(world, group(), {"replicas": 2, "conditions": [condition("Ready")]})
    assert after["status"] == {"replicas": 2, "conditions": [condition("Ready")]}
    assert after["spec"] == before["spec"]
    assert version(after) > version(before)
    assert generation(after) == 1


def test_the_same_apply_writes_nothing(world: World) -> None:
    """An apply that brings nothing new leaves the resourceVersion, so that it can be sent at any time."""
    world.create(group())
    decisions = {"retiring": [A], "failures": {"count": 1}}
    status = {"replicas": 2, "decisions": decisions, "conditions": [condition("Ready")]}
    first = applied(world, group(), status)
    assert version(applied(world, group(), status)) == version(first)
    assert version(world.listing(group())["items"][0]) == version(first)


def test_what_an_apply_leaves_out_goes(world: World) -> None:
    """A field that the last apply set and this one leaves out is removed, with an object that becomes empty."""
    world.create(group())
    applied(world, group(), {"replicas": 2, "selector": "a=b", "decisions": {"failures": {"count": 1}}})
    assert applied(world, group(), {"replicas": 3})["status"] == {"replicas": 3}


def test_part_of_an_object_may_be_left_out(world: World) -> None:
    """Objects are merged key by key."""
    world.create(group())
    failures = {"count": 1, "lastTime": "2026-01-01T00:00:00Z"}
    applied(world, group(), {"decisions": {"failures": failures}})
    status = {"decisions": {"failures": {"count": 2}}}
    assert applied(world, group(), status)["status"] == status


def test_what_someone_else_set_stays(world: World) -> None:
    """A field that a patch set stays when an apply leaves it out: the first was another writer."""
    key = key_of(world.create(group()))
    applied(world, group(), {"replicas": 2, "workers": "1/2"})
    world.api.patch(key, {"status": {"replicas": 3, "readyReplicas": 1}}, "status")
    after = applied(world, group(), {"workers": "2/2"})
    assert after["status"] == {"replicas": 3, "readyReplicas": 1, "workers": "2/2"}


def test_an_apply_takes_over(world: World) -> None:
    """An apply overrules what others set, and what it took over goes when it is left out."""
    key = key_of(world.create(group()))
    world.api.patch(key, {"status": {"replicas": 3, "readyReplicas": 3}}, "status")
    assert applied(world, group(), {"replicas": 2})["status"] == {"replicas": 2, "readyReplicas": 3}
    assert applied(world, group(), {"workers": "1/1"})["status"] == {"readyReplicas": 3, "workers": "1/1"}


def test_a_field_that_two_set_to_the_same_is_shared(world: World) -> None:
    """An apply of the value that is there makes two owners: the field stays when one leaves it out."""
    key = key_of(world.create(group()))
    world.api.patch(key, {"status": {"replicas": 3}}, "status")
    applied(world, group(), {"replicas": 3, "workers": "1/1"})
    assert applied(world, group(), {"workers": "1/1"})["status"] == {"replicas": 3, "workers": "1/1"}


def test_what_someone_removed_comes_back(world: World) -> None:
    """An apply sets again what a patch removed."""
    key = key_of(world.create(group()))
    first = applied(world, group(), {"replicas": 3, "workers": "1/1"})
    world.api.patch(key, {"status": {"replicas": None}}, "status")
    assert applied(world, group(), {"replicas": 3, "workers": "1/1"})["status"] == first["status"]


def test_conditions_are_merged_by_type(world: World) -> None:
    """A condition stands for its type: an apply changes, adds and removes its own, and leaves those of others."""
    key = key_of(world.create(group()))
    world.api.patch(key, {"status": {"conditions": [condition("Theirs")]}}, "status")
    after = applied(world, group(), {"conditions": [condition("Ready"), condition("Progressing")]})
    assert [item["type"] for item in after["status"]["conditions"]] == ["Theirs", "Ready", "Progressing"]
    after = applied(world, group(), {"conditions": [condition("Ready", "False"), condition("New")]})
    expected = [condition("Theirs"), condition("Ready", "False"), condition("New")]
    assert after["status"]["conditions"] == expected


def test_conditions_that_are_all_left_out_go(world: World) -> None:
    """Without conditions in the apply, none of its own remain, whether the list is empty or missing."""
    world.create(group())
    without: tuple[Body, ...] = ({"conditions": []}, {})
    for rest in without:
        applied(world, group(), {"replicas": 1, "conditions": [condition("Ready")]})
        after = applied(world, group(), {"replicas": 1, **rest})
        assert after["status"].get("conditions", []) == []


def test_conditions_are_in_the_order_of_the_apply(world: World) -> None:
    """The applied order wins, and counts as a change."""
    world.create(group())
    first = applied(world, group(), {"conditions": [condition("A"), condition("B")]})
    second = applied(world, group(), {"conditions": [condition("B"), condition("A")]})
    assert [item["type"] for item in second["status"]["conditions"]] == ["B", "A"]
    assert version(second) > version(first)


def test_other_lists_are_replaced(world: World) -> None:
    """A list without keys is one value."""
    key = key_of(world.create(group()))
    world.api.patch(key, {"status": {"decisions": {"retiring": [B, C]}}}, "status")
    for retiring in ([A], [B, A], []):
        status = {"decisions": {"retiring": retiring}}
        assert applied(world, group(), status)["status"] == status


def test_two_conditions_of_one_type_are_refused(world: World) -> None:
    """An apply that says two things about one type makes no sense."""
    world.create(group())
    with pytest.raises(Invalid, match="duplicate entries for key"):
        applied(world, group(), {"conditions": [condition("Ready"), condition("Ready", "False")]})


def test_emptying_what_is_still_there_is_refused(world: World) -> None:
    """An object whose last field goes while someone, even the apply itself, keeps the object would become null."""
    world.create(group())
    applied(world, group(), {"decisions": {"failures": {"count": 1}}, "replicas": 1})
    with pytest.raises(Invalid, match=r"status.decisions.failures.* null|status.decisions.failures.*null"):
        applied(world, group(), {"decisions": {"failures": {}}, "replicas": 1})


def test_a_status_is_not_applied_to_what_is_not_there(world: World) -> None:
    """An apply to a status creates nothing."""
    with pytest.raises(NotFound):
        applied(world, group(), {"replicas": 1})
    assert world.names(group()) == []


def test_a_resource_version_guards_an_apply(world: World) -> None:
    """With a resourceVersion, an apply is carried out only on that state of the object."""
    before = world.create(group())
    guard = before["metadata"]["resourceVersion"]
    after = applied(world, group(), {"replicas": 1}, resourceVersion=guard)
    with pytest.raises(Conflict, match="the object has been modified"):
        applied(world, group(), {"replicas": 2}, resourceVersion=guard)
    with pytest.raises(Conflict, match="the object has been modified"):
        applied(world, group(), {"replicas": 1}, resourceVersion=guard)
    assert version(world.listing(group())["items"][0]) == version(after)


def test_a_uid_does_not_guard_an_applied_status(world: World) -> None:
    """The uid in an apply to a custom resource's status is ignored: only the resourceVersion guards."""
    before = world.create(group())
    after = applied(world, group(), {"replicas": 1}, uid=ABSENT_UID)
    assert (uid(after), after["status"]) == (uid(before), {"replicas": 1})


def test_spec_and_metadata_are_not_applied_with_a_status(world: World) -> None:
    """An apply to the status changes nothing else."""
    before = world.create(group())
    whole = world.placed({**group(replicas=7), "status": {"replicas": 1}}, labels={"a": "b"})
    after = world.api.apply(key_of(whole), whole, "status").body
    assert (after["spec"], after["status"]) == (before["spec"], {"replicas": 1})
    assert "labels" not in after["metadata"]


def test_an_unknown_or_mistyped_field_makes_an_apply_fail(strict_world: World) -> None:
    """Unlike other writes, an apply refuses what the schema does not know, rather than warning."""
    strict_world.create(group())
    for status in ({"unheard": "of"}, {"replicas": "one"}):
        with pytest.raises(Invalid, match="failed to create typed patch object"):
            applied(strict_world, group(), status)


def test_an_apply_is_held_to_the_schema(strict_world: World) -> None:
    """A value that the schema forbids is refused, and so is an item without what it needs."""
    strict_world.create(group())
    with pytest.raises(Invalid, match=r"status.conditions\[0\].status"):
        applied(strict_world, group(), {"conditions": [condition("Ready", "Perhaps")]})
    with pytest.raises(Invalid, match=r"status.conditions\[0\].status: Required value"):
        applied(strict_world, group(), {"conditions": [{"type": "Ready", "reason": "x"}]})
