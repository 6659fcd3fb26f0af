"""Clusters whose owners give signs of life, and then give none."""

from typing import Any

import pytest

from models.base import wire_time
from models.kinds import ALL_KINDS, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, EVENT, Key
from reconciler.loop import Loop
from reconciler.memory import twin_of
from reconciler.passes.values import Verb
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from reconciler.wire.protocol import Body
from tests.builders import NOON, autoscaler, cluster, group, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, key, key_of, settled

SIMPLE = key(DASK_CLUSTER, "simple")
GROUP = key(DASK_WORKER_GROUP, "simple-default-worker-group")
LISTS = 6
"""How many requests a pass begins with."""
MARKS = {OWNER_SEEN: wire_time(NOON), OWNER_TIMEOUT_SECONDS: "600"}


def sign_of_life(world: World, of: Key = SIMPLE) -> None:
    """The owner says that it is there."""
    world.edit(of, {"metadata": {"annotations": {OWNER_SEEN: wire_time(world.clock())}}})


def events(world: World, reason: str) -> list[tuple[str, str, str]]:
    """Whom Events of that reason are about, their type and message."""
    found = (body for body in world.api.objects(EVENT) if body["reason"] == reason)
    return [(body["involvedObject"]["name"], body["type"], body["message"]) for body in found]


def abandoned(*others: str, **settings: Any) -> World:
    """Clusters that run, whose owners were last seen just longer ago than they asked for, before a pass sees it."""
    world = World(*(cluster(name, replicas=1, annotations=MARKS) for name in ("simple", *others)), **settings)
    for _ in range(5):
        world.tick()
    world.clock.advance(601)
    return world


def test_a_sign_of_life_is_nothing_to_write_about() -> None:
    """Neither status nor child nor Event: the pass after it leaves no trace."""
    world = settled(cluster(annotations={**MARKS, OWNER_TIMEOUT_SECONDS: "1000000"}), group(), autoscaler())
    world.clock.advance(60)
    sign_of_life(world)
    before = world.api.revision
    result = world.reconcile()
    assert (result.plan.actions, result.reports, result.plan.findings) == ((), (), ())
    assert world.api.revision == before
    assert all(OWNER_SEEN not in pod["metadata"]["annotations"] for pod in world.pods())


def test_a_cluster_lives_while_its_owner_does_and_goes_with_all_it_has_after_it() -> None:
    """For hours, with a sign of life every minute; then not before the time is over, and then at once."""
    world = World(cluster(annotations=MARKS), group(), autoscaler(), cluster("other"))
    for _ in range(180):
        world.tick(60)
        sign_of_life(world)
    check_at_rest(world)
    for _ in range(10):
        world.tick(60)
    assert world.has(SIMPLE)
    world.tick(1)
    assert {body["metadata"]["name"] for kind in ALL_KINDS[:-1] for body in world.api.objects(kind)} == {
        *("other", "other-default-worker-group", "other-scheduler", "other-service"),
        *(pod["metadata"]["name"] for pod in world.workers("other-default-worker-group")),
    } | {pod["metadata"]["name"] for pod in world.pods(live=False)}
    world.settle()
    assert {pod["metadata"]["labels"]["dask.org/cluster-name"] for pod in world.pods(live=False)} == {"other"}
    ((name, type_, message),) = events(world, "OwnerGone")
    assert (name, type_) == ("simple", "Normal")
    assert message == (
        "Its owner was last seen at 2026-01-31T15:00:00Z, more than 600 s ago: it is deleted, as the annotation "
        "kubernetes.dask.org/owner-timeout-seconds asks."
    )
    check_at_rest(world)


def test_the_delete_is_the_only_write_of_its_pass() -> None:
    """Even where much was to be repaired: nothing is made for what is about to go."""
    world = abandoned()
    for pod in world.pods():
        world.api.remove(key_of(pod))
    result = world.reconcile()
    assert [(action.verb, action.key) for action in result.plan.actions] == [(Verb.DELETE, SIMPLE)]
    assert not world.pods()


def test_a_sign_of_life_between_list_and_delete_saves_the_cluster() -> None:
    """The delete is a conflict, which is no failure; the next pass sees a cluster with an owner."""
    world = abandoned()
    uid = world.get(SIMPLE)["metadata"]["uid"]
    world.during_pass(LISTS + 1, lambda: sign_of_life(world))
    assert world.reconcile().ok
    assert any("delete DaskCluster simple: Conflict" in line for line in world.journal.lines)
    world.tick()
    assert world.get(SIMPLE)["metadata"]["uid"] == uid
    assert events(world, "OwnerGone") == []


def test_with_deletion_switched_off_the_cluster_stays_and_its_owner_can_take_it_up_again() -> None:
    """Meanwhile the condition says what is held back; with a sign of life all goes on."""
    world = abandoned(no_delete=True)
    world.reconcile()
    assert world.condition(SIMPLE, "Progressing")[1] == "DeletionDisabled"
    assert events(world, "OwnerGone") == []
    sign_of_life(world)
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": 2}}})
    for _ in range(10):
        world.tick()
    assert len(world.workers(GROUP.name)) == 2
    assert world.condition(SIMPLE, "Progressing")[1] == "Settled"


def test_the_deletion_cap_counts_such_clusters_too() -> None:
    """Were a clock wrong, not all would go at once."""
    world = abandoned("b", "c", deletion_cap=1)
    world.reconcile()
    left = world.api.objects(DASK_CLUSTER)
    assert len(left) == 2
    assert {world.condition(key_of(body), "Progressing")[1] for body in left} == {"DeletionCap"}


def test_a_dry_run_shows_the_end_of_the_cluster_and_writes_nothing() -> None:
    """With the reason."""
    world = abandoned()
    before = world.api.revision
    loop = Loop(world.api, world.settings, clock=world.clock, twin=twin_of)
    (action,) = loop.once().plan.actions
    assert (action.verb, action.key) == (Verb.DELETE, SIMPLE)
    assert action.reason == "its owner was last seen at 2026-01-31T12:00:00Z, more than 600 s ago"
    assert world.api.revision == before


def test_a_jobs_cluster_ends_with_its_job_alone() -> None:
    """Annotations that someone puts on it, or on the job, change nothing."""
    world = settled(job(annotations=MARKS, cluster_metadata={"annotations": MARKS}))
    world.edit(key(DASK_CLUSTER, "train-cluster"), {"metadata": {"annotations": MARKS}})
    world.settle()
    check_at_rest(world)
    assert world.has(key(DASK_JOB, "train"))


@pytest.mark.parametrize("annotations", [{OWNER_SEEN: "lately"}, {OWNER_TIMEOUT_SECONDS: "0"}])
def test_what_cannot_be_read_is_told_once_and_stops_nothing(annotations: Body) -> None:
    """The cluster runs; when the annotation is mended, the condition is too, and counts again."""
    world = settled(cluster(annotations={**MARKS, **annotations}))
    check_at_rest(world)
    state, reason, message = world.condition(SIMPLE, "Accepted")
    assert (state, reason) == ("True", "InvalidAnnotation")
    assert events(world, "InvalidAnnotation") == [("simple", "Warning", message)]
    before = world.api.revision
    world.reconcile()
    assert world.api.revision == before
    world.edit(SIMPLE, {"metadata": {"annotations": {**MARKS, OWNER_SEEN: wire_time(world.clock())}}})
    world.tick()
    assert world.condition(SIMPLE, "Accepted")[1] == "Accepted"
    world.settle()
    assert not world.has(SIMPLE)
