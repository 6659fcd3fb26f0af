"""What a DaskCluster asks for: a scheduler, Services in front of it, and a default group of workers."""

from collections.abc import Iterator
from dataclasses import replace

from models.kinds import DASK_WORKER_GROUP, SERVICE, Key
from models.observed import Service
from models.resources import DaskCluster
from models.snapshot import Snapshot
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.desire.idle_since import record_idle
from reconciler.passes.desire.lifetime import end, is_over, misread
from reconciler.passes.desire.naming import naming_shown_by_children, record_naming
from reconciler.passes.desire.obstacles import obstacle, portless
from reconciler.passes.desire.replicas import replicas_to_hand_down
from reconciler.passes.desire.scheduler import desire_scheduler
from reconciler.passes.desire.services import comm_service_spec, scheduler_labels, user_service_spec
from reconciler.passes.merge_patch import fields
from reconciler.passes.values import Body, Desired, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT, REPLICAS_HANDED_DOWN, Component, Role
from reconciler.rules.names import Naming
from reconciler.rules.parts import ClusterParts, find_child, recorded_naming


def desire_cluster(cluster: DaskCluster, snapshot: Snapshot, naming: Naming) -> Desired:
    """The scheduler, its Services and the default group; of one whose time is up, nothing but its own end."""
    ended = end(cluster, snapshot)
    if ended is not None:
        return Desired(cluster, unwanted=(Unwanted(cluster, ended.reason, only_as_seen=True, event=ended.event),))
    desired = _parts(cluster, snapshot, naming)
    return replace(desired, findings=(*desired.findings, *misread(cluster, snapshot)))


def _parts(cluster: DaskCluster, snapshot: Snapshot, naming: Naming) -> Desired:
    blocked = obstacle(cluster, snapshot)
    if blocked is not None:
        return Desired(cluster, findings=(blocked,))
    if is_over(cluster, snapshot):
        return Desired(cluster)
    recorded = recorded_naming(cluster)
    if recorded is None:
        group_names = {each: names.default_group(each, cluster.metadata.name) for each in Naming}
        in_use = naming_shown_by_children(cluster.metadata.uid, snapshot, group_names)
        return Desired(cluster, records=(record_naming(cluster, in_use or naming),))
    parts = ClusterParts(cluster, snapshot)
    scheduler = desire_scheduler(parts)
    return Desired(
        cluster,
        wanted=(
            *scheduler.wanted,
            *_services(cluster, snapshot, recorded),
            _default_group(parts, recorded),
        ),
        unwanted=scheduler.unwanted,
        records=scheduler.records or record_idle(parts),
        findings=(*scheduler.findings, *portless(cluster, cluster.spec.worker.spec, cluster)),
    )


def _services(cluster: DaskCluster, snapshot: Snapshot, naming: Naming) -> Iterator[Wanted]:
    name = cluster.metadata.name
    spec = user_service_spec(cluster)
    marks = Marks(
        Role.USER_SERVICE,
        (cluster.metadata, cluster.spec.scheduler.metadata),
        scheduler_labels(cluster),
        spec_fields=tuple(fields(spec)),
    )
    yield _service(cluster, snapshot, names.user_service(naming, name), marks, spec)
    if naming is Naming.CLASSIC:
        # `kubectl get all -l dask.org/cluster-name=…`, monitors and what annotations ask for, like a load balancer or a
        # DNS name, concern one Service; users' labels are on both, since policies ask for them.
        spec = comm_service_spec(cluster)
        sources = tuple(source.model_copy(update={"annotations": {}}) for source in marks.sources)
        labels = {COMPONENT: str(Component.SCHEDULER_COMM)}
        marks = Marks(Role.COMM_SERVICE, sources, labels, spec_fields=tuple(fields(spec)))
        yield _service(cluster, snapshot, names.comm_service(name), marks, spec)


def _service(cluster: DaskCluster, snapshot: Snapshot, name: str, marks: Marks, spec: Body) -> Wanted:
    present = find_child(snapshot.children(cluster.metadata.uid, Service), marks.role, name)
    key = present.key if present else Key(SERVICE, cluster.metadata.namespace, name)
    body = child_body(SERVICE, key.name, cluster, marks, spec)
    return Wanted(key, body, present, "the scheduler needs a Service in front of it")


def _default_group(parts: ClusterParts, naming: Naming) -> Wanted:
    cluster, present = parts.cluster, parts.default_group
    worker = cluster.spec.worker
    name = names.default_group(naming, cluster.metadata.name)
    key = present.key if present else Key(DASK_WORKER_GROUP, cluster.metadata.namespace, name)
    marks = Marks(
        Role.DEFAULT_GROUP,
        (cluster.metadata, worker.metadata),
        {CLUSTER_NAME: cluster.metadata.name, COMPONENT: str(Component.WORKER_GROUP)},
        {REPLICAS_HANDED_DOWN: str(worker.replicas)},
    )
    replicas = replicas_to_hand_down(
        worker.replicas, present.metadata if present else None, present.spec.worker.replicas if present else 0
    )
    spec = {"cluster": cluster.metadata.name, "worker": {**worker.written(), "replicas": replicas}}
    body = child_body(DASK_WORKER_GROUP, key.name, cluster, marks, spec)
    return Wanted(key, body, present, "a cluster has a default worker group")
