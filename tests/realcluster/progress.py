"""Tells the person who waits what is done."""

import sys


def say(text: str) -> None:
    """Say it on stderr: stdout is for what a shell evaluates."""
    print(f"realcluster: {text}", file=sys.stderr, flush=True)
