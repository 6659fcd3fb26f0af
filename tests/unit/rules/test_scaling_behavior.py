"""How many workers a group is to have: HorizontalPodAutoscaler's behavior, remembered in a status."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.resources import DaskAutoscalerSpec
from models.status import AutoscalerDecisions, Recommendation
from reconciler.rules.scaling_behavior import MOST_REMEMBERED, Limit, Scale, decide
from tests.builders import NOON
from tests.unit.rules.scaled import Scaled, policy, spec

MINUTE = 60
DOWN_IN_A_MINUTE = {"stabilizationWindowSeconds": MINUTE}


def test_more_workers_come_at_once_and_nothing_is_written_down() -> None:
    """From zero, and as many as are wanted: waiting for a window would cost people time."""
    group = Scaled(spec())
    assert [group.look(wanted) for wanted in (0, 3, 7)] == [0, 3, 7]
    assert group.records == 0


@pytest.mark.parametrize(
    ("wanted", "replicas", "limit"),
    [(0, 2, Limit.MINIMUM), (5, 5, Limit.NOTHING), (99, 10, Limit.MAXIMUM), (-3, 2, Limit.MINIMUM)],
)
def test_there_are_never_more_or_fewer_than_the_bounds_allow(wanted: int, replicas: int, limit: Limit) -> None:
    """Whatever a scheduler would like, and it is told which of them keeps it from that."""
    decision = Scaled(spec(2, 10), 2).decide(wanted)
    assert (decision.replicas, decision.limit) == (replicas, limit)


@pytest.mark.parametrize(("there", "then"), [(0, 2), (1, 2), (2, 2), (7, 7), (10, 10), (50, 10)])
def test_no_answer_means_no_change_but_into_the_bounds(there: int, then: int) -> None:
    """A scheduler that cannot be asked costs nobody a worker."""
    group = Scaled(spec(2, 10), there)
    assert group.wait(10 * MINUTE, None) == then
    assert group.records == 0


def test_workers_stay_until_fewer_were_wanted_for_the_whole_window() -> None:
    """The most that was wanted at any moment of it counts."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    group.look(10)
    assert group.wait(30, 7) == 10
    assert group.wait(30, 3) == 10
    assert group.wait(2, 3) == 7, "10 were wanted a minute ago, 7 half a minute ago"
    assert group.wait(28, 3) == 7
    assert group.wait(4, 3) == 3
    assert group.decide(3).stabilized is None


def test_work_that_comes_back_within_the_window_keeps_all_workers() -> None:
    """A pause between two lines of a notebook costs nobody a worker, however often."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    for _ in range(20):
        assert group.wait(50, 0) == 10
        assert group.wait(4, 10) == 10
    assert group.wait(MINUTE + 8, 0) == 0


def test_more_workers_come_only_if_they_were_wanted_for_the_whole_window() -> None:
    """The least that was wanted at any moment of it counts."""
    group = Scaled(spec(scaleUp={"stabilizationWindowSeconds": 20}), 1)
    assert group.wait(10, 9) == 1
    assert group.wait(10, 5) == 1
    assert group.wait(4, 9) == 5
    assert group.wait(18, 9) == 9


def test_it_says_since_when_it_waits() -> None:
    """For the sentence that tells when the first of them go."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    group.look(3)
    group.wait(20, 3)
    assert group.decide(3).stabilized == NOON
    assert Scaled(spec(), 3).decide(3).stabilized is None


PODS, PERCENT, HALF = policy("Pods", 4, 15), policy("Percent", 100, 15), policy("Percent", 50, 15)
CASES = [
    pytest.param([PODS], "Max", 0, [4, 8, 12], id="pods may come"),
    pytest.param([PERCENT], "Max", 0, [1, 2, 4, 8], id="a percentage may come, one at least"),
    pytest.param([PODS, PERCENT], "Max", 0, [4, 8, 16], id="as many as one policy lets come"),
    pytest.param([PODS, PERCENT], "Min", 0, [1, 2, 4, 8, 12], id="as few as one policy lets come"),
    pytest.param([PODS], "Disabled", 0, [0, 0], id="none may come"),
    pytest.param([PODS], "Max", 20, [16, 12, 8], id="pods may go"),
    pytest.param([HALF], "Max", 20, [10, 5, 2], id="a percentage may go"),
    pytest.param([PODS, HALF], "Max", 20, [10, 5, 1], id="as many as one policy lets go"),
    pytest.param([PODS, HALF], "Min", 20, [16, 12, 8, 4, 2], id="as few as one policy lets go"),
    pytest.param([PODS], "Disabled", 20, [20, 20], id="none may go"),
]


