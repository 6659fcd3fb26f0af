"""How texts from elsewhere become sentences in a condition or an Event."""

LONGEST_DETAIL = 400
"""How much of a Pod's own message goes into a sentence about many Pods."""
LONGEST_MESSAGE = 2048
"""The most that a condition says."""


def shorten(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """The text on one line, cut to that many characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def sentence(text: str) -> str:
    """The text as one sentence: with a capital letter, unless it begins with a name, and a full stop."""
    line = shorten(text, LONGEST_MESSAGE - 1).rstrip(".")
    first = line.partition(" ")[0].rstrip(",:;")
    return f"{line[:1].upper()}{line[1:]}." if first.isalpha() else f"{line}."


def size(number: int) -> str:
    """A number of bytes as people read it, such as `1.5 MB`."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= of:
            return f"{number / of:.1f} {unit}"
    return f"{number} B"


def clause(text: str) -> str:
    """The text as a part of a sentence: short, and without its full stop."""
    return shorten(text, LONGEST_DETAIL).rstrip(". ")
