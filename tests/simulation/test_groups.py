"""Additional worker groups: before their cluster, after it, without it, and with it to the end."""

import pytest

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD
from reconciler.rules.names import Naming
from tests.builders import autoscaler, cluster, group, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import is_ready, key, settled

SIMPLE = key(DASK_CLUSTER, "simple")
MORE = key(DASK_WORKER_GROUP, "more")


@pytest.mark.parametrize("naming", Naming)
@pytest.mark.parametrize("first", ["cluster", "group"])
def test_a_group_joins_its_cluster_whichever_was_created_first(first: str, naming: Naming) -> None:
    """Its workers get the cluster's address and labels, and it is adopted."""
    one, more = cluster(labels={"team": "x"}), group("simple", "more", replicas=2)
    world = settled(one if first == "cluster" else more, naming=naming)
    world.create(more if first == "cluster" else one)
    world.settle()
    workers = world.workers("more")
    assert len([pod for pod in workers if is_ready(pod)]) == 2
    assert {pod["metadata"]["labels"]["team"] for pod in workers} == {"x"}
    check_at_rest(world)


def test_a_group_without_its_cluster_says_so_and_waits() -> None:
    """The condition names the cluster; when it appears, the workers start."""
    world = settled(group("simple", "more"))
    state, reason, message = world.condition(MORE, "Ready")
    assert (state, reason) == ("False", "ClusterNotFound")
    assert "default/simple" in message
    assert not world.pods()
    world.create(cluster())
    world.settle()
    assert world.condition(MORE, "Ready")[0] == "True"


def test_groups_and_autoscalers_go_with_their_cluster() -> None:
    """They were adopted; what was made for them goes too."""
    world = settled(cluster(), group("simple", "more"), autoscaler("simple"), group("other", "stays"))
    world.delete(SIMPLE)
    world.settle()
    assert [body["metadata"]["name"] for body in world.api.objects(DASK_WORKER_GROUP)] == ["stays"]
    assert not world.api.objects(DASK_AUTOSCALER)
    assert not world.api.objects(POD)


def test_a_group_joins_a_jobs_cluster() -> None:
    """Found by name like any other."""
    world = settled(job(), group("train-cluster", "more", replicas=2))
    assert len(world.workers("more")) == 2
    check_at_rest(world)


def test_a_deleted_group_takes_only_its_own_workers() -> None:
    """The others run on."""
    world = settled(cluster(), group("simple", "more"), group("simple", "most"))
    before = {pod["metadata"]["uid"] for pod in world.pods()} - {
        pod["metadata"]["uid"] for pod in world.workers("more")
    }
    world.delete(MORE)
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.pods()} == before


def test_scaling_one_group_leaves_the_others_alone() -> None:
    """Victims are within the group."""
    world = settled(cluster(), group("simple", "more"))
    before = {pod["metadata"]["uid"] for pod in world.workers("simple-default-worker-group")}
    world.edit(MORE, {"spec": {"worker": {"replicas": 0}}})
    world.settle()
    assert {pod["metadata"]["uid"] for pod in world.workers("simple-default-worker-group")} == before
    assert not world.workers("more")


def test_a_copy_of_the_default_group_becomes_a_group_of_its_own() -> None:
    """Annotations, owner and all: neither it nor the original is overwritten."""
    world = settled(cluster())
    original = world.get(key(DASK_WORKER_GROUP, "simple-default-worker-group"))
    meta = {name: original["metadata"][name] for name in ("namespace", "labels", "annotations", "ownerReferences")}
    worker = {**original["spec"]["worker"], "replicas": 2, "minReadySeconds": 1}
    world.api.create(
        DASK_WORKER_GROUP,
        {**original, "metadata": {**meta, "name": "a-copy"}, "spec": {**original["spec"], "worker": worker}},
    )
    world.settle()
    assert len(world.workers("a-copy")) == 2
    assert len(world.workers("simple-default-worker-group")) == 3
    assert world.get(key(DASK_WORKER_GROUP, "a-copy"))["spec"]["worker"]["minReadySeconds"] == 1


def test_a_cluster_deleted_and_created_anew_gets_everything_anew() -> None:
    """Nothing of the old one is taken for the new one's."""
    world = settled(cluster(), group("simple", "more"))
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    world.delete(SIMPLE)
    world.create(cluster(replicas=1))
    world.create(group("simple", "more", replicas=1))
    world.settle()
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in world.pods())
    check_at_rest(world)


def test_longest_names_are_converged() -> None:
    """The longest allowed names, of a cluster and of a group, fit into every label and every child's name."""
    name = "a" + "-" * 51 + "z"
    long_group = "g" + "-g" * 117
    there = settled(cluster(name, replicas=1), group(name, long_group, replicas=1))
    assert there.get(key(DASK_CLUSTER, name))["status"]["phase"] == "Running"
    assert there.get(key(DASK_WORKER_GROUP, long_group))["status"]["workers"] == "1/1"
    for pod in there.pods():
        assert all(len(value) <= 63 for value in pod["metadata"]["labels"].values())
