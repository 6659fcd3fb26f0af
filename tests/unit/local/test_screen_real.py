import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from reconciler.local.containers.logs import Line
from reconciler.local.display.rows import Row
from reconciler.local.display.screen import Screen
from tests.builders import NOON
from tests.realcluster.eventually import eventually
from tests.simulation.clock import Clock
from tests.unit.local.display import Display, drawn, surround

UP = Row("pod/simple-scheduler", 0, "Running", "1/1", 0, NOON, "", "good")
WORDY = "A long sentence, so that the table is wider than the narrow terminal and is wrapped there."
WORKER = Row("pod/simple-worker", 0, "Pending", "0/1", 0, NOON, WORDY, "busy")


class Terminal:
    """A real terminal, and what it shows."""

    def __init__(self, width: int, height: int) -> None:
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        self.stream = os.fdopen(slave, "w")
        self.display = Display(width, height)
        self._height = height
        self.resize(width)

    def resize(self, width: int) -> None:
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", self._height, width, 0, 0))
        self.display.resize(width)

    def comes_to_show(self, screen: Screen, *lines: str) -> None:
        """Let a screen catch up until this shows exactly that."""
        try:
            eventually(lambda: self._read(screen) == list(lines), "that")
        except AssertionError:
            assert self._read(screen) == list(lines)

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)

    def _read(self, screen: Screen) -> list[str]:
        screen.catch_up()
        with suppress(BlockingIOError):
            self.display.feed(os.read(self._master, 65536).decode().replace("\r\n", "\n"))
        return self.display.lines


@pytest.fixture
def terminals(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Terminal, Terminal]]:
    surround(monkeypatch)
    monkeypatch.delenv("COLUMNS")
    monkeypatch.delenv("LINES")
    with ExitStack() as stack:
        both = Terminal(120, 20), Terminal(80, 20)
        for terminal in both:
            stack.callback(terminal.close)
        yield both


def test_a_terminal_may_change_its_width(terminals: tuple[Terminal, Terminal]) -> None:
    """The table is drawn anew for its width, and nothing is left of the one that the terminal has wrapped."""
    terminal, _ = terminals
    clock = Clock()
    screen = Screen(terminal.stream, terminal.stream, now=clock)
    screen.log(Line("p", None, "first"))
    screen.show([UP, WORKER])
    terminal.comes_to_show(screen, "[p] first", *drawn(UP, WORKER, width=120))
    assert not terminal.display.has_cursor
    for seconds, width in enumerate((60, 45, 120, 80), start=1):
        clock.advance(1)
        terminal.resize(width)
        screen.show([UP, WORKER])
        terminal.comes_to_show(screen, "[p] first", *drawn(UP, WORKER, after=seconds, width=width))
    screen.close()
    terminal.comes_to_show(screen, "[p] first", *drawn(UP, WORKER, after=4, width=80), "")
    assert terminal.display.has_cursor


def test_logs_may_go_to_another_terminal(terminals: tuple[Terminal, Terminal]) -> None:
    """Each shows its own."""
    one, other = terminals
    screen = Screen(other.stream, one.stream, now=Clock())
    screen.show([UP])
    screen.log(Line("p", None, "\x1b[31mred"))
    screen.close()
    one.comes_to_show(screen, *drawn(UP, width=120), "")
    other.comes_to_show(screen, "[p] red", "")
    assert one.display.has_cursor
