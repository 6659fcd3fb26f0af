"""Small manifests of the four kinds, each in one line."""

from typing import Any

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind

Manifest = dict[str, Any]


def manifest(kind: Kind, name: str, spec: Any) -> Manifest:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, "spec": spec}


def pod_spec(image: Any = "dask:1", **container: Any) -> Manifest:
    return {"containers": [{"name": "main", "image": image, **container}]}


def cluster_spec(**worker: Any) -> Manifest:
    return {"scheduler": {"spec": pod_spec(), "service": {}}, "worker": {"spec": pod_spec(), **worker}}


def cluster(name: str = "c", **worker: Any) -> Manifest:
    return manifest(DASK_CLUSTER, name, cluster_spec(**worker))


def group(name: str = "g", of: Any = "c", **worker: Any) -> Manifest:
    return manifest(DASK_WORKER_GROUP, name, {"cluster": of, "worker": {"spec": pod_spec(), **worker}})


def job(name: str = "j", **worker: Any) -> Manifest:
    return manifest(DASK_JOB, name, {"job": {"spec": pod_spec()}, "cluster": {"spec": cluster_spec(**worker)}})


def autoscaler(name: str = "a", of: Any = "c", minimum: Any = 0, maximum: Any = 10, **more: Any) -> Manifest:
    return manifest(DASK_AUTOSCALER, name, {"cluster": of, "minimum": minimum, "maximum": maximum, **more})
