import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr

import pytest
import structlog

from reconciler.local.display.daemon_log import heard
from reconciler.local.display.screen import Screen
from tests.simulation.clock import Clock
from tests.unit.daemon.keeplogging import keep_logging
from tests.unit.local.display import Direct, Stream, surround


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    surround(monkeypatch)
    with keep_logging():
        yield


@contextmanager
def standard_error() -> Iterator[Stream]:
    """A pipe in its place."""
    stream = Stream(is_terminal=False)
    with redirect_stderr(stream):
        yield stream


def screen_on(stream: Stream) -> Screen:
    return Screen(stream, stream, now=Clock(), outlet=Direct)


def _end() -> None:
    raise ValueError("a bug")


def _in_a_thread(target: Callable[[], object]) -> None:
    thread = threading.Thread(target=target, name="worker")
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("happen", "event"),
    [
        (lambda: structlog.get_logger("reconciler").error("thing.failed", key="k"), "thing.failed"),
        (lambda: logging.getLogger("asyncio").warning("slow"), "slow"),
        (lambda: warnings.warn("old", stacklevel=1), "old"),
        (_end, "thread.ended"),
    ],
    ids=["event", "library", "warning", "exception"],
)
def test_what_threads_tell_is_said_by_the_screen(
    happen: Callable[[], object], event: str, recwarn: pytest.WarningsRecorder
) -> None:
    """Events of ours and of libraries, warnings, and what ended a thread: none writes to standard error itself."""
    with standard_error() as errors, heard(screen := screen_on(errors), "json", "debug"):
        warnings.simplefilter("always")
        _in_a_thread(happen)
        assert errors.getvalue() == ""
        screen.close()
    [line] = errors.getvalue().splitlines()
    assert event in json.loads(line)["event"]
    assert not recwarn.list


def test_what_is_told_as_the_run_ends_is_not_lost() -> None:
    """Neither what the screen had not said yet, nor what comes after it, nor what comes after all."""
    log = structlog.get_logger("reconciler")
    with standard_error() as errors:
        with heard(screen := screen_on(errors), "json", "debug"):
            log.debug("before")
            screen.close()
            log.debug("between")
        log.debug("after")
    assert [json.loads(line)["event"] for line in errors.getvalue().splitlines()] == ["before", "between", "after"]


def test_the_level_is_kept() -> None:
    """What is not to be logged is not said."""
    with standard_error() as errors, heard(screen := screen_on(errors), "json", "warning"):
        structlog.get_logger("reconciler").info("usual")
        screen.close()
    assert errors.getvalue() == ""
