"""Since when a scheduler is idle, by what it tells now and told before."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.idle_state import IdleQuestion, IdleState, Stage
from models.status import Idle
from tests.builders import NOON

ASKED = IdleQuestion(600)
IDLE = IdleState(is_idle=True, mark="1.5")
OLD = IdleState(is_idle=True)
BUSY = IdleState()
UNKNOWN = IdleState(error="it cannot be reached")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def after(*told: tuple[float, IdleState], asked: IdleQuestion = ASKED) -> IdleState:
    """What is known after it has told that, each at so many seconds."""
    state: IdleState | None = None
    for seconds, one in told:
        state = one.at(at(seconds), state, asked)
    assert state is not None
    return state


@pytest.mark.parametrize(
    ("told", "since"),
    [
        pytest.param([(0, BUSY)], None, id="busy"),
        pytest.param([(9, IDLE)], 9, id="first seen idle, whatever its own clock says"),
        pytest.param([(9, IDLE), (19, IDLE)], 9, id="still idle"),
        pytest.param([(9, IDLE), (19, replace(IDLE, mark="2.5"))], 19, id="was busy in between"),
        pytest.param([(9, IDLE), (19, BUSY), (29, IDLE)], 29, id="was seen busy"),
        pytest.param([(9, IDLE), (19, UNKNOWN), (900, IDLE)], 9, id="was unknown, and its mark is the same"),
        pytest.param([(9, IDLE), (19, UNKNOWN)], 9, id="is unknown"),
        pytest.param([(9, UNKNOWN), (19, IDLE)], 19, id="was never known"),
        pytest.param([(9, OLD), (19, OLD)], 9, id="an old release, still idle"),
        pytest.param([(9, OLD), (159, OLD)], 9, id="an old release, seen a quarter of the timeout ago"),
        pytest.param([(9, OLD), (160, OLD)], 160, id="an old release that may have worked unseen"),
        pytest.param([(9, OLD), (19, UNKNOWN), (29, OLD)], 29, id="an old release that was unknown"),
        pytest.param([(9, IDLE), (5, IDLE)], 5, id="our clock was set back"),
    ],
)
def test_a_scheduler_is_idle_since_it_was_first_seen_so(told: list[tuple[float, IdleState]], since: float) -> None:
    """By our clock, as long as nothing says that it was busy in between."""
    assert after(*told).since == (None if since is None else at(since))


@pytest.mark.parametrize(
    ("told", "known", "since"),
    [
        pytest.param(IDLE, Idle(since=at(-50), mark="1.5"), -50, id="the same time"),
        pytest.param(IDLE, Idle(since=at(-50), mark="1.4"), 0, id="another time"),
        pytest.param(IDLE, Idle(since=at(9), mark="1.5"), 0, id="in the future"),
        pytest.param(OLD, Idle(since=at(-50)), 0, id="of a release that cannot say what was in between"),
    ],
)
def test_a_reconciler_that_starts_anew_counts_on_from_what_is_written(
    told: IdleState, known: Idle, since: float
) -> None:
    """If the scheduler names the same time as then; and only once: what it has seen itself is newer."""
    asked = replace(ASKED, known=known)
    assert after((0, told), asked=asked).since == at(since)
    assert after((0, BUSY), (0, told), asked=asked).since == at(0)
    assert after((0, UNKNOWN), (0, told), asked=asked).since == at(since)


@pytest.mark.parametrize(
    ("seconds", "stage"),
    [
        (0, Stage.BUSY),
        (59, Stage.BUSY),
        (60, Stage.IDLE),
        (449, Stage.IDLE),
        (450, Stage.ENDING),
        (599, Stage.ENDING),
        (600, Stage.OVER),
        (10**6, Stage.OVER),
    ],
)
def test_the_stage_follows_from_how_long_it_is_idle(seconds: float, stage: Stage) -> None:
    """A moment is as good as busy; who is unknown is at none of them."""
    assert after((0, IDLE), (seconds, IDLE)).stage is stage
    assert after((0, IDLE), (seconds, IDLE), (seconds, UNKNOWN)).stage is Stage.UNKNOWN
    assert after((0, IDLE), (seconds, BUSY)).stage is Stage.BUSY


tellings = st.sampled_from([BUSY, IDLE, replace(IDLE, mark="2.5"), OLD, UNKNOWN])


@given(st.lists(st.tuples(st.floats(0, 300), tellings), min_size=1))
def test_nobody_is_idle_for_longer_than_since_it_was_last_seen_busy(steps: list[tuple[float, IdleState]]) -> None:
    """Whatever it tells in between."""
    now, last_busy, state = 0.0, -1.0, None
    for pause, told in steps:
        now += pause
        last_busy = now if told == BUSY else last_busy
        state = told.at(at(now), state, ASKED)
        assert state.since is None or at(last_busy) <= state.since <= at(now)
    assert state is not None
    assert state.stage is not Stage.OVER or (not state.error and state.is_idle)
