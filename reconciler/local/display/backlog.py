"""Lines that wait until somebody reads: not more than there is room for, and what matters least goes first."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock

ROOM = 4 * 1024 * 1024
"""Characters; a reader who looks away for a second misses nothing of a container that writes all it can."""

AT_ONCE = 512 * 1024
"""Characters; what is being written can be left out no more."""

PER_LINE = 64
"""What a line takes beside its characters: empty ones are not for nothing."""


class Rank(IntEnum):
    """How much a line matters."""

    LOG = 0
    NEWS = 1
    IMPORTANT = 2


@dataclass(frozen=True, slots=True)
class Portion:
    """Lines that are written now.

    Args:
        lines: The lines, in the order in which they came.
        logs: How many lines of containers' logs before them were left out.
        others: How many other lines were.
    """

    lines: tuple[str, ...] = ()
    logs: int = 0
    others: int = 0

    @property
    def text(self) -> str:
        """All of it, and first what is missing."""
        return "".join(f"{line}\n" for line in (*self._missing(), *self.lines))

    def _missing(self) -> tuple[str, ...]:
        counts = ((self.logs, "log line"), (self.others, "other line"))
        what = " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count)
        why = "nobody read this in time"
        where = "; the files of the logs have them" if self.logs else ""
        return (f"[{what} left out here: {why}{where}]",) if what else ()


class Backlog:
    """Lines that wait to be written.

    - Adding never waits, from whatever thread.
    - When there is no room, lines of logs are left out, the oldest first; only when none is left, news; and only then
      what is important.
    - How many were left out is told where they would have stood: before the next line that is taken.

    Args:
        room: How many characters may wait.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._waiting: dict[Rank, deque[tuple[int, str]]] = {rank: deque() for rank in Rank}
        self._left_out = dict.fromkeys(Rank, 0)
        self._number = 0
        self._size = 0
        self._lock = Lock()

    def __bool__(self) -> bool:
        return any(self._waiting.values()) or any(self._left_out.values())

    def add(self, line: str, rank: Rank) -> None:
        """Let a line wait."""
        with self._lock:
            self._number += 1
            self._waiting[rank].append((self._number, line))
            self._size += _size(line)
            while self._size > self._room:
                self._leave_out(next(rank for rank in Rank if self._waiting[rank]))

    def take(self, most: int = AT_ONCE) -> Portion:
        """The first of what waits.

        Args:
            most: How many characters are taken, but for the last line.
        """
        with self._lock:
            lines = []
            while most > 0 and any(self._waiting.values()):
                line = self._pop(min((rank for rank in Rank if self._waiting[rank]), key=self._first))
                lines.append(line)
                most -= _size(line)
            left_out, self._left_out = self._left_out, dict.fromkeys(Rank, 0)
        logs = left_out.pop(Rank.LOG)
        return Portion(tuple(lines), logs, sum(left_out.values()))

    def leave_out_logs(self) -> None:
        """Make way for what else waits: there is no time left for logs."""
        with self._lock:
            while self._waiting[Rank.LOG]:
                self._leave_out(Rank.LOG)

    def _first(self, rank: Rank) -> int:
        number, _ = self._waiting[rank][0]
        return number

    def _leave_out(self, rank: Rank) -> None:
        self._pop(rank)
        self._left_out[rank] += 1

    def _pop(self, rank: Rank) -> str:
        _, line = self._waiting[rank].popleft()
        self._size -= _size(line)
        return line


def _size(line: str) -> int:
    return len(line) + PER_LINE
