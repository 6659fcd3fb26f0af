"""Manifests from a few arguments: a DaskCluster, and the workers and the scheduler in it.

The functions have dask-kubernetes' names and arguments, and make what its own make, except that

- what is not given is empty, or the default, where dask-kubernetes writes `null`;
- containers run `dask scheduler` and `dask worker`, which Dask has had since 2022: since 2026.6 it has no
  `dask-scheduler` and `dask-worker` any more;
- amounts and environment variables may be numbers;
- a command in one text is split as a shell splits it;
- GPUs in `resources` are for the workers, as in RAPIDS' manifests, lest the scheduler take one from a worker. One
  that needs a GPU gets it by `scheduler_resources`;
- the scheduler has time to start, should its image install packages first (`EXTRA_PIP_PACKAGES`), and is not killed,
  with all results, for being busy;
- the DaskCluster is labelled with its name, like everything that is made of it.
"""

import copy
import os
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Unpack

from kubecluster import checks, containers
from kubecluster.containers import Body, Command, Environment, PodFields, Resources
from kubecluster.names import CLUSTER_NAME, COMPONENT, DASK_CLUSTER, Component, cluster_name_error

IMAGE = "ghcr.io/dask/dask:latest"
WORKER_COMMAND = "dask worker"
CUDA_WORKER_COMMAND = "dask-cuda-worker"

FIELDS: Mapping[str, Any] = {
    "idleTimeout": {},
    "scheduler": {"metadata": {}, "service": {}, "spec": {}},
    "worker": {"metadata": {}, "replicas": {}, "spec": {}},
}
"""The fields of a spec that people write. There may be others, of a later version."""
ALMOST = 0.85
"""How alike two names are of which one is a slip of the pen."""

_WORKER_ARGUMENTS = ("--name", "$(DASK_WORKER_NAME)", "--dashboard", "--dashboard-address", "8788")
_PORTS = {"tcp-comm": 8786, "http-dashboard": 8787}


