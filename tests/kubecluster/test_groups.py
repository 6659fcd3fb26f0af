"""What people ask of worker groups."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster import groups
from kubecluster.groups import Adapting, Wanted
from kubecluster.progress import Progress, Row
from kubecluster.resource import WITHOUT_LIMIT, ClusterResource
from kubecluster.specs import make_cluster_spec, make_worker_spec
from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, Key
from tests.kubecluster.livingworld import LivingWorld

CLUSTER = make_cluster_spec(
    "simple", image="dask:1", n_workers=5, resources={"limits": {"cpu": "2", "memory": "4Gi"}}, env={"A": "1"}
)
LIMITS = {"cpu": "2", "memory": "4Gi"}


def container(**wanted: Any) -> dict[str, Any]:
    """The worker's container of a group that is wanted beside the default group."""
    (found,) = Wanted(n_workers=1, **wanted).worker(CLUSTER)["spec"]["containers"]
    made: dict[str, Any] = found
    return made


def default() -> dict[str, Any]:
    """The worker's container of the default group."""
    (found,) = CLUSTER["spec"]["worker"]["spec"]["containers"]
    made: dict[str, Any] = found
    return made


def test_what_is_left_out_is_as_in_the_default_group() -> None:
    """But for the number of workers."""
    worker = CLUSTER["spec"]["worker"]
    assert Wanted(n_workers=2).worker(CLUSTER) == {**worker, "replicas": 2}


@pytest.mark.parametrize(
    ("wanted", "field", "value"),
    [
        ({"image": "dask:2"}, "image", "dask:2"),
        ({"env": {"B": "2"}}, "env", [{"name": "B", "value": "2"}]),
        ({"resources": {"limits": {"cpu": "9"}}}, "resources", {"limits": {"cpu": "9"}}),
    ],
)
def test_what_is_given_replaces_one_field_and_no_other(wanted: dict[str, Any], field: str, value: Any) -> None:
    """Nothing of the default group's value is mixed in."""
    made = container(**wanted)
    assert {name for name in made | default() if made.get(name) != default().get(name)} == {field}
    assert made[field] == value


def test_an_environment_can_be_emptied() -> None:
    """An empty one is given, and None is not."""
    assert not container(env={}).get("env")
    assert container(env=None)["env"] == default()["env"]


def test_another_command_is_what_the_workers_run() -> None:
    """It is written as for the cluster."""
    made, fresh = container(worker_command="dask-cuda-worker"), make_worker_spec(worker_command="dask-cuda-worker")
    expected = fresh["spec"]["containers"][0]
    assert {name: made.get(name) for name in ("command", "args")} == {
        name: expected.get(name) for name in ("command", "args")
    }
    assert made["image"] == "dask:1"


def test_gpus_come_beside_the_default_groups_resources_with_the_command_that_uses_them() -> None:
    """Workers that have a GPU and do not use it would cost money for nothing."""
    made = container(gpus=2)
    assert made["resources"]["limits"] == {**LIMITS, "nvidia.com/gpu": "2"}
    assert "dask-cuda-worker" in str([made.get("command"), made.get("args")])


