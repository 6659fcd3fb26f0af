"""The names of `dask_kubernetes.operator.kubecluster`."""

from kubecluster.discovery import discover
from kubecluster.operator.kubecluster.kubecluster import (
    CreateMode,
    KubeCluster,
    make_cluster_spec,
    make_scheduler_spec,
    make_worker_spec,
)

__all__ = ["CreateMode", "KubeCluster", "discover", "make_cluster_spec", "make_scheduler_spec", "make_worker_spec"]
