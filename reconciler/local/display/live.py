"""The table at the bottom of a terminal, and the lines that scroll above it."""

import io
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

from reconciler.local.display.backlog import Backlog, Rank
from reconciler.local.display.rows import Row, folded
from reconciler.local.display.table import table
from reconciler.local.display.writer import Outlet

FASTEST, SLOWEST = timedelta(seconds=1 / 8), timedelta(seconds=1)
"""How long a table stays before it is drawn again, if there is something new and if only ages change."""


class LiveTable:
    """The table, and the lines above it.

    - Each picture begins where the one before it has left the cursor. So none is drawn before that is written, and
      what comes meanwhile is in the next one.

    Attributes:
        backlog: The lines that are not drawn yet.
        outlet: Where it is written.

    Args:
        terminal: The terminal; it is only asked what it is.
        outlet: Where it is written.
        now: The time.
    """

    def __init__(self, terminal: TextIO, outlet: Outlet, now: Callable[[], datetime]) -> None:
        self.backlog = Backlog()
        self.outlet = outlet
        self._terminal = terminal
        self._now = now
        self._page = io.StringIO()
        self._console = Console(file=self._page, force_terminal=True, force_interactive=True)
        self._picture = _Picture()
        self._live = Live(
            self._picture, console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._rows: Sequence[Row] = ()
        self._drawn: tuple[Sequence[Row], tuple[int, int]] | None = None
        self._drawn_at: datetime | None = None
        self._is_closing = self._is_closed = False

    @property
    def is_behind(self) -> bool:
        """Whether anything is still to be written."""
        is_closing = self._is_closing and not self._is_closed
        return bool(self.backlog) or not self.outlet.is_free or is_closing

    def show(self, rows: Sequence[Row]) -> None:
        """Show those rows, as soon as it is time to."""
        if self._is_closing:
            return
        self._rows = folded(rows)
        if self._rows:
            self._live.start()
        self.catch_up()

    def put(self, line: str, rank: Rank) -> None:
        """Put a line above the table, with what its look consists of; at once, unless it is only a log's."""
        self.backlog.add(line, rank)
        if self.outlet.is_free and rank is not Rank.LOG:
            self._draw(self._size())
        else:
            self.catch_up()

    def catch_up(self) -> None:
        """Draw what is new, if it is time to and the last picture is written."""
        if not self.outlet.is_free:
            return
        size = self._size()
        if self._is_closing and not self.backlog:
            self._finish(size)
        elif self._is_closing or not self._live.is_started or self._is_due(size):
            self._draw(size)

    def close(self) -> None:
        """Let the next picture be the last, of the whole table, however high it is."""
        self._is_closing = True
        self.catch_up()

    def _is_due(self, size: tuple[int, int]) -> bool:
        is_new = bool(self.backlog) or (self._rows, size) != self._drawn
        elapsed = self._now() - self._drawn_at if self._drawn_at is not None else SLOWEST
        # A clock that was put back must not stop the table.
        return elapsed >= (FASTEST if is_new else SLOWEST) or elapsed < timedelta()

    def _draw(self, size: tuple[int, int]) -> None:
        """Write what waits, and the table below it."""
        self._paint(size)
        self._hand_over()

    def _paint(self, size: tuple[int, int]) -> None:
        with self._console:
            if self._live.is_started:
                wrapped = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)) * self._picture.overhang(size[0])
                self._console.control(Control(*wrapped))
                self._picture.lines = self._lines(*size)
                self._drawn, self._drawn_at = (self._rows, size), self._now()
            self._console.print(_Verbatim(self.backlog.take().text), soft_wrap=True)

    def _finish(self, size: tuple[int, int]) -> None:
        """Leave the last table on the terminal, and show the cursor again."""
        self._is_closed = True
        if self._live.is_started:  # it is not if there was no table, or after the last
            self._paint(size)
            self._picture.lines = self._lines(size[0], None)
            self._live.stop()
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the picture away in one piece, so that the terminal never shows half of it."""
        text = self._page.getvalue()
        self._page.seek(0)
        self._page.truncate()
        if text:
            self.outlet.write(text)

    def _lines(self, width: int, height: int | None) -> list[Text]:
        return table(self._rows, width, height, self._now(), self._terminal.encoding or "utf-8")

    def _size(self) -> tuple[int, int]:
        """Of this terminal: standard input may be another."""
        try:
            width, height = os.get_terminal_size(self._terminal.fileno())
        except OSError:
            width, height = self._console.size
        if width and height:
            self._console.size = (width, height)
        return width or 80, height or 25


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
    """A text that is written as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._text)
