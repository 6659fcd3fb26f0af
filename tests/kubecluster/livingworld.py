"""A Kubernetes in this process in which everybody acts: the API server, the reconciler, and a node with real Dask."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from models.base import wire_time
from models.kinds import ALL_KINDS, DASK_CLUSTER, DASK_WORKER_GROUP, EVENT, POD, Key, Kind
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI, Schemas, read
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body
from tests.http.connection import kubeconfig
from tests.kubecluster.daskhost import DaskHost
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.realcluster.eventually import eventually

CRDS = Path(__file__).parents[2] / "crds"
STEP_SECONDS = 0.02
LOOK_AGAIN_AFTER = 10
"""After how many steps the reconciler makes a pass although nothing has changed."""
NAMESPACE = "default"


@cache
def schemas() -> Schemas:
    """The schemas of the custom resources, read once."""
    return read(CRDS)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class LivingWorld:
    """Everything that is there.

    Attributes:
        server: The API server.
        kubeconfig: The file that leads to it.
        dask: Where schedulers and workers run.
        statuses: By image, the status that a Pod with it has for ever, instead of running.
        has_reconciler: Whether anybody acts on resources.
        has_workers: Whether Dask's workers run in Pods that are ready.
    """

    server: FakeKubernetes
    kubeconfig: Path
    dask: DaskHost
    statuses: dict[str, Body] = field(default_factory=dict)
    has_reconciler: bool = True
    has_workers: bool = True

    @property
    def api(self) -> MemoryAPI:
        return self.server.api

    def names(self, kind: Kind, namespace: str | None = None) -> list[str]:
        """The names of the objects of a kind."""
        return [body["metadata"]["name"] for body in self.api.objects(kind, namespace)]

    def get(self, kind: Kind, name: str, namespace: str = NAMESPACE) -> Body:
        """An object that is there."""
        body = self.api.get(Key(kind, namespace, name))
        assert body is not None, f"there is no {kind.name} {name}; there is: {self.everything()}"
        return body

    def cluster(self, name: str, namespace: str = NAMESPACE, **metadata: Any) -> Body:
        """Make a DaskCluster as somebody else does."""
        containers = [{"name": "main", "image": "dask"}]
        ports = [{"name": "tcp-comm", "port": 8786, "targetPort": 8786}]
        scheduler = {"spec": {"containers": containers}, "service": {"ports": ports, "selector": {}}}
        spec = {"scheduler": scheduler, "worker": {"replicas": 0, "spec": {"containers": containers}}}
        meta = {"name": name, "namespace": namespace, **metadata}
        body = {"apiVersion": DASK_CLUSTER.api_version, "kind": DASK_CLUSTER.name, "metadata": meta, "spec": spec}
        return self.api.create(DASK_CLUSTER, body).body

    def event(self, about: str, message: str) -> None:
        """Have something happen to a Pod."""
        pod = {"apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": about}
        meta = {"name": f"{about}.1", "namespace": NAMESPACE}
        told = {
            "reason": "Failed",
            "message": message,
            "type": "Warning",
            "lastTimestamp": wire_time(now()),
            "count": 1,
        }
        self.api.create(EVENT, {"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": pod, **told})

    def end_of(self, name: str, reason: str, message: str, number: int) -> None:
        """Have something told of a DaskCluster, so many seconds after the first."""
        about = {
            "apiVersion": DASK_CLUSTER.api_version,
            "kind": DASK_CLUSTER.name,
            "namespace": NAMESPACE,
            "name": name,
        }
        meta = {"name": f"{name}.1", "namespace": NAMESPACE}
        at = wire_time(now() + timedelta(seconds=number))
        told = {"reason": reason, "message": message, "type": "Normal", "lastTimestamp": at, "count": 1}
        self.api.create(EVENT, {"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": about, **told})

    def everything(self) -> list[str]:
        """All that there is, but for Events."""
        kinds = [kind for kind in ALL_KINDS if kind != EVENT]
        return [f"{kind.plural}/{name}" for kind in kinds for name in self.names(kind)]

    def is_empty(self) -> bool:
        """Whether there is nothing any more."""
        return not self.everything()

    def leaves_nothing(self) -> None:
        """Wait until there is nothing any more."""
        eventually(self.is_empty, f"an empty world, rather than {self.everything()},")

    def replicas(self, group: str) -> int:
        """How many workers a worker group asks for."""
        wanted: int = self.get(DASK_WORKER_GROUP, group)["spec"]["worker"]["replicas"]
        return wanted

    def reconcile(self) -> None:
        """Have the reconciler act, where no machine does."""
        Loop(self.api, Settings(parallel_writes=1), clock=now).once()


class Machine:
    """The reconciler and a node: a step moves all Pods on.

    Args:
        world: Where.
    """

    def __init__(self, world: LivingWorld) -> None:
        self._world = world
        self._loop = Loop(world.api, Settings(parallel_writes=1), clock=now)
        self._seen: int | None = None
        self._idle = 0

    def run(self, over: threading.Event) -> None:
        """Step on until it is over; whoever runs then is stopped."""
        while not over.wait(STEP_SECONDS):
            self.step()
        for pod in self._world.api.objects(POD):
            self._world.dask.stop(_id(pod))

    def step(self) -> None:
        """Move everything on."""
        for pod in self._world.api.objects(POD):
            with contextlib.suppress(ApiError):  # somebody else was quicker
                self._move(pod)
        self._idle += 1
        if self._world.has_reconciler and (self._world.api.revision != self._seen or self._idle > LOOK_AGAIN_AFTER):
            self._idle = 0
            self._loop.once()
            self._seen = self._world.api.revision

    def _move(self, pod: Body) -> None:
        key = Key(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        status = self._world.statuses.get(pod["spec"]["containers"][0]["image"])
        if "deletionTimestamp" in pod["metadata"]:
            self._world.dask.stop(_id(pod))
            self._world.server.pods.pop(key.name, None)
            self._world.api.remove(key)
        elif pod["spec"].get("schedulingGates"):
            return
        elif not pod["spec"].get("nodeName"):
            self._world.api.bind(key, "node")
        elif status is not None:
            if pod["status"].get("containerStatuses") != status.get("containerStatuses"):
                self._world.api.set_status(key, status)
        elif pod["status"].get("phase") != "Running" and self._start(pod):
            self._world.api.set_status(key, _running(pod["spec"]["containers"][0]["name"]))

    def _start(self, pod: Body) -> bool:
        """Start what runs in a Pod; whether it does."""
        labels, pods = pod["metadata"]["labels"], self._world.server.pods
        if labels[COMPONENT] == "scheduler":
            pods[pod["metadata"]["name"]] = self._world.dask.scheduler(_id(pod))
            return True
        schedulers = (one for one in self._world.api.objects(POD, pod["metadata"]["namespace"]) if _is_scheduler(one))
        name = next((_name(one) for one in schedulers if _cluster(one) == labels[CLUSTER_NAME]), "")
        if name in pods and self._world.has_workers:
            self._world.dask.worker(_id(pod), pods[name][8786])
        return name in pods and self._world.has_workers


@contextmanager
def still(folder: Path, clock: Callable[[], datetime] = now) -> Iterator[LivingWorld]:
    """A world in which nobody acts by himself, for as long as it is entered.

    Args:
        folder: Where its kubeconfig is written.
        clock: The API server's time.
    """
    with FakeKubernetes(MemoryAPI(clock, schemas=schemas())) as server:
        yield LivingWorld(server, kubeconfig(folder / "kubeconfig", server.url), DaskHost())


@contextmanager
def living(folder: Path, dask: DaskHost) -> Iterator[LivingWorld]:
    """A world, for as long as it is entered.

    Args:
        folder: Where its kubeconfig is written.
        dask: Where its Pods run.
    """
    with FakeKubernetes(MemoryAPI(now, schemas=schemas())) as server:
        world = LivingWorld(server, kubeconfig(folder / "kubeconfig", server.url), dask)
        over = threading.Event()
        machine = threading.Thread(target=Machine(world).run, args=(over,), name="machine")
        machine.start()
        try:
            yield world
        finally:
            over.set()
            machine.join()


def _running(container: str) -> Body:
    started = wire_time(now())
    state = {"name": container, "ready": True, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {}}}
    conditions = [{"type": one, "status": "True", "lastTransitionTime": started} for one in ("PodScheduled", "Ready")]
    return {"phase": "Running", "startTime": started, "conditions": conditions, "containerStatuses": [state]}


def _name(pod: Body) -> str:
    name: str = pod["metadata"]["name"]
    return name


def _id(pod: Body) -> str:
    return f"{pod['metadata']['name']} {pod['metadata']['uid']}"


def _cluster(pod: Body) -> Any:
    return pod["metadata"]["labels"].get(CLUSTER_NAME)


def _is_scheduler(pod: Body) -> bool:
    return bool(pod["metadata"]["labels"].get(COMPONENT) == "scheduler" and "deletionTimestamp" not in pod["metadata"])
