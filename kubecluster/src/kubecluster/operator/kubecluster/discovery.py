"""The names of `dask_kubernetes.operator.kubecluster.discovery`."""

from kubecluster.cluster import KubeCluster
from kubecluster.discovery import discover

__all__ = ["KubeCluster", "discover"]
