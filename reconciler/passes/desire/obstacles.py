"""Why nothing can or should be made of a cluster."""

from models.resources import DaskCluster
from models.snapshot import Snapshot
from reconciler.passes.values import Finding
from reconciler.rules import names
from reconciler.rules.labels import KOPF_FINALIZER, ROLE
from reconciler.rules.reasons import Reason


def obstacle(cluster: DaskCluster, snapshot: Snapshot) -> Finding | None:
    """What stands in the way of the whole cluster, or `None`."""
    wrong = names.cluster_name_error(cluster.metadata.name)
    if wrong:
        return Finding(cluster.key, Reason.NAME_TOO_LONG, wrong)
    if is_run_by_dask_kubernetes(cluster, snapshot):
        return Finding(
            cluster.key,
            Reason.OTHER_OPERATOR,
            "dask-kubernetes made this cluster and may still be running it, so it is left alone; "
            "create the cluster anew to hand it over",
        )
    return None


def is_run_by_dask_kubernetes(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether another operator made the cluster and may still be running it."""
    if any(ROLE in child.metadata.annotations for child in snapshot.everything_of(cluster.metadata.uid)):
        return False
    meta = cluster.metadata
    return KOPF_FINALIZER in meta.finalizers or snapshot.is_run_by_replica_sets(meta.namespace, meta.name)
