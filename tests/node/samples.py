"""Small Dask clusters that start fast: probes at once, one process a worker."""

from typing import Any

from models.kinds import DASK_CLUSTER, DASK_JOB
from tests.manifests import Manifest, manifest
from tests.node.images import DASK_IMAGE

SCHEDULER = ("dask-scheduler", "--no-show")
WORKER = ("dask-worker", "--name", "$(DASK_WORKER_NAME)", "--nthreads", "1", "--no-nanny", "--no-dashboard")


def container(*args: str, **more: Any) -> Manifest:
    """A PodSpec's only container, with Dask's image."""
    return {"name": "main", "image": DASK_IMAGE, "args": list(args), **more}


def pod_spec(*args: str, **more: Any) -> Manifest:
    """A PodSpec with Dask's image."""
    return {"containers": [container(*args, **more)]}


def idle() -> Manifest:
    """A PodSpec that does nothing, at no cost."""
    return {"terminationGracePeriodSeconds": 0, **pod_spec("sleep", "infinity")}


def cluster_spec(workers: int = 1, scheduler: Manifest | None = None, worker: Manifest | None = None) -> Manifest:
    """The spec of a small cluster."""
    probe = {"tcpSocket": {"port": 8786}, "periodSeconds": 1, "failureThreshold": 60}
    return {
        "scheduler": {"spec": scheduler or pod_spec(*SCHEDULER, readinessProbe=probe)},
        "worker": {"replicas": workers, "spec": worker or pod_spec(*WORKER)},
    }


def cluster(name: str, **parts: Any) -> Manifest:
    """A small cluster."""
    return manifest(DASK_CLUSTER, name, cluster_spec(**parts))


def idle_cluster(name: str, workers: int) -> Manifest:
    """A cluster whose Pods are real and do nothing."""
    return cluster(name, workers=workers, scheduler=idle(), worker=idle())


def job(name: str, runner: Manifest, cluster: Manifest | None = None) -> Manifest:
    """A job on a small cluster."""
    return manifest(DASK_JOB, name, {"job": {"spec": runner}, "cluster": {"spec": cluster or cluster_spec()}})
