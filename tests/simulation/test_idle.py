"""Clusters that nobody uses: they go, or are scaled to 0, and those that are in use stay."""

from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Key
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import NAMESPACE, autoscaler, cluster, group, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.test_lifetimes import LISTS, events
from tests.simulation.world import World, key

SIMPLE = key(DASK_CLUSTER, "simple")
DEFAULT = key(DASK_WORKER_GROUP, "simple-default-worker-group")
MORE = key(DASK_WORKER_GROUP, "more")
HERE = (NAMESPACE, "simple")
TO_ZERO: Body = {"idle": {"action": "ScaleToZero"}}
COUNTED: Body = {"idle": {"countClients": True}}


def idle(*others: Any, settings: Body | None = None, timeout: int = 600, **lifetime: Any) -> World:
    """A cluster of two workers and what else there is, all ready, whose tasks have ended just now.

    Nothing is told to node autoscalers: that is another write when workers become idle.
    """
    one = cluster(replicas=2, lifetime={"idleTimeout": timeout, **lifetime})
    world = World(one, *others, no_disruption_marks=True, **(settings or {}))
    for _ in range(6):
        world.tick()
    world.dask.end_work(*HERE)
    return world


def ticks(world: World, seconds: float, step: float = 30.0) -> None:
    """Time passes."""
    for _ in range(int(seconds // step)):
        world.tick(step)


def edited_in_pass(request: int, of: Key, spec: Body, world: World, *, after: float) -> World:
    """The world after a pass in which somebody edited something, so many seconds later."""
    ticks(world, after - 60)
    world.clock.advance(60)
    world.during_pass(request, lambda: world.edit(of, {"spec": spec}))
    world.reconcile()
    return world


def recorded(world: World) -> Body | None:
    """Since when the cluster is idle, as it is written down."""
    found: Body | None = world.get(SIMPLE)["status"].get("decisions", {}).get("idle")
    return found


@pytest.mark.parametrize("timeout", [60, 600, 7200])
def test_an_idle_cluster_goes_after_its_timeout_and_not_before(timeout: int) -> None:
    """With all it has; the last Event says why."""
    world = idle(timeout=timeout)
    ticks(world, timeout - 10, 10)
    assert world.has(SIMPLE)
    ticks(world, 30, 10)
    assert not world.has(SIMPLE)
    ((name, type_, message),) = events(world, "IdleTimeout")
    assert (name, type_) == ("simple", "Normal")
    assert "has had nothing to do since" in message
    assert message.endswith(f"for at least {timeout} s: it is deleted, as spec.idleTimeout asks.")
    world.settle()
    assert not world.pods(live=False)


def test_without_a_timeout_a_cluster_stays_and_nobody_asks() -> None:
    """0 is never."""
    world = idle(timeout=0)
    ticks(world, 100_000, 5000)
    assert world.has(SIMPLE)
    assert not [one for one in world.get(SIMPLE)["status"]["conditions"] if one["type"] == "Idle"]


def test_a_busy_cluster_stays_and_nothing_is_written() -> None:
    """However long; nor is anything told."""
    world = idle()
    world.dask.working.add(HERE)
    world.tick()
    before = world.api.revision
    ticks(world, 3000)
    assert world.api.revision == before
    assert world.condition(SIMPLE, "Idle")[:2] == ("False", "Busy")


def test_pauses_of_a_moment_are_not_worth_a_write() -> None:
    """Shorter than a tenth of the timeout."""
    world = idle()
    before = world.api.revision
    for _ in range(20):
        world.tick(30)
        world.dask.working.add(HERE)
        world.tick(10)
        world.dask.end_work(*HERE)
    assert world.api.revision == before


def test_who_works_again_has_all_its_time_again() -> None:
    """Also after it was announced that it ends."""
    world = idle()
    ticks(world, 500)
    assert world.condition(SIMPLE, "Idle")[:2] == ("True", "IdleTimeoutNear")
    world.dask.working.add(HERE)
    world.tick()
    assert (world.condition(SIMPLE, "Idle")[:2], recorded(world)) == (("False", "Busy"), None)
    world.dask.end_work(*HERE)
    ticks(world, 570)
    assert world.has(SIMPLE)
    ticks(world, 60)
    assert not world.has(SIMPLE)


def test_the_end_is_announced_once() -> None:
    """A condition says since when it is idle and when it ends, an Event warns, and they are not written again."""
    world = idle()
    ticks(world, 90)
    (status, reason, message), since = world.condition(SIMPLE, "Idle"), recorded(world)
    assert (status, reason) == ("True", "Idle")
    assert since is not None
    assert f"nothing to do since {since['since']}; unless that changes, the cluster is deleted at " in message
    before = world.api.revision
    ticks(world, 300)
    assert world.api.revision == before
    ticks(world, 120)
    assert events(world, "IdleTimeoutNear") == [("simple", "Normal", message)]


def test_a_reconciler_that_starts_anew_counts_on() -> None:
    """And does not count what was not idle while it was away."""
    world = idle()
    ticks(world, 300)
    world.restart()
    ticks(world, 240)
    world.restart()
    world.clock.advance(100)
    world.reconcile()
    assert not world.has(SIMPLE)
    world = idle()
    ticks(world, 500)
    world.dask.working.add(HERE)
    world.clock.advance(1000)
    world.dask.step()
    world.dask.end_work(*HERE)
    world.restart()
    ticks(world, 570)
    assert world.has(SIMPLE)


def test_a_silent_scheduler_is_not_idle() -> None:
    """It may be too busy to answer, and is idle when it says so."""
    world = idle()
    ticks(world, 300)
    world.dask.is_silent = True
    ticks(world, 3000)
    assert world.has(SIMPLE)
    assert world.condition(SIMPLE, "Idle")[:2] == ("Unknown", "SchedulerUnknown")
    world.dask.is_silent = False
    world.tick()
    assert not world.has(SIMPLE)


def test_nobody_goes_where_nobody_asks() -> None:
    """With `--no-dask` it is not known who is idle."""
    world = idle(settings={"no_dask": True})
    ticks(world, 3000)
    assert world.condition(SIMPLE, "Idle")[:2] == ("Unknown", "SchedulerUnknown")


def test_a_client_counts_where_its_user_says_so() -> None:
    """By default it does not, as in dask-kubernetes."""
    world = idle()
    world.dask.clients[HERE] = 1
    ticks(world, 660)
    assert not world.has(SIMPLE)
    world = idle(**COUNTED)
    world.dask.clients[HERE] = 1
    ticks(world, 3000)
    assert world.has(SIMPLE)
    world.dask.clients[HERE] = 0
    ticks(world, 570)
    assert world.has(SIMPLE)
    ticks(world, 60)
    assert not world.has(SIMPLE)


def test_with_deletion_switched_off_it_stays_and_says_so() -> None:
    """And a cluster that is to be scaled to 0 keeps its workers."""
    for lifetime in ({}, TO_ZERO):
        world = idle(settings={"no_delete": True}, **lifetime)
        ticks(world, 700)
        assert world.has(SIMPLE)
        assert len(world.workers(DEFAULT.name)) == 2


def test_a_cluster_is_scaled_to_zero_with_all_its_groups() -> None:
    """Its own spec stays, who scales is told, and the scheduler stays."""
    world = idle(group("simple", "more", replicas=1), **TO_ZERO)
    ticks(world, 700)
    assert [world.get(one)["spec"]["worker"]["replicas"] for one in (DEFAULT, MORE)] == [0, 0]
    assert world.get(SIMPLE)["spec"]["worker"]["replicas"] == 2
    assert {name for name, _, _ in events(world, "ScaledToZero")} == {DEFAULT.name, MORE.name}
    world.settle()
    assert (len(world.workers(DEFAULT.name)), len(world.schedulers("simple"))) == (0, 1)
    assert (world.condition(SIMPLE, "Idle")[:2], recorded(world)) == (("False", "NoWorkers"), None)
    check_at_rest(world)


@pytest.mark.parametrize("of", [DEFAULT, SIMPLE])
def test_whoever_scales_it_up_again_has_all_the_time_again(of: Key) -> None:
    """Though the scheduler has been idle all the while; the group by `scale`, or the cluster by its manifest."""
    world = idle(**TO_ZERO)
    ticks(world, 700)
    world.settle()
    world.edit(of, {"spec": {"worker": {"replicas": 3}}})
    ticks(world, 60, 5)
    world.dask.end_work(*HERE)
    ticks(world, 480)
    assert len(world.workers(DEFAULT.name)) == 3
    ticks(world, 240)
    assert world.get(DEFAULT)["spec"]["worker"]["replicas"] == 0


def test_scaled_up_in_the_pass_that_scales_down_it_stays_up() -> None:
    """Whatever request it comes between: who is last, wins, and has all the time again."""
    for request in range(1, 20):
        world = edited_in_pass(request, DEFAULT, {"worker": {"replicas": 4}}, idle(**TO_ZERO), after=630)
        wanted = world.get(DEFAULT)["spec"]["worker"]["replicas"]
        ticks(world, 300)
        assert world.get(DEFAULT)["spec"]["worker"]["replicas"] == wanted, request


def test_an_autoscaler_scales_its_own_group() -> None:
    """Idleness takes away the workers of the others; the scheduler would like to have three in all."""
    world = idle(group("simple", "more", replicas=1), autoscaler("simple"), **TO_ZERO)
    ticks(world, 700)
    assert [world.get(one)["spec"]["worker"]["replicas"] for one in (DEFAULT, MORE)] == [3, 0]


def test_a_jobs_cluster_is_its_runners() -> None:
    """It may be idle while its runner prepares what it is to do."""
    world = World(job(replicas=1, lifetime={"idleTimeout": 60}))
    ticks(world, 3000)
    assert world.has(key(DASK_CLUSTER, "train-cluster"))
    assert world.has(key(DASK_JOB, "train"))
    check_at_rest(world)


def test_a_cluster_becomes_as_old_as_it_may() -> None:
    """Whatever it does; also if it was restored, or its time was set later."""
    world = idle(timeout=0, ttlSeconds=7200)
    world.dask.working.add(HERE)
    ticks(world, 7100)
    assert world.has(SIMPLE)
    ticks(world, 120)
    assert not world.has(SIMPLE)
    ((_, type_, message),) = events(world, "TTLExpired")
    assert type_ == "Normal"
    assert message.startswith("It was created at ")
    assert message.endswith("more than 7200 s ago: it is deleted, as spec.ttlSeconds asks.")


def test_more_time_that_comes_between_list_and_delete_saves_the_cluster() -> None:
    """The delete is for the cluster as it was seen."""
    world = edited_in_pass(LISTS + 1, SIMPLE, {"ttlSeconds": 9000}, idle(timeout=0, ttlSeconds=600), after=630)
    world.tick()
    assert world.has(SIMPLE)


def test_definitions_that_are_older_than_this_version_cost_few_writes() -> None:
    """They drop since when a cluster is idle: that is told, and the cluster goes all the same."""
    world = idle()
    patch = world.api.patch

    def dropping(key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        body.get("status", {}).get("decisions", {}).pop("idle", None)
        return patch(key, body, subresource)

    world.api.patch = dropping  # type: ignore[method-assign]
    ticks(world, 60)
    before = world.watch.writes
    ticks(world, 300)
    assert world.watch.writes - before <= 6, "it is tried again after a minute, and after 8, and told"
    assert world.condition(SIMPLE, "Progressing")[1] == "ChangesUndone"
    ticks(world, 300)
    assert not world.has(SIMPLE)
