"""A DaskJob in Kubernetes: its requests, and how it ended.

The ConfigMap that carries its script is made before the job: a job without it would hold its cluster, and wait for a
file that nobody brings if this program ended in between. What would be left behind this way round is a ConfigMap that
costs nothing. Once the job exists it owns the ConfigMap, which is deleted with it.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kubecluster.api import Body, Kubernetes, path
from kubecluster.diagnosis.sight import items, name_of, read, text
from kubecluster.errors import ClusterNotFound, RequestFailed, Unreachable
from kubecluster.names import COMPONENT, DASK_JOB, POD, Component

RUNNER = "job"
"""The container that runs its script."""
LOOK_SECONDS = 0.5


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
