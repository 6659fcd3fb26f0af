"""Words for wrong values: Pydantic's error types as sentences that name the field, the value and the remedy."""

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

LONGEST_VALUE = 60
"""How much of a wrong value is shown."""

REMEDIES = {
    "missing": "add it",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "string_type": "it must be text; put it in quotes",
    "dict_type": "it must be a mapping of names to values",
    "model_type": "it must be a mapping of names to values",
    "model_attributes_type": "it must be a mapping of names to values",
    "tuple_type": "it must be a list",
    "list_type": "it must be a list",
    "greater_than_equal": "it must be {ge} or more",
    "greater_than": "it must be more than {gt}",
    "less_than_equal": "it must be {le} or less",
    "less_than": "it must be less than {lt}",
    "string_too_short": "it must have {min_length} or more characters",
    "string_too_long": "it must have at most {max_length} characters",
    "string_pattern_mismatch": "it must {pattern}",
    "literal_error": "it must be one of {expected}",
    "enum": "it must be one of {expected}",
    "datetime_type": "it must be a time such as 2026-01-31T12:00:00Z",
    "datetime_parsing": "it must be a time such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "it must be a time such as 2026-01-31T12:00:00Z",
    "value_error": "{error}",
}
"""By Pydantic's error type, what to do; braces are filled from the error's context."""

PATTERNS = {"^[0-9]+%$": "be a percentage such as 25%"}
"""Regular expressions in words."""

SECONDS = ("Seconds", "Timeout")
"""How fields are called that are a number of seconds."""


class Wrong(NamedTuple):
    """One wrong field.

    Args:
        path: The field, dotted, such as `spec.worker.replicas`; empty for the whole.
        words: What it is and what it must be, such as `is -1; it must be 0 or more`.
    """

    path: str
    words: str

    def __str__(self) -> str:
        return f"{self.path or 'the whole'} {self.words}"


def wrongs(error: ValidationError, data: Any) -> tuple[Wrong, ...]:
    """Every wrong field of a value, once each.

    Args:
        error: What Pydantic found.
        data: What it was given; it tells fields from the alternatives of a union, which Pydantic lists like fields.
    """
    found: dict[str, tuple[Any, list[ErrorDetails]]] = {}
    for detail in error.errors(include_url=False):
        path, value = _found(detail, data)
        found.setdefault(path, (value, []))[1].append(detail)
    return tuple(Wrong(path, _words(value, details)) for path, (value, details) in found.items())


def sentence(error: ValidationError, data: Any) -> str:
    """Every wrong field of a value, in one line."""
    return "; ".join(str(wrong) for wrong in wrongs(error, data))


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """` (did you mean x?)` with the nearest of the known words; empty if none is near.

    Args:
        word: What was written.
        known: What could have been meant.
        prefix: What all of them begin with, and so makes none of them nearer.
    """
    near = get_close_matches(word.removeprefix(prefix), [each.removeprefix(prefix) for each in known], n=1)
    return f" (did you mean {prefix}{near[0]}?)" if near else ""


def shown(value: Any) -> str:
    """A value as it is shown in a sentence: short, on one line."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return brief(value)


def brief(value: Any) -> str:
    """A value as JSON, cut to a short line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `spec.conditions[0].type`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _found(detail: ErrorDetails, data: Any) -> tuple[str, Any]:
    """Where the error is, and the value as it was given there."""
    location = detail["loc"]
    if detail["type"] == "missing":
        return dotted(location), None
    inside = 0
    for part in location:
        if not _holds(data, part):
            break
        data, inside = data[part], inside + 1
    return dotted(location[:inside]), data


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _words(value: Any, details: Sequence[ErrorDetails]) -> str:
    if any(detail["type"] == "missing" for detail in details):
        return "is missing; add it"
    first, *rest = dict.fromkeys(_remedy(detail) for detail in details)
    shared = "it must be " if first.startswith("it must be ") else "it must "
    alternatives = " or ".join([first, *(remedy.removeprefix(shared) for remedy in rest)])
    if isinstance(value, Mapping) and details[0]["type"] == "value_error":
        return f"is wrong: {alternatives}"
    if alternatives == REMEDIES["int_type"] and str(details[0]["loc"][-1]).endswith(SECONDS):
        alternatives += " of seconds"
    return f"is {shown(value)}; {alternatives}"


def _remedy(detail: ErrorDetails) -> str:
    context = {name: _said(value) for name, value in detail.get("ctx", {}).items()}
    if pattern := context.get("pattern"):
        context["pattern"] = PATTERNS.get(pattern, f"match {pattern}")
    template = REMEDIES.get(detail["type"])
    if template is None:
        return detail["msg"][:1].lower() + detail["msg"][1:]
    return template.format(**context)


def _said(value: Any) -> str:
    """A bound or a choice, as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value).replace("'", "")
