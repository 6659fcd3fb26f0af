"""What a terminal shows of what is written to it."""

import io
import re
from datetime import timedelta
from typing import TextIO

import pytest

from reconciler.local.display.rows import Row
from reconciler.local.display.table import table
from tests.builders import NOON

WIDTH, HEIGHT = 100, 30

_TOKEN = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|([^\x1b])")


class Stream(io.StringIO):
    """A file or a terminal, in memory."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def take(self) -> str:
        """What was written since the last call."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class Direct:
    """Writes at once what a screen writes, unless nobody reads it.

    Attributes:
        is_free: Whether somebody reads.
        failure: Why nothing can be written any more.

    Args:
        stream: Where it is written.
    """

    def __init__(self, stream: TextIO) -> None:
        self.is_free = True
        self.failure: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> None:
        assert self.is_free
        self._stream.write(text)
        self._stream.flush()


def surround(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say of terminals in memory what they are."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}.items():
        monkeypatch.setenv(name, value)


def shown(text: str) -> list[str]:
    """What stands on a terminal after that was written to it; the cursor must be visible again."""
    display = Display(WIDTH, HEIGHT)
    display.feed(text)
    assert display.has_cursor
    return display.lines


def drawn(*rows: Row, after: float = 0, width: int = WIDTH) -> list[str]:
    """The table of those rows, some seconds after noon."""
    return [line.plain for line in table(rows, width, None, NOON + timedelta(seconds=after))]


def at(seconds: float) -> str:
    """The time in lines of changes, some seconds after noon."""
    return f"{(NOON + timedelta(seconds=seconds)).astimezone():%H:%M:%S}"


class Display:
    """A terminal that knows what the screen may use, and wraps long lines again when its width changes.

    Attributes:
        has_cursor: Whether the cursor is shown.

    Args:
        width: Its columns.
        height: Its rows; the cursor cannot go up to what has scrolled out of them.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._rows = [""]
        self._is_wrapped = [False]
        self._row = self._column = 0
        self.has_cursor = True

    @property
    def lines(self) -> list[str]:
        """What it shows and has shown down to the cursor, line by line: what it has wrapped in one piece."""
        assert not any(row.strip() for row in self._rows[self._row + 1 :]), f"below the cursor: {self._rows}"
        return [line.rstrip() for line in self._lines(self._row + 1)]

    def feed(self, text: str) -> None:
        """Write to it."""
        end = 0
        for token in _TOKEN.finditer(text):
            assert token.start() == end, f"unknown sequence: {text[end : end + 20]!r}"
            end = token.end()
            parameters, command, character = token.groups()
            if character is not None:
                self._put(character)
            else:
                self._obey(command, parameters)
        assert end == len(text), f"unknown sequence: {text[end:]!r}"

    def resize(self, width: int) -> None:
        """Change its width."""
        before = sum(map(len, self._rows_of_line()))
        number = sum(not is_wrapped for is_wrapped in self._is_wrapped[: self._row + 1]) - 1
        lines = self._lines(len(self._rows))
        self._width = width
        self._rows, self._is_wrapped = [], []
        for position, line in enumerate(lines):
            pieces = [line[start : start + width] for start in range(0, len(line), width)] or [""]
            if position == number:
                at = min(before + self._column, len(line))
                self._row = len(self._rows) + min(at // width, len(pieces) - 1)
                self._column = min(at - width * min(at // width, len(pieces) - 1), width)
            self._rows += pieces
            self._is_wrapped += [False] + [True] * (len(pieces) - 1)

    def _lines(self, rows: int) -> list[str]:
        whole: list[str] = []
        for row, is_wrapped in zip(self._rows[:rows], self._is_wrapped[:rows], strict=True):
            if is_wrapped:
                whole[-1] += row
            else:
                whole.append(row)
        return whole

    def _rows_of_line(self) -> list[str]:
        """The rows of the cursor's line that are before the cursor's."""
        begin = self._row
        while self._is_wrapped[begin]:
            begin -= 1
        return self._rows[begin : self._row]

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._next(is_wrapped=False)
        else:
            assert character.isprintable() or character == "\t", f"control character {character!r}"
            if self._column >= self._width:
                self._next(is_wrapped=True)
            row = self._rows[self._row].ljust(self._column)
            self._rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
            self._column += 1

    def _next(self, *, is_wrapped: bool) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._rows):
            self._rows.append("")
            self._is_wrapped.append(is_wrapped)
        self._is_wrapped[self._row] = is_wrapped

    def _obey(self, command: str, parameters: str) -> None:
        match command, parameters:
            case "A", count:
                self._row = max(self._row - int(count or 1), len(self._rows) - self._height, 0)
            case "K", "2":
                self._rows[self._row] = ""
                self._is_wrapped[self._row] = False
            case "h" | "l", "?25":
                self.has_cursor = command == "h"
            case "m", _:
                pass
            case _:
                raise AssertionError(f"unknown sequence: ESC[{parameters}{command}")
