"""What a container said last."""

from pathlib import Path

import pytest

from reconciler.local.pods.lastwords import LONGEST, last_words


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (b"", ""),
        (b"\n \n----\n", ""),
        (b"one\ntwo", '"two"'),
        (b"one\n  two  \n\n", '"two"'),
        ("Fehler: Größe\n╰──────╯\n".encode(), '"Fehler: Größe"'),
        (b"10 %\r20 %", '"20 %"'),
        (b"\xff is no text", '"\N{REPLACEMENT CHARACTER} is no text"'),
        (b"x" * 100_000, f'"{"x" * (LONGEST - 1)}…"'),
        (b"a line\n" * 100_000 + b"the last\n", '"the last"'),
    ],
)
def test_the_last_words_are_the_last_line_that_has_any(log: bytes, words: str, tmp_path: Path) -> None:
    """Quoted, since they are the container's own, and short."""
    (tmp_path / "0.log").write_bytes(log)
    assert last_words(tmp_path / "0.log") == words


def test_who_has_no_log_said_nothing(tmp_path: Path) -> None:
    """It may be removed by anyone."""
    assert last_words(tmp_path / "0.log") == ""
