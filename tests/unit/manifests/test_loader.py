"""Texts that are made to break a reader, or are no YAML and no JSON: each gets a sentence with its line."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifests import loader
from reconciler.manifests.documents import Document, documents
from reconciler.manifests.loader import LONGEST_EXPLAINED
from reconciler.manifests.yaml_rules import MOST_COPIES, MOST_LEVELS

CUT = "correct it, or put it in quotes, without a tag"
RENDER = "this is a Helm template: render it first, as in helm template CHART > rendered.yaml"
DEEP = f"values are nested in more than {MOST_LEVELS} levels, as in no manifest"
COPIES = f"aliases make more than {MOST_COPIES} values of it; write out what is needed"


def doubled(line: str, lines: int = 30) -> str:
    """A text in which each line holds the one before ten times."""
    return "a0: &a0 {k0: x}\n" + "".join(
        line.format(each, ",".join([f"*a{each - 1}"] * 10)) for each in range(1, lines)
    )


WRONG = {
    "no truth": ("a: !!bool maybe", f'in line 1, column 4: "maybe" cannot be read as true or false; {CUT}'),
    "no number at all": ("b: 1\na: !!int ''", f'in line 2, column 4: "" cannot be read as a whole number; {CUT}'),
    "no number": ("a: !!float x", f'in line 1, column 4: "x" cannot be read as a number; {CUT}'),
    "infinite": ("a: [1e999]", f'in line 1, column 5: "1e999" cannot be read as a number; {CUT}'),
    "a time": ("a: !!timestamp 2020-99-99", "in line 1, column 4: the tag !!timestamp means nothing here; remove it"),
    "bytes": ("a: !!binary =", "in line 1, column 4: the tag !!binary means nothing here; remove it"),
    "a set": ("!!set {a}", "in line 1, column 1: the tag !!set means nothing here; remove it"),
    "a template of another tool": ("a: !Ref b", "in line 1, column 4: the tag !Ref means nothing here; remove it"),
    "an object of Python": (
        "a: !!python/object/apply:os.system [ls]",
        "in line 1, column 4: the tag !!python/object/apply:os.system means nothing here; remove it",
    ),
    "a list as a key": ("[a]: b", "in line 1, column 1: a key must be text"),
    "a mapping as a key": ("? {a: b}\n: c", "in line 1, column 3: a key must be text"),
    "nested lists": (f"a: {'[' * 5000}", f"in line 1, column {3 + MOST_LEVELS}: {DEEP}"),
    "nested mappings": (
        "".join(f"{' ' * each}a:\n" for each in range(200)),
        f"in line {MOST_LEVELS}, column {MOST_LEVELS}: {DEEP}",
    ),
    "nested by aliases": (
        "a0: &a0 []\n" + "".join(f"a{each}: &a{each} [*a{each - 1}]\n" for each in range(1, 200)),
        f"in line {MOST_LEVELS}, column 12: {DEEP}",
    ),
    "billions by aliases": (doubled("a{0}: &a{0} [{1}]\n"), f"in line 6, column 5: {COPIES}"),
    "billions by merging": (doubled("a{0}: &a{0} {{k{0}: y, <<: [{1}]}}\n"), f"in line 6, column 21: {COPIES}"),
    "a value in itself": ("a: &b\n  - *b", "in line 2, column 5: &b holds itself; write out what is needed"),
    "merged with itself": ("a: &b\n  <<: *b", "in line 2, column 7: &b holds itself; write out what is needed"),
    "a zero": ("a: 1\nb: \0", "in line 2, column 4: no text may have the character U+0000; remove it"),
    "a bell": ("a: \x07", "in line 1, column 4: no text may have the character U+0007; remove it"),
    "a space missing": (
        "a:\n  b:1\n  c: 2",
        (
            "in line 3, column 4: mapping values are not allowed here; a space may be missing after a colon in the "
            "line before, or one of the two is indented wrongly"
        ),
    ),
    "indented too far": (
        "a:\n  b: 1\n   c: 2",
        (
            "in line 3, column 5: mapping values are not allowed here; a space may be missing after a colon in the "
            "line before, or one of the two is indented wrongly"
        ),
    ),
    "indented too little": (
        "a:\n   b: {}\n  c: 2",
        (
            "in line 3, column 3: expected <block end>, but found '<block mapping start>'; names that belong together "
            "must be indented equally"
        ),
    ),
    "an open quote": (
        'a: "b',
        "in line 1, column 6: found unexpected end of stream; the closing quote is missing",
    ),
    "a sign": (
        "a: @b",
        "in line 1, column 4: found character '@' that cannot start any token; put the value in quotes",
    ),
    "an unknown alias": ("a: *b", "in line 1, column 4: found undefined alias 'b'; put the value in quotes"),
    "a template's value": ("a: {{ .Values.a }}", f"in line 1, column 5: a key must be text; {RENDER}"),
    "a template's line": (
        "a: 1\n{{- if .Values.a }}",
        f"in line 2, column 20: could not find expected ':'; {RENDER}",
    ),
}


def only(text: str) -> Document:
    (document,) = documents(text)
    return document


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: str) -> None:
    """Whatever the reader of YAML trips over, or would for hours, is told with its place and the remedy."""
    assert only(text) == Document(1, 1, error=f"is not YAML {words}")


JSON_WRONG = {
    "a comma missing": ('{"a": 1\n "b": 2}', "in line 2, column 2: expecting ',' delimiter"),
    "two objects": (
        '{"a": 1}\n{"b": 2}',
        "in line 2, column 1: extra data follows the object; put a line with --- between two objects",
    ),
    "no number": ('{"a": NaN}', "that can be read: a number is infinite, or none at all; write one that is"),
    "too long a number": (
        '{"a": ' + "9" * 5000 + "}",
        f'in line 1, column 7: "{"9" * 58}… cannot be read as a whole number; {CUT}',
    ),
    "half a character": (
        '{"a": "\\ud800"}',
        r"that can be read: \ud800 is half a character; write the character itself",
    ),
    "nested": ('{"a":' * 500 + "1" + "}" * 500, f"that can be read: {DEEP}"),
    "nested beyond measure": ('{"a":' * 100_000, f"that can be read: {DEEP}"),
}


@pytest.mark.parametrize(("text", "words"), JSON_WRONG.values(), ids=JSON_WRONG)
def test_what_is_wrong_in_json_is_told_as_such(text: str, words: str) -> None:
    """A text that begins like JSON is told what JSON wants."""
    assert only(text) == Document(1, 1, error=f"is not JSON {words}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: =", {"a": "="}),
        ("a: !!str 3", {"a": "3"}),
        ("a: !!int '3'", {"a": 3}),
        ("a: &x [1]\nb: *x\nc: *x", {"a": [1], "b": [1], "c": [1]}),
        ("{a: 1,}", {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ("%YAML 1.2\n---\na: 1", {"a": 1}),
        ("# licence\n%YAML 1.1\n---\na: 1", {"a": 1}),
        ("1: x\ntrue: y\nnull: z", {"1": "x", "true": "y", "null": "z"}),
        ("[" * 99 + "]" * 99, json.loads("[" * 99 + "]" * 99)),
    ],
)
def test_what_is_odd_but_right_is_read(text: str, value: Any) -> None:
    """Nothing is refused that Kubernetes would take."""
    assert only(text).value == value


def test_a_directive_does_not_count_as_a_document() -> None:
    """What is wrong after it is told of document 1, with its line in the file."""
    assert only("%YAML 1.2\n---\na: [").error.startswith("is not YAML in line 3, column 5: ")


def test_what_is_wrong_in_a_long_text_is_told_soon() -> None:
    """It is not read a second time for better words, and the line is right."""
    text = "# x\n" * (LONGEST_EXPLAINED // 4) + "a: [\n"
    assert only(text).error.startswith(f"is not YAML in line {LONGEST_EXPLAINED // 4 + 2}, column 1: ")


def test_yaml_that_would_take_minutes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is everything else meanwhile; JSON of that length is read."""
    monkeypatch.setattr(loader, "LONGEST_YAML", 2_000_000)
    words = "that can be read: a document has more than 2 million characters; split it, or write it as JSON"
    assert only("a: " + "x" * 2_000_000).error == f"is not YAML {words}"
    assert only(json.dumps({"a": "x" * 2_000_000})).error == ""


SNIPPETS = (
    "",
    "\t",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "[",
    "{",
    '"',
    "\n",
    "\n  ",
    "? ",
    "| ",
    "--- ",
    "%",
    "{{",
    "\0",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=4), max_size=30).map("".join))
def test_every_text_comes_to_documents_that_json_can_hold(text: str) -> None:
    """Whatever is typed, each document has a value or an error, and nothing is raised."""
    for document in documents(text):
        assert (document.value is None) == bool(document.error)
        json.dumps(document.value, allow_nan=False)
