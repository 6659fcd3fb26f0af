"""Observed objects in one line each: the four kinds, Pods, Services, and the world that holds them.

What is not said is as a healthy cluster has it: a resource whose naming is recorded, a Pod that runs and is ready.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from models.base import wire_time
from models.kinds import POD, SERVICE, Key, Kind
from models.observed import Pod, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup, Resource
from models.snapshot import Observed, Owner, Snapshot, Unreadable, keyed
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.desire.services import scheduler_labels
from reconciler.passes.values import Finding
from reconciler.rules import names
from reconciler.rules.labels import (
    CLUSTER_NAME,
    COMPONENT,
    NAMING,
    ORDINAL,
    REPLICAS_HANDED_DOWN,
    ROLE,
    SCHEDULER_GATE,
    SCHEDULER_HASH,
    TEMPLATE_HASH,
    WORKER_GROUP_NAME,
    Component,
    Role,
)
from reconciler.rules.names import Naming
from reconciler.rules.parts import naming_or_default
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import runner_hash, scheduler_hash, worker_hash
from reconciler.wire.parse import parse_object
from tests import manifests
from tests.manifests import pod_spec

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NAMESPACE = "default"

Json = dict[str, Any]
Model = TypeVar("Model", DaskCluster, DaskWorkerGroup, DaskJob, DaskAutoscaler, Pod, Service)


def cluster(
    name: str = "simple", *, replicas: int = 3, naming: Naming | None = Naming.CLASSIC, **more: Any
) -> DaskCluster:
    """A cluster. More: `scheduler`, `worker` (fields of theirs), `lifetime` (fields of its spec), and metadata."""
    annotations = {NAMING: str(naming)} if naming is not None else {}
    spec = cluster_spec(replicas, more)
    return read(DaskCluster, name, spec, annotations, more)


def cluster_spec(replicas: int, more: Json) -> Json:
    """The spec of a cluster, or of a job's."""
    scheduler = {"spec": pod_spec(), **more.pop("scheduler", {})}
    worker = {"spec": pod_spec(), "replicas": replicas, **more.pop("worker", {})}
    return {"scheduler": scheduler, "worker": worker, **more.pop("lifetime", {})}


def group(of: DaskCluster | str = "simple", name: str = "more", *, replicas: int = 3, **more: Any) -> DaskWorkerGroup:
    """A worker group: the user's own, adopted if its cluster is given. More: fields of `worker`, and metadata."""
    owner = of if isinstance(of, DaskCluster) else None
    spec = {
        "cluster": of if isinstance(of, str) else of.metadata.name,
        "worker": {"spec": pod_spec(), "replicas": replicas, **more.pop("worker", {})},
    }
    return read(DaskWorkerGroup, name, spec, {}, {"owner": owner, **more})


def default_group(of: DaskCluster, *, handed_down: int | None = 3, **more: Any) -> DaskWorkerGroup:
    """The worker group that a cluster made."""
    annotations = {ROLE: str(Role.DEFAULT_GROUP)}
    if handed_down is not None:
        annotations[REPLICAS_HANDED_DOWN] = str(handed_down)
    name = names.default_group(naming_or_default(of), of.metadata.name)
    more = {"replicas": of.spec.worker.replicas, **more}
    labels = {CLUSTER_NAME: of.metadata.name, COMPONENT: str(Component.WORKER_GROUP)}
    return group(of, name, **_marked(labels, annotations, more))


def job(name: str = "train", *, replicas: int = 3, naming: Naming | None = Naming.CLASSIC, **more: Any) -> DaskJob:
    """A job. More: `runner` (its PodSpec), `scheduler`, `worker`, `status`, and metadata."""
    annotations = {NAMING: str(naming)} if naming is not None else {}
    spec = {
        "job": {"spec": more.pop("runner", pod_spec()), "metadata": more.pop("runner_metadata", {})},
        "cluster": {"spec": cluster_spec(replicas, more), "metadata": more.pop("cluster_metadata", {})},
    }
    return read(DaskJob, name, spec, annotations, more)


def job_cluster(of: DaskJob, *, handed_down: int | None = 3, **more: Any) -> DaskCluster:
    """The cluster that a job made."""
    naming = naming_or_default(of)
    annotations = {ROLE: str(Role.JOB_CLUSTER)}
    if handed_down is not None:
        annotations[REPLICAS_HANDED_DOWN] = str(handed_down)
    name = names.job_cluster(naming, of.metadata.name)
    return cluster(name, naming=naming, owner=of, **_marked({CLUSTER_NAME: name}, annotations, more))


