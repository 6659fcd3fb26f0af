"""Files that are looked at again and again; the times of their changes are set, never waited for."""

import io
import os
from pathlib import Path

import pytest

from reconciler.manifests import Watch

FILE = Path("a.yaml")
LONG_AGO = 1_000_000_000_000_000_000
SECOND = 1_000_000_000
NOW = LONG_AGO + 3600 * SECOND
pytestmark = pytest.mark.usefixtures("own_folder")


def write(content: str | bytes, modified: int = LONG_AGO, file: Path = FILE) -> None:
    """Write a file in its place, as if at that time."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(file, ns=(modified, modified))


def look(watch: Watch, now: int = NOW) -> dict[str, str] | None:
    """What is in the files, or what is wrong with them; `None` if nothing has changed."""
    texts = watch.poll(now)
    return None if texts is None else {text.place: text.content or text.error for text in texts}


def watching(*paths: str, piped: str = "") -> Watch:
    return Watch(paths or [str(FILE)], io.StringIO(piped))


def test_a_look_that_finds_nothing_changed_says_so() -> None:
    """What is in the files is told at the first look, and then only when it is something else."""
    write("a: 1")
    watch = watching()
    assert (look(watch), look(watch), look(watch)) == ({"a.yaml": "a: 1"}, None, None)


def test_a_settled_file_is_not_read_again() -> None:
    """As long as its stamp is old and the same, a file is not opened: that is what makes a look cheap."""
    write("a: 1")
    watch = watching()
    look(watch)
    write("a: 2")
    assert look(watch) is None


@pytest.mark.parametrize("modified", [LONG_AGO + 1, LONG_AGO - SECOND], ids=["later", "earlier"])
def test_another_time_is_a_change(modified: int) -> None:
    """A file with another time is read again, be it an older one that was put back."""
    write("a: 1")
    watch = watching()
    look(watch)
    write("a: 2", modified)
    assert look(watch) == {"a.yaml": "a: 2"}


def test_another_size_is_a_change() -> None:
    """A file of another size is read again even if its time is the same."""
    write("a: 1")
    watch = watching()
    look(watch)
    write("a: 12")
    assert look(watch) == {"a.yaml": "a: 12"}


def test_another_file_in_its_place_is_a_change() -> None:
    """A file that replaces another is read even if size and time are the same."""
    write("a: 1")
    watch = watching()
    look(watch)
    write("a: 2", file=Path("new"))
    Path("new").replace(FILE)
    assert look(watch) == {"a.yaml": "a: 2"}


@pytest.mark.parametrize("age", [-SECOND, 0, SECOND, 2 * SECOND - 1])
def test_a_change_within_the_same_tick_of_a_coarse_clock_is_seen(age: int) -> None:
    """A stamp that was young when the file was read tells nothing, so the file is read until it has settled."""
    write("a: 1")
    watch = watching()
    look(watch, LONG_AGO + age)
    write("a: 2")
    assert look(watch, LONG_AGO + age) == {"a.yaml": "a: 2"}
    assert look(watch, LONG_AGO + 2 * SECOND) is None
    write("a: 3")
    assert look(watch, LONG_AGO + 3 * SECOND) is None


def test_the_same_content_is_no_change() -> None:
    """A file that was written anew, touched, or got other line ends says nothing new."""
    write("a: 1\nb: 2\n")
    watch = watching()
    look(watch)
    write("\ufeffa: 1\r\nb: 2\r\n", LONG_AGO + SECOND)
    assert look(watch) is None
    write("a: 1\rb: 2\r", LONG_AGO + 2 * SECOND)
    assert look(watch) is None


@pytest.mark.parametrize("nothing", ["", "\n", " \r\n"])
def test_an_empty_file_counts_at_the_second_look(nothing: str) -> None:
    """A file that is cut and then written is never seen empty; one that stays empty is."""
    write("a: 1")
    watch = watching()
    look(watch)
    write(nothing)
    assert look(watch) is None
    write("a: 2")
    assert look(watch) == {"a.yaml": "a: 2"}
    write(nothing, LONG_AGO + 1)
    assert look(watch) is None
    assert look(watch) == {"a.yaml": nothing.replace("\r", "")}
    assert look(watch) is None


def test_a_file_that_has_gone_counts_at_the_second_look() -> None:
    """A file that is removed and written anew is never seen missing; one that stays away is as good as empty."""
    write("a: 1")
    watch = watching()
    look(watch)
    FILE.unlink()
    assert look(watch) is None
    write("a: 1")
    assert look(watch) is None
    FILE.unlink()
    assert (look(watch), look(watch), look(watch)) == (None, {"a.yaml": ""}, None)
    write("a: 3")
    assert look(watch) == {"a.yaml": "a: 3"}


def test_a_file_that_was_never_there_is_a_problem() -> None:
    """A wrong path is told, and the file is read when it comes."""
    watch = watching()
    assert look(watch) == {"a.yaml": "cannot be read: No such file or directory."}
    assert look(watch) is None
    write("a: 1")
    assert look(watch) == {"a.yaml": "a: 1"}


def test_a_file_that_cannot_be_read_is_tried_again() -> None:
    """What is no text is told, and read when it is one, even under the same stamp."""
    write(b"a: \xff")
    watch = watching()
    assert look(watch) == {"a.yaml": "is not text in UTF-8: line 1 has the byte 0xff; save it in UTF-8."}
    write("a: 12"[:4])
    assert look(watch) == {"a.yaml": "a: 1"}


def test_a_folder_is_watched_with_everything_below_it() -> None:
    """Files that come and go are noticed; hidden ones and others are not."""
    Path("all/deep").mkdir(parents=True)
    Path("all/.git").mkdir()
    watch = watching("all")
    assert look(watch) == {"all": "holds no manifests: no file ends in .yaml, .yml, .json."}
    for name in ("deep/b.yml", "a.yaml", ".git/c.yaml", ".d.yaml", "e.txt", "kustomization.yaml"):
        write("x: 1", file=Path("all", name))
    assert look(watch) == {"all/a.yaml": "x: 1", "all/deep/b.yml": "x: 1"}
    Path("all/deep/b.yml").unlink()
    assert (look(watch), look(watch)) == (None, {"all/a.yaml": "x: 1", "all/deep/b.yml": ""})
    assert look(watch) == {"all/a.yaml": "x: 1"}


@pytest.mark.parametrize("whole", [False, True], ids=["its last file", "the folder"])
def test_a_folder_that_loses_everything_is_as_good_as_empty(*, whole: bool) -> None:
    """Its files count as gone at the second look; that it holds nothing now is no mistake."""
    Path("all").mkdir()
    write("x: 1", file=Path("all/a.yaml"))
    watch = watching("all")
    look(watch)
    Path("all/a.yaml").unlink()
    if whole:
        Path("all").rmdir()
    assert (look(watch), look(watch), look(watch)) == (None, {"all/a.yaml": ""}, {})
    assert look(watch) is None


def test_standard_input_and_pipes_are_read_once() -> None:
    """What can be read but once keeps what it said."""
    source, sink = os.pipe()
    os.write(sink, b"b: 2")
    os.close(sink)
    try:
        watch = watching("-", f"/dev/fd/{source}", piped="\ufeffa: 1\r\n")
        assert look(watch) == {"standard input": "a: 1\n", f"/dev/fd/{source}": "b: 2"}
        assert look(watch) is None
    finally:
        os.close(source)


def test_a_file_that_becomes_a_pipe_is_a_problem() -> None:
    """Nobody waits for what may never come; what was there counts again when the file is back."""
    write("a: 1")
    watch = watching()
    look(watch)
    FILE.unlink()
    os.mkfifo(FILE)
    words = "is no file any more but a pipe, which is read only at the beginning; put a file in its place."
    assert (look(watch), look(watch)) == ({"a.yaml": words}, None)
    FILE.unlink()
    write("a: 1", LONG_AGO + 1)
    assert look(watch) == {"a.yaml": "a: 1"}


def test_a_pipe_in_a_folder_is_left_alone() -> None:
    """It may be a program's own; only what is named is read."""
    Path("all").mkdir()
    os.mkfifo("all/b.yaml")
    write("x: 1", file=Path("all/a.yaml"))
    assert look(watching("all")) == {"all/a.yaml": "x: 1"}
