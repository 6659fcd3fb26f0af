"""What people see on a terminal while a cluster starts; and that no terminal breaks anything."""

import fcntl
import io
import os
import struct
import termios
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kubecluster.progress import Progress, Row
from tests.realcluster.eventually import eventually
from tests.unit.local.display import Display, Stream, shown, surround

TITLE = "Creating the Dask cluster simple"
WAITING = Row("pod/simple-scheduler", "busy", "The scheduler Pod must wait.", "0/1")
READY = Row("pod/simple-scheduler", "good", "The scheduler Pod is ready.", "1/1")
WRONG = Row("daskworkergroup/simple", "bad", "2 of 2 workers are not ready: [red]x[/] & <b>", "0/2")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch)


def test_a_terminal_has_one_table_that_changes() -> None:
    """Nothing of what it showed before is left; markup and control characters are text; the cursor comes back."""
    terminal = Stream()
    with Progress(TITLE, quiet=False, stream=terminal) as progress:
        progress.show([WAITING, WRONG])
        progress.show([READY, WRONG])
        progress.show([READY])
        progress.show([READY, Row("service/\x1b[2Jx", "good", "a\nb", "")])
        progress.close("Ready [after] 3 s.")
    assert shown(terminal.getvalue()) == [
        TITLE,
        "✓ pod/simple-scheduler  1/1  The scheduler Pod is ready.",
        "✓ service/ [2Jx              a b",
        "Ready [after] 3 s.",
        "",
    ]


def test_what_has_not_changed_is_not_drawn_again() -> None:
    """People ask several times a second."""
    terminal = Stream()
    with Progress(TITLE, quiet=False, stream=terminal) as progress:
        progress.show([WAITING])
        terminal.take()
        progress.show([WAITING])
        assert terminal.take() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_stream_that_has_few_letters_gets_what_it_can_show(encoding: str, *, is_terminal: bool) -> None:
    """Rather than nothing."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    with Progress("Ürümqi …", quiet=False, stream=stream) as progress:
        progress.show([WAITING, Row("pod/x", "bad", "a … b ✓", "0/1")])
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "pod/simple-scheduler" in text
    assert "a ... b ?" in text


class Terminal:
    """A real terminal, and what it shows."""

    def __init__(self, width: int) -> None:
        self.master, slave = os.openpty()
        os.set_blocking(self.master, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
        self.stream = os.fdopen(slave, "w")
        self.display = Display(width, 30)

    def comes_to_show(self, *lines: str) -> None:
        """Wait until it shows exactly that."""
        with suppress(AssertionError):
            eventually(lambda: self._read() == list(lines), "that")
        assert self._read() == list(lines)

    def _read(self) -> list[str]:
        with suppress(BlockingIOError):
            self.display.feed(os.read(self.master, 65536).decode().replace("\r\n", "\n"))
        return self.display.lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.delenv("COLUMNS")
    monkeypatch.delenv("LINES")
    terminal = Terminal(60)
    yield terminal
    with suppress(OSError, ValueError):
        terminal.stream.close()
    with suppress(OSError):
        os.close(terminal.master)


def test_a_real_terminal_of_any_width_shows_the_whole_table(terminal: Terminal) -> None:
    """Long reasons go on in their own column."""
    with Progress(TITLE, quiet=False, stream=terminal.stream) as progress:
        progress.show([WAITING])
        progress.show([READY, WRONG])
        progress.close()
    terminal.comes_to_show(
        TITLE,
        "✓ pod/simple-scheduler    1/1  The scheduler Pod is ready.",
        "✗ daskworkergroup/simple  0/2  2 of 2 workers are not ready:",
        "                               [red]x[/] & <b>",
        "",
    )
    assert terminal.display.has_cursor


def test_a_terminal_that_goes_away_breaks_nothing(terminal: Terminal) -> None:
    """The cluster is waited for all the same."""
    with Progress(TITLE, quiet=False, stream=terminal.stream) as progress:
        progress.show([WAITING])
        os.close(terminal.master)
        progress.show([READY])
        progress.show([WRONG])
        progress.close("Done.")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_stream_that_is_closed_breaks_nothing(*, is_terminal: bool) -> None:
    """Before the first row, or between two."""
    for rows_before in ([], [WAITING]):
        stream = Stream(is_terminal=is_terminal)
        progress = Progress(TITLE, quiet=False, stream=stream)
        for row in rows_before:
            progress.show([row])
        stream.close()
        progress.show([READY])
        progress.close("Done.")


def test_an_interruption_lets_go_of_the_terminal() -> None:
    """Ctrl-C goes on to whoever waits, and the cursor is there again."""
    terminal = Stream()

    def wait() -> None:
        with Progress(TITLE, quiet=False, stream=terminal) as progress:
            progress.show([WAITING])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert shown(terminal.getvalue())[:2] == [TITLE, "… pod/simple-scheduler  0/1  The scheduler Pod must wait."]