def test_what_is_asked_of_a_group_leaves_the_cluster_as_it_was() -> None:
    """The DaskCluster's body is looked at again and again."""
    before = str(CLUSTER)
    container(image="dask:2", env={"B": "2"}, gpus=1, worker_command="x")
    assert str(CLUSTER) == before


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"n_workers": -1}, ValueError),
        ({"n_workers": "3"}, TypeError),
        ({"n_workers": True}, TypeError),
        ({"n_workers": 1, "resources": "much"}, TypeError),
        ({"n_workers": 1, "gpus": -1}, ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(wanted: dict[str, Any], error: type[Exception]) -> None:
    """Before Kubernetes is asked."""
    with pytest.raises(error):
        Wanted(**wanted).worker(CLUSTER)


@pytest.mark.parametrize(("names", "main"), [(["istio-proxy", "dask-worker"], 1), (["x", "y"], 0)])
def test_what_is_given_is_for_the_container_that_dask_runs_in(names: list[str], main: int) -> None:
    """Others stand beside it."""
    containers = [{"name": name, "image": "old"} for name in names]
    cluster = {"spec": {"worker": {"spec": {"containers": containers}}}}
    made = Wanted(n_workers=1, image="new").worker(cluster)["spec"]["containers"]
    assert [one["image"] for one in made] == ["new" if place == main else "old" for place in range(2)]


def test_a_specification_without_containers_has_none() -> None:
    """Kubernetes says what is wrong with it."""
    assert Wanted(n_workers=1).worker({"spec": {"worker": {"spec": {"containers": []}}}})["spec"] == {"containers": []}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), (0, WITHOUT_LIMIT)),
        ((None, None), (0, WITHOUT_LIMIT)),
        ((2,), (2, WITHOUT_LIMIT)),
        ((2, 2), (2, 2)),
        ((0, 0), (0, 0)),
        ((1, math.inf), (1, WITHOUT_LIMIT)),
    ],
)
def test_bounds_that_are_left_out_bound_nothing(given: tuple[Any, ...], expected: tuple[int, int]) -> None:
    """Infinity is no bound either, as for distributed's own Adaptive."""
    adapting = Adapting(*given)
    assert (adapting.minimum, adapting.maximum) == expected


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((3, 2), ValueError, "minimum is 3, but maximum is 2"),
        ((-1,), ValueError, "minimum is -1"),
        ((0, -1), ValueError, "maximum is -1"),
        ((1.5,), TypeError, "minimum is 1.5"),
        ((0, 2.5), TypeError, "maximum is 2.5"),
        ((0, math.nan), TypeError, "maximum is nan"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(given: tuple[Any, ...], error: type[Exception], words: str) -> None:
    """The message has the argument and its value."""
    with pytest.raises(error, match=words):
        Adapting(*given)


@given(st.integers(-3, 10), st.integers(-3, 10))
def test_bounds_hold_or_are_refused(minimum: int, maximum: int) -> None:
    """There is nothing in between."""
    if 0 <= minimum <= maximum:
        assert repr(Adapting(minimum, maximum)) == f"Adapting(minimum={minimum}, maximum={maximum})"
    else:
        with pytest.raises(ValueError, match=r"m[ai][xn]imum"):
            Adapting(minimum, maximum)


def test_no_limit_is_said_in_words() -> None:
    """A number with ten digits tells nobody anything."""
    assert repr(Adapting(1)) == "Adapting(minimum=1, maximum=without limit)"


def test_a_group_is_added_as_the_cluster_is_now(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Its image may have been changed since it was made."""
    quiet_world.cluster("simple")
    quiet_world.api.edit(
        Key(DASK_CLUSTER, "default", "simple"),
        {"spec": {"worker": {"spec": {"containers": [{"name": "worker", "image": "v2"}]}}}},
    )
    groups.add(resource, "gpu", Wanted(n_workers=4))
    worker = quiet_world.get(DASK_WORKER_GROUP, "simple-gpu")["spec"]["worker"]
    assert (worker["replicas"], worker["spec"]["containers"][0]["image"]) == (4, "v2")


def test_a_whole_specification_is_taken_as_it_is(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Nothing of the default group is in it."""
    quiet_world.cluster("simple")
    custom = {"replicas": 1, "spec": {"containers": [{"name": "mine", "image": "own"}]}}
    groups.add(resource, "mine", Wanted(n_workers=9), custom)
    found = quiet_world.get(DASK_WORKER_GROUP, "simple-mine")["spec"]["worker"]
    assert (found["replicas"], found["spec"]["containers"]) == (1, custom["spec"]["containers"])  # type: ignore[index]


@pytest.mark.parametrize(("number", "error"), [(-1, ValueError), ("3", TypeError), (1.0, TypeError)])
def test_a_number_of_workers_that_makes_no_sense_is_refused(
    resource: ClusterResource, quiet_world: LivingWorld, number: Any, error: type[Exception]
) -> None:
    """Kubernetes is not asked."""
    with pytest.raises(error, match="n is"):
        groups.scale(resource, number)
    assert quiet_world.server.requests == []


class Acting(Progress):
    """Shows nothing; whenever there is something to show, somebody acts."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__("", quiet=True)
        self.act = act
        self.shown: list[str] = []
        self.words = ""

    def show(self, rows: Sequence[Row]) -> None:
        self.shown += [row.ready for row in rows]
        self.act()

    def close(self, words: str = "") -> None:
        self.words = self.words or words


@pytest.fixture
def grouped(quiet_world: LivingWorld, resource: ClusterResource, monkeypatch: pytest.MonkeyPatch) -> ClusterResource:
    """A cluster with a group of two workers beside the default one."""
    monkeypatch.setattr(groups, "LOOK_SECONDS", 0.0)
    quiet_world.cluster("simple")
    quiet_world.reconcile()
    groups.add(resource, "more", Wanted(n_workers=2))
    quiet_world.reconcile()
    assert len(resource.workers_of("more")) == 2
    return resource


def test_a_group_goes_when_its_workers_have_gone(quiet_world: LivingWorld, grouped: ClusterResource) -> None:
    """They are scaled down first, so that they hand over what they hold; what scaled the group goes, too."""
    grouped.adapt(1, 5, "more")
    progress = Acting(quiet_world.reconcile)
    groups.delete(grouped, "more", 60.0, progress)
    assert progress.shown == ["0/2"]
    assert progress.words == "The worker group more of default/simple is deleted."
    assert [grouped.short_name(group) for group in grouped.groups()] == ["default"]
    assert grouped.autoscalers() == ()


def test_a_group_goes_when_time_is_up(grouped: ClusterResource) -> None:
    """Nobody acts here; how many were left is told."""
    progress = Acting(lambda: None)
    groups.delete(grouped, "more", 1e-9, progress)
    assert progress.words.endswith("is deleted. 2 of its workers had not handed over what they hold.")
    assert len(grouped.groups()) == 1


def test_a_group_goes_at_once_if_nobody_is_to_wait(grouped: ClusterResource) -> None:
    """It is not even scaled down."""
    progress = Acting(lambda: None)
    groups.delete(grouped, "more", 0.0, progress)
    assert progress.shown == []
    assert len(grouped.groups()) == 1


def test_the_default_group_is_not_scaled_down_to_be_deleted(grouped: ClusterResource) -> None:
    """It cannot be deleted by itself."""
    grouped.scale(3)
    with pytest.raises(ValueError, match="goes with the cluster alone"):
        groups.delete(grouped, "default", 60.0, Acting(lambda: None))
    assert grouped.group("default")["spec"]["worker"]["replicas"] == 3
