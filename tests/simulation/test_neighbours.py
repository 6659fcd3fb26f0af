"""Neighbours: what belongs to others is left alone, and one bad resource stops no other."""

from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Kind
from reconciler.rules.labels import KOPF_FINALIZER
from reconciler.wire.protocol import Body
from tests.builders import cluster, group, job, manifest
from tests.manifests import pod_spec
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, images, is_ready, key, key_of, settled

SIMPLE = key(DASK_CLUSTER, "simple")
GROUP = "simple-default-worker-group"
LABELS = {"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"}
DEPLOYMENT = [
    {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "deployed-scheduler-7d9f",
        "uid": "r-uid",
        "controller": True,
    }
]


def _foreign(kind: Kind, name: str, spec: Body | None = None, **metadata: Any) -> Body:
    spec = spec or (pod_spec() if kind == POD else {"ports": [{"port": 1}], "selector": {"app": "x"}})
    meta = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, "spec": spec}


def _placed(world: World, *bodies: Body) -> list[Body]:
    kinds = {kind.name: kind for kind in (POD, SERVICE, DASK_CLUSTER, DASK_WORKER_GROUP)}
    return [world.api.create(kinds[body["kind"]], body).body for body in bodies]


def _is_untouched(world: World, bodies: list[Body]) -> bool:
    """Whether the objects are as they were, but for what kubelets write."""
    after = [world.get(key_of(body)) for body in bodies]
    return [(body["metadata"], body["spec"].get("selector")) for body in map(_static, after)] == [
        (body["metadata"], body["spec"].get("selector")) for body in map(_static, bodies)
    ]


def _static(body: Body) -> Body:
    metadata = {
        name: value for name, value in body["metadata"].items() if name not in ("resourceVersion", "generation")
    }
    return {**body, "metadata": metadata}


@pytest.mark.parametrize("labels", [{}, {"dask.org/component": "x"}], ids=["not even listed", "listed"])
def test_objects_that_others_have_under_our_names_are_left_alone_and_told(labels: dict[str, str]) -> None:
    """A Pod and a Service in the way: the owner is told, and all that can be done without them is done."""
    world = World()
    mine = _placed(
        world,
        _foreign(SERVICE, "simple-service", labels=labels),
        _foreign(POD, "train-runner", labels=labels, ownerReferences=DEPLOYMENT),
    )
    world.create(cluster())
    world.create(job(replicas=1))
    for _ in range(20):
        world.tick()
    assert _is_untouched(world, mine)
    state, reason, message = world.condition(SIMPLE, "Ready")
    assert (state, reason) == ("False", "NameConflict")
    assert "Service default/simple-service" in message
    assert "ReplicaSet deployed-scheduler-7d9f" in world.condition(key(DASK_JOB, "train"), "Ready")[2]
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 3
    assert len([pod for pod in world.schedulers("simple") if is_ready(pod)]) == 1

    for body in mine:
        world.api.remove(key_of(body))
    world.settle()
    check_at_rest(world)


def test_what_users_hang_on_a_resource_is_theirs() -> None:
    """Pods and Services that are to go with a cluster, a group or a job are no children."""
    world = settled(cluster(), job(replicas=1))
    owners = {
        kind: world.get(key(kind, name))
        for kind, name in ((DASK_CLUSTER, "simple"), (DASK_WORKER_GROUP, GROUP), (DASK_JOB, "train"))
    }
    mine = [
        body
        for number, (kind, owner) in enumerate(owners.items())
        for body in _placed(
            world,
            *(
                _foreign(
                    what,
                    f"notebook-{number}",
                    labels=LABELS,
                    ownerReferences=[
                        {
                            "apiVersion": kind.api_version,
                            "kind": kind.name,
                            "name": owner["metadata"]["name"],
                            "uid": owner["metadata"]["uid"],
                        }
                    ],
                )
                for what in (POD, SERVICE)
            ),
        )
    ]
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": 0}, "scheduler": {"spec": pod_spec("dask:2")}}})
    world.settle()
    assert _is_untouched(world, mine)
    assert images(world.schedulers("simple")) == {"dask:2"}


