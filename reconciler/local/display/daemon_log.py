"""Log lines of all threads, and what ended one of them, as the screen shows them: none is written through the table."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from reconciler.daemon.log import Format, Level, configure
from reconciler.local.display.screen import Screen

_log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


@contextmanager
def heard(screen: Screen, format_: Format, level: Level) -> Iterator[None]:
    """Let the screen say what would be logged on standard error; once it is closed, that writes there itself.

    Args:
        screen: The screen.
        format_: As for `configure`.
        level: As for `configure`.
    """
    told, threading.excepthook = threading.excepthook, _tell
    configure(format_, level, sys.stderr, handler=_Hearing(screen))
    try:
        yield
    finally:
        configure(format_, level)
        threading.excepthook = told


class _Hearing(logging.Handler):
    """Hands lines to a screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one event."""
        try:
            self._screen.hear(self.format(record), is_important=record.levelno >= logging.WARNING)
        except Exception:  # noqa: BLE001 - as handlers do: what is logged must not end who logs
            self.handleError(record)


def _tell(end: threading.ExceptHookArgs) -> None:
    """Log what ended a thread."""
    name = end.thread.name if end.thread is not None else ""
    if end.exc_value is not None and not isinstance(end.exc_value, SystemExit):
        _log.error("thread.ended", thread=name, exc_info=end.exc_value)
