"""One pass and, where only another look helps, more: `once`."""

import pytest

from models.kinds import DASK_WORKER_GROUP, POD, SERVICE, Key
from reconciler.loop import MOST_PASSES_OF_ONCE
from reconciler.memory import twin_of
from reconciler.passes.values import PassResult, Verb
from reconciler.wire.errors import Conflict, ServerError, UnknownOutcome
from tests.builders import NAMESPACE, cluster, group
from tests.unit.loops import Server, loop_of


def test_once_goes_on_while_a_pass_that_was_cut_gets_something_done() -> None:
    """However many passes that takes; what they did is in the one result."""
    server = Server(write_seconds=1.0)
    server.place.add(cluster(replicas=100))
    results: list[PassResult] = []
    result = loop_of(server, results.append).once()
    assert (len(results) > MOST_PASSES_OF_ONCE, result.is_cut, result.ok) == (True, False, True)
    assert len(server.place.api.objects(POD)) == 101
    created = [one.action.key for one in result.responses if one.action.key.kind == POD]
    assert len(created) == len(set(created)) == 101


def test_once_goes_on_where_there_was_no_time_to_tell() -> None:
    """Who reads the statuses knows of nothing else."""
    server = Server()
    server.place.happens = lambda verb: server.place.clock.advance(6.0 if verb is Verb.REPORT else 0.0)
    server.place.add(cluster(), group())
    assert loop_of(server).once().ok
    groups = server.place.api.objects(DASK_WORKER_GROUP)
    told = [body["metadata"]["name"] for body in groups if body.get("status", {}).get("conditions")]
    assert sorted(told) == ["more", "simple-default-worker-group"]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (Conflict("modified", status=409), MOST_PASSES_OF_ONCE),
        (ServerError("no leader", status=503), 1),
        (None, 1),
    ],
    ids=["conflict", "unavailable", "none"],
)
def test_once_looks_again_where_only_that_helps(error: Exception | None, passes: int) -> None:
    """Conflicts are resolved by another look; a server in trouble is told at once; neither goes on for ever."""
    server = Server(error=error)
    server.place.add(cluster())
    results: list[PassResult] = []
    loop_of(server, results.append).once()
    assert len(results) == passes


def test_once_tells_what_it_lost_and_left_undone() -> None:
    """A create whose answer was lost is not repeated before its wait is over: then it has failed."""
    server = Server()
    place = server.place
    place.add(cluster())

    def loses_the_first(verb: Verb | None) -> None:
        if verb is Verb.CREATE and len(place.made(Verb.CREATE, POD)) == 1:
            raise UnknownOutcome("connection lost")

    place.happens = loses_the_first
    result = loop_of(server).once()
    (lost,) = [failure for failure in result.failures if failure.action.key.kind == POD]
    assert place.api.get(lost.action.key) is None
    assert lost.action not in result.plan.postponed


def test_a_dry_run_is_the_same_each_time() -> None:
    """Since it changes nothing, that something is still to be changed is no sign that others take it back."""
    server = Server()
    server.place.add(cluster())
    loop_of(server).once()
    service = Key(SERVICE, NAMESPACE, "simple-service")
    server.place.api.edit(service, {"spec": {"ports": [{"name": "other", "port": 1}]}})
    results: list[PassResult] = []
    loop = loop_of(server, results.append, twin=twin_of)
    for _ in range(5):
        loop.once()
    assert [[action.key for action in result.plan.actions] for result in results] == [[service]] * 5


def test_once_ends_where_a_cut_pass_gets_nothing_done() -> None:
    """A server that takes its time to say no is not asked for ever."""
    server = Server(write_seconds=20.0, error=ServerError("no leader", status=503))
    server.place.add(cluster())
    results: list[PassResult] = []
    loop_of(server, results.append).once()
    assert len(results) == 1
