"""A Kubernetes over HTTP with one DaskCluster."""

from pathlib import Path
from typing import Any

from models.kinds import DASK_WORKER_GROUP, POD, SERVICE, Key
from reconciler.memory import MemoryAPI
from tests.http.faultyserver import FaultyServer
from tests.manifests import pod_spec

CLUSTER: dict[str, Any] = {
    "apiVersion": "kubernetes.dask.org/v1",
    "kind": "DaskCluster",
    "metadata": {"name": "simple", "namespace": "default"},
    "spec": {"scheduler": {"spec": pod_spec()}, "worker": {"replicas": 2, "spec": pod_spec()}},
}
SCHEDULER = Key(POD, "default", "simple-scheduler")


class Kubernetes:
    """A Kubernetes over HTTP with one DaskCluster, and the flags that name it."""

    def __init__(self, server: FaultyServer, api: MemoryAPI, config: Path) -> None:
        self.server = server
        self.api = api
        self.flags = ["--kubeconfig", str(config)]

    def names(self) -> list[str]:
        """What there is beside the cluster."""
        kinds = (POD, SERVICE, DASK_WORKER_GROUP)
        return [f"{kind} {each['metadata']['name']}" for kind in kinds for each in self.api.objects(kind)]

    def writes(self) -> list[str]:
        """What was asked of it that was not a list."""
        return [asked for asked, _ in self.server.asked if not asked.startswith("LIST")]
