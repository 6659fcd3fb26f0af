"""What a container said last, for whoever asks why it failed.

Kubernetes does so where a manifest has `terminationMessagePolicy: FallbackToLogsOnError`; here it costs nothing.
"""

import os
from pathlib import Path

LONGEST = 200
"""Characters; the log has the rest."""

_LOOKED_AT = 4096


def last_words(log: Path) -> str:
    """The last line of a log in which there is a word, quoted and cut if it is long; empty if there is none.

    Args:
        log: The log; it need not be there.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOOKED_AT))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    said = (line.strip() for line in reversed(text.splitlines()) if any(map(str.isalnum, line)))
    words = next(said, "")
    cut = words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
    return f'"{cut}"' if cut else ""
