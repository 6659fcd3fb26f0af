"""What to do about a text that is not YAML: a remedy for each of the usual mistakes."""

import re
from collections.abc import Sequence

RENDER = "this is a Helm template: render it first, as in helm template CHART > rendered.yaml"

_INDENT = "names that belong together must be indented equally"
_REMEDIES = (
    (re.compile(r"'\\t'"), "indent with spaces, not tabs"),
    (
        re.compile(r"mapping values are not allowed"),
        "a space may be missing after a colon in the line before, or one of the two is indented wrongly",
    ),
    (re.compile(r"expected <block end>"), _INDENT),
    (re.compile(r"could not find expected ':'"), f"a colon with a space after it may be missing, and {_INDENT}"),
    (re.compile(r"expected ',' or '[]}]'"), "a comma or the closing bracket is missing"),
    (re.compile(r"while scanning a quoted scalar|unexpected end of stream"), "the closing quote is missing"),
    (re.compile(r"found character '.*' that cannot start|found undefined alias"), "put the value in quotes"),
)
"""By what the reader of YAML says, what to do; the first that fits counts."""


def hint(problem: str, lines: Sequence[str]) -> str:
    """What to do, as the end of a sentence; empty if that is not known.

    Args:
        problem: What the reader of YAML says.
        lines: The text's lines, up to the one that the reader came upon.
    """
    if any("{{" in line for line in lines[-2:]):
        return f"; {RENDER}"
    for pattern, remedy in _REMEDIES:
        if pattern.search(problem):
            return f"; {remedy}"
    return ""
