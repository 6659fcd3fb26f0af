"""What people, controllers and webhooks do to what the reconciler made, and beside it."""

from collections.abc import Mapping

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from reconciler.rules.labels import CLUSTER
from reconciler.wire.protocol import Body
from tests.manifests import pod_spec
from tests.simulation.hands import Hand, is_child, pick, resources
from tests.simulation.webhooks import THEIRS, WEBHOOKS
from tests.simulation.world import World, key_of

LABELS = (CLUSTER, "dask.org/cluster-name", "dask.org/workergroup-name", "dask.org/component", "team", THEIRS)
MARKS = ("role", "template-hash", "scheduler-hash", "ordinal", "set-by-owner")
HELPER = "helper"
"""How the name of a Pod ends that users hung beside ours."""


def _child_deleted(world: World, whom: int, how: int) -> None:
    children = resources(world, POD, SERVICE, DASK_WORKER_GROUP, DASK_CLUSTER)
    body = pick([body for body in children if is_child(body)], whom)
    if body is None:
        return
    if how % 4 == 0:
        world.api.remove(key_of(body))
    else:
        world.delete(key_of(body))


def _service_changed(world: World, whom: int, how: int) -> None:
    body = pick([service for service in resources(world, SERVICE) if is_child(service)], whom)
    if body is not None:
        changes: tuple[Body, ...] = (
            {"spec": {"selector": {"more": "x"}}},
            {"spec": {"selector": {"dask.org/component": "worker"}}},
            {"spec": {"ports": [{"name": "other", "port": 1}]}},
            {"metadata": {"labels": {"dask.org/cluster-name": "other"}}},
            {"metadata": {"labels": {"dask.org/cluster-name": None}}},
        )
        change = changes[how % len(changes)]
        if set(change.get("metadata", {}).get("labels", ())) <= body["metadata"].get("labels", {}).keys():
            world.edit(key_of(body), change)


def _pod_labelled(world: World, whom: int, how: int) -> None:
    """A label is changed, or taken off."""
    body = pick([pod for pod in world.pods() if is_child(pod)], whom)
    if body is not None:
        label = LABELS[how % len(LABELS)]
        if label == THEIRS or label in body["metadata"]["labels"]:
            world.edit(key_of(body), {"metadata": {"labels": {label: "by-hand" if how % 2 else None}}})


def _mark_lost(world: World, whom: int, how: int) -> None:
    """An annotation of ours is taken off."""
    body = pick([pod for pod in world.pods() if is_child(pod)], whom)
    if body is not None:
        name = f"kubernetes.dask.org/{MARKS[how % len(MARKS)]}"
        world.edit(key_of(body), {"metadata": {"annotations": {name: None}}})
        world.watch.asked.most += 1


def _helper_hung(world: World, whom: int, how: int) -> None:
    """A user hangs a Pod of their own to a resource, so that it goes with it."""
    body = pick(resources(world, DASK_CLUSTER, DASK_WORKER_GROUP), whom)
    if body is None:
        return
    meta = body["metadata"]
    owner = {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": meta["name"], "uid": meta["uid"]}
    labels = {"dask.org/cluster-name": meta["name"], "dask.org/component": ("helper", "scheduler", "worker")[how % 3]}
    _hang(world, f"{meta['name']}-{HELPER}", meta["namespace"], labels, owner)


def _deployment_labelled(world: World, whom: int, _: int) -> None:
    """A Pod of a user's own Deployment carries Dask's labels."""
    body = pick(resources(world, DASK_CLUSTER), whom)
    if body is not None:
        meta = body["metadata"]
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "r-uid", "controller": True}
        labels = {"dask.org/cluster-name": meta["name"], "dask.org/component": "web"}
        _hang(world, f"{meta['name']}-web-{HELPER}", meta["namespace"], labels, owner)


def _hang(world: World, name: str, namespace: str, labels: Body, owner: Body) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [owner]},
        "spec": pod_spec(),
    }
    if not world.has(key_of(body)):
        world.api.create(POD, body)


def _webhook_on(world: World, whom: int, _: int) -> None:
    name = WEBHOOKS[whom % len(WEBHOOKS)]
    world.journal.note("webhook", f"{name}, from now on")
    world.webhooks.on.add(name)


def _webhooks_off(world: World, _: int, __: int) -> None:
    world.webhooks.on.clear()
    world.webhooks.release()


MEDDLING: Mapping[str, Hand] = {
    "child deleted": _child_deleted,
    "service changed by hand": _service_changed,
    "pod labelled by hand": _pod_labelled,
    "mark lost": _mark_lost,
    "helper hung": _helper_hung,
    "deployment labelled": _deployment_labelled,
    "webhook on": _webhook_on,
    "webhooks off": _webhooks_off,
}