class ServiceType(StrEnum):
    """Where the scheduler's Service is reached: from inside alone, at a port of every node, or at an outer address."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


def make_cluster_spec(  # noqa: PLR0913, PLR0917  # dask-kubernetes' arguments, in its order, and then ours
    name: str,
    image: str = IMAGE,
    n_workers: int | None = None,
    resources: Resources | None = None,
    env: Environment | None = None,
    worker_command: Command | None = None,
    scheduler_service_type: str = ServiceType.CLUSTER_IP,
    idle_timeout: int | None = 0,
    jupyter: bool = False,  # noqa: FBT001, FBT002  # likewise
    *,
    scheduler_resources: Resources | None = None,
    worker_resources: Resources | None = None,
    gpus: int | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **pod: Unpack[PodFields],
) -> Body:
    """A DaskCluster.

    Args:
        name: What it is called.
        image: The image of the scheduler and the workers.
        n_workers: How many workers to run; if it is left out, one.
        resources: Limits and requests of each worker and, but for GPUs, of the scheduler.
        env: Environment variables of the scheduler and the workers: a dictionary, or a list of Kubernetes' EnvVars.
        worker_command: What workers run: a text as for a shell, or a list of words. The worker's name and its
            dashboard are added. `dask worker` by default, `dask-cuda-worker` with `gpus`.
        scheduler_service_type: `ClusterIP`, `NodePort` or `LoadBalancer`.
        idle_timeout: For how many seconds the scheduler may be idle before the cluster is deleted; 0 means for ever.
            dask-reconciler does not act on it yet.
        jupyter: Whether Jupyter runs beside the scheduler.
        scheduler_resources: Limits and requests of the scheduler, in place of `resources`.
        worker_resources: Limits and requests of each worker, in place of `resources`.
        gpus: How many NVIDIA GPUs each worker gets.
        labels: Labels of the DaskCluster and of everything made of it.
        annotations: Annotations of the DaskCluster and of everything made of it.
        **pod: What the Pods of scheduler and workers have besides; see KubeCluster.

    Raises:
        TypeError: an argument is of a wrong type.
        ValueError: an argument makes no sense.
    """
    error = cluster_name_error(checks.text(name, "name"))
    if error is not None:
        raise ValueError(error)
    shared = containers.resources(resources or {})
    scheduler = containers.without_gpus(shared)
    if scheduler_resources is not None:
        scheduler = containers.resources(scheduler_resources, "scheduler_resources")
    workers = shared
    if worker_resources is not None:
        workers = containers.resources(worker_resources, "worker_resources")
    marks = _marks(labels, annotations)
    return {
        "apiVersion": DASK_CLUSTER.api_version,
        "kind": DASK_CLUSTER.name,
        "metadata": {"name": name, **marks, "labels": {**marks.get("labels", {}), CLUSTER_NAME: name}},
        "spec": {
            "idleTimeout": checks.whole_number(idle_timeout or 0, "idle_timeout"),
            "worker": make_worker_spec(image, n_workers, workers, env, worker_command, gpus=gpus, **pod),
            "scheduler": make_scheduler_spec(name, env, scheduler, image, scheduler_service_type, jupyter, **pod),
        },
    }


def make_worker_spec(  # noqa: PLR0913  # dask-kubernetes' arguments, in its order, and then ours
    image: str = IMAGE,
    n_workers: int | None = 3,
    resources: Resources | None = None,
    env: Environment | None = None,
    worker_command: Command | None = None,
    *,
    gpus: int | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **pod: Unpack[PodFields],
) -> Body:
    """The workers of a DaskCluster or of a DaskWorkerGroup.

    Args:
        image: Their image.
        n_workers: How many to run; with `None`, one.
        resources: Limits and requests of each.
        env: Environment variables: a dictionary, or a list of Kubernetes' EnvVars.
        worker_command: What they run; see `make_cluster_spec`.
        gpus: How many NVIDIA GPUs each gets.
        labels: Labels of their Pods.
        annotations: Annotations of their Pods.
        **pod: What their Pods have besides; see KubeCluster.

    Raises:
        TypeError: an argument is of a wrong type.
        ValueError: an argument makes no sense.
    """
    usual = CUDA_WORKER_COMMAND if gpus else WORKER_COMMAND
    words = containers.command(usual if worker_command is None else worker_command)
    amounts = containers.resources(resources or {})
    if gpus is not None:
        amounts = containers.with_gpus(amounts, gpus)
    container = _container("worker", image, [*words, *_WORKER_ARGUMENTS], env, amounts)
    container["ports"] = [{"name": "http-dashboard", "containerPort": 8788, "protocol": "TCP"}]
    replicas = 1 if n_workers is None else checks.whole_number(n_workers, "n_workers")
    return {"replicas": replicas, **_template(container, labels, annotations, pod)}


def make_scheduler_spec(  # noqa: PLR0913, PLR0917  # dask-kubernetes' arguments, in its order, and then ours
    cluster_name: str,
    env: Environment | None = None,
    resources: Resources | None = None,
    image: str = IMAGE,
    scheduler_service_type: str = ServiceType.CLUSTER_IP,
    jupyter: bool = False,  # noqa: FBT001, FBT002  # likewise
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **pod: Unpack[PodFields],
) -> Body:
    """The scheduler of a DaskCluster, and its Service.

    Args:
        cluster_name: What the DaskCluster is called.
        env: Environment variables: a dictionary, or a list of Kubernetes' EnvVars.
        resources: Limits and requests of the scheduler, all of them.
        image: Its image.
        scheduler_service_type: `ClusterIP`, `NodePort` or `LoadBalancer`.
        jupyter: Whether Jupyter runs beside the scheduler.
        labels: Labels of its Pod and its Services.
        annotations: Annotations of its Pod and its Services.
        **pod: What its Pod has besides; see KubeCluster.

    Raises:
        TypeError: an argument is of a wrong type.
        ValueError: an argument makes no sense.
    """
    words = ["dask", "scheduler", "--host", "0.0.0.0"]  # noqa: S104  # others are to reach it
    words += ["--jupyter"] if checks.flag(jupyter, "jupyter") else []
    container = _container("scheduler", image, words, env, containers.resources(resources or {}))
    container["ports"] = [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in _PORTS.items()]
    service = {
        "type": str(checks.choice(scheduler_service_type, "scheduler_service_type", ServiceType)),
        "selector": {CLUSTER_NAME: checks.text(cluster_name, "cluster_name"), COMPONENT: str(Component.SCHEDULER)},
        "ports": [{"name": name, "protocol": "TCP", "port": port, "targetPort": name} for name, port in _PORTS.items()],
    }
    return {**_template({**container, **_probes()}, labels, annotations, pod), "service": service}


def read_spec(value: Any, what: str = "custom_cluster_spec") -> Body:
    """The manifest of a DaskCluster that somebody wrote: a copy, with `apiVersion` and `kind` if they were left out.

    Args:
        value: The manifest, or the path of a YAML file with that one document in it.
        what: What to call it in an error.

    Raises:
        OSError: the file cannot be read.
        TypeError: it is neither.
        ValueError: it is no DaskCluster, has no name that it can have, or no spec.
    """
    if isinstance(value, Mapping):
        body: Any = copy.deepcopy(dict(value))
    elif isinstance(value, str | os.PathLike):
        body = _loaded(os.fspath(value), what)
    else:
        raise TypeError(f"{what} is of type {type(value).__name__}; it must be a dictionary or the path of a YAML file")
    kind = body.get("kind", DASK_CLUSTER.name) if isinstance(body, dict) else type(body).__name__
    if kind != DASK_CLUSTER.name:
        raise ValueError(f"{what} is a {kind}; it must be a {DASK_CLUSTER.name}")
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ValueError(f"{what}: metadata.name is missing; name the DaskCluster there")  # noqa: TRY004  # as below
    error = cluster_name_error(metadata["name"])
    if error is not None:
        raise ValueError(f"{what}: metadata.name: {error}")
    if not isinstance(body.get("spec"), dict):
        raise ValueError(f"{what}: spec is missing; it has the scheduler and the workers")  # noqa: TRY004  # a file's
    _refuse_slips(body["spec"], f"{what}: spec")
    return {"apiVersion": DASK_CLUSTER.api_version, "kind": kind, **body}


def _refuse_slips(spec: Any, where: str, known: Mapping[str, Any] = FIELDS) -> None:
    """Refuse what a server that only warns of unknown fields would pass over: slips of the pen, and negative numbers.

    Raises:
        ValueError: there is one.
    """
    for name, value in spec.items() if isinstance(spec, dict) else ():
        close = get_close_matches(str(name), known, n=1, cutoff=ALMOST)
        if name not in known and close:
            raise ValueError(f"{where} has unknown field {name!r}; did you mean {close[0]!r}?")
        if name == "replicas" and value is not None:
            checks.whole_number(value, f"{where}.replicas")
        _refuse_slips(value, f"{where}.{name}", known.get(name, {}))


def _loaded(path: str, what: str) -> Any:
    import yaml  # noqa: PLC0415  # most people have no file

    if "\n" in path:
        raise ValueError(f"{what} is a manifest's text; it must be the path of a file, or a dictionary")
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:  # noqa: PTH111, PTH123  # it may be any text
            return yaml.safe_load(file)
    except OSError as error:
        raise OSError(error.errno, f"{what} cannot be read: {error.strerror}", path) from None
    except yaml.YAMLError as error:
        raise ValueError(f"{what}: {path} is no YAML with one document: {error}") from None


def _probes() -> Body:
    return {
        # Half an hour, in which an image may install what it likes. Should its process end, it is not waited for.
        "startupProbe": {**_health(), "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1800},
        # One that is busy answers late, and is ready all the same.
        "readinessProbe": {**_health(), "initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 30},
        # Three minutes of silence: with a scheduler goes every result.
        "livenessProbe": {**_health(), "initialDelaySeconds": 15, "periodSeconds": 20, "timeoutSeconds": 60},
    }


def _health() -> Body:
    return {"httpGet": {"port": "http-dashboard", "path": "/health"}}


def _container(name: str, image: str, words: list[str], env: Environment | None, amounts: Body) -> Body:
    return {
        "name": name,
        "image": checks.text(image, "image"),
        "args": words,
        # People's programs look into these, as dask-kubernetes has them.
        "env": containers.environment(env or {}),
        "resources": amounts,
    }


def _template(
    container: Body, labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None, fields: PodFields
) -> Body:
    marks, (pod, inside) = _marks(labels, annotations), containers.pod_fields(fields)
    return {**({"metadata": marks} if marks else {}), "spec": {"containers": [{**container, **inside}], **pod}}


def _marks(labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None) -> Body:
    """The labels and annotations that there are."""
    marks = {
        "labels": checks.string_map(labels or {}, "labels"),
        "annotations": checks.string_map(annotations or {}, "annotations"),
    }
    return {name: each for name, each in marks.items() if each}
