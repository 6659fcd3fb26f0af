"""A watch that is opened again, whatever ended it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.kinds import ALL_KINDS, POD
from reconciler.hints.reopening import backoff, pause_seconds
from reconciler.wire.errors import ApiError, Forbidden, Gone, NotFound, TooManyRequests, Unavailable, Unreachable
from reconciler.wire.protocol import WATCH_SILENCE_SECONDS, Watch
from tests.unit.hints.watches import Clock, Follower, Script, bookmark, event

LONG = 100.0  # longer than a watch takes to prove steady, and shorter than one may be silent


@contextmanager
def following(script: Script, clock: Clock, version: str = "1") -> Iterator[Follower]:
    """A watch that has begun from a version; in the end it is stopped."""
    follower = Follower(script, clock)
    try:
        follower.watching.restart(version)
        yield follower
    finally:
        follower.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_watched_before_there_is_a_list(clock: Clock) -> None:
    """Without a version there is nowhere to begin."""
    script = Script(clock)
    follower = Follower(script, clock)
    follower.watching.restart("")
    assert not follower.watching.is_healthy()
    follower.stop()
    assert script.versions == []


def test_a_watch_that_ends_is_opened_again_from_where_it_was(clock: Clock) -> None:
    """From the last event or bookmark, at once; bookmarks are no news to anyone else."""
    script = Script(clock, [event("a", 2), LONG, bookmark(5)], [LONG, event("b", 7)])
    with following(script, clock) as follower:
        follower.to_the_end()
        assert script.versions == ["1", "5", "7"]
        assert [one.key.name for one in follower.heard] == ["a", "b"]
        assert follower.pauses == []
        assert follower.watching.is_healthy()
    assert not follower.watching.is_healthy()


@pytest.mark.parametrize("error", [Unreachable("refused"), Unavailable("broken"), TooManyRequests("slow down")])
def test_a_watch_that_cannot_be_opened_is_tried_again_ever_later(clock: Clock, error: ApiError) -> None:
    """The pauses double, up to a minute, and begin anew once a watch was steady."""
    script = Script(clock, *[error] * 9, [LONG, bookmark(2), error])
    with following(script, clock) as follower:
        follower.to_the_end()
        assert script.versions == [*["1"] * 10, "2"]
        pauses = [round(pause / follower.pauses[0], 3) for pause in follower.pauses[:8]]
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 120]
        assert all(pause <= 75 for pause in follower.pauses)
        assert len(follower.pauses) == 9


def test_a_watch_that_ends_at_once_is_not_opened_again_and_again(clock: Clock) -> None:
    """However often a proxy cuts it after a moment, the pauses grow."""
    script = Script(clock, *[[bookmark(version)] for version in range(2, 8)])
    with following(script, clock) as follower:
        follower.to_the_end()
        assert follower.pauses == sorted(follower.pauses)
        assert follower.pauses[-1] >= 10


def test_a_server_that_asks_to_be_left_alone_is(clock: Clock) -> None:
    """Its wait counts if it is longer than ours."""
    script = Script(clock, TooManyRequests("slow down", status=429, retry_after_seconds=33))
    with following(script, clock) as follower:
        follower.to_the_end()
        assert follower.pauses == [33]


def test_a_version_that_is_too_old_waits_for_the_next_list(clock: Clock) -> None:
    """What happened meanwhile, the pass over everything sees; until then there are no hints."""
    script = Script(clock, [event("a", 2), Gone("too old", status=410)], Gone("too old", status=410))
    with following(script, clock) as follower:
        while not follower.script.at_end.wait(0.001):
            if script.versions:
                follower.watching.restart("9")
        assert script.versions == ["1", "9", "9"]
        assert [one.key.name for one in follower.heard] == ["a"]


def test_a_list_that_comes_while_a_version_proves_too_old_is_not_forgotten(clock: Clock) -> None:
    """The next may be an hour away."""

    class Meanwhile(Script):
        def watch(self, *place: Any, **how: Any) -> Watch:
            if not self.versions:
                follower.watching.restart("8")
            return super().watch(*place, **how)

    script = Meanwhile(clock, Gone("too old"), [LONG, event("b", 9)])
    follower = Follower(script, clock)
    follower.watching.restart("1")
    follower.to_the_end()
    follower.stop()
    assert script.versions == ["1", "8", "9"]


def test_a_bug_at_an_event_ends_no_hints_but_those_until_the_next_list(clock: Clock) -> None:
    """The log has it, and after a pause the watch goes on behind what it could not take."""
    script = Script(clock, [event("a", 2), TypeError("unforeseen")], [LONG, event("b", 9)])
    with capture_logs() as logs, following(script, clock) as follower:
        assert any(follower.pauses or Event().wait(0.001) for _ in range(5000)), "it has not paused"
        follower.watching.restart("8")
        follower.to_the_end()
        assert script.versions == ["1", "8", "9"]
        assert [one.key.name for one in follower.heard] == ["a", "b"]
    assert [line["event"] for line in logs] == ["watch.crashed"]


def test_a_watch_that_has_fallen_behind_goes_on_from_the_last_list(clock: Clock) -> None:
    """What it missed, the pass over everything has seen."""
    script = Script(clock)
    with following(script, clock) as follower:
        follower.to_the_end()
        follower.watching.restart("9")
        script.at_end.clear()
        script.play(Gone("too old", status=410))
        follower.to_the_end()
    assert script.versions == ["1", "9"]


def test_a_list_does_not_disturb_a_watch_that_is_open(clock: Clock) -> None:
    """It goes on from its own last event, and tells of what came between."""
    script = Script(clock)
    with following(script, clock) as follower:
        follower.to_the_end()
        follower.watching.restart("9")
    assert script.versions == ["1"]


@pytest.mark.parametrize("error", [Forbidden("no rights", status=403), NotFound("no such kind", status=404)])
def test_a_watch_that_is_refused_is_told_once_and_tried_after_minutes(clock: Clock, error: ApiError) -> None:
    """Polling goes on; nobody is asked again and again for a right that is not granted."""
    script = Script(clock, error, error, error, [LONG, bookmark(2)])
    with capture_logs() as logs, following(script, clock) as follower:
        follower.to_the_end()
        assert all(300 <= pause <= 375 for pause in follower.pauses)
        assert len(follower.pauses) == 3
    assert [(log["event"], log["watch"]) for log in logs] == [
        ("watch.failed", "pods in all namespaces"),
        ("watch.restored", "pods in all namespaces"),
    ]
    assert "Grant the right to watch pods in all namespaces" in logs[0]["error"]
    assert "--no-hints" in logs[0]["error"]


def test_trouble_is_told_when_it_lasts(clock: Clock) -> None:
    """A restart of the API server is not worth a line; an end of hints is, and that they are back."""
    script = Script(clock, *[Unreachable("refused")] * 2, [LONG, bookmark(2)], *[Unreachable("refused")] * 5)
    with capture_logs() as logs, following(script, clock) as follower:
        follower.to_the_end()
    assert [log["event"] for log in logs] == ["watch.failed"]
    assert logs[0]["error"] == "refused"


def test_a_watch_that_falls_silent_is_noticed_and_opened_again(clock: Clock) -> None:
    """Without bookmarks nobody knows whether it still works."""
    script = Script(clock)
    with following(script, clock) as follower:
        follower.to_the_end()
        clock.now += WATCH_SILENCE_SECONDS
        follower.watching.close_if_silent()
        assert follower.watching.is_healthy()
        script.at_end.clear()
        clock.now += 1
        assert not follower.watching.is_healthy()
        follower.watching.close_if_silent()
        follower.to_the_end()
        assert follower.watching.is_healthy()
    assert script.versions == ["1", "1"]


def test_pauses_differ_by_place_and_not_by_chance() -> None:
    """A quarter longer at most, and the same after a restart, so that not all watches are opened in one moment."""
    pauses = [pause_seconds((kind, None), backoff(1)) for kind in ALL_KINDS]
    assert len(set(pauses)) == len(pauses)
    assert all(0.5 <= pause <= 0.625 for pause in pauses)
    assert pauses == [pause_seconds((kind, None), backoff(1)) for kind in ALL_KINDS]
    assert pause_seconds((POD, "a"), backoff(1)) != pause_seconds((POD, "b"), backoff(1))
    assert backoff(0).total_seconds() == 0
    assert backoff(10**6).total_seconds() == 60
