"""Jobs from the first look to the last: the statuses, the order of things, and what is left."""

from collections.abc import Callable

import pytest

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, POD, SERVICE
from reconciler.rules.labels import SCHEDULER_GATE, Role
from reconciler.rules.names import Naming
from reconciler.wire.protocol import Body
from tests.builders import job
from tests.manifests import pod_spec
from tests.simulation.kubelet import NEVER_READY
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, is_ready, key, key_of, settled

TRAIN = key(DASK_JOB, "train")
RUNNER = key(POD, "train-runner")


def _status(world: World) -> Body:
    status: Body = world.get(TRAIN)["status"]
    return status


def _end(world: World, phase: str = "Succeeded") -> None:
    world.kubelet.end(world.get(RUNNER), phase)


@pytest.mark.parametrize("naming", Naming)
def test_a_job_lives_and_ends(naming: Naming) -> None:
    """JobCreated or ClusterCreated, Running, Successful, with names and times, and each seen in this order."""
    world = World(job(), naming=naming)
    name = {Naming.CLASSIC: "train-cluster", Naming.CURRENT: "train"}[naming]
    seen: list[str] = []
    for _ in range(8):
        world.tick()
        seen.append(_status(world)["jobStatus"])
    assert list(dict.fromkeys(seen)) == ["ClusterCreated", "Running"]
    status = _status(world)
    assert (status["clusterName"], status["jobRunnerPodName"]) == (name, "train-runner")
    assert status["startTime"] == world.get(RUNNER)["status"]["startTime"]
    assert "endTime" not in status

    world.clock.advance(60)
    _end(world)
    world.settle()
    status = _status(world)
    assert status["jobStatus"] == "Successful"
    assert status["startTime"] < status["endTime"]
    assert world.condition(TRAIN, "Complete")[0] == "True"
    assert world.condition(TRAIN, "Failed")[0] == "False"
    assert not world.has(key(DASK_CLUSTER, name))
    assert [key_of(body) for body in world.api.objects(POD)] == [RUNNER]
    check_at_rest(world)


def test_a_failed_runner_is_a_failed_job() -> None:
    """Its Pod is kept for its logs."""
    world = settled(job())
    _end(world, "Failed")
    world.settle()
    assert _status(world)["jobStatus"] == "Failed"
    assert world.condition(TRAIN, "Failed")[0] == "True"
    assert world.has(RUNNER)
    check_at_rest(world)


def test_the_runner_is_not_scheduled_before_the_scheduler_is_ready() -> None:
    """It is created at once, and gated."""
    world = World(job(scheduler={"spec": pod_spec(NEVER_READY)}))
    for _ in range(30):
        world.tick()
    (runner,) = world.pods(Role.JOB_RUNNER)
    assert [gate["name"] for gate in runner["spec"]["schedulingGates"]] == [SCHEDULER_GATE]
    assert "nodeName" not in runner["spec"]
    assert _status(world)["jobStatus"] == "ClusterCreated"
    world.edit(TRAIN, {"spec": {"cluster": {"spec": {"scheduler": {"spec": pod_spec("dask:2")}}}}})
    world.settle()
    (runner,) = world.pods(Role.JOB_RUNNER)
    assert is_ready(runner)


def test_a_scheduler_that_is_lost_later_does_not_stop_the_runner() -> None:
    """The gate does not come back."""
    world = settled(job())
    before = world.get(RUNNER)["metadata"]["uid"]
    world.delete(key_of(world.schedulers("train-cluster")[0]))
    world.settle()
    assert world.get(RUNNER)["metadata"]["uid"] == before


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_job_is_never_run_again(phase: str) -> None:
    """Whatever is deleted, edited or restarted afterwards; the watch looks at every write."""
    world = settled(job())
    _end(world, phase)
    world.settle()
    outcome = _status(world)["jobStatus"]
    happenings: list[Callable[[], None]] = [
        lambda: world.delete(RUNNER),
        lambda: world.edit(TRAIN, {"spec": {"job": {"spec": pod_spec("dask:2")}}}),
        lambda: world.edit(TRAIN, {"spec": {"cluster": {"spec": {"worker": {"replicas": 9}}}}}),
        world.restart,
    ]
    for happens in happenings:
        happens()
        world.settle()
        assert _status(world)["jobStatus"] == outcome
        assert not world.pods(live=True)
        assert not world.api.objects(DASK_CLUSTER)


