"""Follows the log files that containers append to, and cuts what they hold into lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LONGEST_LINE = 8 * 1024
"""Bytes; a longer line is given in parts."""
MOST_AT_ONCE = 128 * 1024
"""How many bytes of a file one call takes, so that a container that floods its log does not hold up the others."""
TAIL = 64 * 1024
"""In how many bytes the last lines of a log are looked for."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a container has written.

    Args:
        pod: Its Pod.
        container: The container; `None` if the Pod has only one.
        text: What it wrote, without the end of the line.
    """

    pod: str
    container: str | None
    text: str


@dataclass(slots=True)
class _Followed:
    """A file that is followed.

    Args:
        pod: Whose it is.
        container: Which container's it is, if the Pod has several.
        offset: How far it has been read.
        rest: What of that is no whole line yet.
        is_finished: Whether nothing more will be written.
    """

    pod: str
    container: str | None
    offset: int
    rest: bytes = b""
    is_finished: bool = False


class Logs:
    r"""The logs of all containers.

    - Each line is given once, whole, and in the order of its file; a file that is followed anew goes on where it was.
    - Of what a progress bar draws over itself with `\r`, the last state is given, once its line ends.
    - A file that is not there yet is waited for. None is held open.
    """

    def __init__(self) -> None:
        self._files: dict[Path, _Followed] = {}
        self._ends: dict[Path, int] = {}
        self._behind: set[Path] = set()

    @property
    def is_behind(self) -> bool:
        """Whether the last call of `lines` has left anything that was there already."""
        return bool(self._behind)

    def follow(self, file: Path, pod: str, container: str | None) -> None:
        """Give the lines of a file from now on.

        Args:
            file: The file; it need not be there.
            pod: The Pod that writes it.
            container: The container, if the Pod has more than one.
        """
        known = self._files.get(file)
        if known is None:
            self._files[file] = _Followed(pod, container, self._ends.pop(file, 0))
        else:
            known.is_finished = False

    def finish(self, file: Path) -> None:
        """Its process has ended: once all is read, an unfinished last line is given too, and the file forgotten."""
        if file in self._files:
            self._files[file].is_finished = True

    def lines(self) -> Iterator[Line]:
        """What has come since the last call; of each file no more than a call may take."""
        for file, followed in list(self._files.items()):
            for text in self._texts(file, followed):
                yield Line(followed.pod, followed.container, text)

    def _texts(self, file: Path, followed: _Followed) -> list[str]:
        data, is_behind = _read(file, followed)
        texts, followed.rest = _cut(followed.rest + data)
        (self._behind.add if is_behind else self._behind.discard)(file)
        if followed.is_finished and not is_behind:
            texts += [_decoded(followed.rest)] if followed.rest.rstrip(b"\r") else []
            self._ends[file] = followed.offset
            del self._files[file]
        return texts


def tail_of(file: Path, most: int = 5) -> tuple[str, ...]:
    """The last lines of a log, without empty ones, for messages.

    Args:
        file: The log; none at all has no lines.
        most: How many lines at most.
    """
    try:
        start = max(0, file.stat().st_size - TAIL)
        with file.open("rb") as log:
            log.seek(start)
            data = log.read(TAIL)
    except FileNotFoundError:
        return ()
    if start and b"\n" in data.rstrip(b"\n"):  # the first line is only the end of one
        data = data.partition(b"\n")[2]
    texts, rest = _cut(data)
    shown = [text for text in (*texts, _decoded(rest)) if text.strip()]
    return tuple(shown[-most:]) if most > 0 else ()


def _read(file: Path, followed: _Followed) -> tuple[bytes, bool]:
    """What is new in a file, and whether there is more."""
    try:
        size = file.stat().st_size
        if size < followed.offset:  # someone has emptied it
            followed.offset = 0
        if size == followed.offset:
            return b"", False
        with file.open("rb") as log:
            log.seek(followed.offset)
            data = log.read(MOST_AT_ONCE)
    except FileNotFoundError:
        return b"", False
    followed.offset += len(data)
    return data, followed.offset < size


def _cut(data: bytes) -> tuple[list[str], bytes]:
    """The whole lines, and what is no whole line yet: the rest is never longer than a line may be."""
    *whole, rest = data.split(b"\n")
    texts = [_decoded(part) for line in whole for part in _parts(_last_drawn(line))]
    held_back = b"\r" if rest.endswith(b"\r") else b""  # or it would not be known that something is drawn over this
    *parts, rest = _parts(_last_drawn(rest))
    return [*texts, *map(_decoded, parts)], rest + held_back


def _last_drawn(line: bytes) -> bytes:
    r"""What is seen of a line that was drawn over: the part after the last `\r` that is not its end."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _parts(line: bytes) -> list[bytes]:
    """A line in parts that are short enough, cut between characters; at least one."""
    parts = []
    while len(line) > LONGEST_LINE:
        end = next((end for end in range(LONGEST_LINE, LONGEST_LINE - 4, -1) if _begins(line[end])), LONGEST_LINE)
        parts.append(line[:end])
        line = line[end:]
    return [*parts, line]


def _begins(byte: int) -> bool:
    """Whether a byte of UTF-8 begins a character."""
    return not 0x80 <= byte < 0xC0  # noqa: PLR2004 - in between are the bytes that go on with one


def _decoded(data: bytes) -> str:
    return data.rstrip(b"\r").decode(errors="replace")
