"""A log file that a container's process appends to: read as it grows, and kept from growing without end.

The process has the file open itself, so it can be neither moved nor replaced. When it is too long, its newest part is
copied to `<name>.1` and the file is emptied: a process that appends goes on at its beginning. One that has opened the
file anew without appending goes on where it was; what is before that is a hole, which takes no space and is skipped.
"""

import errno
import os
from pathlib import Path
from typing import BinaryIO

from models.kinds import Key

LONGEST = 10 * 1024 * 1024
"""Bytes; a kubelet's default too. With what was copied, a log takes twice as much."""
HOPELESS = 4 * 1024 * 1024
"""Of how many unread bytes most are skipped: nobody could read them as they come."""
LAST = 64 * 1024
"""How many bytes are still read of those."""

_CHUNK = 1024 * 1024
_BLOCK = 512  # the unit of st_blocks, whatever the file system's is


def log_file(run: Path, pod: Key, container: str, number: int) -> Path:
    """The file that a container writes.

    Args:
        run: The run's directory.
        pod: Its Pod.
        container: Its name.
        number: How often it was started again.
    """
    return run / "logs" / f"{pod.namespace}_{pod.name}" / container / f"{number}.log"


class LogFile:
    """A log file and how far it has been read. It is not held open.

    Attributes:
        offset: How far it has been read.
        skipped: How many bytes were skipped since that was last set to 0.

    Args:
        path: The file; it need not be there.
        offset: How far it has been read already.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0
        self._begins_within_line = False

    def unread(self) -> int:
        """How many bytes there are to read; of what is hopeless, the last.

        Raises:
            OSError: the file cannot be looked at.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return 0
        if found.st_size < self.offset:  # someone has emptied it
            self.offset = 0
        if found.st_blocks * _BLOCK < found.st_size - self.offset:
            with self.path.open("rb") as log:
                self.offset = _after_hole(log, self.offset)
        if found.st_size - self.offset > HOPELESS:
            self._skip(found.st_size - LAST)
        return max(found.st_size - self.offset, 0)

    def read(self, most: int) -> bytes:
        """The next bytes.

        Args:
            most: How many at most.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as log:
                return self._read(log, most)
        except FileNotFoundError:
            return b""

    def shortened(self) -> bytes:
        """Empty the file if it is too long; the bytes that would have been the next to read, unless they are many.

        As long as not all of it was read, it may become twice as long.

        Raises:
            OSError: the file cannot be emptied.
        """
        try:
            size, used = _size(self.path)
        except FileNotFoundError:
            return b""
        if used <= (LONGEST if size == self.offset else 2 * LONGEST):
            return b""
        with self.path.open("r+b") as log:
            end = _keep(log, self.path)
            if end - self.offset > LAST:
                self._skip(end - LAST)
            data = self._read(log, end - self.offset)
            os.ftruncate(log.fileno(), 0)
        self.offset = 0
        return data

    def _read(self, log: BinaryIO, most: int) -> bytes:
        log.seek(self.offset)
        data = log.read(max(most, 0))
        self.offset += len(data)
        if self._begins_within_line and data:
            self._begins_within_line = False
            data = data[data.find(b"\n") + 1 :]
        return data

    def _skip(self, offset: int) -> None:
        self.skipped += offset - self.offset
        self.offset = offset
        self._begins_within_line = True


def shorten(path: Path) -> None:
    """Empty a log that nobody follows if it is too long.

    Raises:
        OSError: it is not there, or cannot be emptied.
    """
    _, used = _size(path)
    if used > LONGEST:
        with path.open("r+b") as log:
            _keep(log, path)
            os.ftruncate(log.fileno(), 0)


def _size(path: Path) -> tuple[int, int]:
    """How long a file is, and how many bytes of that are no hole."""
    found = path.stat()
    return found.st_size, min(found.st_size, found.st_blocks * _BLOCK)


def _keep(log: BinaryIO, path: Path) -> int:
    """Copy the newest part of a log; where the copy ends. A full disk, if anything, is a reason to go on."""
    log.seek(max(os.fstat(log.fileno()).st_size - LONGEST, 0))
    last = log.tell() + 2 * LONGEST  # who writes as fast as this copies must not keep it going
    try:
        with path.with_name(f"{path.name}.1").open("wb") as kept:
            while log.tell() < last and (chunk := log.read(_CHUNK)):
                kept.write(chunk)
    except OSError:
        log.seek(0, os.SEEK_END)
    return log.tell()


def _after_hole(log: BinaryIO, offset: int) -> int:
    """Where the next data is."""
    try:
        return os.lseek(log.fileno(), offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # there is none
            return os.fstat(log.fileno()).st_size
        return offset  # a file system that knows no holes