@pytest.mark.parametrize(("policies", "select", "there", "expected"), CASES)
def test_policies_say_how_many_may_come_or_go_in_a_period(
    policies: list[dict[str, Any]], select: str, there: int, expected: list[int]
) -> None:
    """As HorizontalPodAutoscaler counts: of those there were when the period began."""
    rules = {"policies": policies, "selectPolicy": select, "stabilizationWindowSeconds": 0}
    behavior: dict[str, Any] = {"scaleDown" if there else "scaleUp": rules}
    group = Scaled(spec(maximum=100, **behavior), there)
    wanted = 0 if there else 50
    seen = [group.look(wanted)]
    for _ in expected[1:]:
        group.wait(14, wanted)
        assert group.replicas == seen[-1], "the period is not over"
        seen.append(group.wait(2, wanted))
    assert seen == expected
    assert group.decide(wanted).limit is (Limit.DOWN_POLICY if there else Limit.UP_POLICY)


def test_a_number_that_someone_sets_is_where_it_goes_on_from() -> None:
    """More by hand stay for the window; fewer are made up for as soon as more are wanted; the bounds hold at once."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 5)
    group.wait(5 * MINUTE, 5)
    group.edit(8)
    assert group.wait(58, 5) == 8
    assert group.wait(6, 5) == 5
    group.edit(2)
    assert group.look(5) == 5
    group.edit(50)
    assert group.look(5) == 10


def test_what_was_remembered_before_someone_set_the_number_is_void() -> None:
    """Else workers that were just asked for would go at once."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 5)
    group.wait(50, 1)
    group.edit(9)
    assert group.wait(50, 1) == 9
    assert group.wait(14, 1) == 1


def test_what_was_written_down_is_done_by_whoever_comes_next() -> None:
    """Once, though the daemon died in between, and not again when the number was changed since."""
    group = Scaled(spec(maximum=100, scaleUp={"policies": [policy("Pods", 4, 60)]}), dies=True)
    assert group.look(50) == 0
    group.dies = False
    assert group.look(50) == 4
    assert group.wait(50, 50) == 4
    group.edit(1)
    assert group.look(1) == 1


def test_nothing_of_another_group_of_that_name_counts() -> None:
    """A group that was deleted and made anew begins anew."""
    known = AutoscalerDecisions(group="before", generation=1, replicas=9)
    assert decide(NOON, Scale("uid", 1, 3), 3, spec(), known).replicas == 3
    assert decide(NOON, Scale("uid", 1, 3), None, spec(), known).record is None


def test_a_settled_group_writes_nothing() -> None:
    """Nor one whose scheduler would like ever more than the maximum, or less than the minimum."""
    for wanted in ([5], [10, 99, 50, 11], [2, 0, 1]):
        group = Scaled(spec(2, 10), min(10, max(2, wanted[0])))
        for number in range(500):
            group.wait(2, wanted[number % len(wanted)])
        assert (group.records, group.changes) == (0, 0)


def test_a_number_that_wavers_is_written_down_now_and_then() -> None:
    """Not with each answer: falls wait for a tenth of the window."""
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    for number in range(300):
        group.wait(2, 9 + number % 2)
    assert group.changes == 0
    assert group.records <= 300 / 2


def test_a_slow_end_is_remembered_in_a_few_steps() -> None:
    """Workers stay for a tenth of the window longer at most."""
    group = Scaled(spec(maximum=200, scaleDown=DOWN_IN_A_MINUTE), 200)
    for wanted in range(200, 0, -1):
        group.wait(2, wanted)
        least = min(200, wanted + 30)
        assert least <= group.replicas <= least + 4, wanted
        assert len(group.decisions.recommendations) <= MOST_REMEMBERED
    assert group.records < 400 / 6 * 2 + 2


