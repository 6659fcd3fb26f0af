"""A world behind HTTP and a loop that looks at it, a pass at a time."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key
from models.resources import DaskCluster
from reconciler.loop import Loop
from reconciler.passes.values import PassResult
from reconciler.rules.labels import ROLE
from reconciler.wire.protocol import API
from tests.http.connection import connected, kubeconfig
from tests.http.faultyserver import FaultyServer
from tests.simulation.world import World


@dataclass
class Place:
    """A world behind HTTP, and a loop that looks at it."""

    stack: ExitStack
    directory: Path
    read_timeout_seconds: float = 10.0
    servers: list[FaultyServer] = field(default_factory=list)
    results: list[PassResult] = field(default_factory=list)

    @property
    def server(self) -> FaultyServer:
        return self.servers[0]

    def world(self, *clusters: DaskCluster, namespaces: tuple[str, ...] = ()) -> World:
        self.there = World(*clusters, through=self.through, namespaces=namespaces)
        self.loop = Loop(
            self.there._front,
            self.there.settings,
            clock=self.there.clock,
            seconds=self.there.clock.seconds,
            observers=[self.results.append, self.end],
        )
        return self.there

    def through(self, api: API) -> API:
        self.servers.append(self.stack.enter_context(FaultyServer(api)))
        config = kubeconfig(self.directory / "config", self.server.url)
        return self.stack.enter_context(connected(config, read_timeout_seconds=self.read_timeout_seconds))

    def end(self, _: PassResult) -> None:
        self.stop.set()

    def one_pass(self) -> PassResult:
        """One pass alone; `once` would look again after conflicts and silence."""
        self.stop = Event()
        self.server.asked.clear()
        self.loop.forever(self.stop)
        return self.results[-1]

    @property
    def writes(self) -> Counter[str]:
        """What was asked in the last pass, but for lists."""
        return Counter(line for line, _ in self.server.asked if not line.startswith("LIST"))


def inventory(world: World, name: str) -> dict[str, int]:
    """What there is of a cluster that is neither ending nor an orphan, by role."""
    uids = {body["metadata"]["uid"] for kind in CUSTOM_KINDS for body in world.api.objects(kind)}
    found: Counter[str] = Counter()
    for kind in (POD, SERVICE, DASK_WORKER_GROUP):
        for body in world.api.objects(kind):
            meta = body["metadata"]
            if meta["name"].startswith(f"{name}-") and "deletionTimestamp" not in meta:
                is_owned = [owner["uid"] in uids for owner in meta["ownerReferences"]] == [True]
                found[meta["annotations"][ROLE] if is_owned else f"orphan {meta['name']}"] += 1
    return dict(found)


def complete(world: World, name: str, workers: int = 1, namespace: str = "default") -> bool:
    """Whether the cluster is all there, nothing too much, and its status says so of the present generation."""
    parts = {"scheduler": 1, "service": 1, "comm-service": 1, "default-group": 1, "worker": workers}
    meta = world.get(Key(DASK_CLUSTER, namespace, name))
    is_told = meta.get("status", {}).get("observedGeneration") == meta["metadata"]["generation"]
    return is_told and inventory(world, name) == parts
