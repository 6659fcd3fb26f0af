"""What people see of a run: a live table below the logs on a terminal, else a line for each change.

             errors is a terminal               it is none
show         the table, in place                a line for each change, on errors
say          a line above the table             a line on errors
log          a line above the table if output is the same terminal, else a line on output
"""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, TextIO, TypeAlias
from zlib import crc32

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.style import Style as Look
from rich.text import Text

from reconciler.local.containers.logs import Line
from reconciler.local.display.rows import Row, folded
from reconciler.local.display.table import one_line, readable, squeezed, table

Style: TypeAlias = Literal["plain", "note", "warning", "problem", "good"]

STYLES: dict[Style, str] = {"plain": "", "note": "dim", "warning": "yellow", "problem": "bold red", "good": "green"}
POD_COLOURS = (28, 30, 32, 63, 64, 67, 98, 100, 130, 132, 134, 163, 166)
"""Of the 256 colours, some that can be read on black and on white alike; red is for trouble."""

LONGEST_PREFIX = 26
"""To what Pods' names are cut before their logs where there are colours to tell them apart."""

FASTEST, SLOWEST = timedelta(seconds=1 / 8), timedelta(seconds=1)
"""How long a table stays before it is drawn again, if there is something new and if only ages change."""


class Screen:
    """What people see of a run.

    - Logs scroll above the table; nothing in them moves the cursor or is taken for markup.
    - Nothing is coloured in a file or a pipe, nor with NO_COLOR.
    - What is said is written at once, and so is a log, but above the table: there it waits, for an eighth of a second
      at most, for a next call.

    Args:
        output: Where logs go.
        errors: Where everything else goes.
        now: The time; lines show it as clocks here do.
    """

    def __init__(self, output: TextIO, errors: TextIO, *, now: Callable[[], datetime]) -> None:
        self._output = output
        self._errors = errors
        self._now = now
        self._output_colours, self._errors_colours = _colours(output), _colours(errors)
        self._table = _LiveTable(errors, now) if _is_terminal(errors) else None
        self._is_shared = self._table is not None and _is_terminal(output) and _are_one(output, errors)
        self._told: dict[tuple[str, str], str] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """Show what there is.

        Args:
            rows: All of it.
        """
        if self._table is not None:
            self._table.show(rows)
            return
        told, self._told = self._told, {(row.namespace, row.resource): _words(row) for row in rows}
        words = {key: "gone" for key in told if key not in self._told}
        for row in rows:
            key = (row.namespace, row.resource)
            if self._told[key] != told.get(key):
                words[key] = _words(row, is_new=key not in told)
        is_spread = len({namespace for namespace, _ in (*told, *self._told)}) > 1
        for (namespace, resource), what in words.items():
            name = f"{namespace}/{resource}" if is_spread else resource
            self.say(f"{self._now().astimezone():%H:%M:%S} {name} {what}")

    def say(self, words: str, style: Style = "plain") -> None:
        """Say something in one line.

        Args:
            words: What.
            style: How it is meant.
        """
        line = _painted(one_line(words, _encoding(self._errors)), STYLES[style], self._errors_colours)
        if self._table is not None:
            self._table.put(line, at_once=True)
        else:
            _write(self._errors, line)

    def log(self, line: Line) -> None:
        """Show a line of a log, after the name of its Pod.

        Raises:
            BrokenPipeError: nobody reads the output any more.
        """
        colours = self._output_colours
        name = line.pod if line.container is None else f"{line.pod}/{line.container}"
        name = f"[{squeezed(name, LONGEST_PREFIX) if colours is not None else name}]"
        text = readable(line.text, _encoding(self._output), colours=colours is not None)
        end = "\x1b[0m" if "\x1b" in text else ""
        whole = f"{_painted(name, f'color({pod_colour(line.pod)})', colours)} {text}{end}"
        if self._table is not None and self._is_shared:
            self._table.put(whole)
        else:
            _write(self._output, whole)

    def clear(self) -> None:
        """Take the table away: what it shows is no more."""
        if self._table is not None:
            self._table.show(())

    def close(self) -> None:
        """Leave the last table on the screen, whole, and show the cursor again; a second call does nothing."""
        if self._table is not None:
            self._table.close()


def pod_colour(pod: str) -> int:
    """A Pod's colour, of the 256: the same in every run."""
    return POD_COLOURS[crc32(pod.encode()) % len(POD_COLOURS)]


