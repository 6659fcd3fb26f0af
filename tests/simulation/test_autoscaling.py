"""The number of workers follows the work: up, down, from zero and to zero, whoever dies, edits or falls silent."""

from collections.abc import Callable
from typing import Any

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD, Key
from reconciler.rules.labels import Role
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import NAMESPACE, autoscaler, cluster, group
from tests.simulation.oracle import check_at_rest
from tests.simulation.way import REFUSALS, Refusal
from tests.simulation.world import World, key, settled

SIMPLE = key(DASK_CLUSTER, "simple")
DEFAULT = key(DASK_WORKER_GROUP, "simple-default-worker-group")
AUTO = key(DASK_AUTOSCALER, "auto")
WINDOW = 60


def _adapting(wish: int, **spec: Any) -> World:
    """A cluster that adapts, at rest."""
    world = World(cluster(replicas=0), autoscaler("simple", spec=spec))
    _wish(world, wish)
    world.settle()
    return world


def _wish(world: World, workers: int) -> None:
    world.dask.wishes[NAMESPACE, "simple"] = workers


def _replicas(world: World) -> int:
    replicas: int = world.get(DEFAULT)["spec"]["worker"]["replicas"]
    return replicas


def test_workers_come_with_the_work_and_go_after_it() -> None:
    """From zero in the first pass that knows, and to zero after the window; what they held is handed over."""
    world = _adapting(0)
    assert not world.pods(Role.WORKER)
    _wish(world, 4)
    world.tick()
    assert len(world.pods(Role.WORKER)) == 4
    world.settle()
    _wish(world, 1)
    world.tick(WINDOW - 10)
    assert _replicas(world) == 4
    world.settle()
    assert len(world.pods(Role.WORKER)) == 1
    _wish(world, 0)
    world.settle()
    assert not world.pods(Role.WORKER)
    check_at_rest(world)


