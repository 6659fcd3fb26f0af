"""A DaskJob from a local file: its manifest, the file's way into it, and its requests.

The file travels in a ConfigMap. That is made before the job: a job without it would hold its cluster, and wait for a
file that nobody brings if this program ended in between. What would be left behind this way round is a ConfigMap that
costs nothing. Once the job exists it owns the ConfigMap, which is deleted with it.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kubecluster.api import Body, Kubernetes, path
from kubecluster.diagnosis.sight import items, name_of, read, text
from kubecluster.errors import ClusterNotFound, Invalid, RequestFailed, Unreachable
from kubecluster.names import COMPONENT, DASK_JOB, NAMING, POD, Component
from kubecluster.options import Options

FOLDER = "/dask-job"
"""Where the runner's container has the script."""
KEY = "script"
RUNNER = "job"
"""The container that runs it."""
LARGEST = 1 << 20
"""Kubernetes takes no larger ConfigMap."""
ROOM = 4096
"""Of which something is for names, labels and the like."""
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Script:
    """A Python script and what it is given.

    Args:
        name: Its file's name.
        content: What is in it.
        arguments: What comes after it on the command line.
    """

    name: str
    content: bytes
    arguments: Sequence[str] = ()

    def settings(self, job: str) -> Body:
        """The ConfigMap that carries it.

        Args:
            job: The job's name, which is the ConfigMap's.

        Raises:
            Invalid: it is too large.
        """
        try:
            data: Body = {"data": {KEY: self.content.decode()}}
            size = len(self.content)
        except UnicodeDecodeError:
            data = {"binaryData": {KEY: base64.b64encode(self.content).decode()}}
            size = len(data["binaryData"][KEY])
        if size > LARGEST - ROOM:
            raise Invalid(
                f"{self.name} has {size / (1 << 20):.1f} MiB, and Kubernetes carries at most 1 MiB to a job. Put what "
                "makes it large into the image, or where the script can read it from."
            )
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": job}, "immutable": True, **data}

    @property
    def command(self) -> list[str]:
        """How it is run; Kubernetes would replace `$(NAME)`, and takes two dollars for one."""
        words = (f"{FOLDER}/{self.name}", *self.arguments)
        return ["python", *(word.replace("$", "$$") for word in words)]


def manifest(options: Options, script: Script) -> Body:
    """The DaskJob that runs a script on a cluster of its own.

    Args:
        options: What the cluster is to be; its name is the job's.
        script: The script.
    """
    cluster = options.manifest()
    (scheduler,) = items(cluster, "spec", "scheduler", "spec", "containers")
    unbuffered = {"name": "PYTHONUNBUFFERED", "value": "1"}
    named = [one["name"] for one in options.env]
    runner: Body = {
        "name": RUNNER,
        "image": options.image,
        "args": script.command,
        "env": [*options.env, *([] if unbuffered["name"] in named else [unbuffered])],
        "volumeMounts": [{"name": KEY, "mountPath": FOLDER, "readOnly": True}],
    }
    runner |= {"resources": scheduler["resources"]} if "resources" in scheduler else {}
    settings = {"name": options.name, "items": [{"key": KEY, "path": script.name}]}
    return {
        "apiVersion": DASK_JOB.api_version,
        "kind": DASK_JOB.name,
        "metadata": {"name": options.name, "annotations": {NAMING: str(options.naming)}},
        "spec": {
            "job": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [runner],
                    "volumes": [{"name": KEY, "configMap": settings}],
                }
            },
            "cluster": {"spec": cluster["spec"]},
        },
    }


@dataclass(frozen=True, slots=True)
class Job:
    """A DaskJob and what belongs to it.

    Args:
        kubernetes: Where it is.
        namespace: In which namespace.
        name: Its name.
    """

    kubernetes: Kubernetes
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def read(self) -> Body:
        """The DaskJob.

        Raises:
            ClusterNotFound: there is none.
        """
        return self.kubernetes.get(self._path)

    def submit(self, body: Body, settings: Body) -> Body:
        """Make it, and what it reads; what it has become.

        Args:
            body: The DaskJob.
            settings: The ConfigMap.

        Raises:
            KubeClusterError: it is not made.
        """
        carried = path("configmaps", self.namespace, self.name, group="")
        self.kubernetes.create(path("configmaps", self.namespace, group=""), settings)
        try:
            made = self.kubernetes.create(path(DASK_JOB.plural, self.namespace), body)
        except Unreachable:
            raise  # it may have been made
        except Exception:
            self.kubernetes.delete(carried)
            raise
        owner = {"apiVersion": DASK_JOB.api_version, "kind": DASK_JOB.name}
        owner |= {"name": self.name, "uid": text(made, "metadata", "uid")}
        with suppress(RequestFailed):  # then it is left behind, and does no harm
            self.kubernetes.patch(carried, {"metadata": {"ownerReferences": [owner]}})
        return made

    def runners(self) -> list[Body]:
        """The Pods that run its script, or have run it; the newest last."""
        labels = f"{COMPONENT}={Component.JOB_RUNNER}"
        pods = self.kubernetes.list(path(POD.plural, self.namespace, group=POD.group), labels=labels)
        mine = [pod for pod in pods if self._owns(pod)]
        return sorted(mine, key=lambda pod: (text(pod, "metadata", "creationTimestamp"), name_of(pod)))

    def delete(self) -> None:
        """Ask for it to be deleted, and all that belongs to it."""
        self.kubernetes.delete(self._path)

    def await_end(self, seconds: float) -> None:
        """Wait until it is gone.

        Raises:
            TimeoutError: it is not.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.read()
            except ClusterNotFound:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"The DaskJob {self} still exists {seconds:g} s after it was asked to be deleted.")
            time.sleep(LOOK_SECONDS)

    @property
    def _path(self) -> str:
        return path(DASK_JOB.plural, self.namespace, self.name)

    def _owns(self, pod: Body) -> bool:
        owners: Sequence[Mapping[str, Any]] = items(pod, "metadata", "ownerReferences")
        return any(one.get("kind") == DASK_JOB.name and one.get("name") == self.name for one in owners)


def outcome(job: Body) -> str:
    """`Successful` or `Failed`; empty if it has not ended."""
    status = text(job, "status", "jobStatus")
    return status if status in ("Successful", "Failed") else ""


def exit_code(pod: Body) -> int | None:
    """With what a runner's script has ended; `None` if it has not, or nobody knows."""
    for one in items(pod, "status", "containerStatuses"):
        code = read(one, "state", "terminated", "exitCode")
        if text(one, "name") == RUNNER and isinstance(code, int):
            return code
    return None
