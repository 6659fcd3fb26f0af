"""The API in memory, beyond what the contract in tests/contract says about every API."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.memory.document import merge_patched
from reconciler.wire.errors import AlreadyExists, Conflict, NotFound
from reconciler.wire.protocol import Body
from tests.manifests import cluster, group, manifest, pod_spec
from tests.unit.memory.objects import key, owner, placed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


# Merge patches (RFC 7386)

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "c"])


def documents(leaves: st.SearchStrategy[Any] = LEAVES) -> st.SearchStrategy[Any]:
    """JSON values with few names, so that those of two documents meet."""
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=8)


def without_nulls() -> st.SearchStrategy[Any]:
    """Objects whose members, and their objects', are never null."""
    inner = documents(LEAVES.filter(lambda leaf: leaf is not None))
    return st.dictionaries(NAMES, inner)


def difference(old: Any, new: Any) -> Any:
    """A merge patch that makes one document of another."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    gone: Body = dict.fromkeys(old.keys() - new.keys())
    return gone | {name: difference(old.get(name), new[name]) for name in new if old.get(name) != new[name]}


def assert_patched(target: Any, patch: Any, result: Any) -> None:
    """The RFC's rules, member by member."""
    if not isinstance(patch, dict):
        assert result == patch
        return
    before = target if isinstance(target, dict) else {}
    for name in before.keys() - patch.keys():
        assert result[name] == before[name]
    assert result.keys() <= before.keys() | patch.keys()
    for name, value in patch.items():
        if value is None:
            assert name not in result
        else:
            assert_patched(before.get(name), value, result[name])


@given(documents(), documents())
def test_a_merge_patch_obeys_the_rfc(target: Any, patch: Any) -> None:
    """Null removes, an object is merged, anything else replaces, what is not named stays; neither side is changed."""
    before = copy.deepcopy((target, patch))
    assert_patched(target, patch, merge_patched(target, patch))
    assert (target, patch) == before


@given(documents(), documents())
def test_a_merge_patch_may_be_repeated(target: Any, patch: Any) -> None:
    """A second time the same patch changes nothing."""
    once = merge_patched(target, patch)
    assert merge_patched(once, patch) == once


@given(without_nulls(), without_nulls())
def test_a_merge_patch_can_make_any_object_of_any_other(old: Body, new: Body) -> None:
    """For objects without nulls there is always a patch from one to the other."""
    assert merge_patched(old, difference(old, new)) == new


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_rfcs_own_examples(target: Any, patch: Any, result: Any) -> None:
    """A choice of appendix A."""
    assert merge_patched(target, patch) == result


# Any sequence of requests

KINDS = {
    POD: pod_spec(),
    SERVICE: {"ports": [{"port": 1}]},
    DASK_CLUSTER: cluster()["spec"],
    DASK_WORKER_GROUP: group()["spec"],
}


