"""What people see while a cluster starts, and whenever they ask.

    … daskcluster/simple        0/2  Waits for its workers.
    ✓ pod/simple-scheduler      1/1  The scheduler Pod simple-scheduler is ready.
    ✓ service/simple-scheduler  1/1  The Service simple-scheduler is there.
    … daskworkergroup/simple    0/2  2 of 2 workers are not ready: 2 must wait for the containers: …

In a notebook and on a terminal this is a table that changes in place. Elsewhere, as in a file, there is a line for each
change; and nothing at all for whoever wants it quiet.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TextIO, TypeAlias

from kubecluster.diagnosis import About, Part, Sight, Verdict, parts
from kubecluster.diagnosis.sight import name_of

State: TypeAlias = Literal["good", "busy", "bad"]

SYMBOLS: Mapping[State, tuple[str, str]] = {"good": ("✓", "+"), "busy": ("…", "."), "bad": ("✗", "x")}
"""By state, its symbol, and the same in ASCII."""
STYLES: Mapping[State, str] = {"good": "green", "busy": "yellow", "bad": "bold red"}
COLOURS: Mapping[State, str] = {"good": "#2e9c4f", "busy": "#b38600", "bad": "#d13438"}
"""Colours that can be read on white and on black alike."""

WAITS: Mapping[About, str] = {
    About.NOTHING: "It is ready.",
    About.SCHEDULER: "Waits for its scheduler.",
    About.SERVICE: "Waits for its Service.",
    About.WORKERS: "Waits for its workers.",
}
"""What is said of a cluster whose parts say more."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is shown of one resource.

    Args:
        resource: Which, such as `pod/simple-scheduler`.
        state: `good`; `busy`, which passes; `bad`, which does not pass by itself.
        reason: Why it is as it is, in a sentence.
        ready: How many are ready of how many, such as `2/3`; may be empty.
    """

    resource: str
    state: State
    reason: str
    ready: str


def rows(sight: Sight, verdict: Verdict) -> tuple[Row, ...]:
    """The DaskCluster, its scheduler Pod, its Service and each worker group.

    Args:
        sight: What is seen.
        verdict: What is thought of it.
    """
    if sight.cluster is None:
        return (Row("daskcluster", "bad", verdict.sentence, ""),)
    found = parts(sight.at, sight)
    state: State = "good" if verdict.failure is None else "busy" if verdict.passes else "bad"
    ready = f"{verdict.workers_ready}/{verdict.workers_wanted}"
    whole = Row(f"daskcluster/{name_of(sight.cluster)}", state, WAITS.get(verdict.about, verdict.sentence), ready)
    return (whole, *map(_row, (found.scheduler, found.service, *found.groups)))


def html(rows: Sequence[Row], title: str) -> str:
    """The rows as a table for a notebook.

    Args:
        rows: The rows.
        title: What stands above them.
    """
    head = f'<caption style="caption-side: top; text-align: left; font-weight: bold">{escape(title)}</caption>'
    lines = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return f'<table style="text-align: left">{head}<tbody>{lines}</tbody></table>'


class Progress:
    """What people see while a cluster starts; a context manager.

    - It never breaks what it tells of: where nothing can be shown any more, nothing is.
    - In a notebook the table stays in the cell in which it was entered.
    - After `close`, nothing more is shown.

    Args:
        title: What is going on, such as `Creating the Dask cluster simple`.
        quiet: Whether to show nothing.
        stream: Where to show it; by default in the notebook if there is one, else on standard error.
    """

    def __init__(self, title: str, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._display: _Display | None = None
        if not quiet:
            self._try(lambda: self._choose(title, stream))

    def __enter__(self) -> Self:
        self.show(())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, rows: Sequence[Row]) -> None:
        """Show what there is.

        Args:
            rows: All of it.
        """
        display = self._display
        if display is not None:
            self._try(lambda: display.show(rows))

    def close(self, words: str = "") -> None:
        """Leave what was shown last, and let go of the terminal; a second call does nothing.

        Args:
            words: How it ended.
        """
        display, self._display = self._display, None
        if display is not None:
            self._try(lambda: display.close(words))

    def _choose(self, title: str, stream: TextIO | None) -> None:
        self._display = _display(title, stream)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # noqa: BLE001  # what people see must not stop what they wait for
            self._display = None


class _Display(Protocol):
    """A way to show rows."""

    def show(self, rows: Sequence[Row]) -> None: ...

    def close(self, words: str) -> None: ...


def _display(title: str, stream: TextIO | None) -> _Display:
    """The way that suits where this runs."""
    if stream is None and _is_notebook():
        return _Notebook(title)
    stream = stream or sys.stderr
    is_terminal = stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return _Terminal(title, stream) if is_terminal else _Lines(title, stream)


def _is_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which has imported IPython already."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class _Lines:
    """A line for each change."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._told: dict[str, Row] = {}
        self._is_begun = False

    def show(self, rows: Sequence[Row]) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._say(self._title)
        for row in rows:
            if row != self._told.get(row.resource):
                self._say(f"{row.resource}{' ' if row.ready else ''}{row.ready}: {row.reason or row.state}")
        self._told = {row.resource: row for row in rows}

    def close(self, words: str) -> None:
        if words:
            self._say(words)

    def _say(self, words: str) -> None:
        self._stream.write(f"{_readable(words, self._stream)}\n")
        self._stream.flush()


