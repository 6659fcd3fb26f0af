"""What an autoscaler's defaults are worth on fixed traces of work, beside other rules."""

from pathlib import Path

import pytest

from tests.bench.adapting.__main__ import table
from tests.bench.adapting.place import Place, Trace
from tests.bench.adapting.traces import RULES, TRACES, WINDOWS, no_worse, outcome

PAGE = Path(__file__).parents[3] / "docs" / "autoscaling.md"


@pytest.mark.parametrize("trace", TRACES)
def test_ours_is_no_worse_in_two_of_three_and_loses_nothing(trace: str) -> None:
    """Of worker-seconds, the time to finish and changes of direction; every task is done, and runs once."""
    found = {name: outcome(TRACES[trace], rule) for name, rule in RULES.items()}
    ours = found.pop("ours")
    assert (ours.undone, ours.twice) == (0, 0)
    for name, other in found.items():
        assert no_worse(ours, other) >= 2, f"ours {ours}, {name} {other}"


def test_the_page_has_what_comes_out() -> None:
    """`make bench-adapting` prints it."""
    page = PAGE.read_text()
    assert table(RULES) in page
    assert table(WINDOWS) in page


def test_a_task_whose_worker_goes_is_begun_anew() -> None:
    """Else nobody could be worse than ours in that."""
    place = Place(Trace([(1, [10])], start_seconds=0))
    place.make(1)
    for _ in range(3):
        place.step()
    place.end(place.workers[0])
    place.make(1)
    for _ in range(20):
        place.step()
    assert [task.runs for task in place.tasks] == [2]
    assert not place.queue
