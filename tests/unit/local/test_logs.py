import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.local.containers.logs import LONGEST_LINE, Line, Logs
from tests.unit.local.logs import append, followed, texts

BOMB = "\N{BOMB}"
LONG = "é" * (LONGEST_LINE // 2)
"""As many bytes as a line may have."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0.log"


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"\n\n", ["", ""]),
        (b"windows\r\n", ["windows"]),
        (b"10 %\r50 %\r100 %\n", ["100 %"]),
        (b"10 %\r100 %\r\nafter\n", ["100 %", "after"]),
        (b"\rfirst\r\r\n", ["first"]),
        (b"bad \xff\xc3 bytes\n", ["bad \ufffd\ufffd bytes"]),
        (BOMB.encode() + b"\n", [BOMB]),
        (b"\x1b[31mred\x1b[0m\tx\n", ["\x1b[31mred\x1b[0m\tx"]),
        (LONG.encode() + b"\n", [LONG]),
        (b"a" + LONG.encode() + b"\n", ["a" + LONG[:-1], "é"]),
        (LONG.encode() * 2 + b"end\n", [LONG, LONG, "end"]),
        (b"\x80" * (LONGEST_LINE + 1) + b"\n", ["\ufffd" * LONGEST_LINE, "\ufffd"]),
        (b"x" * 3 * LONGEST_LINE + b"\rshort\n", ["short"]),
    ],
)
def test_a_log_is_cut_into_lines(file: Path, written: bytes, lines: list[str]) -> None:
    """Lines end as on Linux or Windows; what was drawn over is left out; a long line comes in parts, none in pieces."""
    append(file, written)
    assert texts(followed(file)) == lines


@pytest.mark.parametrize(
    ("writes", "lines"),
    [
        ([b"be", b"gin\nend", b"\n"], [[], ["begin"], ["end"]]),
        ([b"\xf0\x9f", b"\x92\xa3\n"], [[], [BOMB]]),
        ([b"one\r", b"\ntwo\n"], [[], ["one", "two"]]),
        ([b"1 %\r", b"2 %\r", b"3 %\n"], [[], [], ["3 %"]]),
        ([b"x" * LONGEST_LINE, b"y", b"z\n"], [[], ["x" * LONGEST_LINE], ["yz"]]),
        ([b"1 %\r" * LONGEST_LINE, b"100 %\n"], [[], ["100 %"]]),
    ],
)
def test_a_line_is_given_when_it_has_ended(file: Path, writes: list[bytes], lines: list[list[str]]) -> None:
    """Not before, however it was written; only one that is too long anyway does not wait for its end."""
    logs, given_at_each = followed(file), []
    for data in writes:
        append(file, data)
        given_at_each.append(texts(logs))
    assert given_at_each == lines


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", "é".encode(), b"\xff"]), max_size=40).map(b"".join),
    st.sets(st.integers(0, 60)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_how_a_log_was_written_does_not_matter(tmp_path: Path, data: bytes, cuts: set[int]) -> None:
    """The same bytes bring the same lines, in whatever pieces they come."""
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    for file in (whole, pieces):
        file.unlink(missing_ok=True)
    at_once, bit_by_bit = followed(whole), followed(pieces)
    append(whole, data)
    lines = []
    for begin, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]):
        append(pieces, data[begin:end])
        lines += texts(bit_by_bit)
    for logs, file in ((at_once, whole), (bit_by_bit, pieces)):
        logs.finish(file)
    assert lines + texts(bit_by_bit) == texts(at_once)
    assert len(lines) <= data.count(b"\n")


def test_each_line_names_its_container(tmp_path: Path) -> None:
    """The Pod, and the container where the Pod has more than one."""
    logs = Logs()
    for name, container in (("one", None), ("two", "main"), ("two", "side")):
        file = tmp_path / f"{name}-{container}"
        logs.follow(file, name, container)
        append(file, b"hello\n")
    assert list(logs.lines()) == [
        Line("one", None, "hello"),
        Line("two", "main", "hello"),
        Line("two", "side", "hello"),
    ]


def test_a_line_is_given_once(file: Path) -> None:
    """Also if its file is followed twice."""
    append(file, b"one\n")
    logs = followed(file)
    assert texts(logs) == ["one"]
    logs.follow(file, "pod", None)
    assert texts(logs) == []
    append(file, b"two\n")
    assert texts(logs) == ["two"]


def test_a_file_may_come_later(file: Path) -> None:
    """Nothing is given until it is there, and nothing goes wrong."""
    logs = followed(file)
    assert texts(logs) == []
    append(file, b"here\n")
    assert texts(logs) == ["here"]


def test_an_unfinished_line_is_given_when_its_process_has_ended(file: Path) -> None:
    """With all that came before it; then the file is forgotten."""
    logs = followed(file)
    append(file, b"one\nKill")
    assert texts(logs) == ["one"]
    append(file, b"ed\nlast\r")
    logs.finish(file)
    assert texts(logs) == ["Killed", "last"]
    append(file, b"nobody's\n")
    assert texts(logs) == []


def test_a_process_that_ended_well_leaves_no_empty_line(file: Path) -> None:
    """Its last line has an end, and nothing is after it."""
    logs = followed(file)
    append(file, b"one\n")
    logs.finish(file)
    assert texts(logs) == ["one"]


def test_a_file_that_is_followed_anew_goes_on_where_it_was(file: Path) -> None:
    """A Pod of the same name writes to the same file; what the first wrote is not given again."""
    logs = followed(file)
    append(file, b"first\n")
    logs.finish(file)
    assert texts(logs) == ["first"]
    logs.follow(file, "pod", None)
    append(file, b"second\n")
    assert texts(logs) == ["second"]


def test_a_file_may_be_followed_anew_before_its_end_was_given(file: Path) -> None:
    """It is not forgotten then: the next process writes to it already."""
    logs = followed(file)
    append(file, b"first\n")
    logs.finish(file)
    logs.follow(file, "pod", None)
    assert texts(logs) == ["first"]
    append(file, b"second\n")
    assert texts(logs) == ["second"]


def test_a_file_that_was_emptied_is_read_from_its_beginning(file: Path) -> None:
    """Someone may have done that while it is followed."""
    logs = followed(file)
    append(file, b"a long line\n")
    assert texts(logs) == ["a long line"]
    file.write_bytes(b"new\n")
    assert texts(logs) == ["new"]


def test_what_is_not_followed_can_be_finished(file: Path) -> None:
    """Nothing happens."""
    logs = Logs()
    logs.finish(file)
    assert texts(logs) == []


def test_a_log_that_cannot_be_read_is_a_remark(file: Path) -> None:
    """Once, not at each call; the others are read, and so is this one as soon as it can be."""
    file.mkdir()
    other = file.with_name("other")
    logs = followed(file)
    logs.follow(other, "other", None)
    append(file / "something", b"x" * 10_000)
    calls = []
    for _ in range(2):
        append(other, b"one\n")
        calls.append([(line.pod, line.is_remark) for line in logs.lines()])
    assert calls == [[("pod", True), ("other", False)], [("other", False)]]
    (file / "something").unlink()
    file.rmdir()
    append(file, b"readable\n")
    assert texts(logs) == ["readable"]


def test_a_log_that_cannot_be_read_is_forgotten_in_the_end(file: Path) -> None:
    """When its process has ended, nobody waits for it."""
    file.mkdir()
    logs = followed(file)
    logs.finish(file)
    assert len(texts(logs)) == 1
    assert not logs.is_behind
    assert texts(logs) == []


QUIET = """
import sys
from pathlib import Path
from reconciler.local.containers.logs import LOOK_AROUND_EVERY, Logs

logs, file, opened = Logs(), Path(sys.argv[1]), []
logs.follow(file, "pod", None)
assert [line.text for line in logs.lines()] == ["one"]
sys.addaudithook(lambda event, values: opened.append(values[0]) if event == "open" else None)
for _ in range(2 * LOOK_AROUND_EVERY):
    assert not list(logs.lines())
quiet = [each for each in opened if str(each) == str(file)]
with file.open("a") as log:
    log.write("two\\n")
opened.clear()
assert [line.text for line in logs.lines()] == ["two"]
print(len(quiet), [each for each in opened if str(each) == str(file)] != [])
"""


def test_a_file_to_which_nothing_is_written_is_not_opened(file: Path) -> None:
    """With a hundred Pods, that would be most of what the command does at rest."""
    append(file, b"one\n")
    done = subprocess.run([sys.executable, "-c", QUIET, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0 True\n", "")
