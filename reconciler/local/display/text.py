"""Text as it can be written to a terminal: without what would do something to it, in one line, and cut to fit."""

import re

from rich.cells import cell_len

_SEQUENCES = re.compile(
    r"(\x1b\[[0-9;:]*m)"  # colours
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # the cursor and the like
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"  # all control characters but the tab
)


def readable(text: str, encoding: str, *, colours: bool = False) -> str:
    """A text as it can be written and does nothing to a terminal: without control characters.

    Args:
        text: The text; the ends of lines are control characters too.
        encoding: How it is written.
        colours: Whether the sequences stay that set colours.
    """
    if not text.isprintable():
        text = _SEQUENCES.sub(r"\1" if colours else "", text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.replace("…", "...").encode(encoding, "replace").decode(encoding)
    return text


def one_line(text: str, encoding: str) -> str:
    """A readable text in one line, without colours."""
    return readable(" ".join(text.split()), encoding)


def squeezed(name: str, width: int) -> str:
    """A name that fits; of a long one, the beginning and the end tell most."""
    if cell_len(name) <= width:
        return name
    begin = (width - 2) // 2
    return f"{name[:begin]}..{name[begin + 2 - width :]}"
