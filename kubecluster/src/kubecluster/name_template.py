"""Names with placeholders, such as `dask-{user}-{uuid}`, filled in so that a DaskCluster can be called so.

A user called `John.Doe` gets `john-doe`. If the whole would be too long, what is filled in is cut, and ends in a hash
of all that it was, so that two users do not end up in one cluster.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from kubecluster.checks import did_you_mean

USER = "user"
UUID = "uuid"

_HASH = 5
_LEAST_LEFT = _HASH + 3
_FOREIGN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Part:
    """Literal text and the placeholder behind it, of which there is none at the end."""

    literal: str
    field: str | None
    form: str

    @property
    def may_be_cut(self) -> bool:
        return self.field not in (None, UUID)


def fill_in(template: str, values: Mapping[str, str], longest: int) -> str:
    """The name that a template stands for.

    Args:
        template: Text with `{user}`, `{uuid}` and environment variables in braces.
        values: What there is to fill in, by placeholder. `uuid` is taken as it is; the others are cleaned.
        longest: How long the name may be. One that cannot be cut enough comes back longer.

    Raises:
        ValueError: there is no such placeholder, or a brace has no partner.
    """
    parts = _parts(template, values)
    whole = "".join(_filled(part, values) for part in parts)
    cuttable = sum(part.may_be_cut for part in parts)
    if len(whole) <= longest or not cuttable:
        return whole
    rest = sum(len(part.literal if part.may_be_cut else _filled(part, values)) for part in parts)
    room = max((longest - rest) // cuttable, _LEAST_LEFT)
    return "".join(_filled(part, values, room) for part in parts)


def _parts(template: str, values: Mapping[str, str]) -> list[_Part]:
    try:
        parts = [_Part(literal, field, form or "") for literal, field, form, _ in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"name is {template!r}: {error}; a brace that means itself is written twice") from None
    for part in parts:
        if part.field is not None and part.field not in values:
            known = f"{{{USER}}}, {{{UUID}}} and environment variables can be filled in"
            guess = did_you_mean(part.field, [USER, UUID])
            raise ValueError(f"name is {template!r}, and nothing is called {part.field!r}; {known}{guess}")
    return parts


def _filled(part: _Part, values: Mapping[str, str], room: int | None = None) -> str:
    if part.field is None:
        return part.literal
    value = values[part.field]
    text = _cleaned(value) if part.may_be_cut else value
    if part.may_be_cut and room is not None and len(text) > room:
        text = f"{text[: room - _HASH - 1].rstrip('-')}-{_hash(value)}"
    return part.literal + format(text, part.form)


def _cleaned(value: str) -> str:
    """The value in lower-case letters, digits and single hyphens; a hash if there is nothing of that in it."""
    letters = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower()
    return _FOREIGN.sub("-", letters).strip("-") or _hash(value)


def _hash(value: str) -> str:
    # Variables of the environment may hold what is no text.
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()[:_HASH]
