"""How log lines look."""

import io
import logging
import warnings

import pytest
import structlog

from reconciler.daemon.log import configure
from tests.unit.daemon.keeplogging import Lines
from tests.unit.daemon.passresults import SMALL


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_machines_get_one_json_object_a_line(lines: Lines) -> None:
    """Without a terminal each line is JSON with event, level, time and fields."""
    structlog.get_logger("reconciler").info("pass.done", created=4, key=str(SMALL))
    (line,) = lines()
    assert line.pop("timestamp")
    assert line == {"event": "pass.done", "level": "info", "created": 4, "key": "DaskCluster default/small"}


def test_people_get_key_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, lines are key=value in colour, unless NO_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    configure("auto", "info", coloured)
    structlog.get_logger("reconciler").info("pass.done", created=4)
    monkeypatch.setenv("NO_COLOR", "1")
    configure("auto", "info", plain)
    structlog.get_logger("reconciler").info("pass.done", created=4)
    assert "\x1b" in coloured.getvalue()
    assert plain.getvalue().split()[2:] == ["[info", "]", "pass.done", "created=4"]


@pytest.mark.parametrize(("format_", "is_json"), [("auto", True), ("json", True), ("console", False)])
def test_the_format_can_be_chosen(format_: str, is_json: bool) -> None:  # noqa: FBT001 - a table's column
    """In a pipe, lines are JSON unless people ask for theirs."""
    stream = io.StringIO()
    configure(format_, "info", stream)  # type: ignore[arg-type]  # a table's column is only text
    structlog.get_logger("reconciler").info("pass.done")
    assert stream.getvalue().startswith("{") is is_json


def test_lines_below_the_level_are_not_written() -> None:
    """The level counts for our lines and for those of other libraries."""
    stream = io.StringIO()
    configure("json", "warning", stream)
    structlog.get_logger("reconciler").info("pass.done")
    logging.getLogger("urllib3").info("connection")
    assert stream.getvalue() == ""


def test_other_libraries_and_warnings_come_in_the_same_form(lines: Lines) -> None:
    """What urllib3 logs and what Python warns of are lines like ours."""
    logging.getLogger("urllib3.connectionpool").warning("Connection pool is full: %s", "host")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    first, second = lines()
    assert (first["event"], first["logger"]) == ("Connection pool is full: host", "urllib3.connectionpool")
    assert "DeprecationWarning: old" in str(second["event"])


def test_a_traceback_shows_no_values(lines: Lines) -> None:
    """An unforeseen error is logged with its traceback, but without variables, which may hold secrets."""
    people = Terminal()

    def fail() -> None:
        token = "s3" + "cret"
        raise RuntimeError(f"{len(token)} characters")

    def crash() -> None:
        try:
            fail()
        except RuntimeError:
            structlog.get_logger("reconciler").exception("daemon.crashed")

    crash()
    (line,) = lines()
    configure("console", "info", people)
    crash()
    assert "RuntimeError: 6 characters" in str(line["exception"])
    assert "RuntimeError" in people.getvalue()
    assert "s3cret" not in str(line) + people.getvalue()
