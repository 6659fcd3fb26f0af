"""The API server's warnings of unknown fields, in words for people."""

import re
from collections.abc import Iterable

from reconciler.passes.report.sentences import sentence

_ONE = re.compile(r'unknown field "(.+?)"')


def told(message: str) -> str | None:
    """What a warning says of unknown fields; `None` if it says anything else.

    Args:
        message: The warning, in which `; ` stands between one field and the next.
    """
    found = [_ONE.fullmatch(part) for part in message.removesuffix(".").split("; ")]
    fields = [one[1] for one in found if one]
    if len(fields) < len(found):
        return None
    names: dict[str, list[str]] = {}
    for parent, _, name in (field.rpartition(".") for field in fields):
        names.setdefault(parent, []).append(name)
    parents: dict[str, list[str]] = {}
    for parent, each in names.items():
        parents.setdefault(_listed(each), []).append(parent.removeprefix("spec.") or "the object itself")
    where = "; ".join(f"{each} in {_listed(places)}" for each, places in parents.items())
    subject = "a field that Kubernetes does not know there is left out, and does no harm"
    if len(fields) > 1:
        subject = f"{len(fields)} fields that Kubernetes does not know there are left out, and do no harm"
    return sentence(f"{subject}: {where}")


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
