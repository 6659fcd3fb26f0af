"""Differences: merge patches that do what they say, and what covers what."""

from typing import Any

import pytest

from reconciler.passes.merge_patch import changes, covers, fields, merge_patch
from reconciler.passes.values import Change

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": [1, 2]}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({}, {"a": {}}, {"a": {}}),
    ],
)
def test_a_patch_holds_no_more_than_what_differs(old: Json, new: Json, patch: Json) -> None:
    """Maps are patched key by key, lists as a whole."""
    assert merge_patch(old, new) == patch


def test_changes_are_named_field_by_field() -> None:
    """A person sees each field with its old and its new value."""
    old = {"spec": {"replicas": 1, "image": "a", "labels": {"x": "1"}}}
    patch = {"spec": {"replicas": 2, "image": None, "ports": {"comm": {"port": 1}}, "labels": {"x": "1"}}}
    assert list(changes(old, patch)) == [
        Change("spec.replicas", 1, 2),
        Change("spec.image", "a", None),
        Change("spec.ports.comm.port", None, 1),
    ]


@pytest.mark.parametrize(
    ("observed", "wanted", "is_covered"),
    [
        ([{"port": 1, "nodePort": 30001}], [{"port": 1}], True),
        ([{"port": 1}, {"port": 2}], [{"port": 1}], False),
        ([{"port": 2}, {"port": 1}], [{"port": 1}, {"port": 2}], False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ({}, {"a": {}}, False),
        (None, {}, False),
        ("x", "x", True),
        (None, None, True),
    ],
)
def test_lists_are_covered_item_by_item_and_only_at_the_same_length(
    observed: Any, wanted: Any, *, is_covered: bool
) -> None:
    """One port more or less is a difference, one more field in a port is none."""
    assert covers(observed, wanted) is is_covered


def test_fields_are_named_by_their_whole_path() -> None:
    """What disappears from one of a list's items can be told from what stays."""
    spec = {"type": "ClusterIP", "ports": [{"name": "a", "port": 1}], "selector": {}, "externalIPs": []}
    assert list(fields(spec)) == ["type", "ports.0.name", "ports.0.port", "selector", "externalIPs"]