def test_work_that_comes_back_takes_back_who_was_about_to_go() -> None:
    """They keep what they hold: nobody is made anew."""
    world = _adapting(4, behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    there = {pod["metadata"]["name"] for pod in world.pods(Role.WORKER)}
    world.settings = world.settings.model_copy(update={"no_delete": True})
    world.watch.no_delete = True
    world.restart()
    _wish(world, 1)
    world.tick()
    _wish(world, 4)
    world.tick()
    world.allow_deletion()
    world.settle()
    assert {pod["metadata"]["name"] for pod in world.pods(Role.WORKER)} == there


def test_a_scheduler_that_vanishes_costs_nobody_a_worker() -> None:
    """No answer means no change; nor does a new scheduler, before the window is over."""
    world = _adapting(4)
    world.dask.is_silent = True
    for seconds in (1, 5, 30, 4000):
        world.tick(seconds)
        assert len(world.pods(Role.WORKER)) == 4
    assert world.condition(AUTO, "ScalingActive")[:2] == ("False", "FailedGetTarget")
    world.dask.is_silent = False
    _wish(world, 0)
    world.delete(key(POD, world.schedulers("simple")[0]["metadata"]["name"]))
    for _ in range(5):
        world.tick(10)
        assert len(world.pods(Role.WORKER)) == 4
    world.settle()
    assert not world.pods(Role.WORKER)


def test_a_number_set_by_hand_stays_for_the_window_and_for_good_without_the_autoscaler() -> None:
    """On the group or on the cluster; deleting the autoscaler keeps the workers."""
    world = _adapting(2)
    for whom, replicas in ((DEFAULT, 4), (SIMPLE, 5)):
        world.edit(whom, {"spec": {"worker": {"replicas": replicas}}})
        world.tick(WINDOW / 2)
        assert _replicas(world) == replicas, whom
        world.settle()
        assert _replicas(world) == 2
    assert world.get(SIMPLE)["spec"]["worker"]["replicas"] == 5, "the cluster's own number is its user's"
    world.edit(DEFAULT, {"spec": {"worker": {"replicas": 1}}})
    world.tick()
    assert _replicas(world) == 2, "more work than workers: they come at once"
    world.delete(AUTO)
    _wish(world, 9)
    world.settle()
    assert _replicas(world) == 2
    world.edit(DEFAULT, {"spec": {"worker": {"replicas": 1}}})
    world.settle()
    assert len(world.pods(Role.WORKER)) == 1


def test_a_daemon_that_starts_anew_goes_on_where_the_last_one_was() -> None:
    """The window is in the status: it neither begins anew nor ends early."""
    world = _adapting(4)
    _wish(world, 1)
    for _ in range(5):
        world.tick(10)
        world.restart()
        assert _replicas(world) == 4
    world.tick(10)
    world.tick(10)
    assert _replicas(world) == 1


def test_of_two_autoscalers_of_a_group_the_older_acts_and_the_younger_says_so() -> None:
    """And takes over when the older is gone."""
    world = _adapting(9, maximum=3)
    world.clock.advance(60)
    world.create(autoscaler("simple", "younger", spec={"maximum": 7}))
    world.settle()
    assert _replicas(world) == 3
    younger = key(DASK_AUTOSCALER, "younger")
    assert world.condition(younger, "Ready")[:2] == ("False", "AnotherAutoscaler")
    world.delete(AUTO)
    world.settle()
    assert _replicas(world) == 7
    assert world.condition(younger, "Ready")[:2] == ("True", "Acting")


def test_groups_of_one_cluster_share_the_work() -> None:
    """None of them is asked for what another has."""
    world = World(
        cluster(replicas=0), group("simple", "more", replicas=0), autoscaler("simple", spec={"maximum": 2}),
        autoscaler("simple", "other", spec={"workerGroup": "more", "maximum": 10}),
    )  # fmt: skip
    _wish(world, 5)
    world.settle()
    assert len(world.workers("more")) == 3
    assert _replicas(world) == 2


def test_whoever_may_not_change_the_number_says_so() -> None:
    """And it is done when the right is granted."""
    world = _adapting(2)
    world.way.refusals.append(Refusal(REFUSALS[0], verbs=("patch",), kinds=(DASK_WORKER_GROUP,)))
    _wish(world, 4)
    world.tick()
    assert world.condition(AUTO, "AbleToScale")[:2] == ("False", "FailedUpdateScale")
    world.way.clear()
    world.settle()
    assert _replicas(world) == 4
    assert world.condition(AUTO, "AbleToScale")[:2] == ("True", "ReadyForNewScale")


def test_without_asking_schedulers_workers_stay_as_they_are() -> None:
    """`--no-dask`: the autoscaler says that it knows nothing, and keeps the bounds."""
    world = settled(cluster(replicas=5), autoscaler("simple", spec={"maximum": 4}), no_dask=True)
    assert _replicas(world) == 4
    assert world.condition(AUTO, "ScalingActive")[:2] == ("False", "FailedGetTarget")


def test_definitions_that_are_older_than_this_version_cost_few_writes() -> None:
    """They drop what is remembered and told: more workers come all the same, and nothing is written again and again."""
    world = World(cluster(replicas=0), autoscaler("simple"))
    world.dask.threads = 2
    patch, apply = world.api.patch, world.api.apply

    def dropping(write: Callable[..., Reply]) -> Callable[..., Reply]:
        def written(key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
            known = {"conditions", "observedGeneration"}
            if key.kind == DASK_AUTOSCALER and "status" in body:
                body = {**body, "status": {name: value for name, value in body["status"].items() if name in known}}
            return write(key, body, subresource)

        return written

    world.api.patch, world.api.apply = dropping(patch), dropping(apply)  # type: ignore[method-assign]
    for wish in (2, 4):
        _wish(world, wish)
        for _ in range(60):
            world.tick()
        assert _replicas(world) == wish
    before = world.watch.writes
    for _ in range(60):
        world.tick()
    assert world.watch.writes - before <= 6, "it is tried again after a minute, after 8, and each hour, and told"
