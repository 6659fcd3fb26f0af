"""Spans of time as manifests give them, in seconds."""

from datetime import timedelta

LONGEST_SECONDS = 2**31 - 1
"""68 years, the most that Kubernetes lets a probe wait. A grace may be longer there; here it is cut to this."""


def span(seconds: float) -> timedelta:
    """A span, cut so that a date can be made of it and of any time that this program will see.

    Args:
        seconds: As a manifest has it; what is below 0 is 0.
    """
    return timedelta(seconds=max(0, min(seconds, LONGEST_SECONDS)))
