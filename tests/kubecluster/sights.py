"""What is seen of a cluster, each object in one line; kubelets' statuses as they write them.

What is not said is as a healthy cluster has it: two workers are wanted, Pods run and are ready. As in the API's lists,
objects have no kind.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from kubecluster.diagnosis import Body, Sight
from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, EVENT, POD, SERVICE
from tests.simulation.world import World

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
NAMESPACE = "ml"
CRASHES = (
    "back-off 1m20s restarting failed container=main pod=simple-scheduler_ml(4b101767-f1ed-4e67-9104-02b0a73cf004)"
)
LABELS = {"cluster": "dask.org/cluster-name", "component": "dask.org/component", "group": "dask.org/workergroup-name"}


def meta(name: str, **more: Any) -> Body:
    created = (NOON - timedelta(seconds=1)).isoformat()
    return {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "creationTimestamp": created, **more}


def condition(type_: str, status: str, reason: str = "", message: str = "", generation: int = 1) -> Body:
    told = {"type": type_, "status": status, "reason": reason, "message": message}
    return {**told, "observedGeneration": generation}


def cluster(*conditions: Body, workers: int = 2, status: Body | None = None, **metadata: Any) -> Body:
    """The DaskCluster `simple`; without a status, as dask-kubernetes leaves it."""
    found = {"conditions": list(conditions)} if conditions else {"phase": "Pending"}
    spec = {"scheduler": {}, "worker": {"replicas": workers}}
    return {"metadata": meta("simple", generation=1, **metadata), "spec": spec, "status": {**found, **(status or {})}}


def group(*conditions: Body, name: str = "simple-default", workers: int = 2, **status: Any) -> Body:
    spec = {"cluster": "simple", "worker": {"replicas": workers}}
    found = {**({"conditions": list(conditions)} if conditions else {}), **status}
    return {"metadata": meta(name, generation=1), "spec": spec, "status": found}


def pod(name: str, component: str, status: Body | None = None, *, group: str = "", **spec: Any) -> Body:
    labels = {
        LABELS["cluster"]: "simple",
        LABELS["component"]: component,
        **({LABELS["group"]: group} if group else {}),
    }
    containers = [{"name": "main", "image": "ghcr.io/dask/dask:2026.1.0"}]
    whole = {"containers": containers, "nodeName": "n1", **spec}
    return {"metadata": meta(name, labels=labels), "spec": whole, "status": READY if status is None else status}


def scheduler(status: Body | None = None, name: str = "simple-scheduler", **spec: Any) -> Body:
    return pod(name, "scheduler", status, **spec)


def worker(number: int, status: Body | None = None, group: str = "simple-default", **spec: Any) -> Body:
    return pod(f"{group}-worker-{number}", "worker", status, group=group, **spec)


def service(type_: str = "ClusterIP", name: str = "simple-scheduler", **status: Any) -> Body:
    return {"metadata": meta(name), "spec": {"type": type_}, "status": status}


def event(about: str, reason: str, message: str, type_: str = "Warning", after: float = 1, **more: Any) -> Body:
    """An Event about `kind/name`, some seconds after noon."""
    kind, _, name = about.partition("/")
    time = (NOON + timedelta(seconds=after)).isoformat().replace("+00:00", "Z")
    told = {"reason": reason, "message": message, "type": type_, "lastTimestamp": time, "count": 1}
    return {"metadata": {}, "involvedObject": {"kind": kind, "name": name}, **told, **more}


def sight(*pods: Body, events: tuple[Body, ...] = (), at: datetime = LATER, **more: Any) -> Sight:
    """A look; more: `cluster`, `groups`, `services`."""
    parts = {"cluster": cluster(), "groups": (group(),), "services": (service(),), **more}
    return Sight(at=at, pods=pods, events=events, **parts)


def looked(world: World, name: str = "simple", *, with_events: bool = True) -> Sight:
    """A look at a simulated world, as the API's lists show it."""

    def listed(kind: Any) -> list[Body]:
        return [
            {part: body[part] for part in body if part not in ("kind", "apiVersion")}
            for body in world.api.objects(kind)
        ]

    def labelled(kind: Any) -> tuple[Body, ...]:
        return tuple(body for body in listed(kind) if body["metadata"].get("labels", {}).get(LABELS["cluster"]) == name)

    found = [body for body in listed(DASK_CLUSTER) if body["metadata"]["name"] == name]
    groups = tuple(body for body in listed(DASK_WORKER_GROUP) if body["spec"]["cluster"] == name)
    events = tuple(listed(EVENT)) if with_events else ()
    return Sight(world.clock(), found[0] if found else None, groups, labelled(POD), labelled(SERVICE), events)


# What kubelets write.

READY: Body = {
    "phase": "Running",
    "conditions": [condition("PodScheduled", "True"), condition("Ready", "True")],
    "containerStatuses": [
        {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}, "lastState": {}}
    ],
}


def on_node(*containers: Body, phase: str = "Pending", **status: Any) -> Body:
    unready = condition("Ready", "False", "ContainersNotReady", "containers with unready status: [main]")
    conditions = [condition("PodScheduled", "True"), unready]
    return {"phase": phase, "conditions": conditions, "containerStatuses": list(containers), **status}


def container(state: Body, *, ready: bool = False, name: str = "main", restarts: int = 0, last: Any = None) -> Body:
    counts = {"restartCount": restarts, "started": ready}
    return {"name": name, "ready": ready, "state": state, "lastState": last or {}, **counts}


def waits(reason: str, message: str = "", **more: Any) -> Body:
    """A Pod whose only container waits."""
    return on_node(container({"waiting": {"reason": reason, "message": message}}, **more))


def ended(code: int, reason: str = "Error", message: str = "", ran_seconds: float = 1) -> Body:
    started = NOON.isoformat().replace("+00:00", "Z")
    finished = (NOON + timedelta(seconds=ran_seconds)).isoformat().replace("+00:00", "Z")
    told = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": finished}
    return {"terminated": {**told, **({"message": message} if message else {})}}


def crashes(code: int, reason: str = "Error", message: str = "", *, restarts: int = 1, ran_seconds: float = 1) -> Body:
    """A Pod whose only container is in a crash loop."""
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": CRASHES}}
    last = ended(code, reason, message, ran_seconds)
    return on_node(container(waiting, restarts=restarts, last=last), phase="Running")


def homeless(message: str) -> Body:
    """A Pod that no node takes."""
    return {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]}


CREATING = waits("ContainerCreating")
RUNNING = on_node(container({"running": {}}), phase="Running")
