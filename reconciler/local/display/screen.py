"""What people see of a run: a live table below the logs on a terminal, else a line for each change.

             errors is a terminal               it is none
show         the table, in place                a line for each change, on errors
say, hear    a line above the table             a line on errors
log          a line above the table if output is the same terminal, else a line on output

Nothing here waits for whoever reads. What cannot be written yet is kept, within bounds; see `Backlog`.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, TextIO, TypeAlias
from zlib import crc32

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style as Look

from reconciler.local.containers.logs import Line
from reconciler.local.display.backlog import Rank
from reconciler.local.display.lines import Lines
from reconciler.local.display.live import LiveTable
from reconciler.local.display.rows import Row
from reconciler.local.display.text import one_line, readable, squeezed
from reconciler.local.display.writer import Outlet, Writer, is_abandoned

Style: TypeAlias = Literal["plain", "note", "warning", "problem", "good", "headline"]

STYLES: dict[Style, str] = {
    "plain": "",
    "note": "dim",
    "warning": "yellow",
    "problem": "bold red",
    "good": "green",
    "headline": "bold green",
}
POD_COLOURS = (28, 30, 32, 63, 64, 67, 98, 100, 130, 132, 134, 163, 166)
"""Of the 256 colours, some that can be read on black and on white alike; red is for trouble."""

LONGEST_PREFIX = 26
"""To what Pods' names are cut before their logs where there are colours to tell them apart."""

LONGEST_END_SECONDS, LAST_WORDS_SECONDS = 2.0, 0.5
"""How long, in the end, what waits may take to be written, and how much of that is for all but the logs."""

_LOOK_AGAIN_SECONDS = 0.005


class Screen:
    """What people see of a run.

    - Nobody who calls it waits for whoever reads; only `close` does, for two seconds at most.
    - When nobody reads, lines of logs are left out before anything else, and the next one who reads is told how many.
    - Logs scroll above the table; nothing in them moves the cursor or is taken for markup.
    - Nothing is coloured in a file or a pipe, nor with NO_COLOR.
    - What is said is written at once if it can be, and so is a log, but above the table: there it waits, for an eighth
      of a second at most, for a next call. Whatever waits is written by a later call of whatever method.

    Args:
        output: Where logs go.
        errors: Where everything else goes.
        now: The time; lines show it as clocks here do.
        outlet: What writes to a stream.
    """

    def __init__(
        self,
        output: TextIO,
        errors: TextIO,
        *,
        now: Callable[[], datetime],
        outlet: Callable[[TextIO], Outlet] = Writer,
    ) -> None:
        self._output = output
        self._errors = errors
        self._now = now
        self._output_colours, self._errors_colours = _colours(output), _colours(errors)
        self._table = LiveTable(errors, outlet(errors), now) if _is_terminal(errors) else None
        self._words = self._table or Lines(outlet(errors))
        # In two threads, lines for one file would come in any order.
        is_shared = _are_one(output, errors) and _is_terminal(output) == _is_terminal(errors)
        self._logs = self._words if is_shared else Lines(outlet(output))
        self._told: dict[tuple[str, str], str] = {}
        self._is_failure_told = self._is_closed = False
        self._closing = threading.Lock()

    @property
    def is_abandoned(self) -> bool:
        """Whether whoever read has closed a pipe."""
        return any(is_abandoned(pane.outlet) for pane in (self._words, self._logs))

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
        """Say something in one line; a headline is set off from what was before it.

        Args:
            words: What.
            style: How it is meant.
        """
        line = _painted(one_line(words, _encoding(self._errors)), STYLES[style], self._errors_colours)
        line = f"\n{line}" if style == "headline" else line
        self._words.put(line, Rank.NEWS if style in ("plain", "note") else Rank.IMPORTANT)

    def hear(self, text: str, *, is_important: bool) -> None:
        """Say what another thread has to tell, with a next call; any thread may call this, at any time.

        Args:
            text: What it tells, in as many lines as it has.
            is_important: Whether it matters more than what usually happens.
        """
        with self._closing:
            if not self._is_closed:
                colours = self._errors_colours is not None
                for line in text.splitlines():
                    shown = _ended(readable(line, _encoding(self._errors), colours=colours))
                    self._words.backlog.add(shown, Rank.IMPORTANT if is_important else Rank.NEWS)
                return
        self._errors.write(f"{text}\n")
        self._errors.flush()

    def log(self, line: Line) -> None:
        """Show a line of a log, after the name of its Pod."""
        colours = self._output_colours
        name = line.pod if line.container is None else f"{line.pod}/{line.container}"
        name = f"[{squeezed(name, LONGEST_PREFIX) if colours is not None else name}]"
        text = _ended(readable(line.text, _encoding(self._output), colours=colours is not None))
        if line.is_remark:
            text = _painted(text, STYLES["warning"], colours)
        whole = f"{_painted(name, f'color({pod_colour(line.pod)})', colours)} {text}"
        self._logs.put(whole, Rank.NEWS if line.is_remark else Rank.LOG)

    def catch_up(self) -> None:
        """Write what has waited, if whoever reads takes it now."""
        failure = self._logs.outlet.failure
        if failure is not None and self._logs is not self._words and not self._is_failure_told:
            self._is_failure_told = True
            self.say(
                f"Standard output can no longer be written: {failure.strerror}. Logs are kept in files.", "problem"
            )
        for pane in (self._words, self._logs):
            pane.catch_up()

    def clear(self) -> None:
        """Take the table away: what it shows is no more."""
        if self._table is not None:
            self._table.show(())

    def close(self) -> None:
        """Leave the last table on the screen, whole, and show the cursor again; a second call does nothing.

        What waits is written, if that takes no longer than it may; logs are the first to be left out.
        """
        if self._is_closed:
            return
        until = time.monotonic() + LONGEST_END_SECONDS
        self._drain(until)
        with self._closing:
            self._is_closed = True
        self._drain(until)  # what was heard in between

    def _drain(self, until: float) -> None:
        panes = (self._words, self._logs)
        for pane in panes:
            pane.close()
        while any(pane.is_behind for pane in panes) and (now := time.monotonic()) < until:
            for pane in panes:
                if until - now < LAST_WORDS_SECONDS:
                    pane.backlog.leave_out_logs()
                pane.catch_up()
            time.sleep(_LOOK_AGAIN_SECONDS)


def pod_colour(pod: str) -> int:
    """A Pod's colour, of the 256: the same in every run."""
    return POD_COLOURS[crc32(pod.encode()) % len(POD_COLOURS)]


def _words(row: Row, *, is_new: bool = False) -> str:
    """What a line says of a row; what a Pod requests never changes."""
    ready = f", ready {row.ready}" if row.ready else ""
    restarts = f", restarts {row.restarts}" if row.restarts else ""
    requests = f", requests {row.requests}" if row.requests and is_new else ""
    why = f": {row.reason}" if row.reason and row.state in ("busy", "bad") else ""
    return f"{row.phase}{ready}{restarts}{requests}{why}"


def _ended(text: str) -> str:
    """A text whose colours do not go on after it."""
    return f"{text}\x1b[0m" if "\x1b" in text else text


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
    """Whether both are the same file, pipe or terminal."""
    try:
        found, wanted = os.fstat(one.fileno()), os.fstat(other.fileno())
    except OSError:  # streams without a file, as in tests
        return one is other
    is_one_device = found.st_rdev == wanted.st_rdev != 0
    return is_one_device or (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"