def test_a_cluster_of_dask_kubernetes_is_left_alone() -> None:
    """Its finalizer, or Pods of its Deployments, say that it may still be running there."""
    world = World()
    finalized = manifest(cluster("with-finalizer"))
    finalized["metadata"]["finalizers"] = [KOPF_FINALIZER]
    deployed = {"dask.org/cluster-name": "deployed", "dask.org/component": "scheduler"}
    mine = _placed(
        world,
        finalized,
        manifest(cluster("deployed")),
        manifest(group("deployed", "deployed-default")),
        _foreign(POD, "deployed-scheduler-7d9f-x", labels=deployed, ownerReferences=DEPLOYMENT),
        _foreign(SERVICE, "deployed-scheduler", labels=deployed),
    )
    world.create(cluster())
    world.settle()
    assert _is_untouched(world, mine)
    for name in ("with-finalizer", "deployed"):
        assert world.condition(key(DASK_CLUSTER, name), "Ready")[:2] == ("False", "ManagedByDaskKubernetes")
    assert not world.workers("deployed-default")
    assert len(world.workers(GROUP)) == 3


def _spoiled(body: Body) -> None:
    body["spec"]["worker"]["updateStrategy"] = {"type": "Sideways"}


@pytest.mark.parametrize(
    "broken",
    [manifest(group("simple", "broken")), manifest(cluster("broken"))],
    ids=["a group of the same cluster", "another cluster"],
)
def test_one_unreadable_resource_stops_no_other(broken: Body) -> None:
    """Stored by an older definition, say: everyone else is built, healed and scaled, also its own cluster."""
    world = settled(cluster(), checked=False)
    _spoiled(broken)
    kind = {"DaskCluster": DASK_CLUSTER, "DaskWorkerGroup": DASK_WORKER_GROUP}[broken["kind"]]
    owner = world.get(SIMPLE)
    if kind == DASK_WORKER_GROUP:
        broken["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "kubernetes.dask.org/v1",
                "kind": "DaskCluster",
                "name": "simple",
                "uid": owner["metadata"]["uid"],
            }
        ]
    world.api.create(kind, broken)
    world.settle()
    world.delete(key_of(world.schedulers("simple")[0]))
    world.edit(SIMPLE, {"spec": {"worker": {"replicas": 5}}})
    world.settle()
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 5
    assert len([pod for pod in world.schedulers("simple") if is_ready(pod)]) == 1
    assert world.condition(key(kind, "broken"), "Ready")[:2] == ("False", "Invalid")


def test_one_refused_template_stops_no_other_cluster() -> None:
    """Its owner is told in the API server's words, and it is tried less and less often."""
    bad = cluster("bad", worker={"spec": {**pod_spec(), "restartPolicy": "Sometimes"}})
    world = World(bad, cluster(), checked=False)
    for _ in range(60):
        world.tick()
    assert len([pod for pod in world.workers(GROUP) if is_ready(pod)]) == 3
    assert "restartPolicy" in world.condition(key(DASK_WORKER_GROUP, "bad-default-worker-group"), "Accepted")[2]
    refused = [response for result in world.results for response in result.failures]
    assert 3 <= len(refused) <= 10
    world.edit(key(DASK_CLUSTER, "bad"), {"spec": {"worker": {"spec": {"restartPolicy": None}}}})
    world.settle()
    check_at_rest(world)


def test_a_badly_named_cluster_is_told_and_stops_no_other() -> None:
    """Created before the definition checked names, say."""
    world = settled(cluster("a.b"), cluster(), checked=False)
    assert world.condition(key(DASK_CLUSTER, "a.b"), "Ready")[:2] == ("False", "NameTooLong")
    assert len(world.workers(GROUP)) == 3


ODD_TEMPLATES: dict[str, Body] = {
    "no containers": {"containers": []},
    "env null": {"containers": [{"name": "main", "env": None, "ports": None, "args": None, "command": None}]},
    "no image": {"containers": [{"name": "main"}]},
    "a port without a name": {"containers": [{"name": "main", "ports": [{"containerPort": 8786}]}]},
    "a name set twice, to nothing": {
        "containers": [
            {"name": "main", "env": [{"name": "DASK_WORKER_NAME", "value": None}, {"name": "DASK_WORKER_NAME"}]}
        ]
    },
    "unicode": {"containers": [{"name": "main", "args": ["\u4f60\u597d", "\U0001f600", "\u0000"]}]},
}


@pytest.mark.parametrize("template", ODD_TEMPLATES.values(), ids=ODD_TEMPLATES)
def test_an_odd_template_brings_no_bug_to_light(template: Body) -> None:
    """Whatever the schema lets pass is at most refused by the API server, and told."""
    there = World(cluster(scheduler={"spec": template}, worker={"spec": template}), cluster("other"))
    result = there.reconcile()
    assert result.bugs == ()
    assert there.get(key(DASK_CLUSTER, "other"))["status"]["phase"] == "Running"
