"""Logging is the process's: tests that set it up leave it as it was."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

Lines = Callable[[], list[dict[str, object]]]
"""What has been logged since the last time."""


@contextmanager
def keep_logging() -> Iterator[None]:
    """Whatever is set up within is taken down after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
