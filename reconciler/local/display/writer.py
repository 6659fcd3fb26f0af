"""Writes to a stream in a thread of its own: nobody else ever waits for whoever reads, or does not."""

import errno
import os
import select
import threading
from queue import SimpleQueue
from typing import Protocol, TextIO


class Outlet(Protocol):
    """Where a text is written; then another, when that is done."""

    @property
    def is_free(self) -> bool:
        """Whether it would take a text now."""

    @property
    def failure(self) -> OSError | None:
        """Why nothing can be written any more, if that is so; then every text is taken, and is lost."""

    def write(self, text: str) -> None:
        """Write a text, without waiting. It must be free."""


class Writer:
    """A stream's thread.

    - It writes to the file itself. What Python would keep back in the stream is flushed when Python ends, and Python
      would wait for that, or fail at it, while this thread hangs in there.
    - When the process ends, so does it, whatever it waits for.

    Args:
        stream: The stream; nobody else writes to it meanwhile.
    """

    def __init__(self, stream: TextIO) -> None:
        self._file = stream.fileno()
        self._encoding = stream.encoding or "utf-8"
        self._failure: OSError | None = None
        self._texts: SimpleQueue[bytes] = SimpleQueue()
        self._free = threading.Event()
        self._free.set()
        threading.Thread(target=self._work, name=f"write-{self._file}", daemon=True).start()

    @property
    def is_free(self) -> bool:
        """Whether all is written that was to be."""
        return self._free.is_set()

    @property
    def failure(self) -> OSError | None:
        """Why nothing can be written any more, if that is so."""
        return self._failure

    def write(self, text: str) -> None:
        """Write a text, in the other thread."""
        self._free.clear()
        self._texts.put(text.encode(self._encoding, "replace"))

    def _work(self) -> None:
        while True:
            data = self._texts.get()
            if self._failure is None:
                try:
                    _write(self._file, data)
                except OSError as error:
                    self._failure = error
            self._free.set()


def _write(file: int, data: bytes) -> None:
    """Write all of it, however long that takes.

    Raises:
        OSError: it cannot be written.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(file, rest) :]
        except BlockingIOError:  # another program has left the terminal so
            poll = select.poll()
            poll.register(file, select.POLLOUT)
            poll.poll()


def is_abandoned(outlet: Outlet) -> bool:
    """Whether whoever read has gone for good, as in `| head -1`."""
    return outlet.failure is not None and outlet.failure.errno == errno.EPIPE
