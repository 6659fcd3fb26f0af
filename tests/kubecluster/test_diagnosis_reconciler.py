"""Verdicts on clusters of the reconciler, which says of each why it is not ready; and on bodies of any shape."""

from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster.diagnosis import Body, Sight, State, diagnose, error
from kubecluster.errors import CrashLoop, NoOperator, NotReady, PodRefused, QuotaExceeded, TimedOut
from kubecluster.progress import html, rows
from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP
from reconciler.rules.names import Naming
from tests.builders import NOON, cluster, group
from tests.faults import Fault, Faulty
from tests.kubecluster.sights import looked
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING, FULL, NEVER_READY
from tests.simulation.world import World, key

IMAGES = ("dask:1", CRASHING, NEVER_READY, FULL)
SIMPLE = key(DASK_CLUSTER, "simple")
BALANCED = {"service": {"type": "LoadBalancer"}}


def made(scheduler: str = "dask:1", worker: str = "dask:1", naming: Naming = Naming.CLASSIC) -> World:
    """A world with a cluster of those images, and a reconciler that, like the client, goes by Pods alone."""
    one = cluster(naming=None, scheduler={"spec": pod_spec(scheduler)}, worker={"spec": pod_spec(worker)})
    return World(one, naming=naming, no_dask=True)


@pytest.mark.parametrize("naming", Naming)
@pytest.mark.parametrize(("scheduler", "worker"), list(product(IMAGES, IMAGES)))
def test_the_client_says_what_the_reconciler_says(scheduler: str, worker: str, naming: Naming) -> None:
    """Of a cluster in any trouble, at any time, in the same sentence; with or without a right to see Events."""
    world = made(scheduler, worker, naming)
    for _ in range(12):
        world.tick()
        verdict = diagnose(NOON, looked(world))
        status, _, message = world.condition(SIMPLE, "Ready")
        assert verdict.sentence == message
        assert (verdict.state is State.READY) == (status == "True")
        assert diagnose(NOON, looked(world, with_events=False)) == verdict
        assert verdict.workers_wanted in (0, 3)
        seen = world.get(SIMPLE)["status"]
        assert verdict.workers_ready == seen["readyWorkers"]


@pytest.mark.parametrize("worker", IMAGES)
def test_the_client_knows_from_the_reconciler_who_has_joined(worker: str) -> None:
    """Nobody but a scheduler knows that; the reconciler asks it, and the client says what its statuses say."""
    one = cluster(naming=None, worker={"spec": pod_spec(worker)})
    world = World(one)
    world.dask.is_deaf = True
    for minute in range(16):
        world.dask.is_deaf = minute < 9
        world.tick()
        verdict = diagnose(NOON, looked(world))
        status, _, message = world.condition(SIMPLE, "Ready")
        assert verdict.sentence == message
        assert (verdict.state is State.READY) == (status == "True")
        assert verdict.workers_ready == world.get(SIMPLE)["status"]["readyWorkers"]
        if worker == "dask:1" and minute == 8:
            assert "3 run (the first since " in message
            assert message.endswith("but have not joined: they look for tcp://simple-scheduler.default.svc:8786.")
            assert "see their logs" in verdict.remedy
    assert ("joined." in message) == (worker == "dask:1")


@pytest.mark.parametrize(
    ("images", "failure", "is_final"),
    [
        (("dask:1", "dask:1"), None, False),
        ((CRASHING, "dask:1"), CrashLoop, True),
        (("dask:1", CRASHING), CrashLoop, False),
        ((NEVER_READY, "dask:1"), TimedOut, False),
    ],
)
def test_pods_that_end_for_good_are_a_crash_loop_too(
    images: tuple[str, str], failure: type[NotReady] | None, *, is_final: bool
) -> None:
    """The reconciler replaces them, later each time; a scheduler that has failed three times is given up."""
    world = made(*images)
    for _ in range(40):
        world.tick()
    verdict = diagnose(NOON, looked(world))
    assert (verdict.failure, verdict.is_final) == (failure, is_final)


@pytest.mark.parametrize(
    ("fault", "failure"), [(Fault.FORBIDDEN, QuotaExceeded), (Fault.BROKEN, TimedOut), (Fault.UNREACHABLE, TimedOut)]
)
def test_a_create_that_fails_is_told(fault: Fault, failure: type[NotReady]) -> None:
    """A refusal by its own exception; an API server in trouble passes."""
    world = World(cluster(), through=lambda api: CreateFails(api, [fault] * 200))
    for _ in range(3):
        world.tick()
    verdict = diagnose(NOON, looked(world))
    assert (verdict.failure, verdict.scheduler_ready, verdict.is_final) == (failure, False, False)


class CreateFails(Faulty):
    """An API in which nothing else goes wrong."""

    def _next(self, request: str, spared: tuple[Fault, ...] = ()) -> Fault | None:
        return super()._next(request, spared) if request.startswith("create Pod") else None