class _Terminal:
    """A table, drawn again in place."""

    def __init__(self, title: str, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415  # takes long to import
        from rich.live import Live  # noqa: PLC0415

        self._title = title
        self._stream = stream
        self._console = Console(file=stream, force_terminal=True, force_interactive=True, force_jupyter=False)
        self._drawn: tuple[Sequence[Row], Any] | None = None
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def show(self, rows: Sequence[Row]) -> None:
        self._measure()
        drawn = (tuple(rows), self._console.size)
        if drawn != self._drawn:
            self._live.start()
            self._live.update(_table(self._title, rows, self._stream), refresh=True)
            self._drawn = drawn

    def close(self, words: str) -> None:
        self._live.stop()
        if words:
            self._console.print(_readable(words, self._stream), markup=False, highlight=False)

    def _measure(self) -> None:
        """Take the size of this terminal: standard input may be another."""
        with suppress(OSError):
            width, height = os.get_terminal_size(self._stream.fileno())
            if width and height:
                self._console.size = (width, height)


class _Notebook:
    """A table, updated in place; with a text for what cannot show it."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: Sequence[Row] = ()
        self._handle: Any = None

    def show(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._put(self._title)

    def close(self, words: str) -> None:
        if words:
            self._put(words)

    def _put(self, title: str) -> None:
        lines = [f"{SYMBOLS[row.state][0]} {row.resource} {row.ready} {row.reason}" for row in self._rows]
        bundle = {"text/html": html(self._rows, title), "text/plain": "\n".join([title, *lines])}
        if self._handle is None:
            self._handle = import_module("IPython.display").display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _row(part: Part) -> Row:
    state: State = "good" if part.cause is None else "busy" if part.cause.passes else "bad"
    return Row(part.resource, state, part.sentence, f"{part.ready}/{part.wanted}")


def _cells(row: Row) -> tuple[str, ...]:
    symbol = f'<td style="color: {COLOURS[row.state]}" title="{row.state}">{SYMBOLS[row.state][0]}</td>'
    texts = (row.resource, row.ready, row.reason)
    return symbol, *(f'<td style="text-align: left">{escape(text)}</td>' for text in texts)


def _table(title: str, rows: Sequence[Row], stream: TextIO) -> Any:
    """The rows as rich draws them."""
    from rich.table import Table  # noqa: PLC0415  # takes long to import
    from rich.text import Text  # noqa: PLC0415

    head = Text(_readable(title, stream))
    table = Table(title=head, title_justify="left", box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, overflow="crop", justify="right")
    table.add_column(overflow="fold", ratio=1)
    for row in rows:
        symbol, plain = SYMBOLS[row.state]
        sign = symbol if _readable(symbol, stream) == symbol else plain
        resource = Text.assemble((sign, STYLES[row.state]), " ", _readable(row.resource, stream))
        reason = Text(_readable(row.reason, stream), STYLES["bad"] if row.state == "bad" else "dim")
        table.add_row(resource, row.ready, reason)
    return table


def _readable(words: str, stream: TextIO) -> str:
    """A text as it can be written there, and does nothing to a terminal: on one line, without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in words)
    encoding = stream.encoding or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return line.replace("…", "...").encode(encoding, "replace").decode(encoding)
    return line
