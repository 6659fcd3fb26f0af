"""Observing some trees: what is seen of them is what a look at everything shows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from models.kinds import (
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_JOB,
    DASK_WORKER_GROUP,
    POD,
    SERVICE,
    Key,
    Kind,
)
from models.snapshot import Observed
from reconciler.memory import MemoryAPI
from reconciler.passes.observe import Observation, Scope, observe
from reconciler.rules.labels import CLUSTER, CLUSTER_NAME, COMPONENT
from reconciler.wire.errors import Forbidden
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.manifests import Manifest, autoscaler, cluster, group, job, manifest, pod_spec

HERE, THERE = "default", "other"


class Counted(MemoryAPI):
    """The API in memory, which keeps what was listed, and may refuse it.

    Args:
        refused: The kind and namespace whose lists are refused.
    """

    def __init__(self, refused: tuple[Kind, str] | None = None) -> None:
        super().__init__(lambda: NOON)
        self.refused = refused
        self.asked: list[tuple[Kind, str | None, str]] = []

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        self.asked.append((kind, namespace, fields or labels))
        if (kind, namespace) == self.refused:
            raise Forbidden("no rights", status=403)
        return super().list(kind, namespace, labels=labels, fields=fields)

    def add(self, body: Manifest, owner: Body | None = None, **metadata: Any) -> Body:
        """Make an object, owned and labelled as the reconciler does it."""
        kind = next(kind for kind in KINDS if kind.name == body["kind"])
        owners = [{**reference(owner), "controller": True}] if owner else []
        metadata = {"namespace": HERE, **body["metadata"], "ownerReferences": owners, **metadata}
        return self.create(kind, {**body, "metadata": metadata}).body

    def tree(self, name: str, owner: Body | None = None, namespace: str = HERE) -> Body:
        """A cluster with a group, an autoscaler, a Service and two Pods."""
        ours = {CLUSTER: name, CLUSTER_NAME: name, COMPONENT: "worker"}
        top = self.add(cluster(name), owner, namespace=namespace, labels=ours if owner else {})
        workers = self.add(group(f"{name}-default-worker-group", name), top, namespace=namespace, labels=ours)
        self.add(autoscaler(f"{name}-auto", name), namespace=namespace)
        self.add(
            manifest(SERVICE, f"{name}-scheduler", {"ports": [{"port": 1}]}), top, namespace=namespace, labels=ours
        )
        self.add(pod(f"{name}-scheduler"), top, namespace=namespace, labels=ours)
        self.add(pod(f"{name}-worker"), workers, namespace=namespace, labels=ours)
        return top

    def job(self, name: str, cluster_name: str) -> Body:
        """A job with its cluster's tree and a runner."""
        top = self.add(job(name))
        self.tree(cluster_name, top)
        ours = {CLUSTER: cluster_name, CLUSTER_NAME: cluster_name, COMPONENT: "job-runner"}
        self.add(pod(f"{name}-runner"), top, labels=ours)
        return top


KINDS = (DASK_JOB, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_AUTOSCALER, POD, SERVICE)


def pod(name: str) -> Manifest:
    return manifest(POD, name, pod_spec())


def reference(owner: Body) -> Body:
    meta = owner["metadata"]
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}


def look(api: Counted, *trees: Key, **scope: Any) -> Observation:
    """A look at some trees, of which the lists are counted."""
    api.asked.clear()
    return observe(api, Scope(trees=frozenset(trees), **scope), NOON)


def key(kind: Kind, name: str, namespace: str = HERE) -> Key:
    return Key(kind, namespace, name)


def everything_of(api: Counted, *beginnings: str, namespace: str = HERE) -> dict[Key, Observed]:
    """What a look at everything shows of the objects whose names begin so."""
    seen = observe(api, Scope(), NOON).snapshot.objects
    return {key: one for key, one in seen.items() if key.name.startswith(beginnings) and key.namespace == namespace}


@pytest.fixture
def api() -> Counted:
    """Two clusters in one namespace, one of the same name in another, and two jobs."""
    world = Counted()
    world.tree("a")
    world.tree("b")
    world.tree("a", namespace=THERE)
    world.job("train", "train-cluster")
    world.job("long", "long")
    return world


def test_of_a_cluster_all_is_seen_that_belongs_to_it(api: Counted) -> None:
    """Groups and autoscalers are found by the cluster that they name, Pods and Services by their label."""
    found = look(api, key(DASK_CLUSTER, "a"))
    assert found.snapshot.objects == everything_of(api, "a")
    assert not found.errors
    assert not found.versions


def test_a_look_at_a_cluster_is_seven_lists(api: Counted) -> None:
    """Nothing is asked for twice, and the parents come first."""
    look(api, key(DASK_CLUSTER, "a"))
    parents = [DASK_CLUSTER, DASK_WORKER_GROUP, DASK_AUTOSCALER]
    assert [kind for kind, _, _ in api.asked] == [*parents, POD, POD, SERVICE, SERVICE]
    assert {namespace for _, namespace, _ in api.asked} == {HERE}


@pytest.mark.parametrize("kind", [DASK_WORKER_GROUP, DASK_AUTOSCALER])
def test_a_group_or_an_autoscaler_stands_for_its_clusters_tree(api: Counted, kind: Kind) -> None:
    """One that carries no label of ours is asked for its cluster first."""
    api.add(group("mine", "a"))
    api.add(autoscaler("mine", "a"))
    found = look(api, key(kind, "mine"))
    assert found.snapshot.objects == everything_of(api, "a", "mine")
    assert found.coverage.covers(key(DASK_CLUSTER, "a"))


