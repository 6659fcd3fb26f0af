"""A Kubernetes in this process in which jobs run: their runners' Pods end when the test says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.kinds import POD, Key
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import COMPONENT
from reconciler.wire.protocol import Body
from tests.http.connection import kubeconfig
from tests.kubecluster.daskhost import DaskHost
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.kubecluster.livingworld import LivingWorld, Machine, now, schemas

RUNNER = "job-runner"


class JobMachine(Machine):
    """The reconciler and a node, on which a runner ends with a code.

    Attributes:
        codes: With what the next runners end, in order; a negative one is lost with its node. They run on while there
            is none.

    Args:
        world: Where.
    """

    def __init__(self, world: LivingWorld) -> None:
        super().__init__(world)
        self.codes: list[int] = []

    def _move(self, pod: Body) -> None:
        labels, phase = pod["metadata"]["labels"], pod["status"].get("phase")
        if labels[COMPONENT] != RUNNER or phase == "Pending" or "deletionTimestamp" in pod["metadata"]:
            super()._move(pod)
            self._identify(pod)
        elif phase == "Running" and self.codes:
            self._world.api.set_status(
                Key(POD, pod["metadata"]["namespace"], pod["metadata"]["name"]), _ended(pod, self.codes.pop(0))
            )

    def _identify(self, pod: Body) -> None:
        """Give a container that runs its identity, by which whoever follows its log knows it."""
        key = Key(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        status = (self._world.api.get(key) or {}).get("status", {})
        for container in status.get("containerStatuses", ()):
            if "containerID" not in container:
                container["containerID"] = f"containerd://{pod['metadata']['uid']}"
                self._world.api.set_status(key, status)

    def _start(self, pod: Body) -> bool:
        return pod["metadata"]["labels"][COMPONENT] == RUNNER or super()._start(pod)


@contextmanager
def with_jobs(folder: Path, dask: DaskHost) -> Iterator[tuple[LivingWorld, FakeKubernetes, JobMachine]]:
    """A world with jobs, for as long as it is entered."""
    with FakeKubernetes(MemoryAPI(now, schemas=schemas())) as server:
        world = LivingWorld(server, kubeconfig(folder / "kubeconfig", server.url), dask)
        over, machine = threading.Event(), JobMachine(world)
        thread = threading.Thread(target=machine.run, args=(over,), name="machine")
        thread.start()
        try:
            yield world, server, machine
        finally:
            over.set()
            thread.join()


def _ended(pod: Body, code: int) -> Body:
    status = {**pod["status"], "phase": "Failed" if code else "Succeeded"}
    [container] = status["containerStatuses"]
    state = {"terminated": {"exitCode": abs(code), "finishedAt": "2026-01-01T00:00:00Z"}}
    if code < 0:
        status["conditions"] = [
            *status["conditions"],
            {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]
    return {**status, "containerStatuses": [{**container, "ready": False, "state": state}]}
