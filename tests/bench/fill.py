"""Rows a, b and c: clusters come up, and another one meanwhile."""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event

from models.kinds import DASK_WORKER_GROUP, POD, SERVICE, Kind
from reconciler.wire.protocol import Body
from tests.bench.stage import Daemon, Stage, cluster_of, daemon, pod, stage
from tests.bench.table import Row, percentiles, ratio, told
from tests.realcluster.eventually import eventually

WORKERS = 10
FEW, MANY = 100, 909
BESIDE_ALL = "beside all of their objects, made by a plain client"
_PAUSE_SECONDS = 2.0
_PATIENCE_SECONDS = 600


@dataclass
class Grown:
    """What it took until all Pods ran.

    Attributes:
        clusters: how many came up.
        seconds: from the first create to the last Pod's Running.
        others: from another cluster's create to its scheduler Pod.
    """

    clusters: int
    seconds: float = 0.0
    others: list[float] = field(default_factory=list)


def few(rounds: int, flags: Sequence[str]) -> Iterator[Row]:
    """Row a: floors and daemon in turn, each on a fresh API server."""
    floors, wholes, ours = [], [], []
    for _ in range(rounds):
        floors.append(floor(FEW))
        wholes.append(floor_of_everything(FEW, flags))
        with stage() as place, daemon(place.cluster, flags):
            ours.append(grow(place, FEW, meanwhile=False).seconds)
    least, whole, took = map(statistics.median, (floors, wholes, ours))
    work = f"{FEW} clusters x {WORKERS} workers, first create to last Pod Running"
    yield Row(f"a. {work}", told(least), told(took), ratio(took, least), "1.25 x floor")
    yield Row(f"a. {BESIDE_ALL}", told(whole), told(took), ratio(took, whole), "-")


def floor(clusters: int) -> float:
    """The same Pods by a plain client."""
    pods = clusters * (WORKERS + 1)
    with stage() as place:
        namespace = place.cluster.create_namespace()
        place.create([pod(namespace, f"p{number}") for number in range(pods)])
        return place.seconds_to_run(namespace, pods)


def floor_of_everything(clusters: int, flags: Sequence[str]) -> float:
    """The same clusters, groups, Services and Pods by a plain client, without a decision, a record or a status."""
    with stage() as place, daemon(place.cluster, flags):
        grow(place, 1, meanwhile=False)
        lists = {kind: json.loads(place.api.list(kind, None))["items"] for kind in (DASK_WORKER_GROUP, SERVICE, POD)}
    of_one = [(kind, body) for kind, bodies in lists.items() for body in bodies if _is_of(body, "c0")]
    with stage() as place:
        namespace = place.cluster.create_namespace()
        bodies = [cluster_of(namespace, f"c{number}", WORKERS) for number in range(clusters)]
        for number in range(clusters):
            bodies += [_like(kind, body, namespace, f"c{number}") for kind, body in of_one]
        place.create(bodies)
        return place.seconds_to_run(namespace, clusters * (WORKERS + 1))


def _is_of(body: Body, name: str) -> bool:
    return str(body["metadata"]["name"]).startswith(f"{name}-")


def _like(kind: Kind, body: Body, namespace: str, name: str) -> Body:
    """An object of cluster `c0` as that of another cluster, without an owner, which would have to be made before."""
    meta = {key: value for key, value in body["metadata"].items() if key in ("name", "labels", "annotations")}
    spec = {key: value for key, value in body["spec"].items() if key not in ("clusterIP", "clusterIPs", "nodeName")}
    bare = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, "spec": spec}
    renamed: Body = json.loads(json.dumps(bare).replace("c0", name))
    renamed["metadata"]["namespace"] = namespace
    return renamed


def grow(place: Stage, clusters: int, *, meanwhile: bool) -> Grown:
    """Create clusters, and wait for their Pods to run; meanwhile, if asked, another small one every other second."""
    grown = Grown(clusters)
    namespace, other = place.cluster.create_namespace(), place.cluster.create_namespace()
    with _others(place, other, grown) if meanwhile else _nothing():
        place.create([cluster_of(namespace, f"c{number}", WORKERS) for number in range(clusters)])
        grown.seconds = place.seconds_to_run(namespace, clusters * (WORKERS + 1))
    return grown


def rows(grown: Grown, floors: tuple[float, float] | None, running: Daemon) -> Iterator[Row]:
    """Rows b, if there are floors, and c; waits for the daemon to finish the pass that it is in."""
    eventually(lambda: running.longest_pass_seconds() > 0, "the end of a pass", deadline_seconds=_PATIENCE_SECONDS)
    if floors:
        (least, whole), took = floors, grown.seconds
        work = f"b. {grown.clusters} x {WORKERS}, that is {grown.clusters * (WORKERS + 1)} Pods; the longest pass"
        measured = f"{told(took)}; {told(running.longest_pass_seconds())}"
        yield Row(work, told(least), measured, ratio(took, least), "1.25 x floor; 10 s")
        yield Row(f"b. {BESIDE_ALL}", told(whole), told(took), ratio(took, whole), "-")
    if grown.others:
        work = "meanwhile another cluster's create to its scheduler Pod"
        yield Row(f"c. {work}", "-", percentiles(grown.others), "-", "p99 ≤ 1 s")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _others(place: Stage, namespace: str, grown: Grown) -> Iterator[None]:
    """Create a small cluster every other second, and note how long each waits for its scheduler Pod.

    One that still waits at the end counts with what it has waited until then.
    """
    stop = Event()
    with ThreadPoolExecutor(1) as thread:
        creating = thread.submit(_create_others, place, namespace, stop)
        try:
            yield
        finally:
            stop.set()
    creating.result()
    made = place.trail.created_pods(namespace)
    created = place.trail.created_clusters(namespace)
    grown.others = [made.get(f"{name}-scheduler", time.time()) - at for name, at in created.items()]


def _create_others(place: Stage, namespace: str, stop: Event) -> None:
    for number in count():
        if stop.wait(_PAUSE_SECONDS):
            return
        place.create([cluster_of(namespace, f"other{number}", 1)])
