"""From each state that a resource can get stuck in, the right manifest leads out within a few passes."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.snapshot import Owner
from reconciler.passes.write_backoff import LONGEST_WAIT
from reconciler.wire.errors import ApiError, Forbidden, Invalid
from reconciler.wire.protocol import Body
from tests.builders import cluster, job
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING, FULL, NEVER_READY
from tests.simulation.oracle import check_at_rest
from tests.simulation.users import scheduler_path, worker_path
from tests.simulation.way import Refusal
from tests.simulation.world import INTERVAL_SECONDS, World, key

MOST_PASSES = 15
INTERVAL = timedelta(seconds=INTERVAL_SECONDS)
STUCK_PASSES = 14
"""A minute each: long enough for every wait to become the longest."""
Path = Callable[..., Body]


def _check_ready_soon(world: World, about: Key, most: int = MOST_PASSES) -> None:
    """The resource becomes ready within so many passes, and then all is as it should be."""
    for _ in range(most + 1):
        if world.condition(about, "Ready")[0] == "True":
            break
        world.tick()
    else:
        raise AssertionError(f"{about} is not ready after {most} passes: {world.last_words()}; {world.describe()}")
    world.settle()
    check_at_rest(world)


@pytest.mark.parametrize("path", [worker_path, scheduler_path], ids=["workers", "scheduler"])
@pytest.mark.parametrize("image", [CRASHING, NEVER_READY, FULL])
@pytest.mark.parametrize("resource", [cluster(replicas=2), job(replicas=2)], ids=["cluster", "job"])
def test_a_template_that_is_put_right_is_ready_soon(resource: Owner, image: str, path: Path) -> None:
    """However long the wrong one was there, whether it was there from the beginning or not."""
    world, about = World(resource), resource.key
    for bad, good in ((image, "dask:1"), (image, "dask:2")):
        world.edit(about, path(about.kind, {"spec": pod_spec(bad)}))
        for _ in range(STUCK_PASSES):
            world.tick(60)
        assert world.condition(about, "Ready")[0] == "False"
        world.edit(about, path(about.kind, {"spec": pod_spec(good)}))
        _check_ready_soon(world, about)


@pytest.mark.parametrize("kind", [POD, SERVICE, DASK_WORKER_GROUP], ids=str)
@pytest.mark.parametrize("error", [Forbidden("exceeded quota", status=403), Invalid("spec is wrong", status=422)])
def test_an_edit_ends_the_wait_for_what_was_refused(kind: Kind, error: ApiError) -> None:
    """And where nobody edits anything, room that comes is found within the longest wait."""
    for is_edited, most in (
        (True, MOST_PASSES),
        (False, MOST_PASSES + LONGEST_WAIT // INTERVAL),
    ):
        world, about = World(cluster(replicas=2)), key(DASK_CLUSTER, "simple")
        world.way.refusals.append(Refusal(error, verbs=("create",), kinds=(kind,)))
        for _ in range(STUCK_PASSES):
            world.tick(60)
        assert world.condition(about, "Ready")[0] == "False"
        world.way.clear()
        if is_edited:
            spec = {"spec": pod_spec("dask:2")}
            world.edit(about, {"spec": {"worker": spec, "scheduler": spec}})
        _check_ready_soon(world, about, most)


def test_a_job_whose_name_was_taken_runs_when_it_is_free() -> None:
    """Its cluster is made as soon as the other object is gone."""
    world = World(cluster("train-cluster"), job(replicas=1))
    world.settle()
    about = key(DASK_JOB, "train")
    assert world.condition(about, "Ready")[1] == "NameConflict"
    world.delete(key(DASK_CLUSTER, "train-cluster"))
    _check_ready_soon(world, about)
