"""Small observed worlds for tests of the report stage, each object in one line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.base import Condition, find_condition
from models.kinds import EVENT, Key
from models.observed import Pod, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot, Unreadable, keyed
from reconciler.passes.report import View, report, report_others
from reconciler.passes.values import Action, Finding, Response, Verb
from reconciler.rules.labels import COMPONENT, NAMING, ORDINAL, ROLE, TEMPLATE_HASH, Role
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import worker_hash

Body = dict[str, Any]

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 13, tzinfo=UTC)
POD_SPEC: Body = {"containers": [{"name": "main", "image": "dask", "args": ["dask"]}]}

READY: Body = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
NEW: Body = {}
NO_NODE = "0/1 nodes are available: 1 Insufficient cpu."
UNSCHEDULABLE: Body = {"conditions": [{"type": "PodScheduled", "status": "False", "message": NO_NODE}]}
SCHEDULED: Body = {"conditions": [{"type": "PodScheduled", "status": "True"}]}


def container(name: str = "main", *, ready: bool = False, **status: Any) -> Body:
    return {"name": name, "ready": ready, **status}


def waiting(reason: str, message: str = "", **status: Any) -> Body:
    return container(state={"waiting": {"reason": reason, "message": message}}, **status)


def ended(code: int = 1, reason: str = "Error", message: str = "") -> Body:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def on_node(*containers: Body, **status: Any) -> Body:
    return {**SCHEDULED, "containerStatuses": list(containers), **status}


def failed(code: int = 1, reason: str = "Error") -> Body:
    return on_node(container(state=ended(code, reason)), phase="Failed")


NO_IMAGE = on_node(waiting("ImagePullBackOff", 'Back-off pulling image "dask".'))
SUCCEEDED = on_node(container(state=ended(0, "Completed")), phase="Succeeded")


def _meta(name: str, owner: Owner | None, role: Role | None, extra: Mapping[str, Any] | None) -> Body:
    meta: Body = {"name": name, "namespace": "default", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "7"}
    if owner is not None:
        reference = {"apiVersion": "v1", "kind": owner.kind().name, "name": owner.metadata.name, "controller": True}
        meta["ownerReferences"] = [{**reference, "uid": owner.metadata.uid}]
    if role is not None:
        meta["annotations"] = {ROLE: str(role)}
    return {**meta, **(extra or {})}


def cluster(
    name: str = "simple",
    replicas: int = 3,
    status: Body | None = None,
    owner: DaskJob | None = None,
    meta: Mapping[str, Any] | None = None,
    **scheduler: Any,
) -> DaskCluster:
    spec = {"scheduler": {"spec": POD_SPEC, **scheduler}, "worker": {"spec": POD_SPEC, "replicas": replicas}}
    metadata = _meta(name, owner, Role.JOB_CLUSTER if owner else None, meta)
    return DaskCluster.model_validate({"metadata": metadata, "spec": spec, "status": status or {}})


def current(one: DaskCluster) -> DaskCluster:
    """The same cluster under the other naming set."""
    annotations = {**one.metadata.annotations, NAMING: "current"}
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"annotations": annotations})})


def group(
    of: DaskCluster,
    replicas: int | None = None,
    name: str = "",
    status: Body | None = None,
    meta: Mapping[str, Any] | None = None,
    **worker: Any,
) -> DaskWorkerGroup:
    """The default group of a cluster, or another one that it has adopted."""
    wanted = of.spec.worker.replicas if replicas is None else replicas
    spec = {"cluster": of.metadata.name, "worker": {"spec": POD_SPEC, "replicas": wanted, **worker}}
    role = None if name else Role.DEFAULT_GROUP
    metadata = _meta(name or f"{of.metadata.name}-default-worker-group", of, role, meta)
    return DaskWorkerGroup.model_validate({"metadata": metadata, "spec": spec, "status": status or {}})


def job(status: Body | None = None, meta: Mapping[str, Any] | None = None, name: str = "work") -> DaskJob:
    of_cluster = {"scheduler": {"spec": POD_SPEC}, "worker": {"spec": POD_SPEC, "replicas": 1}}
    spec = {"job": {"spec": POD_SPEC}, "cluster": {"spec": of_cluster}}
    return DaskJob.model_validate({"metadata": _meta(name, None, None, meta), "spec": spec, "status": status or {}})


def autoscaler(of: str = "simple") -> DaskAutoscaler:
    spec = {"cluster": of, "minimum": 0, "maximum": 10}
    return DaskAutoscaler.model_validate({"metadata": _meta("scaler", None, None, None), "spec": spec})


def pod(name: str = "x", status: Body | None = None, meta: Mapping[str, Any] | None = None, **spec: Any) -> Pod:
    """A Pod of nobody."""
    return Pod.model_validate({"metadata": _meta(name, None, None, meta), "spec": spec, "status": status or {}})


def scheduler(of: DaskCluster, status: Body = READY, name: str = "", **meta: Any) -> Pod:
    metadata = _meta(name or f"{of.metadata.name}-scheduler", of, Role.SCHEDULER, meta)
    return Pod.model_validate({"metadata": metadata, "status": status})


def worker(of: DaskWorkerGroup, ordinal: int, status: Body = READY, *, template: str = "", **meta: Any) -> Pod:
    """A worker, from the present template unless another's hash is given."""
    spec = {"scheduler": {"spec": POD_SPEC}, "worker": {"spec": POD_SPEC}}
    present = DaskCluster.model_validate({"metadata": {"name": of.spec.cluster}, "spec": spec})
    metadata = _meta(f"{of.metadata.name}-worker-{ordinal}", of, Role.WORKER, meta)
    metadata["annotations"] |= {ORDINAL: str(ordinal), TEMPLATE_HASH: template or worker_hash(of, present)}
    return Pod.model_validate({"metadata": metadata, "status": status})


