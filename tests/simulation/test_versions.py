"""What another version of the reconciler left behind is taken over as it is."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from reconciler.rules import names
from reconciler.wire.protocol import Body
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, is_ready, key

STORED = Path(__file__).with_name("version_0_1.jsonl")
"""A cluster, a group of its user's and a job, as version 0.1 left them, with workers and a scheduler that had ended."""
NUMBERS = {"simple-default-worker-group": 6, "more": 3, "train-cluster-default-worker-group": 1}


def _taken_over(*, checked: bool) -> World:
    stored = [json.loads(line) for line in STORED.read_text("utf-8").splitlines()]
    world = World(stored=stored, checked=checked)
    world.clock.advance(timedelta(hours=4).total_seconds())
    return world


def _uids(world: World) -> set[str]:
    return {body["metadata"]["uid"] for kind in (POD, SERVICE, DASK_WORKER_GROUP) for body in world.api.objects(kind)}


def _status(world: World, group: str) -> Body:
    status: Body = world.get(key(DASK_WORKER_GROUP, group))["status"]
    return status


@pytest.mark.parametrize("checked", [True, False], ids=["with the new definitions", "with those of 0.1"])
def test_a_cluster_from_version_0_1_is_taken_over_without_a_restart_of_any_pod(*, checked: bool) -> None:
    """Whatever its statuses and annotations say in the words of then; no Pod, Service or group is made anew."""
    world = _taken_over(checked=checked)
    before = _uids(world)
    assert {group: _status(world, group)["highestOrdinal"] for group in NUMBERS} == NUMBERS
    world.settle()
    assert _uids(world) == before
    assert world.condition(key(DASK_CLUSTER, "simple"), "Ready")[0] == "True"
    check_at_rest(world)


@pytest.mark.parametrize("checked", [True, False], ids=["with the new definitions", "with those of 0.1"])
def test_numbers_that_version_0_1_gave_are_given_to_nobody_else(*, checked: bool) -> None:
    """The highest is carried over to the decisions, and taken away where it was; the next worker has the next one."""
    world = _taken_over(checked=checked)
    world.settle()
    assert {group: _status(world, group)["decisions"]["highestOrdinal"] for group in NUMBERS} == NUMBERS
    assert not any("highestOrdinal" in _status(world, group) for group in NUMBERS)
    group = world.get(key(DASK_WORKER_GROUP, "more"))["metadata"]
    world.edit(key(DASK_WORKER_GROUP, "more"), {"spec": {"worker": {"replicas": 3}}})
    world.settle()
    assert is_ready(world.get(key(POD, names.worker("more", group["uid"], 4))))
    assert _status(world, "more")["decisions"]["highestOrdinal"] == 4


def test_who_version_0_1_had_let_go_goes_nevertheless() -> None:
    """Its list of names is not read any more; the group chooses again, and comes to the number that it wants."""
    world = _taken_over(checked=False)
    group = key(DASK_WORKER_GROUP, "more")
    world.api.patch(group, {"status": {"retiring": [world.workers("more")[0]["metadata"]["name"]]}}, "status")
    world.edit(group, {"spec": {"worker": {"replicas": 1}}})
    world.settle()
    assert len(world.workers("more")) == 1
    check_at_rest(world)
