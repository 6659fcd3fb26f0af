import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.display.backlog import PER_LINE, Backlog, Portion, Rank

ENTRY = PER_LINE + 1
"""The room that a line of one character takes."""


def filled(room: int, *lines: tuple[str, Rank]) -> Backlog:
    backlog = Backlog(room)
    for line, rank in lines:
        backlog.add(line, rank)
    return backlog


@pytest.mark.parametrize(
    ("added", "taken"),
    [
        ([], Portion()),
        ([("a", Rank.LOG), ("b", Rank.IMPORTANT), ("c", Rank.NEWS)], Portion(("a", "b", "c"))),
        ([("a", Rank.LOG), ("b", Rank.LOG), ("c", Rank.LOG), ("d", Rank.LOG)], Portion(("b", "c", "d"), logs=1)),
        ([("a", Rank.NEWS), ("b", Rank.LOG), ("c", Rank.NEWS), ("d", Rank.NEWS)], Portion(("a", "c", "d"), logs=1)),
        ([("a", Rank.IMPORTANT), ("b", Rank.NEWS), ("c", Rank.NEWS), ("d", Rank.LOG)], Portion(("a", "b", "c"), 1)),
        ([(each, Rank.NEWS) for each in "abcde"], Portion(("c", "d", "e"), others=2)),
        ([("a", Rank.IMPORTANT), *[(each, Rank.NEWS) for each in "bcde"]], Portion(("a", "d", "e"), others=2)),
        ([(each, Rank.IMPORTANT) for each in "abcd"], Portion(("b", "c", "d"), others=1)),
        ([("a", Rank.NEWS), ("b" * 4 * ENTRY, Rank.LOG)], Portion(("a",), logs=1)),
    ],
)
def test_what_matters_least_is_left_out(added: list[tuple[str, Rank]], taken: Portion) -> None:
    """There is room for three lines: logs go first, then news, the oldest of each first; the order stays."""
    assert filled(3 * ENTRY, *added).take() == taken


def test_a_portion_has_an_end() -> None:
    """What is taken can be left out no more, so not all is taken at once; what was left out is told once."""
    backlog = filled(3 * ENTRY, *[(each, Rank.LOG) for each in "abcd"])
    assert backlog.take(1) == Portion(("b",), logs=1)
    assert backlog.take(2 * ENTRY) == Portion(("c", "d"))
    assert not backlog


def test_logs_make_way_in_the_end() -> None:
    """What else waits is still taken, and that logs are missing is told even if nothing else waits."""
    backlog = filled(9 * ENTRY, ("a", Rank.LOG), ("b", Rank.NEWS), ("c", Rank.LOG))
    backlog.leave_out_logs()
    assert backlog.take() == Portion(("b",), logs=2)
    backlog.add("d", Rank.LOG)
    backlog.leave_out_logs()
    assert backlog
    assert backlog.take() == Portion(logs=1)


@pytest.mark.parametrize(
    ("portion", "text"),
    [
        (Portion(), ""),
        (Portion(("a", "b")), "a\nb\n"),
        (
            Portion(("a",), logs=2),
            "[2 log lines left out here: nobody read this in time; the files of the logs have them]\na\n",
        ),
        (
            Portion(logs=1, others=2),
            "[1 log line and 2 other lines left out here: nobody read this in time; the files of the logs have them]\n",
        ),
        (Portion(others=1), "[1 other line left out here: nobody read this in time]\n"),
    ],
)
def test_what_is_missing_is_told_in_a_line(portion: Portion, text: str) -> None:
    """Before what is there."""
    assert portion.text == text


ranked = st.tuples(st.text("ab", max_size=20), st.sampled_from(Rank))


@given(st.lists(ranked, max_size=60), st.integers(0, 400), st.lists(st.integers(0, 300), max_size=60))
def test_every_line_is_taken_or_counted(lines: list[tuple[str, Rank]], room: int, takes: list[int]) -> None:
    """In the order in which they came, whoever takes how much in between; and never does more wait than may."""
    backlog, portions = Backlog(room), []
    for number, (line, rank) in enumerate(lines):
        backlog.add(f"{number}:{line}", rank)
        if number < len(takes):
            portions.append(backlog.take(takes[number]))
    while backlog:
        portions.append(backlog.take())
        assert sum(len(line) + PER_LINE for line in portions[-1].lines) <= room
    taken = [int(line.partition(":")[0]) for portion in portions for line in portion.lines]
    assert taken == sorted(set(taken))
    missing = [rank for number, (_, rank) in enumerate(lines) if number not in taken]
    assert missing.count(Rank.LOG) == sum(portion.logs for portion in portions)
    assert len(missing) == sum(portion.logs + portion.others for portion in portions)
