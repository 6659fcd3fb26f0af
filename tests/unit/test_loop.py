"""When passes are made: on the interval, later while the API server is in trouble, and each with an end."""

import threading
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.kinds import DASK_CLUSTER, POD, POD_DISRUPTION_BUDGET, Key
from reconciler.hints import Hints
from reconciler.loop import LEAST_DEADLINE_SECONDS, Observer
from reconciler.passes.lists import Place as Listed
from reconciler.passes.values import PassResult, Verb
from reconciler.wire.errors import TooManyRequests, Unreachable
from tests.builders import NAMESPACE, cluster
from tests.manifests import pod_spec
from tests.unit.loops import Server, loop_of
from tests.unit.passes.place import Place


class Stop(threading.Event):
    """Ends the loop with the pass after so many pauses, each of which takes no time but the clock's."""

    def __init__(self, place: Place, most: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._place = place
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        """One of the naps of which a pause consists."""
        assert timeout is not None
        self.pauses[-1] += timeout
        self._place.clock.advance(timeout)
        return self.is_set()

    def after_pass(self, _: PassResult) -> None:
        """Observe the end of a pass."""
        if len(self.pauses) == self._most:
            self.set()
        else:
            self.pauses.append(0.0)


class Crowded(Hints):
    """Hints of more trees than small passes can see to."""

    is_crowded = True

    def restart(self, versions: Mapping[Listed, str], left_out: Collection[Key] = ()) -> None:
        """A list changes nothing about it."""


def _passes(server: Server, most: int, **settings: Any) -> list[PassResult]:
    results: list[PassResult] = []
    stop = Stop(server.place, most - 1)
    loop_of(server, results.append, stop.after_pass, **settings).forever(stop)
    return results


def _pauses(server: Server, most: int, **settings: Any) -> list[float]:
    stop = Stop(server.place, most)
    loop_of(server, stop.after_pass, **settings).forever(stop)
    return stop.pauses


@pytest.mark.parametrize(("list_seconds", "pause"), [(0.0, 5.0), (0.125, 4.0), (1.0, 24.0)])
def test_the_interval_is_from_start_to_start(list_seconds: float, pause: float) -> None:
    """Looking at a large world takes long, and a fourth of the time at most; the first look asks for more."""
    assert _pauses(Server(list_seconds), 4)[1:] == pytest.approx([pause] * 3, abs=0.1)  # planning takes real time


def test_while_nothing_can_be_read_the_pauses_grow_up_to_a_minute() -> None:
    """And begin anew when something can."""
    assert _pauses(Server(unread_until=190.0), 7) == [10.0, 20.0, 40.0, 60.0, 60.0, 5.0, 5.0]
    assert _pauses(Server(unread_until=240.0), 3, interval=120.0) == [120.0] * 3


def test_how_long_a_list_took_that_failed_makes_no_pause_longer() -> None:
    """A silent server is found to be back as soon as one that refuses."""
    pauses = _pauses(Server(list_seconds=5.0, unread_until=90.0), 2)
    assert all(pause <= most for pause, most in zip(pauses, (10.0, 20.0), strict=True)), pauses


def test_a_list_of_one_namespace_that_fails_makes_no_pause_longer() -> None:
    """The others are looked after as always."""
    server = Server()
    server.place.add(cluster("other", namespace="elsewhere"))
    lists = iter([True])

    def answer(verb: Verb | None) -> None:
        if verb is None and next(lists, False):
            raise Unreachable("connection refused")

    server.place.happens = answer
    stop, seen = Stop(server.place, 2), list[bool]()
    loop = loop_of(
        server, stop.after_pass, lambda _: seen.append(loop.listed_once), namespaces=("default", "elsewhere")
    )
    loop.forever(stop)
    assert stop.pauses == [5.0] * 2
    assert seen[0], "not ready, though only one namespace could not be read"


def test_the_next_pass_comes_sooner_if_more_has_changed_than_small_ones_can_see_to() -> None:
    """But not while the API server cannot be read, or asks to be left alone."""
    refusing = Server(error=TooManyRequests("slowly", status=429, retry_after_seconds=30.0))
    refusing.place.add(cluster())
    assert _crowded_pauses(Server(), 2) == [0, 0]
    assert _crowded_pauses(Server(unread_until=25.0), 3) == [10, 20, 0]
    assert _crowded_pauses(refusing, 1) == [30]


def test_a_bug_that_ends_each_pass_ends_one_an_interval() -> None:
    """However much has changed."""

    def bug(_: PassResult) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        assert _crowded_pauses(Server(), 2, bug) == [5, 5]
        assert _crowded_pauses(Server(list_seconds=1.0), 2, bug) == [5, 5], "it lists all the time"
    assert {line["event"] for line in logs} == {"pass.crashed"}


def _crowded_pauses(server: Server, most: int, *observers: Observer) -> list[int]:
    """The pauses where hints are crowded, without the little that passes cost."""
    stop = Stop(server.place, most)
    loop_of(server, stop.after_pass, *observers, hints=Crowded(Place().api)).forever(stop)
    return [round(pause) for pause in stop.pauses]


@pytest.mark.parametrize(("asked", "pause"), [(30.0, 30.0), (2.0, 5.0), (86400.0, 300.0)])
def test_the_server_may_ask_to_be_left_alone(asked: float, pause: float) -> None:
    """Retry-After holds for the whole loop, in bounds."""
    server = Server(error=TooManyRequests("slowly", status=429, retry_after_seconds=asked))
    server.place.add(cluster())
    assert _pauses(server, 1) == [pause]


def test_a_list_may_ask_to_be_left_alone() -> None:
    """As well as a write."""
    server = Server()

    def answer(_: Verb | None) -> None:
        raise TooManyRequests("slowly", status=429, retry_after_seconds=30.0)

    server.place.happens = answer
    assert _pauses(server, 1) == [30.0]


def test_a_pass_ends_at_its_deadline_and_the_next_goes_on() -> None:
    """Nobody waits for longer than that for the end of a cluster that grows."""
    server = Server(write_seconds=1.0)
    server.place.add(cluster(replicas=30))
    results = _passes(server, 6)
    assert [result.is_cut for result in results] == [True] * 5 + [False]
    assert len(server.place.api.objects(POD)) == 31


def test_a_long_interval_is_a_long_deadline() -> None:
    """Who looks once a minute does not leave things undone for a minute."""
    server = Server(write_seconds=1.0)
    server.place.add(cluster(replicas=30))
    (result,) = _passes(server, 1, interval=60.0)
    assert not result.is_cut


def test_lists_that_take_long_leave_time_to_write() -> None:
    """Or the largest clusters, and the slowest servers, would never get anything done."""
    server = Server(list_seconds=LEAST_DEADLINE_SECONDS)
    server.place.add(cluster())
    (result,) = _passes(server, 1)
    assert result.ok
    assert len(server.place.api.objects(POD)) == 4


def test_a_stop_ends_the_pass_between_two_writes() -> None:
    """What was seen is still reported; what is left, the next daemon does."""
    server = Server()
    place = server.place
    stop = Stop(place, 9)

    def answer(_: Verb | None) -> None:
        if len(place.made(Verb.CREATE, POD)) == 3:
            stop.set()

    place.happens = answer
    place.add(cluster(replicas=30))
    results: list[PassResult] = []
    loop_of(server, results.append).forever(stop)
    (result,) = results
    assert result.is_cut
    assert len(place.made(Verb.CREATE, POD)) == 3
    body = place.api.get(Key(DASK_CLUSTER, NAMESPACE, "simple"))
    assert body is not None
    assert body["status"]["conditions"]


def test_a_stop_while_listing_writes_nothing() -> None:
    """Nothing was found out, so nothing is said."""
    server = Server()
    stop = Stop(server.place, 9)
    server.place.add(cluster())
    server.place.happens = lambda _: stop.set()
    loop_of(server).forever(stop)
    assert server.place.writes == []


def test_the_daemon_is_ready_when_something_was_read() -> None:
    """And stays so."""
    server = Server(unread_until=1.0)
    stop = Stop(server.place, 2)
    seen: list[bool] = []

    def trouble_again(result: PassResult) -> None:
        if result.snapshot is not None:
            server.unread_until = 3600.0

    loop = loop_of(server, stop.after_pass, trouble_again, lambda _: seen.append(loop.listed_once))
    assert (loop.listed_once, loop.last_attempt_seconds) == (False, None)
    loop.forever(stop)
    assert seen == [False, True, True]
    assert loop.last_attempt_seconds is not None


def test_a_budget_that_nobody_asks_for_goes_although_nothing_could_be_read_before() -> None:
    """Else it would hold up drains for ever."""
    server = Server()
    one = cluster(scheduler={"spec": pod_spec(), "disruptionBudget": {}})
    server.place.add(one)
    loop = loop_of(server)
    loop.once()
    assert server.place.api.objects(POD_DISRUPTION_BUDGET)
    server.unread_until = server.place.clock.seconds() + 1
    loop.once()
    server.place.clock.advance(1)
    server.place.api.patch(one.key, {"metadata": {}, "spec": {"scheduler": {"disruptionBudget": None}}})
    loop.once()
    assert not server.place.api.objects(POD_DISRUPTION_BUDGET)
