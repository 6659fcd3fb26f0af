"""The names of `dask_kubernetes.operator.kubecluster.kubecluster`."""

from kubecluster.arguments import CreateMode
from kubecluster.cluster import KubeCluster
from kubecluster.specs import make_cluster_spec, make_scheduler_spec, make_worker_spec

__all__ = ["CreateMode", "KubeCluster", "make_cluster_spec", "make_scheduler_spec", "make_worker_spec"]
