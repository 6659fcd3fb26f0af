"""Logs that grow faster than they can be shown."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.containers.logfile import HOPELESS
from reconciler.local.containers.logs import MOST_AT_ONCE, Line, Logs, shares
from tests.unit.local.logs import append, followed, texts

LINE = b"0123456789abcde\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0.log"


def test_a_flood_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """A call takes no more than it may, and `is_behind` says that there is more; nothing is lost."""
    flood, trickle = tmp_path / "flood", tmp_path / "trickle"
    logs = Logs()
    logs.follow(flood, "flood", None)
    logs.follow(trickle, "trickle", None)
    append(flood, LINE * (2 * MOST_AT_ONCE // len(LINE)) + b"end")
    append(trickle, b"drop\n")
    logs.finish(flood)
    calls, behind = [], []
    for _ in range(3):
        calls.append(list(logs.lines()))
        behind.append(logs.is_behind)
    assert behind == [True, True, False]
    most = MOST_AT_ONCE // len(LINE)
    assert [sum(line.pod == "flood" for line in call) for call in calls] == [most - 1, most, 2]
    assert calls[0][-1] == Line("trickle", None, "drop")
    assert calls[2][-1] == Line("flood", None, "end")


def test_floods_share_what_a_call_takes(tmp_path: Path) -> None:
    """Alike, however much each has to give; none waits for another to end."""
    logs = Logs()
    for number in range(4):
        file = tmp_path / str(number)
        append(file, LINE * ((number + 1) * MOST_AT_ONCE // len(LINE)))
        logs.follow(file, str(number), None)
    given_to = Counter(line.pod for line in logs.lines())
    assert given_to == dict.fromkeys("0123", MOST_AT_ONCE // 4 // len(LINE))


@pytest.mark.parametrize(
    ("wanted", "whole", "given_to_each"),
    [
        ([], 10, []),
        ([3, 4], 10, [3, 4]),
        ([9, 1, 9], 11, [5, 1, 5]),
        ([100, 0, 2, 100], 10, [4, 0, 2, 4]),
        ([5, 5, 5], 2, [0, 1, 1]),
    ],
)
def test_who_wants_little_gets_it(wanted: list[int], whole: int, given_to_each: list[int]) -> None:
    """And the others share the rest."""
    assert shares(wanted, whole) == given_to_each


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200))
def test_a_whole_is_shared_fairly(wanted: list[int], whole: int) -> None:
    """Nobody gets more than he wants, nothing is left that is wanted, and who gets less than he wants has company."""
    given_to_each = shares(wanted, whole)
    assert sum(given_to_each) == min(whole, sum(wanted))
    for mine, want in zip(given_to_each, wanted, strict=True):
        assert mine <= want
        assert mine == want or mine >= max(given_to_each) - 1


def test_a_hopeless_log_is_skipped_to_its_last_lines(file: Path) -> None:
    """One remark says how much is missing, before whole lines; what was read of a torn line is no line."""
    logs = followed(file)
    append(file, b"torn")
    assert texts(logs) == []
    append(file, b" line\n" + LINE * (2 * HOPELESS // len(LINE)) + b"the end\n")
    remark, *lines = logs.lines()
    assert remark == Line(
        "pod", None, "7.9 MiB of this log were skipped here: they came faster than they can be shown", is_remark=True
    )
    assert {line.text for line in lines} == {LINE.decode().strip(), "the end"}
    assert lines[-1].text == "the end"
    assert not logs.is_behind
