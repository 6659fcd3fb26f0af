import errno
import io
import os
import threading
import time
from typing import Literal, cast

import pytest

from reconciler.local.containers.logs import Line
from reconciler.local.display.backlog import ROOM
from reconciler.local.display.rows import Row, rows
from reconciler.local.display.screen import LAST_WORDS_SECONDS, LONGEST_END_SECONDS, Screen
from reconciler.local.display.writer import Writer
from tests.builders import NOON, cluster
from tests.manifests import pod_spec
from tests.realcluster.eventually import eventually
from tests.simulation.clock import Clock
from tests.simulation.world import World
from tests.unit.local.display import Direct, Stream, at, drawn, shown, surround

SCHEDULER = Row("pod/simple-scheduler", 0, "Pending", "0/1", 0, NOON, "Must wait.", "busy")
UP = Row("pod/simple-scheduler", 0, "Running", "1/1", 0, NOON, "", "good")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch)


def test_a_change_is_a_line_where_there_is_no_terminal() -> None:
    """Of each row that looks different, when, and what it is now; nothing where nothing has changed."""
    file, world = Stream(is_terminal=False), World(cluster(replicas=1, worker={"spec": pod_spec(resources=ASKED)}))
    screen = Screen(file, file, now=world.clock, outlet=Direct)
    seen = []
    for _ in range(5):
        world.tick()
        screen.show(rows(world.api))
        seen.append([line for line in file.take().splitlines() if "pod/simple-scheduler" in line])
    worker = world.workers("simple-default-worker-group")[0]["metadata"]["name"]
    assert seen == [
        [f"{at(5)} pod/simple-scheduler Pending, ready 0/1: Must wait to be scheduled."],
        [f"{at(10)} pod/simple-scheduler Pending, ready 0/1: Must wait for the node to start the containers."],
        [f"{at(15)} pod/simple-scheduler Running, ready 0/1: Started, but did not pass the readiness probe yet."],
        [f"{at(20)} pod/simple-scheduler Running, ready 1/1"],
        [],
    ]
    world.clock.advance(60)
    screen.show([row for row in rows(world.api) if worker not in row.resource])
    assert file.take() == f"{at(85)} pod/{worker} gone\n"
    screen.show(rows(world.api))
    assert file.take() == f"{at(85)} pod/{worker} Running, ready 1/1, requests 2 CPU, 4Gi\n"


ASKED = {"requests": {"cpu": "2", "memory": "4Gi"}}


@pytest.mark.parametrize(("is_terminal", "seen"), [(False, "\nready\n"), (True, "\n\x1b[1;32mready\x1b[0m\n")])
def test_a_headline_stands_apart(is_terminal: bool, seen: str) -> None:  # noqa: FBT001
    """The line that matters must be found among dozens of logs."""
    stream = Stream(is_terminal=is_terminal)
    screen = Screen(stream, stream, now=Clock(), outlet=Direct)
    screen.say("ready", "headline")
    assert stream.take() == seen


def test_a_second_namespace_makes_nothing_gone() -> None:
    """The names in lines become longer, and that is no change."""
    file = Stream(is_terminal=False)
    screen = Screen(file, file, now=Clock(), outlet=Direct)
    screen.show([UP])
    file.take()
    other = Row("pod/simple-scheduler", 0, "Pending", "", 2, NOON, "", "busy", namespace="ml")
    screen.show([UP, other])
    assert file.take() == f"{at(0)} ml/pod/simple-scheduler Pending, restarts 2\n"


