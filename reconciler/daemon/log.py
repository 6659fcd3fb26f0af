"""How log lines look: key and value for people, JSON for machines, all on one stream."""

import logging
import os
import sys
from typing import Literal, TextIO

import structlog

Format = Literal["auto", "console", "json"]
Level = Literal["debug", "info", "warning", "error"]


def configure(
    format_: Format, level: Level, stream: TextIO | None = None, *, handler: logging.Handler | None = None
) -> None:
    """Send every log line, those of other libraries and Python's warnings too, to one stream.

    Args:
        format_: `console`, `json`, or `auto` for whichever fits the stream.
        level: The least important lines to write.
        stream: Standard error by default.
        handler: What takes the lines instead, if they are not to be written at once; they look as they would there.
    """
    out = stream or sys.stderr
    console = format_ == "console" or (format_ == "auto" and out.isatty())
    common: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S" if console else "iso", utc=not console),
    ]
    taker = logging.StreamHandler(out) if handler is None else handler
    taker.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([_drawn(out)] if console else _written()),
            ],
        )
    )
    logging.basicConfig(handlers=[taker], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _written() -> list[structlog.types.Processor]:
    """A line for machines."""
    return [structlog.processors.format_exc_info, _ordered, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _drawn(out: TextIO) -> structlog.dev.ConsoleRenderer:
    """A line for people."""
    colours = out.isatty() and not os.environ.get("NO_COLOR")
    # A traceback with the values of variables, structlog's default, could show a token.
    traceback = structlog.dev.RichTracebackFormatter(show_locals=False) if colours else structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(
        colors=colours, sort_keys=False, pad_event_to=18, exception_formatter=traceback
    )


def _ordered(_: object, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """The line with what people look for first at its beginning."""
    return {name: line[name] for name in ("timestamp", "level", "event") if name in line} | dict(line)
