"""Manifests whose containers are small programs of this machine, which begin at once."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT
from tests.local.stage import free_port
from tests.manifests import Manifest, manifest

COMM = 8786
"""Where schedulers listen in their Pods, as always."""


def container(*command: str, name: str = "main", **more: Any) -> Manifest:
    """A container that runs a command."""
    return {"name": name, "image": "dask", "command": [*command], **more}


def python(code: str, *arguments: str, name: str = "main", **more: Any) -> Manifest:
    """A container that runs a Python program."""
    return container("python", "-c", dedent(code), *arguments, name=name, **more)


SLEEPER = container("sleep", "600")

TELLER = python(
    """
    import socket, sys
    server = socket.create_server(("localhost", int(sys.argv[1])))
    while True:
        connection, _ = server.accept()
        connection.sendall(socket.gethostname().encode())
        connection.close()
    """,
    str(COMM),
)
"""Tells its Pod's name to whoever connects to the port that schedulers have."""


def pod(name: str, *containers: Manifest, **spec: Any) -> Manifest:
    """A Pod that belongs to nothing; by default it has no time to end, or tests would wait for it."""
    body = {"terminationGracePeriodSeconds": 0, "containers": [*containers], **spec}
    return {**core("Pod", name), "metadata": {"name": name, "labels": {"app": name}}, "spec": body}


def core(kind: str, name: str, **fields: Any) -> Manifest:
    """A Service, a ConfigMap or a Secret."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}


def cluster(
    name: str = "idle",
    scheduler: Manifest = SLEEPER,
    worker: Manifest = SLEEPER,
    *,
    replicas: int = 0,
    port: int | None = None,
) -> Manifest:
    """A cluster; nothing but the words of its manifest is Dask's unless its containers are.

    Args:
        name: Its name.
        scheduler: The scheduler's container.
        worker: The workers' container.
        replicas: How many workers.
        port: The Service's port; by default one that is free on localhost.
    """
    return manifest(DASK_CLUSTER, name, _cluster_spec(name, scheduler, worker, replicas, port))


def group(name: str, of: str, worker: Manifest = SLEEPER, *, replicas: int = 1) -> Manifest:
    """More workers of a cluster."""
    spec = {"cluster": of, "worker": {"replicas": replicas, "spec": {"containers": [worker]}}}
    return manifest(DASK_WORKER_GROUP, name, spec)


def job(name: str, runner: Manifest, of: Manifest | None = None, **spec: Any) -> Manifest:
    """A job.

    Args:
        name: Its name.
        runner: The runner's container.
        of: Its cluster; by default one that does nothing.
        spec: More of the runner's Pod.
    """
    run = {"restartPolicy": "Never", "containers": [runner], **spec}
    return manifest(
        DASK_JOB, name, {"job": {"spec": run}, "cluster": {"spec": (of or cluster(f"{name}-cluster"))["spec"]}}
    )


def dask_scheduler() -> Manifest:
    """The container of a scheduler of Dask, which tells when it is ready."""
    probe = {"tcpSocket": {"port": "comm"}, "periodSeconds": 1}
    return container("dask-scheduler", ports=[{"name": "comm", "containerPort": COMM}], readinessProbe=probe)


def dask_worker(*arguments: str, **more: Any) -> Manifest:
    """The container of a worker of Dask."""
    return container("dask-worker", "--name", "$(DASK_WORKER_NAME)", "--no-dashboard", *arguments, **more)


def write(file: Path, *manifests: Manifest) -> Path:
    """Let a file hold these manifests: at once, so that nobody reads the half of it."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(yaml.safe_dump_all(manifests, sort_keys=False))
    return new.replace(file)


def _cluster_spec(name: str, scheduler: Manifest, worker: Manifest, replicas: int, port: int | None) -> Manifest:
    selector = {CLUSTER_NAME: name, COMPONENT: "scheduler"}
    ports = [{"name": "tcp-comm", "port": port or free_port(), "targetPort": COMM}]
    return {
        "scheduler": {"spec": {"containers": [scheduler]}, "service": {"selector": selector, "ports": ports}},
        "worker": {"replicas": replicas, "spec": {"containers": [worker]}},
    }