@pytest.mark.parametrize("why", ["a file", "TERM=dumb", "FORCE_COLOR"])
def test_a_file_gets_no_sequences(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a terminal that can only print, whatever the environment says of colours."""
    if why == "TERM=dumb":
        monkeypatch.setenv("TERM", "dumb")
    if why == "FORCE_COLOR":
        monkeypatch.setenv("FORCE_COLOR", "1")
    stream = Stream(is_terminal=why == "TERM=dumb")
    screen = Screen(stream, stream, now=Clock(), outlet=Direct)
    screen.show([UP])
    screen.log(Line("p", None, "\x1b[31mred {0} [b]x[/b]"))
    screen.say("words", "problem")
    screen.close()
    assert stream.getvalue().splitlines() == [
        f"{at(0)} pod/simple-scheduler Running, ready 1/1",
        "[p] red {0} [b]x[/b]",
        "words",
    ]


@pytest.mark.parametrize("terminal", ["output", "errors"])
def test_only_one_of_both_may_be_a_terminal(terminal: Literal["output", "errors"]) -> None:
    """Logs go to output in any case, and everything else to errors."""
    output, errors = Stream(is_terminal=terminal == "output"), Stream(is_terminal=terminal == "errors")
    screen = Screen(output, errors, now=Clock(), outlet=Direct)
    screen.show([UP])
    screen.log(Line("p", "main", "\x1b[31mred"))
    screen.close()
    if terminal == "errors":
        assert output.getvalue() == "[p/main] red\n"
        assert shown(errors.getvalue()) == [*drawn(UP), ""]
    else:
        assert shown(output.getvalue()) == ["[p/main] red", ""]
        assert "\x1b[31m" in output.getvalue()
        assert errors.getvalue() == f"{at(0)} pod/simple-scheduler Running, ready 1/1\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_an_encoding_cannot_say_is_replaced(*, is_terminal: bool) -> None:
    """A log in Chinese does not end the run."""

    class Ascii(io.TextIOWrapper):
        def isatty(self) -> bool:
            return is_terminal

    buffer = io.BytesIO()
    with Ascii(buffer, encoding="ascii") as stream:
        screen = Screen(stream, stream, now=Clock(), outlet=Direct)
        screen.show([SCHEDULER, UP])
        screen.log(Line("p", None, "中文 …"))
        screen.say("é")
        screen.close()
        text = buffer.getvalue().decode("ascii")
    assert "?? ...\n" in text
    assert "?\n" in text


def test_a_broken_pipe_is_known_and_errors_are_still_told() -> None:
    """Nobody reads the logs any more; nothing is raised, and what is said then is still said."""
    reader, writer = os.pipe()
    os.close(reader)
    errors = Stream()
    with os.fdopen(writer, "w") as output:
        screen = Screen(
            output, errors, now=Clock(), outlet=lambda stream: (Direct if stream is errors else Writer)(stream)
        )
        screen.show([UP])
        assert not screen.is_abandoned
        screen.log(Line("p", None, "text"))
        eventually(lambda: screen.is_abandoned, "that it is known")
        screen.say("Nobody reads the logs any more.", "problem")
        screen.close()
    assert shown(errors.getvalue())[0] == "Nobody reads the logs any more."


def test_a_full_disk_is_told_once() -> None:
    """The run goes on without its output; that is no pipe that somebody has closed."""
    output, errors = Stream(is_terminal=False), Stream(is_terminal=False)
    outlets = {output: Direct(output), errors: Direct(errors)}
    screen = Screen(output, errors, now=Clock(), outlet=lambda stream: outlets[cast("Stream", stream)])
    outlets[output].failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for _ in range(2):
        screen.catch_up()
    assert errors.getvalue() == (
        "Standard output can no longer be written: No space left on device. Logs are kept in files.\n"
    )
    assert not screen.is_abandoned


def test_what_nobody_reads_is_kept_within_bounds() -> None:
    """When somebody reads again, what matters is there, and a line says how much of the logs is not."""
    file = Stream(is_terminal=False)
    outlet = Direct(file)
    screen = Screen(file, file, now=Clock(), outlet=lambda _: outlet)
    outlet.is_free = False
    screen.say("important", "problem")
    for number in range(2 * ROOM // 10_000):
        screen.log(Line("p", None, f"{number} " + "x" * 10_000))
    screen.hear("heard\nin two lines", is_important=True)
    assert file.getvalue() == ""
    outlet.is_free = True
    while len(file.getvalue()) < ROOM * 0.9:
        screen.catch_up()
    first, second, *logs, before_last, last = [line[:60] for line in file.getvalue().splitlines()]
    assert int(first.removeprefix("[").split(" log lines left out here")[0]) + len(logs) == 2 * ROOM // 10_000
    assert second == "important"
    assert (before_last, last) == ("heard", "in two lines")


def test_an_end_without_a_reader_is_short() -> None:
    """Two seconds, then what nobody reads is left unread."""
    file = Stream(is_terminal=False)
    outlet = Direct(file)
    screen = Screen(file, file, now=Clock(), outlet=lambda _: outlet)
    outlet.is_free = False
    screen.say("words")
    begun = time.monotonic()
    screen.close()
    screen.close()
    assert LONGEST_END_SECONDS <= time.monotonic() - begun < LONGEST_END_SECONDS + 1


def test_in_the_end_words_come_before_logs() -> None:
    """Who reads too slowly for all of it gets what matters, and how many lines of logs are missing."""
    file = Stream(is_terminal=False)
    outlet = Direct(file)
    screen = Screen(file, file, now=Clock(), outlet=lambda _: outlet)
    outlet.is_free = False
    screen.log(Line("p", None, "log"))
    screen.say("The end.")
    timer = threading.Timer(LONGEST_END_SECONDS - LAST_WORDS_SECONDS / 2, setattr, (outlet, "is_free", True))
    timer.start()
    screen.close()
    timer.join()
    missing, last = file.getvalue().splitlines()
    assert missing.startswith("[1 log line left out here")
    assert last == "The end."


def test_what_is_heard_after_the_end_is_written_at_once() -> None:
    """A thread may have something to tell at any time."""
    file = Stream(is_terminal=False)
    screen = Screen(file, file, now=Clock(), outlet=Direct)
    screen.hear("before", is_important=False)
    assert file.getvalue() == ""
    screen.close()
    screen.hear("after", is_important=False)
    assert file.getvalue() == "before\nafter\n"


def test_a_remark_is_no_log() -> None:
    """It stands among the logs, but is not left out with them."""
    file = Stream(is_terminal=False)
    outlet = Direct(file)
    screen = Screen(file, file, now=Clock(), outlet=lambda _: outlet)
    outlet.is_free = False
    screen.log(Line("p", None, "much was skipped", is_remark=True))
    for _ in range(2 * ROOM // 10_000):
        screen.log(Line("p", None, "x" * 10_000))
    outlet.is_free = True
    screen.catch_up()
    assert "[p] much was skipped" in file.getvalue().splitlines()
