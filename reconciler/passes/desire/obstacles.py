"""Why nothing can or should be made of a cluster."""

from models.resources import DaskCluster, PodSpec
from models.snapshot import Owner, Snapshot
from reconciler.passes.desire.pods import knows_its_scheduler
from reconciler.passes.values import Finding
from reconciler.rules import names
from reconciler.rules.addresses import COMM_PORT, COMM_PORT_NAMES
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


def portless(about: Owner, worker: PodSpec, cluster: DaskCluster) -> tuple[Finding, ...]:
    """That workers made from the spec would not find the scheduler, if that is so: then none is made.

    Args:
        about: The cluster or the worker group whose owner is told.
        worker: The workers' spec.
        cluster: The cluster that they join.
    """
    if knows_its_scheduler(worker, cluster):
        return ()
    message = (
        "no port of spec.scheduler.service is known to lead to the scheduler, so no workers are made; name that port "
        f"{COMM_PORT_NAMES[0]}, or let its targetPort be the one that the scheduler listens on, which is {COMM_PORT} "
        "unless its --port says otherwise"
    )
    return (Finding(about.key, Reason.NO_SCHEDULER_PORT, message),)


def is_run_by_dask_kubernetes(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether another operator made the cluster and may still be running it."""
    if any(ROLE in child.metadata.annotations for child in snapshot.everything_of(cluster.metadata.uid)):
        return False
    meta = cluster.metadata
    return KOPF_FINALIZER in meta.finalizers or snapshot.is_run_by_replica_sets(meta.namespace, meta.name)
