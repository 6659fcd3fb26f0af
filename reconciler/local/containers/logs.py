"""Follows the log files that containers append to, and cuts what they hold into lines."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.local.containers.logfile import LogFile, shorten

LONGEST_LINE = 8 * 1024
"""Bytes; a longer line is given in parts."""
MOST_AT_ONCE = 128 * 1024
"""How many bytes one call takes of all files together, so that a flood of logs holds up nothing else."""
LOOK_AROUND_EVERY = 20
"""At which calls the logs are looked at that nobody follows, such as those of probes."""

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a container has written.

    Args:
        pod: Its Pod.
        container: The container; `None` if the Pod has only one.
        text: What it wrote, without the end of the line.
        is_remark: Whether it did not write this: it is said of its log.
    """

    pod: str
    container: str | None
    text: str
    is_remark: bool = False


@dataclass(slots=True)
class _Followed:
    """A file that is followed.

    Args:
        pod: Whose it is.
        container: Which container's it is, if the Pod has several.
        log: The file, and how far it has been read.
        rest: What of that is no whole line yet.
        is_finished: Whether nothing more will be written.
        failure: Why it cannot be read now; empty if it can.
        told_failure: Why it could not be read at the last call.
    """

    pod: str
    container: str | None
    log: LogFile
    rest: bytes = b""
    is_finished: bool = False
    failure: str = ""
    told_failure: str = ""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be said or done as long as nothing is written."""
        return not (self.is_finished or self.failure or self.told_failure)


class Logs:
    r"""The logs of all containers.

    - Each line is given once, whole, and in the order of its file; a file that is followed anew goes on where it was.
    - Of what a progress bar draws over itself with `\r`, the last state is given, once its line ends.
    - A call takes so much and no more, and each file gets its share of that. Of what came so fast that it could never
      be given, most is skipped; a remark says how much.
    - No file becomes much longer than `LONGEST`, however much a container writes.
    - A file that is not there yet is waited for. None is held open. One that cannot be read is a remark, and no more.
    """

    def __init__(self) -> None:
        self._files: dict[Path, _Followed] = {}
        self._ends: dict[Path, int] = {}
        self._behind: set[Path] = set()
        self._calls = 0

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
            self._files[file] = _Followed(pod, container, LogFile(file, self._ends.pop(file, 0)))
        else:
            known.is_finished = False

    def finish(self, file: Path) -> None:
        """Its process has ended: once all is read, an unfinished last line is given too, and the file forgotten."""
        if file in self._files:
            self._files[file].is_finished = True

    def lines(self) -> Iterator[Line]:
        """What has come since the last call, but for what is more than a call may take."""
        if self._calls % LOOK_AROUND_EVERY == 0:
            self._shorten_others()
        self._calls += 1
        self._behind.clear()
        all_followed = list(self._files.values())
        unread = [_unread(followed) for followed in all_followed]
        for followed, share, wanted in zip(all_followed, shares(unread, MOST_AT_ONCE), unread, strict=True):
            if not wanted and followed.is_quiet:
                continue
            texts = self._texts(followed, share, is_behind=share < wanted)
            yield from _remarks(followed)
            yield from (Line(followed.pod, followed.container, text) for text in texts)
            if followed.is_finished and followed.log.path not in self._behind:
                self._ends[followed.log.path] = followed.log.offset
                del self._files[followed.log.path]

    def _texts(self, followed: _Followed, share: int, *, is_behind: bool) -> list[str]:
        """The next lines of a file."""
        texts, followed.rest = _cut(_data(followed, share))
        if is_behind:
            self._behind.add(followed.log.path)
        elif followed.is_finished:
            texts += [_decoded(followed.rest)] if followed.rest.rstrip(b"\r") else []
        return texts

    def _shorten_others(self) -> None:
        """Keep the logs short that nobody follows."""
        for folder in {file.parent for file in (*self._files, *self._ends)}:
            for file in folder.glob("*.log"):
                if file not in self._files:
                    with suppress(OSError):  # it is gone
                        shorten(file)


def shares(wanted: Sequence[int], whole: int) -> list[int]:
    """Each one's part of a whole that may not be enough: who wants little gets it, the others get equal parts.

    Args:
        wanted: What each one wants.
        whole: What there is.
    """
    given = [0] * len(wanted)
    for left, number in zip(range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True):
        given[number] = min(wanted[number], whole // left)
        whole -= given[number]
    return given


def _unread(followed: _Followed) -> int:
    """How much there is to read; what was read of a line whose rest is skipped is no line."""
    try:
        unread = followed.log.unread()
    except OSError as error:
        followed.failure = str(error.strerror)
        return 0
    if followed.log.skipped:
        followed.rest = b""
    return unread


def _data(followed: _Followed, most: int) -> bytes:
    """The next bytes; after what is skipped, a line begins."""
    data = followed.rest
    try:
        data += followed.log.read(most)
        skipped = followed.log.skipped
        more = followed.log.shortened()
    except OSError as error:
        followed.failure = str(error.strerror)
        return data
    is_torn = followed.log.skipped > skipped and data and not data.endswith(b"\n")
    return data + b"\n" + more if is_torn else data + more


def _remarks(followed: _Followed) -> Iterator[Line]:
    """What is to be said of a log: how much was skipped, and, when that begins, that it cannot be read."""
    if followed.log.skipped:
        amount = followed.log.skipped / _MEBIBYTE
        words = f"{amount:.1f} MiB of this log were skipped here: they came faster than they can be shown"
        followed.log.skipped = 0
        yield Line(followed.pod, followed.container, words, is_remark=True)
    if followed.failure and followed.failure != followed.told_failure:
        words = f"the log {followed.log.path} cannot be read: {followed.failure}"
        yield Line(followed.pod, followed.container, words, is_remark=True)
    followed.told_failure, followed.failure = followed.failure, ""


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