@pytest.mark.parametrize(("name", "cluster_name"), [("train", "train-cluster"), ("long", "long")])
def test_a_job_and_its_cluster_are_one_tree(api: Counted, name: str, cluster_name: str) -> None:
    """Whichever of them is named, both are seen, whatever the cluster is called."""
    whole = everything_of(api, name)
    assert len(whole) == 8
    for tree in (key(DASK_JOB, name), key(DASK_CLUSTER, cluster_name)):
        found = look(api, tree)
        assert found.snapshot.objects == whole, tree
        assert found.coverage.covers(key(DASK_JOB, name))
        assert found.coverage.covers(key(DASK_CLUSTER, cluster_name))
        assert not found.coverage.covers(key(DASK_CLUSTER, "a"))


def test_a_job_whose_clusters_name_is_recorded_is_asked_for_no_other(api: Counted) -> None:
    """The status of a job spares lists under the name that the other naming set would give."""
    api.set_status(key(DASK_JOB, "train"), {"clusterName": "train-cluster"})
    look(api, key(DASK_JOB, "train"))
    assert [kind for kind, _, _ in api.asked].count(DASK_CLUSTER) == 1
    assert len(api.asked) == 8


def test_several_trees_are_one_look(api: Counted) -> None:
    """What two trees have in common is listed once."""
    found = look(api, key(DASK_CLUSTER, "a"), key(DASK_CLUSTER, "b"), key(DASK_CLUSTER, "a", THERE))
    assert len(api.asked) == 3 * 5 + 2 * 2
    here, there = everything_of(api, "a", "b"), everything_of(api, "a", namespace=THERE)
    assert found.snapshot.objects == here | there


def test_what_lacks_its_label_is_seen_all_the_same(api: Counted) -> None:
    """Someone took the label away, or an older version made the Pod: it counts, or another would be made for it."""
    for one in (key(POD, "a-worker"), key(SERVICE, "a-scheduler")):
        api.edit(one, {"metadata": {"labels": {CLUSTER: None}}})
    found = look(api, key(DASK_CLUSTER, "a"))
    assert found.snapshot.objects == everything_of(api, "a")
    assert not any(key.name.startswith("a") for key in look(api, key(DASK_CLUSTER, "b")).snapshot.objects)


def test_pods_of_another_operator_are_seen(api: Counted) -> None:
    """A cluster whose Pods belong to Deployments is known to be dask-kubernetes' in a restricted look, too."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "b-scheduler-5d9c7b", "uid": "x"}
    labels = {CLUSTER_NAME: "b", COMPONENT: "scheduler"}
    api.add(pod("strange"), labels=labels, ownerReferences=[{**owner, "controller": True}])
    assert look(api, key(DASK_CLUSTER, "b")).snapshot.is_run_by_replica_sets(HERE, "b")
    assert not look(api, key(DASK_CLUSTER, "a")).snapshot.is_run_by_replica_sets(HERE, "a")


def test_what_is_gone_is_covered(api: Counted) -> None:
    """A tree that is not there any more is known to be gone, with all that it had."""
    api.remove(key(DASK_CLUSTER, "a"))
    found = look(api, key(DASK_CLUSTER, "a"))
    assert set(found.snapshot.objects) == {key(DASK_AUTOSCALER, "a-auto")}
    assert found.coverage.covers(key(DASK_CLUSTER, "a"))
    assert not found.coverage.covers(key(DASK_CLUSTER, "another"))


@pytest.mark.parametrize("name", ["x" * 100, "a.b"])
def test_a_cluster_whose_name_cannot_be_is_seen_without_children(api: Counted, name: str) -> None:
    """No label can hold the name of a cluster that nothing is made for; its owner must be told all the same."""
    api.add(cluster(name))
    api.add(group("astray", "no, name"))
    found = look(api, key(DASK_CLUSTER, name), key(DASK_WORKER_GROUP, "astray"))
    assert set(found.snapshot.objects) == {key(DASK_CLUSTER, name), key(DASK_WORKER_GROUP, "astray")}
    assert not found.errors


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_fails_leaves_the_trees_of_its_namespace_out(api: Counted, kind: Kind) -> None:
    """The trees of other namespaces are seen whole."""
    api.refused = (kind, HERE)
    found = look(api, key(DASK_JOB, "train"), key(DASK_CLUSTER, "a", THERE))
    api.refused = None
    assert found.snapshot.objects == everything_of(api, "a", namespace=THERE)
    assert list(found.errors) == [f"{kind.plural} in namespace {HERE}"]
    assert not found.coverage.covers(key(DASK_JOB, "train"))
    assert found.coverage.covers(key(DASK_CLUSTER, "a", THERE))


def test_trees_of_namespaces_that_are_not_looked_after_are_left_alone(api: Counted) -> None:
    """A wrong hint reads nothing that is none of our business."""
    found = look(api, key(DASK_CLUSTER, "a"), key(DASK_CLUSTER, "a", THERE), namespaces=(THERE,))
    assert found.snapshot.objects == everything_of(api, "a", namespace=THERE)
    assert not found.coverage.covers(key(DASK_CLUSTER, "a"))


def test_side_by_side_the_same_is_seen(api: Counted) -> None:
    """Threads change how long it takes, not what is seen."""
    trees = frozenset({key(DASK_JOB, "train"), key(DASK_CLUSTER, "b")})
    with ThreadPoolExecutor(8) as readers:
        found = observe(api, Scope(trees=trees), NOON, readers)
    alone = observe(api, Scope(trees=trees), NOON)
    assert replace(found, costs=()) == replace(alone, costs=())
