"""How long ago something was, as kubectl shows it: `95s`, `7m30s`, `3h`."""

from datetime import datetime
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY

# Up to which age it is shown in which unit, and in which smaller one besides.
SCALE = (
    (2 * MINUTE, (1, "s"), None),
    (10 * MINUTE, (MINUTE, "m"), (1, "s")),
    (3 * HOUR, (MINUTE, "m"), None),
    (8 * HOUR, (HOUR, "h"), (MINUTE, "m")),
    (2 * DAY, (HOUR, "h"), None),
    (8 * DAY, (DAY, "d"), (HOUR, "h")),
    (2 * YEAR, (DAY, "d"), None),
    (8 * YEAR, (YEAR, "y"), (DAY, "d")),
)


def age(since: Any, now: datetime) -> str:
    """How long ago a time was.

    Args:
        since: The time, as Kubernetes writes it.
        now: The present time.
    """
    try:
        seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    except (TypeError, ValueError):
        return "<unknown>"
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    for limit, (size, unit), smaller in SCALE:
        if seconds < limit:
            rest = seconds % size // smaller[0] if smaller else 0
            return f"{seconds // size}{unit}" + (f"{rest}{smaller[1]}" if smaller and rest else "")
    return f"{seconds // YEAR}y"