class Requests(RuleBasedStateMachine):
    """Creates, changes and deletes objects in any order; objects own each other, some are held by finalizers."""

    objects = Bundle("objects")

    @initialize()
    def start(self) -> None:
        self.now = NOON
        self.api = MemoryAPI(lambda: self.now)
        self.seen: dict[str, Key] = {}
        self.revision = 0
        self.versions: dict[str, int] = {}

    @rule(target=objects, kind=st.sampled_from(list(KINDS)), name=NAMES, held=st.booleans())
    def create(self, kind: Kind, name: str, held: bool) -> Any:  # noqa: FBT001 -- drawn
        return self._create(kind, name, [], held=held)

    @rule(target=objects, owners=st.lists(objects, max_size=2), name=NAMES, held=st.booleans())
    def create_dependent(self, owners: list[Body], name: str, held: bool) -> Any:  # noqa: FBT001 -- drawn
        return self._create(POD, name, [owner(body) for body in owners], held=held)

    def _create(self, kind: Kind, name: str, owners: list[Body], *, held: bool) -> Any:
        finalizers = ["example.com/held"] if held else []
        body = placed(manifest(kind, name, KINDS[kind]), ownerReferences=owners, finalizers=finalizers)
        try:
            created = self.api.create(kind, body).body
        except AlreadyExists:
            assert self.api.get(key(kind, name)) is not None
            return multiple()
        uid = created["metadata"]["uid"]
        assert uid not in self.seen
        self.seen[uid] = key(kind, name)
        return created

    @rule(body=objects, patch=st.dictionaries(NAMES, st.none() | st.sampled_from(["1", "2"])))
    def label(self, body: Body, patch: Body) -> None:
        self._try(lambda at: self.api.patch(at, {"metadata": {"uid": body["metadata"]["uid"], "labels": patch}}), body)

    @rule(body=objects, owners=st.lists(objects, max_size=2))
    def give(self, body: Body, owners: list[Body]) -> None:
        references = [owner(other) for other in owners]
        self._try(lambda at: self.api.patch(at, {"metadata": {"ownerReferences": references}}), body)

    @rule(body=objects, labels=st.dictionaries(NAMES, st.sampled_from(["1", "2"])))
    def apply(self, body: Body, labels: dict[str, str]) -> None:
        config = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"labels": labels}}
        config["metadata"]["uid"] = body["metadata"]["uid"]

        def twice(at: Key) -> None:
            once = self.api.apply(at, config).body
            assert labels.items() <= once["metadata"].get("labels", {}).items()
            assert self.api.apply(at, config).body == once

        self._try(twice, body)

    @rule(body=objects)
    def release(self, body: Body) -> None:
        self._try(lambda at: self.api.patch(at, {"metadata": {"finalizers": None}}), body)

    @rule(body=objects)
    def run(self, body: Body) -> None:
        if body["kind"] == "Pod":
            with suppress(Conflict):  # it may run already
                self._try(lambda at: self.api.bind(at, "node"), body)
            self._try(lambda at: self.api.set_status(at, {"phase": "Running"}), body)

    @rule(body=objects)
    def delete(self, body: Body) -> None:
        self._try(lambda at: self.api.delete(at, body["metadata"]["uid"]), body)

    @rule(body=objects)
    def end(self, body: Body) -> None:
        self._try(self.api.remove, body)

    @rule(minutes=st.integers(1, 5))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def _try(self, request: Callable[[Key], object], body: Body) -> None:
        """Make a request about an object, which succeeds unless it is gone or has made room for another."""
        at = self.seen[body["metadata"]["uid"]]
        if self._is_there(body):
            request(at)
        else:
            with suppress(NotFound, Conflict):
                request(at)

    def _is_there(self, body: Body) -> bool:
        present = self.api.get(self.seen[body["metadata"]["uid"]])
        return present is not None and present["metadata"]["uid"] == body["metadata"]["uid"]

    @invariant()
    def resource_versions_grow(self) -> None:
        """The store's never falls; an object's grows when it changes, and no two objects have the same."""
        revision = json.loads(self.api.list(POD, None))["metadata"]["resourceVersion"]
        assert int(revision) >= self.revision
        self.revision = int(revision)
        found = [body["metadata"] for kind in KINDS for body in self.api.objects(kind)]
        versions = {metadata["uid"]: int(metadata["resourceVersion"]) for metadata in found}
        assert len(set(versions.values())) == len(found)
        assert all(self.versions.get(uid, 0) <= version <= self.revision for uid, version in versions.items())
        self.versions = versions

    @invariant()
    def no_orphans(self) -> None:
        """What has owners has one that is there, or is on its way out."""
        there = {body["metadata"]["uid"] for kind in KINDS for body in self.api.objects(kind)}
        for kind in KINDS:
            for body in self.api.objects(kind):
                owners = {reference["uid"] for reference in body["metadata"].get("ownerReferences", [])}
                assert owners <= there or "deletionTimestamp" in body["metadata"], body

    @invariant()
    def lists_show_the_objects(self) -> None:
        """A list has every object once, in order, as it is; a Pod by itself, too."""
        for kind in KINDS:
            listed = json.loads(self.api.list(kind, "here"))["items"]
            objects = [{**body} for body in self.api.objects(kind)]
            names = [body["metadata"]["name"] for body in objects]
            assert names == sorted(names)
            assert [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in listed] == objects
            for label in ("a=1", "!b", "a,c!=2"):
                chosen = json.loads(self.api.list(kind, None, labels=label))["items"]
                assert [item["metadata"]["name"] for item in chosen] == [
                    body["metadata"]["name"] for body in objects if selected(label, body["metadata"].get("labels", {}))
                ]


def selected(selector: str, labels: dict[str, str]) -> bool:
    """What the three selectors above mean."""
    return {"a=1": labels.get("a") == "1", "!b": "b" not in labels, "a,c!=2": "a" in labels and labels.get("c") != "2"}[
        selector
    ]


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
