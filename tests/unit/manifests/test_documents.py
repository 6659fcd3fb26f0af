"""Documents in a text: what their values mean, how they are counted."""

from collections.abc import Sequence
from typing import Any

import pytest

from reconciler.manifests.documents import documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 1:30:00", {"a": "1:30:00"}),
        ("a: yes", {"a": True}),
        ("a: 017", {"a": 15}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1_000", {"a": 1000}),
        ("a: -3", {"a": -3}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .5", {"a": 0.5}),
        ("a: 1.2.3", {"a": "1.2.3"}),
        ("a: ~", {"a": None}),
        ("8786: x", {"8786": "x"}),
        ("{a: 1}", {"a": 1}),
        ('{"a": 1,\n\t"b": 2}', {"a": 1, "b": 2}),
        ("b: &b {x: 1, y: 1}\na: {<<: *b, x: 2}", {"b": {"x": 1, "y": 1}, "a": {"x": 2, "y": 1}}),
    ],
)
def test_values_are_read_as_kubernetes_reads_them(text: str, value: Any) -> None:
    """Numbers, text and times mean what they mean to kubectl, not all that YAML 1.1 makes of them."""
    (document,) = documents(text)
    assert (document.value, document.error) == (value, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("? [1]\n: 2", "is not YAML in line 1, column 3: a key must be text"),
        (
            "a:\n\tb: 1",
            (
                "is not YAML in line 2, column 1: found character '\\t' that cannot start any token; "
                "indent with spaces, not tabs"
            ),
        ),
    ],
)
def test_what_kubectl_would_refuse_is_an_error(text: str, error: str) -> None:
    """Keys that are no text, and tabs, are told with their line."""
    (document,) = documents(text)
    assert document.error == error


@pytest.mark.parametrize(
    ("text", "value", "lines"),
    [
        ("a: 1\na: 2", {"a": 2}, [("a", 2, 1)]),
        ("# first\n---\n1: x\n'1': y", {"1": "y"}, [("1", 4, 3)]),
        ("a:\n  b: 1\n  c: 1\n  b: 2\na: 3\n", {"a": 3}, [("b", 4, 2), ("a", 5, 1)]),
        ('{"a": 1,\n\t"b": {"c": 1,\n "c": 2}}', {"a": 1, "b": {"c": 2}}, [("c", 3, 2)]),
        ("a: 1\na: 2\na: 3", {"a": 3}, [("a", 2, 1), ("a", 3, 2)]),
    ],
    ids=["YAML", "text and number", "nested", "JSON", "three times"],
)
def test_of_a_key_that_is_there_twice_the_last_counts(
    text: str, value: Any, lines: Sequence[tuple[str, int, int]]
) -> None:
    """As for kubectl, but with a warning that names the key and its lines in the file."""
    (document,) = documents(text)
    assert (document.value, document.error) == (value, "")
    assert list(document.warnings) == [
        f"line {line}: the key '{key}' is there twice, first in line {first}; the last one counts, remove the other"
        for key, line, first in lines
    ]


def test_what_is_merged_is_not_there_twice() -> None:
    """As for kubectl, what follows `<<` overrules what that brings, and of a list of mappings the first wins."""
    text = (
        "inner: {first: &a {<<: {name: 1, other: 1}, name: 2}}\n"
        "again: {<<: *a, other: 3}\n"
        "listed: {<<: [*a, {name: 4, more: 4}]}\n"
        "twice: {<<: *a, <<: {name: 5, more: 5}}\n"
        "before: {name: 6, <<: *a}\n"
    )
    (document,) = documents(text)
    assert document.value == {
        "inner": {"first": {"name": 2, "other": 1}},
        "again": {"name": 2, "other": 3},
        "listed": {"name": 2, "other": 1, "more": 4},
        "twice": {"name": 5, "other": 1, "more": 5},
        "before": {"name": 2, "other": 1},
    }
    assert document.warnings == ()


def test_documents_are_counted_as_people_count_them() -> None:
    """Empty documents and comments do not count; lines are those of the file."""
    found = list(documents("# licence\n---\n---\na: 1\n...\n---\n# nothing\n---\nb: 2\n"))
    assert [(each.number, each.line, each.value) for each in found] == [(1, 3, {"a": 1}), (2, 8, {"b": 2})]
