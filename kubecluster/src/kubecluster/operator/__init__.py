"""dask-kubernetes' names, as deep as it has them: `dask_kubernetes.operator` is `kubecluster.operator`, and so on."""

from kubecluster.operator.kubecluster import (
    KubeCluster,
    discover,
    make_cluster_spec,
    make_scheduler_spec,
    make_worker_spec,
)

__all__ = ["KubeCluster", "discover", "make_cluster_spec", "make_scheduler_spec", "make_worker_spec"]