def runner(of: DaskJob, status: Body = READY, name: str = "", **meta: Any) -> Pod:
    metadata = _meta(name or f"{of.metadata.name}-runner", of, Role.JOB_RUNNER, meta)
    return Pod.model_validate({"metadata": metadata, "status": status})


def helper(of: Owner, name: str, component: str) -> Pod:
    """A Pod of a user's that is to go with a resource, such as a proxy, labelled like the resource's own."""
    metadata = _meta(name, of, None, {"labels": {COMPONENT: component}})
    return Pod.model_validate({"metadata": metadata, "status": READY})


def service(of: DaskCluster, role: Role, type_: str = "ClusterIP", ip: str = "") -> Service:
    status = {"loadBalancer": {"ingress": [{"ip": ip}] if ip else []}}
    metadata = _meta(f"{of.metadata.name}-{role}", of, role, None)
    return Service.model_validate({"metadata": metadata, "spec": {"type": type_}, "status": status})


def services(of: DaskCluster) -> tuple[Service, Service]:
    return service(of, Role.USER_SERVICE), service(of, Role.COMM_SERVICE)


def built(of: DaskCluster, *workers: Body) -> tuple[Observed, ...]:
    """A whole cluster with a ready scheduler and workers in those states."""
    default = group(of)
    pods = (worker(default, ordinal, status) for ordinal, status in enumerate(workers, 1))
    return (of, scheduler(of), *services(of), default, *pods)


def world(*objects: Observed, unreadable: Iterable[Unreadable] = ()) -> Snapshot:
    return Snapshot(NOON, keyed(objects), {item.key: item for item in unreadable})


@dataclass(frozen=True)
class Told:
    """What a report says.

    Args:
        world: The world in which its statuses are written.
        actions: The report.
    """

    world: Snapshot
    actions: tuple[Action, ...]

    @property
    def statuses(self) -> dict[Key, Body]:
        """The statuses that are written, by resource."""
        return {action.key: action.body["status"] for action in self.actions if action.verb is Verb.REPORT}

    @property
    def events(self) -> dict[str, str]:
        """The Events' messages, by reason."""
        bodies = (action.body for action in self.actions if action.key.kind == EVENT)
        return {body["reason"]: body["message"] for body in bodies}

    def condition(self, resource: Owner, type_: str) -> Condition:
        """A resource's condition after the report."""
        found = self.world.objects[resource.key]
        assert isinstance(found, Owner)
        condition = find_condition(found.status.conditions, type_)
        assert condition is not None, f"{resource.key} has no condition {type_}"
        return condition


def told(
    now_there: Snapshot,
    *,
    before: Snapshot | None = None,
    findings: Iterable[Finding] = (),
    responses: Iterable[Response] = (),
    at: datetime = NOON,
) -> Told:
    """The report on a world, and the world with the report's statuses in it."""
    by_owner: dict[Key, tuple[Finding, ...]] = {}
    for finding in findings:
        by_owner[finding.about] = (*by_owner.get(finding.about, ()), finding)
    view = View(now_there, before or now_there, by_owner, tuple(responses), at)
    owners = (one for one in now_there.objects.values() if isinstance(one, Owner))
    actions = (*report(view, owners), *report_others(view))
    return Told(written(now_there, actions), actions)


def written(there: Snapshot, actions: Iterable[Action]) -> Snapshot:
    """The world after the reports among the actions were applied."""
    news: dict[Key, Observed | None] = {}
    for action in actions:
        present = there.objects.get(action.key)
        if action.verb is Verb.REPORT and isinstance(present, Owner):
            kept = {name: value for name, value in present.status.wire().items() if name == "decisions"}
            status = type(present.status).model_validate({**kept, **action.body["status"]})
            news[action.key] = present.model_copy(update={"status": status})
    return there.fold(news)


def finding(about: Owner, reason: Reason, message: str = "something is wrong") -> Finding:
    return Finding(about.key, reason, message)