def test_an_outcome_survives_a_reconciler_that_did_not_see_it_written() -> None:
    """The runner is gone when the next looks: the outcome stands."""
    world = settled(job())
    _end(world)
    world.reconcile()
    world.api.remove(RUNNER)
    world.restart()
    world.settle()
    assert _status(world)["jobStatus"] == "Successful"
    assert not world.has(RUNNER)


def test_edits_of_a_running_job_reach_its_cluster() -> None:
    """Replicas, templates and Service; the runner runs on."""
    world = settled(job(replicas=1))
    before = world.get(RUNNER)["metadata"]["uid"]
    change = {"worker": {"replicas": 2, "spec": pod_spec("dask:2")}, "scheduler": {"service": {"type": "NodePort"}}}
    world.edit(TRAIN, {"spec": {"cluster": {"spec": change}}})
    world.settle()
    assert len(world.workers("train-cluster-default-worker-group")) == 2
    assert world.get(key(SERVICE, "train-cluster-service"))["spec"]["type"] == "NodePort"
    assert world.get(RUNNER)["metadata"]["uid"] == before
    check_at_rest(world)


def test_an_edit_of_the_runner_is_told_until_it_is_created_anew() -> None:
    """Who deletes the Pod runs the new template."""
    world = settled(job())
    world.edit(TRAIN, {"spec": {"job": {"spec": pod_spec("dask:2")}}})
    world.settle()
    assert world.condition(TRAIN, "RunnerUpToDate")[:2] == ("False", "RunnerTemplateChanged")
    assert world.get(RUNNER)["spec"]["containers"][0]["image"] == "dask:1"
    world.delete(RUNNER)
    world.settle()
    assert world.condition(TRAIN, "RunnerUpToDate")[0] == "True"
    assert world.get(RUNNER)["spec"]["containers"][0]["image"] == "dask:2"


def test_everything_goes_with_the_job() -> None:
    """Running or over."""
    for is_over in (False, True):
        world = World(job())
        world.settle()
        if is_over:
            _end(world)
            world.settle()
        world.delete(TRAIN)
        world.settle()
        assert [body for kind in (*CUSTOM_KINDS, POD, SERVICE) for body in world.api.objects(kind)] == []


def test_a_job_starts_anew_when_it_is_created_anew() -> None:
    """A namesake with another uid is another job."""
    world = settled(job())
    _end(world)
    world.settle()
    world.delete(TRAIN)
    world.create(job())
    world.settle()
    assert _status(world)["jobStatus"] == "Running"
    check_at_rest(world)


def test_a_deleted_cluster_comes_back_for_a_running_job_and_not_for_a_finished_one() -> None:
    """Healing ends with the outcome."""
    world = settled(job())
    world.delete(key(DASK_CLUSTER, "train-cluster"))
    world.settle()
    check_at_rest(world)
    _end(world)
    world.settle()
    assert not world.api.objects(DASK_CLUSTER)


def test_a_runner_that_names_its_node_is_created_when_the_scheduler_is_ready() -> None:
    """A Pod with a node cannot be gated, so it waits by not being there."""
    runner = {**pod_spec(), "nodeName": "node-0"}
    there = World(job("train", replicas=1, runner=runner))
    there.reconcile()
    assert not there.has(key(POD, "train-runner"))
    there.settle()
    assert there.get(key(POD, "train-runner"))["spec"].get("schedulingGates", []) == []