class _Picture:
    """The table as it stands on the terminal."""

    def __init__(self) -> None:
        self.lines: list[Text] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.lines

    def overhang(self, width: int) -> int:
        """How many more lines than it has it takes up, where a terminal that was made narrower has wrapped it."""
        return sum((cell_len(line.plain) - 1) // width for line in self.lines if line.plain)


class _Verbatim:
    """Lines that are written as they are."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment("".join(f"{line}\n" for line in self._lines))


class _LiveTable:
    """The table at the bottom of a terminal, and the lines that scroll above it.

    Args:
        terminal: The terminal.
        now: The time.
    """

    def __init__(self, terminal: TextIO, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._now = now
        self._console = Console(file=terminal, force_terminal=True, force_interactive=True)
        self._picture = _Picture()
        self._live = Live(
            self._picture, console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._rows: Sequence[Row] = ()
        self._above: list[str] = []
        self._drawn: tuple[Sequence[Row], tuple[int, int]] | None = None
        self._drawn_at: datetime | None = None
        self._is_closed = False

    def show(self, rows: Sequence[Row]) -> None:
        """Show those rows, as soon as it is time to."""
        if self._is_closed:
            return
        self._rows = folded(rows)
        if self._rows:
            self._live.start()
        self._draw_if_due()

    def put(self, line: str, *, at_once: bool = False) -> None:
        """Put a line above the table, with what its look consists of; at once, or as soon as it is time to."""
        self._above.append(line)
        if at_once or not self._live.is_started:
            self._draw(self._size())
        else:
            self._draw_if_due()

    def close(self) -> None:
        """Draw the table for the last time, however high it is."""
        if not self._is_closed:
            self._is_closed = True
            self._draw(self._size())
            self._picture.lines = self._lines(self._size()[0], None)
            self._live.stop()

    def _draw_if_due(self) -> None:
        size = self._size()
        is_new = bool(self._above) or (self._rows, size) != self._drawn
        elapsed = self._now() - self._drawn_at if self._drawn_at is not None else SLOWEST
        # A clock that was put back must not stop the table.
        if elapsed >= (FASTEST if is_new else SLOWEST) or elapsed < timedelta():
            self._draw(size)

    def _draw(self, size: tuple[int, int]) -> None:
        """Write what waits, and the table below it."""
        with self._console:  # in one write, so that the terminal never shows half of it
            if self._live.is_started:
                wrapped = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)) * self._picture.overhang(size[0])
                self._console.control(Control(*wrapped))
                self._picture.lines = self._lines(*size)
                self._drawn, self._drawn_at = (self._rows, size), self._now()
            self._console.print(_Verbatim(self._above), soft_wrap=True)
        self._above = []

    def _lines(self, width: int, height: int | None) -> list[Text]:
        return table(self._rows, width, height, self._now(), _encoding(self._terminal))

    def _size(self) -> tuple[int, int]:
        """Of this terminal: standard input may be another."""
        try:
            width, height = os.get_terminal_size(self._terminal.fileno())
        except OSError:
            width, height = self._console.size
        if width and height:
            self._console.size = (width, height)
        return width or 80, height or 25


def _words(row: Row, *, is_new: bool = False) -> str:
    """What a line says of a row; what a Pod requests never changes."""
    ready = f", ready {row.ready}" if row.ready else ""
    restarts = f", restarts {row.restarts}" if row.restarts else ""
    requests = f", requests {row.requests}" if row.requests and is_new else ""
    why = f": {row.reason}" if row.reason and row.state in ("busy", "bad") else ""
    return f"{row.phase}{ready}{restarts}{requests}{why}"


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _painted(text: str, look: str, colours: ColorSystem | None) -> str:
    return Look.parse(look).render(text, color_system=colours)


def _colours(stream: TextIO) -> ColorSystem | None:
    """What colours may be written to a stream, if any."""
    console = Console(file=stream, force_terminal=_is_terminal(stream))
    known = None if console.no_color else console.color_system
    return None if known is None else COLOR_SYSTEMS[known]


def _is_terminal(stream: TextIO) -> bool:
    """Whether it is a terminal that can do more than a printer."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _are_one(one: TextIO, other: TextIO) -> bool:
    """Whether both are the same terminal."""
    try:
        return os.fstat(one.fileno()).st_rdev == os.fstat(other.fileno()).st_rdev
    except OSError:  # streams without a device, as in tests
        return one is other


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"
