"""The table of resources, as lines of text that fit a terminal.

with room      Resource                Phase    Ready  Restarts  Age  Reason
             … daskcluster/simple      Running  0/2              5s   The scheduler Pod simple-scheduler started, but
                                                                      did not pass the readiness probe yet.
             …   pod/simple-scheduler  Running  0/1    0         5s   Started, but did not pass the readiness probe yet.

without        Resource                Phase    Ready  Age
             … daskcluster/simple      Running  0/2    5s
                 The scheduler Pod simple-scheduler started, but did …

How a cluster is reached stands below its row, whatever the room, and is never cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from reconciler.local.display.rows import Row, State
from reconciler.local.display.text import one_line, readable, squeezed

STATES: Mapping[State, tuple[str, str, str]] = {
    "good": ("✓", "+", "green"),
    "busy": ("…", ".", "yellow"),
    "bad": ("✗", "x", "bold red"),
    "over": ("■", "-", "dim"),
}
"""By state, its symbol, the same in ASCII, and its style."""
LEAST_REASON = 40
"""The narrowest column for reasons; with less room, those that matter stand below their rows."""
MOST_REASON_LINES = 2
GOOD_RESOURCE, LEAST_RESOURCE = 32, 16
"""To what names are cut so that there is room for reasons beside them, and at all."""
LEAST_LINES, LINES_FOR_LOGS = 4, 3
"""How many lines the table may take even of the smallest terminal, and how many of a larger one it leaves free."""

_HEAD = ("  Resource", "Phase", "Ready", "Restarts", "Age", "Requests")
_RESOURCE, _PHASE, _READY, _RESTARTS, _AGE, _REQUESTS = range(len(_HEAD))
_GAP = "  "


def age(since: datetime | None, now: datetime) -> str:
    """How long ago something was, in one unit; nothing if that is not known."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def table(rows: Sequence[Row], width: int, height: int | None, now: datetime, encoding: str = "utf-8") -> list[Text]:
    """The table, line by line.

    Args:
        rows: What it shows.
        width: How wide the terminal is.
        height: How high the terminal is; `None` if it does not matter.
        now: The time, from which ages are counted.
        encoding: The terminal's.
    """
    if not rows:
        return []
    is_spread = len({row.namespace for row in rows}) > 1
    grid = [_cells(row, now, encoding, is_spread=is_spread) for row in rows]
    layout = _layout(grid, width - 1)  # where the cursor is after the last column, terminals do not agree
    reasons = [one_line(_reason(rows[number:], layout), encoding) for number in range(len(rows))]
    blocks = [list(_block(*each, layout, encoding)) for each in zip(rows, grid, reasons, strict=True)]
    head = _line(_HEAD, layout)
    if layout.reason_at is not None and any(reasons):
        head.append("Reason")
    head.stylize("dim")
    most = None if height is None else max(height - LINES_FOR_LOGS, LEAST_LINES)
    lines = [head, *_cropped(rows, blocks, most, encoding)]
    for line in lines:
        line.rstrip()
        line.truncate(layout.width)
    return lines


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything is.

    Args:
        columns: The width of each column that is shown, by its number.
        width: How long a line may be.
        reason_at: Where the column of reasons begins; `None` if there is no room for it.
    """

    columns: Mapping[int, int]
    width: int
    reason_at: int | None


def _layout(grid: Sequence[Sequence[str]], width: int) -> _Layout:
    """The columns that fit: names are cut a little, else what is least needed goes, then names are cut more."""
    lines = (_HEAD, *grid)
    columns = {
        number: max(cell_len(line[number]) for line in lines)
        for number in range(len(_HEAD))
        if any(line[number] for line in grid)
    }
    name = columns[_RESOURCE]
    good, least = min(name, GOOD_RESOURCE), min(name, LEAST_RESOURCE)
    room = width - _length(columns) + name
    if room - LEAST_REASON >= good:
        columns[_RESOURCE] = min(name, room - LEAST_REASON)
        return _Layout(columns, width, _length(columns))
    was_restarted = any(line[_RESTARTS] not in ("", "0") for line in grid)
    for number in (_REQUESTS, *(() if was_restarted else (_RESTARTS,)), _AGE):
        if room + len(_GAP) < good and number in columns:
            room += columns.pop(number) + len(_GAP)
    columns[_RESOURCE] = max(min(name, room + len(_GAP)), least)
    return _Layout(columns, width, None)


def _length(columns: Mapping[int, int]) -> int:
    return sum(width + len(_GAP) for width in columns.values())


def _cells(row: Row, now: datetime, encoding: str, *, is_spread: bool) -> tuple[str, ...]:
    """What a row has in each column."""
    symbol, ascii_symbol, _ = STATES[row.state]
    sign = symbol if readable(symbol, encoding) == symbol else ascii_symbol
    name = f"{row.namespace}/{row.resource}" if is_spread else row.resource
    restarts = "" if row.restarts is None else str(row.restarts)
    cells = (name, row.phase, row.ready, restarts, age(row.since, now), row.requests)
    resource, *others = (one_line(cell, encoding) for cell in cells)
    return f"{sign} {'  ' * row.depth}{resource}", *others


def _reason(rows: Sequence[Row], layout: _Layout) -> str:
    """What is told of the first of some rows: beside it all, below it what no row that belongs to it tells better."""
    row, *others = rows
    if layout.reason_at is not None or row.state == "bad":
        return row.reason
    below = takewhile(lambda other: other.depth > row.depth, others)
    is_told = row.state == "busy" and all(other.state in ("good", "over") for other in below)
    return row.reason if is_told else ""


def _block(row: Row, cells: Sequence[str], reason: str, layout: _Layout, encoding: str) -> Iterator[Text]:
    """The lines of a row."""
    _, _, style = STATES[row.state]
    line = _line(cells, layout, style)
    is_beside = layout.reason_at is not None
    indent = layout.reason_at if layout.reason_at is not None else 2 * row.depth + 4
    room, cut = max(layout.width - indent, LEAST_RESOURCE), readable(" …", encoding)
    most = 1 if row.state in ("good", "over") and row.depth else MOST_REASON_LINES
    told = wrap(reason, room, max_lines=most, placeholder=cut)
    manner = "" if row.state == "bad" else "dim"
    if is_beside and told:
        line.append(told.pop(0), manner)
    yield line
    yield from (Text(f"{' ' * indent}{more}", manner) for more in told)
    indent = 2 * row.depth + 4
    room = max(layout.width - indent, LEAST_RESOURCE)
    way = wrap(one_line(row.way, encoding), room, break_long_words=False, break_on_hyphens=False)
    yield from (Text(f"{' ' * indent}{part}", style) for part in way)


def _line(cells: Sequence[str], layout: _Layout, style: str = "") -> Text:
    """One line of the table, up to where its reason would begin."""
    line = Text(no_wrap=True)
    for number, width in layout.columns.items():
        cell = squeezed(cells[number], width)
        padding = " " * (width - cell_len(cell)) + _GAP
        if number == _RESOURCE:
            line.append(cell[:1], style).append(cell[1:] + padding)
        else:
            line.append(cell + padding, style if number == _PHASE else "")
    return line


def _cropped(rows: Sequence[Row], blocks: Sequence[Sequence[Text]], most: int | None, encoding: str) -> Iterator[Text]:
    """As many rows as there is room for below the head, and how many more there are."""
    if most is None or 1 + sum(map(len, blocks)) <= most:
        yield from (line for block in blocks for line in block)
        return
    used, shown = 2, 0  # the head, and the line that says how many more
    while used + len(blocks[shown]) <= most:
        yield from blocks[shown]
        used += len(blocks[shown])
        shown += 1
    hidden = rows[shown:]
    bad = sum(row.state == "bad" for row in hidden)
    trouble = f", {bad} of them in trouble" if bad else ""
    yield Text(readable(f"… {len(hidden)} more rows{trouble}", encoding), "bold red" if bad else "dim")