def autoscaler(of: DaskCluster | str = "simple", name: str = "auto", **more: Any) -> DaskAutoscaler:
    """An autoscaler, adopted if its cluster is given. More: `spec` (fields of its spec), and metadata."""
    owner = of if isinstance(of, DaskCluster) else None
    spec = {"cluster": of if isinstance(of, str) else of.metadata.name, "minimum": 0, "maximum": 10}
    spec |= more.pop("spec", {})
    return read(DaskAutoscaler, name, spec, {}, {"owner": owner, **more})


def pod(name: str, status: Any = None, **more: Any) -> Pod:
    """A Pod.

    Args:
        name: Its name.
        status: Its whole status; without it, a status is made, and the Pod is on a node.
        **more: `node`, `restart_policy`, `gates`, metadata, and what a status is made from: `phase`, `ready`,
            `ready_for`, `reason`, `message`, `exit_code`, `containers` (their statuses, by name), `disrupted`, `ip`.
    """
    gates = [{"name": gate} for gate in more.pop("gates", ())]
    named = list(more.get("containers", ())) or [one["name"] for one in (status or {}).get("containerStatuses", ())]
    spec = {
        "containers": [{"name": called} for called in named] or pod_spec()["containers"],
        "nodeName": more.pop("node", "a-node" if status is None and not gates else ""),
        "schedulingGates": gates,
        "restartPolicy": more.pop("restart_policy", "Always"),
    }
    return read(Pod, name, spec, {}, {"status": _pod_status(more) if status is None else status, **more})


def _pod_status(more: Json) -> Json:
    phase = more.pop("phase", "Running")
    ready = more.pop("ready", phase == "Running")
    since = NOON - more.pop("ready_for", timedelta(hours=1))
    conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": wire_time(since)}]
    if more.pop("disrupted", False):
        conditions.append({"type": "DisruptionTarget", "status": "True", "lastTransitionTime": wire_time(NOON)})
    status: Json = {"phase": phase, "conditions": conditions, "podIP": more.pop("ip", "10.0.0.1")}
    status |= {field: more.pop(field, "") for field in ("reason", "message")}
    containers: Mapping[str, Json] = more.pop("containers", {})
    exit_code = more.pop("exit_code", None)
    if exit_code is not None:
        containers = {"main": ended(exit_code)}
    status["containerStatuses"] = [{"name": called, **containers[called]} for called in sorted(containers)]
    return status


def ended(exit_code: int, reason: str = "Error", at: datetime | None = None) -> Json:
    """The status of a container that has ended."""
    return {"state": terminated(exit_code, reason, at=at)}


def terminated(exit_code: int, reason: str = "Error", message: str = "", at: datetime | None = None) -> Json:
    """The state of a container that has ended, or ended before it was started again."""
    when = {} if at is None else {"finishedAt": wire_time(at)}
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message, **when}}


RUNNING: Json = {"ready": True, "state": {"running": {}}}
"""The status of a container that runs."""


def scheduler(of: DaskCluster, status: Any = None, **more: Any) -> Pod:
    """A cluster's scheduler Pod; `template_hash` if it is another than its template's."""
    name = more.pop("name", names.scheduler_pod(of.metadata.name))
    marks = {ROLE: str(Role.SCHEDULER), TEMPLATE_HASH: more.pop("template_hash", scheduler_hash(of))}
    return pod(name, status, owner=of, **_marked(scheduler_labels(of), marks, more))


def worker(of: DaskWorkerGroup, cluster: DaskCluster, ordinal: int = 1, status: Any = None, **more: Any) -> Pod:
    """A group's worker Pod; `stale` if from another template, `orphaned` if for another scheduler's."""
    name = names.worker(of.metadata.name, of.metadata.uid, ordinal)
    marks = {
        ROLE: str(Role.WORKER),
        ORDINAL: str(ordinal),
        TEMPLATE_HASH: "old" if more.pop("stale", False) else worker_hash(of, cluster),
        SCHEDULER_HASH: "old" if more.pop("orphaned", False) else scheduler_hash(cluster),
    }
    labels = {
        CLUSTER_NAME: cluster.metadata.name,
        COMPONENT: str(Component.WORKER),
        WORKER_GROUP_NAME: names.label_value(of.metadata.name),
    }
    return pod(name, status, owner=of, **_marked(labels, marks, more))


def workers(of: DaskWorkerGroup, cluster: DaskCluster, *ordinals: int, **more: Any) -> list[Pod]:
    """A group's worker Pods, all alike."""
    return [worker(of, cluster, ordinal, **more) for ordinal in ordinals]


