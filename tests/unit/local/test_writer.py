import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.local.display.writer import Writer, is_abandoned
from tests.realcluster.eventually import eventually

MUCH = "0123456789abcde\n" * 100_000
"""More than any pipe holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, Writer]]:
    """The end of a pipe at which one reads, and what writes to the other."""
    with ExitStack() as stack:
        reading, writing = os.pipe()
        stream = stack.enter_context(os.fdopen(writing, "w", encoding="utf-8"))
        stack.callback(os.close, reading)
        yield reading, Writer(stream)


def read(file: int, length: int) -> str:
    data = b""
    while len(data) < length:
        data += os.read(file, length - len(data))
    return data.decode()


def is_free(writer: Writer) -> None:
    eventually(lambda: writer.is_free, "that it is free")


def test_texts_are_written_as_they_are(pipe: tuple[int, Writer]) -> None:
    """In their order; what cannot be encoded is replaced."""
    reading, writer = pipe
    for text in ("one\n", "zwölf\n", "\udc80\n"):
        is_free(writer)
        writer.write(text)
    assert read(reading, 13) == "one\nzwölf\n?\n"


@pytest.mark.parametrize("blocks", [True, False])
def test_who_writes_never_waits(pipe: tuple[int, Writer], *, blocks: bool) -> None:
    """Nobody reads, and the call returns; when somebody does, the text is there, whole."""
    reading, writer = pipe
    os.set_blocking(writer._file, blocks)
    writer.write(MUCH)
    assert not writer.is_free
    assert read(reading, len(MUCH)) == MUCH
    is_free(writer)
    assert writer.failure is None


def test_a_closed_pipe_takes_everything() -> None:
    """Nothing is raised in whoever writes, and it is known why nothing can be written any more."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        writer = Writer(stream)
        assert not is_abandoned(writer)
        os.close(reading)
        for _ in range(2):
            writer.write("text\n")
            is_free(writer)
        assert is_abandoned(writer)


def test_a_reader_may_go_in_the_middle(pipe: tuple[int, Writer]) -> None:
    """While the thread hangs in there."""
    reading, writer = pipe
    writer.write(MUCH)
    read(reading, 10)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), reading)
    is_free(writer)
    assert is_abandoned(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_is_no_reader_who_has_gone() -> None:
    """It is known, and nothing more."""
    with Path("/dev/full").open("w") as stream:
        writer = Writer(stream)
        writer.write("text\n")
        is_free(writer)
        assert writer.failure is not None
        assert writer.failure.errno == errno.ENOSPC
        assert not is_abandoned(writer)