def test_a_clock_that_was_wrong_once_costs_a_window() -> None:
    """Times that lie in the future are those of a clock that was wrong."""
    ahead = NOON + timedelta(days=3)
    group = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    steps = (Recommendation(replicas=3, since=ahead),)
    group.decisions = AutoscalerDecisions(group="uid", generation=0, replicas=10, recommendations=steps)
    assert group.wait(58, 3) == 10
    assert group.wait(6, 3) == 3


WANTED = st.one_of(st.none(), st.integers(-5, 40))
WINDOWS = st.sampled_from([0, 10, 60, 300])
POLICIES = st.lists(
    st.builds(policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 150), st.sampled_from([1, 15, 60])),
    max_size=3,
)
RULES = st.builds(
    lambda window, policies, select: {
        "stabilizationWindowSeconds": window, "policies": policies, "selectPolicy": select
    },
    WINDOWS, POLICIES, st.sampled_from(["Max", "Min", "Disabled"]),
)  # fmt: skip
HISTORIES = st.lists(st.tuples(WANTED, st.integers(1, 40)), max_size=40)


SPECS = st.builds(
    lambda minimum, more, up, down: spec(minimum, minimum + more, scaleUp=up, scaleDown=down),
    st.integers(0, 5), st.integers(0, 25), RULES, RULES,
)  # fmt: skip


@given(SPECS, st.integers(0, 40), HISTORIES)
def test_whatever_happens_it_stays_in_bounds_and_remembers_little(
    asked: DaskAutoscalerSpec, there: int, history: list[tuple[int | None, int]]
) -> None:
    """And never goes further than what was wanted, nor changes anything where nothing is known."""
    group = Scaled(asked, there)
    group.look(None)
    for wanted, seconds in history:
        before = group.replicas
        group.wait(seconds, wanted, every=seconds)
        assert asked.minimum <= group.replicas <= asked.maximum
        if wanted is None:
            assert group.replicas == before
        else:
            fitting = min(max(wanted, asked.minimum), asked.maximum)
            assert min(before, fitting) <= group.replicas <= max(before, fitting)
        assert len(group.decisions.recommendations) <= MOST_REMEMBERED
        assert len(group.decisions.scale_events) <= MOST_REMEMBERED


@given(there=st.integers(0, 20), window=WINDOWS, history=st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_nobody_goes_who_was_wanted_within_the_window(there: int, window: int, history: list[int]) -> None:
    """By the whole history of what was wanted, of which only a part is written down."""
    group = Scaled(spec(0, 20, scaleDown={"stabilizationWindowSeconds": window}), there)
    seen = [(group.at, there)]
    for wanted in history:
        before = group.replicas
        group.at += timedelta(seconds=2)
        group.look(wanted)
        seen.append((group.at, wanted))
        lately = [most for (_, most), (until, _) in pairwise(seen) if until > group.at - timedelta(seconds=window)]
        if window:
            assert group.replicas >= min(before, max([wanted, *lately])), seen
        assert group.replicas >= wanted


def test_a_daemon_that_starts_anew_decides_the_same() -> None:
    """All that counts is in the status: two that take turns are as one."""
    one = Scaled(spec(scaleDown=DOWN_IN_A_MINUTE), 10)
    other = replace(one)
    for number in range(100):
        wanted = (10, 4, 4, 4, 6, 2)[number // 10 % 6]
        one.wait(2, wanted)
        other = replace(other)
        other.wait(2, wanted)
        assert one.replicas == other.replicas


def test_what_was_remembered_of_the_same_number_earlier_is_void() -> None:
    """It has come and gone since: a dip that lasts for a moment waits for the whole window again."""
    scaled = Scaled(spec(maximum=20), replicas=10)
    assert scaled.wait(100, 5) == 5
    scaled.at += timedelta(minutes=10)
    assert scaled.look(10) == 10
    assert scaled.wait(58, 5) == 10
    assert scaled.wait(10, 5) == 5


def test_where_more_wait_for_a_window_each_dip_counts() -> None:
    """Also one shortly after another step."""
    up = {"stabilizationWindowSeconds": 20}
    scaled = Scaled(spec(scaleUp=up, scaleDown={"stabilizationWindowSeconds": 300}), replicas=4)
    scaled.wait(10, 8)
    scaled.wait(2, 2)
    scaled.wait(2, 3)
    scaled.wait(2, 2)
    assert scaled.wait(20, 8) == 4
    assert scaled.wait(4, 8) == 8
