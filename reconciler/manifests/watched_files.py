"""Files that are read again when they change.

    stamp: time of change, size, inode
      │ another one, or one too young to tell two changes apart
      ▼
    content ──► the same as before? ──► nothing new

Editors replace a file, or cut it to nothing and then write it. So a file that is gone or empty at one look counts as
such only if it still is at the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple, TextIO

from reconciler.manifests.files import (
    STANDARD_INPUT,
    Text,
    files_below,
    is_folder,
    text_of,
    text_of_stream,
    unreadable,
    without_manifests,
)

SETTLED_NANOSECONDS = 2_000_000_000
"""How old a change must be for its stamp to be trusted: no file system's clock ticks more slowly."""


NOW_A_PIPE = "is no file any more but a pipe, which is read only at the beginning; put a file in its place."


class _Stamp(NamedTuple):
    modified_nanoseconds: int
    size: int
    inode: int


_PIPE = _Stamp(0, 0, 0)
"""Of what can be read but once: a pipe."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A file at the last look.

    Args:
        text: What counts as being in it.
        stamp: Its stamp, if that is enough to tell that nothing has changed since.
        is_doubtful: Whether it was gone or empty, which does not count yet.
        is_piped: Whether it is a pipe, whatever else it may become.
    """

    text: Text
    stamp: _Stamp | None = None
    is_doubtful: bool = False
    is_piped: bool = False


class Watch:
    """Files, folders and standard input, looked at again and again.

    - A look that finds nothing changed reads nothing, unless something changed just now.
    - Standard input and pipes are read once.
    - A file or folder that was there and is gone is as good as empty; one that was never there is a problem.

    Args:
        paths: Files, folders with everything below them, and `-` for standard input.
        standard_input: What `-` stands for.
    """

    def __init__(self, paths: Sequence[str], standard_input: TextIO | None) -> None:
        self._paths = tuple(paths)
        self._standard_input = standard_input
        self._piped: Text | None = None
        self._looks: dict[str, _Look] = {}
        self._folders: dict[str, Sequence[Path]] = {}
        self._texts: tuple[Text, ...] | None = None

    def poll(self, now_nanoseconds: int) -> tuple[Text, ...] | None:
        """All that is in the files; `None` if that is what it was last time.

        Args:
            now_nanoseconds: The time, as files' stamps have it.
        """
        texts = tuple(text for path in self._paths for text in self._seen(path, now_nanoseconds))
        if texts == self._texts:
            return None
        self._texts = texts
        return texts

    def _seen(self, path: str, now: int) -> Sequence[Text]:
        """What is in a file or folder, or why that cannot be seen now."""
        try:
            return tuple(self._in(path, now))
        except OSError as error:
            return (unreadable(path, error),)

    def _in(self, path: str, now: int) -> Iterator[Text]:
        place = Path(path)
        if path == STANDARD_INPUT:
            self._piped = self._piped or text_of_stream(self._standard_input)
            yield self._piped
        elif is_folder(place) or (path in self._folders and _stamp(place) is None):
            yield from self._below(path, now)
        else:
            yield self._text(place, now)

    def _below(self, folder: str, now: int) -> Iterator[Text]:
        """What is in a folder's files, those included that were there a moment ago."""
        files, problems = files_below(Path(folder))
        before = self._folders.get(folder, ())
        known = sorted({*files, *(file for file in before if self._looks[str(file)].text.content)})
        yield from problems
        yield from (self._text(file, now) for file in known)
        if known:
            self._folders[folder] = known
        elif not problems and folder not in self._folders:
            yield without_manifests(folder)

    def _text(self, file: Path, now: int) -> Text:
        """What counts as being in a file."""
        stamp, before = _stamp(file), self._looks.get(str(file))
        if stamp is _PIPE and before is not None and not before.is_piped:
            return Text(str(file), error=NOW_A_PIPE)  # who reads that waits, perhaps for ever
        if before is None or stamp is None or before.stamp != stamp:
            is_settled = stamp is not None and now - stamp.modified_nanoseconds >= SETTLED_NANOSECONDS
            look = _next(before, text_of(file), stamp if is_settled else None)
            self._looks[str(file)] = replace(look, is_piped=stamp is _PIPE)
        return self._looks[str(file)].text


def _next(before: _Look | None, text: Text, stamp: _Stamp | None) -> _Look:
    """What counts after another look at a file.

    Args:
        before: What counted until now, if the file was ever looked at.
        text: What is in it now.
        stamp: Its stamp, if that can be trusted.
    """
    is_nothing = text.is_missing or not (text.error or text.content.strip())
    if before is not None and is_nothing:
        if before.text.content.strip() and not before.is_doubtful:
            return _Look(before.text, is_doubtful=True)
        if text.is_missing and not before.text.error:
            return _Look(Text(text.place, is_missing=True))
    return _Look(text, None if text.error else stamp)


def _stamp(file: Path) -> _Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return _Stamp(found.st_mtime_ns, found.st_size, found.st_ino) if S_ISREG(found.st_mode) else _PIPE
