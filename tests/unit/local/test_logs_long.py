from pathlib import Path

import pytest

from reconciler.local.containers.logfile import LONGEST
from reconciler.local.containers.logs import LOOK_AROUND_EVERY
from tests.unit.local.logs import append, followed, texts

LINE = b"0123456789abcde\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0.log"


def test_a_log_that_is_too_long_is_emptied_between_two_lines_of_its_process(file: Path) -> None:
    """No line is lost or given twice, and what was read last lies beside the file."""
    logs = followed(file)
    with file.open("ab", buffering=0) as process:
        seen = []
        for number in range(3 * LONGEST // 100_000):
            process.write(b"%d" % number + b"." * 99_999 + b"\n")
            seen += [text for text in texts(logs) if text[0] != "."]
    assert [int(text.rstrip(".")) for text in seen] == list(range(3 * LONGEST // 100_000))
    kept = file.with_name(f"{file.name}.1")
    assert file.stat().st_size <= LONGEST
    assert LONGEST <= kept.stat().st_size <= LONGEST + 200_000


def test_a_flood_does_not_fill_the_disk(file: Path) -> None:
    """However much comes between two calls, the log is emptied, and its newest part is kept."""
    logs = followed(file)
    append(file, b"old\n" + LINE * (5 * LONGEST // len(LINE)) + b"new\n")
    lines = texts(logs)
    assert lines[-1] == "new"
    assert "old" not in lines
    append(file, b"next\n")
    assert texts(logs) == ["next"]
    assert file.stat().st_size == len(b"next\n")
    assert file.with_name(f"{file.name}.1").read_bytes().endswith(LINE + b"new\n")


def test_a_process_that_does_not_append_leaves_a_hole(file: Path) -> None:
    """It goes on where it was in the emptied log; the hole before that is neither read nor counted as long."""
    logs = followed(file)
    with file.open("wb", buffering=0) as process:
        process.write(LINE * (2 * LONGEST // len(LINE)) + LINE)
        list(logs.lines())
        assert file.stat().st_size == 0
        process.write(b"after\n")
        lines = list(logs.lines())
        process.write(b"still\n")
        lines += logs.lines()
    assert [line.text.lstrip("\0") for line in lines if line.text.strip("\0")] == ["after", "still"]
    assert not any(line.is_remark for line in lines)
    assert file.stat().st_size > 2 * LONGEST
    assert file.stat().st_blocks * 512 < LONGEST


def test_logs_beside_those_that_are_followed_do_not_grow_either(tmp_path: Path) -> None:
    """Such as those of probes, and those of earlier processes of a container."""
    logs = followed(tmp_path / "1.log")
    for name in ("0.log", "readiness-probe.log"):
        append(tmp_path / name, b"x" * (LONGEST + 1))
    for _ in range(LOOK_AROUND_EVERY + 1):
        texts(logs)
    for name in ("0.log", "readiness-probe.log"):
        assert (tmp_path / name).stat().st_size == 0
        assert (tmp_path / f"{name}.1").stat().st_size == LONGEST
