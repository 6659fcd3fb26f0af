"""Texts of several documents, as Kubernetes reads them, and where in them something is wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.manifests.loader import NotLoadable, is_like_json, loaded
from reconciler.manifests.yaml_errors import hint
from reconciler.manifests.yaml_rules import Twice

_SEPARATOR = re.compile(r"^(---|\.\.\.)(?=\s|$)", re.MULTILINE)
_DIRECTIVES = re.compile(r"(\s*(%(YAML|TAG) .*|#.*)?\n)*")
"""What may stand before a separator and is no document."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text.

    Args:
        number: Which, from 1 on; empty ones do not count.
        line: Where it begins, from 1 on.
        value: What is in it; `None` if it cannot be read.
        error: Why it cannot be read, with the line; empty if it can.
        warnings: What is odd in it and stops nothing, each with its line.
    """

    number: int
    line: int
    value: Any = None
    error: str = ""
    warnings: tuple[str, ...] = ()


def documents(text: str) -> Iterator[Document]:
    """Every document of a text; one that cannot be read does not hide the others."""
    number = 0
    for line, part in _parts(text):
        try:
            value, twice = loaded(part)
        except NotLoadable as error:
            number += 1
            yield Document(number, line, error=_told(error, part, line))
            continue
        if value is not None:
            number += 1
            yield Document(number, line, value, warnings=tuple(_warning(each, line) for each in twice))


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text between separators, each with the number of its first line."""
    starts = [0, *(match.end() for match in _SEPARATOR.finditer(text))]
    ends = [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]
    for start, end in zip(starts, ends, strict=True):
        is_followed = text[end : end + 3] == "---"
        if not (is_followed and _DIRECTIVES.fullmatch(text, start, end)):
            yield text.count("\n", 0, start) + 1, text[start:end]


def _warning(twice: Twice, first_line: int) -> str:
    """What to say of a key that is there twice."""
    lines = f"line {first_line + twice.line}: the key {twice.key!r} is there twice, first in line"
    return f"{lines} {first_line + twice.first}; the last one counts, remove the other"


def _told(error: NotLoadable, text: str, first_line: int) -> str:
    """What is wrong with a document, where, and what to do."""
    language = "JSON" if is_like_json(text) else "YAML"
    position = error.position
    if position is None:
        return f"is not {language} that can be read: {error}"
    line = text.count("\n", 0, position)
    column = position - (text.rfind("\n", 0, position) + 1)
    words = f"is not {language} in line {first_line + line}, column {column + 1}: {error}"
    return f"{words}{hint(str(error), text.splitlines()[: line + 1])}"
