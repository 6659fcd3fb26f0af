"""Patches of every sort, and what they do to a document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.server.patches import JSON, MERGE, STRATEGIC, change, json_patched, strategic
from reconciler.wire.errors import Invalid

JSON_PATCHES: dict[str, tuple[Any, list[dict[str, Any]], Any]] = {
    "add a field": ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    "add in front": ({"a": [2]}, [{"op": "add", "path": "/a/0", "value": 1}], {"a": [1, 2]}),
    "add at the end": ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
    "replace": ({"a": [1, 2]}, [{"op": "replace", "path": "/a/1", "value": 3}], {"a": [1, 3]}),
    "replace all": ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 1}}], {"b": 1}),
    "remove": ({"a": 1, "b": [1, 2]}, [{"op": "remove", "path": "/b/0"}, {"op": "remove", "path": "/a"}], {"b": [2]}),
    "move": ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}], {"a": {}, "c": 1}),
    "copy": ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
    "names with slashes": ({"a/b": 1, "~": 2}, [{"op": "remove", "path": "/a~1b"}], {"~": 2}),
    "names with tildes": ({"a/b": 1, "~": 2}, [{"op": "remove", "path": "/~0"}], {"a/b": 1}),
    "a test that holds": ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
}
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "a test that does not hold": {"op": "test", "path": "/a", "value": 2},
    "a field that is not there": {"op": "replace", "path": "/b", "value": 2},
    "an item that is not there": {"op": "remove", "path": "/l/7"},
    "no number": {"op": "remove", "path": "/l/x"},
    "an operation that nobody knows": {"op": "spend", "path": "/a"},
    "no path": {"op": "remove"},
}
LIVE: dict[str, Any] = {
    "containers": [
        {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]},
        {"name": "b", "image": "1", "args": ["x", "y"]},
    ],
    "tolerations": [{"key": "k"}],
}
STRATEGIC_PATCHES: dict[str, tuple[Any, Any, Any]] = {
    "a field of an item": (
        {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
        {"containers": [{"name": "b", "image": "2"}]},
        {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
    ),
    "a new item": (
        {"containers": [{"name": "a"}]},
        {"containers": [{"name": "b"}]},
        {"containers": [{"name": "a"}, {"name": "b"}]},
    ),
    "an item that goes": (
        {"containers": [{"name": "a"}, {"name": "b"}]},
        {"containers": [{"name": "a", "$patch": "delete"}]},
        {"containers": [{"name": "b"}]},
    ),
    "a list that is replaced all the same": (
        {"containers": [{"name": "a"}]},
        {"containers": [{"$patch": "replace"}, {"name": "b"}]},
        {"containers": [{"name": "b"}]},
    ),
    "another order": (
        {"containers": [{"name": "a"}, {"name": "b"}]},
        {"containers": [{"name": "c"}], "$setElementOrder/containers": [{"name": n} for n in "cba"]},
        {"containers": [{"name": n} for n in "cba"]},
    ),
    "ports of containers": (
        {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}]},
        {"containers": [{"name": "a", "ports": [{"containerPort": 2}]}]},
        {"containers": [{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2}]}]},
    ),
    "ports of Services": (
        {"spec": {"ports": [{"port": 1, "name": "a"}]}},
        {"spec": {"ports": [{"port": 1, "name": "b"}]}},
        {"spec": {"ports": [{"port": 1, "name": "b"}]}},
    ),
    "a list without a key": (LIVE, {"tolerations": []}, {**LIVE, "tolerations": []}),
    "a list of values": ({"finalizers": ["a"]}, {"finalizers": ["b"]}, {"finalizers": ["a", "b"]}),
    "values that go": (
        {"finalizers": ["a", "b"]},
        {"$deleteFromPrimitiveList/finalizers": ["a"]},
        {"finalizers": ["b"]},
    ),
    "a field that goes": ({"a": 1, "b": {"c": 1}}, {"a": None, "b": {"c": None}}, {"b": {}}),
    "an object that is replaced": ({"a": {"b": 1}}, {"a": {"c": 1, "$patch": "replace"}}, {"a": {"c": 1}}),
    "an object that is emptied": ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {"a": {}}),
    "keys that stay": ({"a": {"b": 1, "c": 1}}, {"a": {"d": 1, "$retainKeys": ["b", "d"]}}, {"a": {"b": 1, "d": 1}}),
}

texts = st.text("abc", max_size=2)
documents = st.dictionaries(
    texts, st.recursive(st.integers(), lambda inner: st.dictionaries(texts, inner), max_leaves=5)
)


@pytest.mark.parametrize(("before", "operations", "after"), JSON_PATCHES.values(), ids=JSON_PATCHES)
def test_a_json_patch_does_one_thing_after_the_other(before: Any, operations: list[Any], after: Any) -> None:
    """RFC 6902, operation by operation; the document itself stays as it was."""
    given_ = repr(before)
    assert json_patched(before, operations) == after
    assert repr(before) == given_


@pytest.mark.parametrize("operation", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_a_json_patch_cannot_do_is_refused(operation: dict[str, Any]) -> None:
    """One operation that fails is all that is done."""
    with pytest.raises(Invalid):
        json_patched({"a": 1, "l": []}, [{"op": "add", "path": "/c", "value": 1}, operation])


@pytest.mark.parametrize(("before", "patch", "after"), STRATEGIC_PATCHES.values(), ids=STRATEGIC_PATCHES)
def test_a_strategic_patch_knows_what_lists_are(before: Any, patch: Any, after: Any) -> None:
    """Items are found by their keys; directives delete, replace and order."""
    given_ = repr(before)
    assert strategic(before, patch) == after
    assert repr(before) == given_


@given(documents, documents)
def test_without_lists_and_directives_a_strategic_patch_is_a_merge_patch(document: Any, patch: Any) -> None:
    """Both set what is given and leave the rest."""
    merged = dict(document)
    change(MERGE, patch)(merged)
    assert strategic(document, patch) == merged


@pytest.mark.parametrize(("type_", "patch"), [(JSON, {}), (MERGE, []), (STRATEGIC, "x"), ("text/plain", {})])
def test_a_patch_of_another_sort_is_refused(type_: str, patch: Any) -> None:
    """A list where an object belongs, and media types that nobody knows."""
    with pytest.raises(Invalid):
        change(type_, patch)