def test_a_template_that_is_refused_is_final() -> None:
    """In the API server's words."""
    world = World(cluster(worker={"spec": {**pod_spec(), "restartPolicy": "Sometimes"}}), checked=False)
    for _ in range(4):
        world.tick()
    verdict = diagnose(NOON, looked(world))
    assert (verdict.failure, verdict.is_final, verdict.scheduler_ready) == (PodRefused, True, True)
    assert "restartPolicy" in verdict.sentence


@pytest.mark.parametrize(("name", "replicas"), [("a.b", 3), ("simple", -1)])
def test_a_cluster_that_cannot_be_named_or_read_is_final(name: str, replicas: int) -> None:
    """Before anything is made of it."""
    world = World(cluster(name), checked=False)
    world.edit(key(DASK_CLUSTER, name), {"spec": {"worker": {"replicas": replicas}}})
    world.tick()
    verdict = diagnose(NOON, looked(world, name))
    assert (verdict.failure, verdict.is_final, verdict.scheduler_ready) == (NotReady, True, False)
    assert verdict.sentence == world.condition(key(DASK_CLUSTER, name), "Ready")[2]


def test_a_reconciler_that_stops_is_missed() -> None:
    """Before it has seen the cluster, and later, when nobody acts on an edit."""
    world = made()
    world.clock.advance(60)
    assert diagnose(NOON, looked(world)).failure is NoOperator
    world.settle()
    began = world.clock()
    world.edit(key(DASK_WORKER_GROUP, "simple-default-worker-group"), {"spec": {"worker": {"replicas": 5}}})
    for seconds, failure in ((0, TimedOut), (9, TimedOut), (1, NoOperator)):
        world.clock.advance(seconds)
        verdict = diagnose(began, looked(world))
        assert (verdict.failure, verdict.workers_ready, verdict.workers_wanted) == (failure, 3, 5)
    assert verdict.scheduler_ready


def test_a_load_balancer_is_waited_for() -> None:
    """It gets its address when somebody gives it one."""
    world = World(cluster(scheduler={"spec": pod_spec(), **BALANCED}))
    world.reconcile()
    assert not diagnose(NOON, looked(world)).scheduler_ready
    world.settle()
    assert diagnose(NOON, looked(world)).state is State.READY


def test_other_groups_count_too() -> None:
    """Those that users add, and whose names are too long for a label."""
    world = World(cluster(replicas=1), group("simple", "g" * 70, replicas=2))
    world.settle()
    verdict = diagnose(NOON, looked(world))
    assert (verdict.state, verdict.workers_ready, verdict.workers_wanted) == (State.READY, 3, 3)


NAMES = st.sampled_from(["name", "state", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["True", "False", "Failed"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@cache
def troubled() -> Body:
    """A look at a cluster in trouble, part by part."""
    world = made("dask:1", CRASHING)
    for _ in range(5):
        world.tick()
    found = looked(world)
    lists = {"groups": found.groups, "pods": found.pods, "services": found.services, "events": found.events}
    return {"cluster": found.cluster, **lists}


@given(st.data())
def test_whatever_the_api_shows_there_is_a_verdict(data: st.DataObject) -> None:
    """Any field may be missing, null or of another type: other programs and later versions write them."""
    parts = {name: damaged(data, part) for name, part in troubled().items()}
    found = Sight(NOON, parts["cluster"], *(tuple(parts[name]) for name in ("groups", "pods", "services", "events")))
    verdict = diagnose(NOON, found)
    assert verdict.sentence.endswith(".")
    assert "\n" not in verdict.sentence
    assert (verdict.failure is None) == (not verdict.remedy) == (verdict.state is State.READY)
    assert html(rows(found, verdict), "title")
    assert str(error(verdict, "default/simple", 3, ["a"], found.events)).startswith("The DaskCluster default/simple ")


def damaged(data: st.DataObject, value: Any, depth: int = 0) -> Any:
    """A body in which some fields are missing or something else."""
    if isinstance(value, dict):
        spoilt = data.draw(st.sets(st.sampled_from(sorted(value)), max_size=2)) if value and depth else set()
        kept = {name: inner for name, inner in value.items() if name not in spoilt or data.draw(st.booleans())}
        deeper = data.draw(st.sampled_from(sorted(kept))) if kept else None
        whole = {name: data.draw(JSON) if name in spoilt else inner for name, inner in kept.items()}
        if deeper in kept and deeper not in spoilt:
            whole[deeper] = damaged(data, kept[deeper], depth + 1)
        return whole
    if isinstance(value, list | tuple) and value:
        index = data.draw(st.integers(0, len(value) - 1))
        return [damaged(data, one, depth + 1) if place == index else one for place, one in enumerate(value)]
    return data.draw(JSON) if depth > 1 else value
