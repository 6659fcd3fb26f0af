"""Users' own worker groups and autoscalers become their cluster's, so that they go with it.

Each asks for its own adoption: what is refused to one holds up neither the cluster nor the others.
"""

from models.kinds import DASK_CLUSTER, Key
from models.resources import DaskAutoscaler, DaskCluster, DaskWorkerGroup
from models.snapshot import Snapshot
from reconciler.passes.desire.children import owner_reference
from reconciler.passes.desire.lifetime import is_over
from reconciler.passes.values import Desired, Finding, Record
from reconciler.rules.parts import recorded_naming
from reconciler.rules.reasons import Reason


def adopted(resource: DaskWorkerGroup | DaskAutoscaler, cluster: DaskCluster, snapshot: Snapshot) -> Desired:
    """That the resource belongs to the cluster that it names, unless that is about to go: it would go with it."""
    if _is_free(resource) and is_over(cluster, snapshot):
        message = f"{cluster.key} is about to be deleted; this one joins the next cluster of that name"
        return Desired(resource, findings=(Finding(resource.key, Reason.TERMINATING, message),))
    return Desired(
        resource, records=_adoption(resource, cluster), findings=_another_cluster(resource, cluster, snapshot)
    )


def _adoption(resource: DaskWorkerGroup | DaskAutoscaler, cluster: DaskCluster) -> tuple[Record, ...]:
    """The reference to the cluster that is to be written down; none if the resource is, or cannot be, the cluster's."""
    if recorded_naming(cluster) is None or not _is_free(resource):
        return ()
    references = [reference.wire() for reference in resource.metadata.owner_references]
    ours = owner_reference(cluster, controller=resource.metadata.controller is None)
    body = {"metadata": {"ownerReferences": [*references, ours]}}
    return (Record(resource, body, f"it names {cluster.key}, and is to go with it"),)


def _another_cluster(
    resource: DaskWorkerGroup | DaskAutoscaler, cluster: DaskCluster, snapshot: Snapshot
) -> tuple[Finding, ...]:
    """That the resource belongs to another DaskCluster than the one it names, if that is so."""
    owners = [owner for owner in resource.metadata.owner_references if owner.kind == DaskCluster.kind().name]
    if not owners or any(owner.uid == cluster.metadata.uid for owner in owners):
        return ()
    whose = f"it names {cluster.key}, but belongs to DaskCluster {owners[0].name} with uid {owners[0].uid}"
    namespace = resource.metadata.namespace
    if all(snapshot.is_gone(Key(DASK_CLUSTER, namespace, owner.name), owner.uid) for owner in owners):
        message = f"{whose}, which is gone; garbage collection deletes it"
        return (Finding(resource.key, Reason.TERMINATING, message),)
    message = f"{whose}; remove that owner reference if that cluster does not matter"
    return (Finding(resource.key, Reason.NAME_CONFLICT, message),)


def _is_free(resource: DaskWorkerGroup | DaskAutoscaler) -> bool:
    """Whether the resource can be adopted: no DaskCluster owns it, gone or not."""
    return all(owner.kind != DaskCluster.kind().name for owner in resource.metadata.owner_references)