def runner(of: DaskJob, status: Any = None, *, gated: bool = False, **more: Any) -> Pod:
    """A job's runner Pod."""
    name = more.pop("name", names.job_runner(of.metadata.name))
    marks = {ROLE: str(Role.JOB_RUNNER), TEMPLATE_HASH: more.pop("template_hash", runner_hash(of))}
    of_cluster = names.job_cluster(naming_or_default(of), of.metadata.name)
    labels = {CLUSTER_NAME: of_cluster, COMPONENT: str(Component.JOB_RUNNER)}
    if gated:
        more = {"gates": (SCHEDULER_GATE,), "phase": "Pending", **more}
    return pod(name, status, owner=of, **_marked(labels, marks, more))


def service(name: str, spec: Json | None = None, **more: Any) -> Service:
    """A Service; `role` if it is a cluster's."""
    annotations = {ROLE: str(more.pop("role"))} if "role" in more else {}
    return read(Service, name, spec or {"type": "ClusterIP"}, annotations, more)


def services(of: DaskCluster, type_: str = "ClusterIP", ip: str = "") -> tuple[Service, Service]:
    """A cluster's Services: the one that its user describes, with the load balancer's address, and the plain one."""
    status = {"loadBalancer": {"ingress": [{"ip": ip}] if ip else []}}
    called = names.user_service(naming_or_default(of), of.metadata.name)
    users = service(called, {"type": type_}, role=Role.USER_SERVICE, owner=of, status=status)
    return users, service(names.comm_service(of.metadata.name), role=Role.COMM_SERVICE, owner=of)


def read(model: type[Model], name: str, spec: Json, annotations: Mapping[str, str], more: Json) -> Model:
    """The object as it is parsed from what the API shows.

    Args:
        model: What it is.
        name: Its name.
        spec: Its spec.
        annotations: Its own annotations.
        more: `owner`, `labels`, `annotations`, `uid`, `age`, `deleting` (the deadline), `status`, other metadata.
    """
    kind = model.kind() if issubclass(model, Resource) else POD if model is Pod else SERVICE
    more = dict(more)
    owner, deadline, status = more.pop("owner", None), more.pop("deleting", None), more.pop("status", {})
    ours = child_body(kind, name, owner, Marks(Role.SCHEDULER, ()), None)["metadata"]["labels"] if owner else {}
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"{kind.name}-{name}-uid".lower(),
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": wire_time(NOON - more.pop("age", timedelta(hours=1))),
        "labels": {**ours, **more.pop("labels", {})},
        "annotations": {**annotations, **more.pop("annotations", {})},
        "ownerReferences": [reference(owner)] if owner is not None else [],
        **more,
    }
    if deadline is not None:
        metadata["deletionTimestamp"] = wire_time(NOON if deadline is True else deadline)
    found = parse_object(kind, {"metadata": metadata, "spec": spec, "status": status})
    assert isinstance(found, model), found
    return found


def reference(owner: Owner, *, controller: bool = True) -> Json:
    """An owner reference."""
    return {
        "apiVersion": owner.kind().api_version,
        "kind": owner.kind().name,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
        "controller": controller,
        "blockOwnerDeletion": True,
    }


def built(of: DaskCluster, *workers: Json) -> tuple[Observed, ...]:
    """A whole cluster: its scheduler, ready, its Services, and a default group with workers in those states."""
    default = default_group(of)
    pods = (worker(default, of, ordinal, status) for ordinal, status in enumerate(workers, 1))
    return (of, scheduler(of), *services(of), default, *pods)


def world(*objects: Observed | Unreadable, at: datetime = NOON) -> Snapshot:
    """The world in which those objects, and no others, are."""
    readable = [one for one in objects if not isinstance(one, Unreadable)]
    unreadable = {one.key: one for one in objects if isinstance(one, Unreadable)}
    return Snapshot(at, keyed(readable), unreadable)


def unreadable(kind: Kind, name: str, owner: Owner | None = None) -> Unreadable:
    """An object that cannot be read."""
    owners = (owner.metadata.uid,) if owner is not None else ()
    return Unreadable(Key(kind, NAMESPACE, name), "spec is wrong", owners, f"{kind.name}-{name}-uid".lower())


def manifest(resource: Owner) -> Json:
    """A resource as its user writes it: without what only the API server or a reconciler puts there."""
    meta = resource.metadata
    annotations = {name: value for name, value in meta.annotations.items() if name != NAMING}
    body = manifests.manifest(resource.kind(), meta.name, resource.spec.written())
    body["metadata"] |= {"namespace": meta.namespace, "labels": dict(meta.labels), "annotations": annotations}
    return body


def reasons(findings: tuple[Finding, ...]) -> list[Reason]:
    """The reasons of the findings."""
    return [finding.reason for finding in findings]


def _marked(labels: Mapping[str, str], annotations: Mapping[str, str], more: Json) -> Json:
    """The rest of an object's fields, with its own labels and annotations among those given."""
    marks = {"labels": labels, "annotations": annotations}
    return {**more, **{part: {**own, **more.get(part, {})} for part, own in marks.items()}}
