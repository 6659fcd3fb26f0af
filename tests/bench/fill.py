"""Rows a, b and c: clusters come up, and another one meanwhile."""

import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event

from tests.bench.stage import Daemon, Stage, cluster_of, daemon, pod, stage
from tests.bench.table import Row, percentiles, ratio, told
from tests.realcluster.eventually import eventually

WORKERS = 10
FEW, MANY = 100, 909
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


def few(rounds: int, flags: Sequence[str]) -> Row:
    """Row a: floor and daemon in turn, each on a fresh API server."""
    floors, ours = [], []
    for _ in range(rounds):
        floors.append(floor(FEW))
        with stage() as place, daemon(place.cluster, flags):
            ours.append(grow(place, FEW, meanwhile=False).seconds)
    least, took = statistics.median(floors), statistics.median(ours)
    work = f"{FEW} clusters x {WORKERS} workers, first create to last Pod Running"
    return Row(f"a. {work}", told(least), told(took), ratio(took, least), "1.25 x floor")


def floor(clusters: int) -> float:
    """The same Pods by a plain client."""
    pods = clusters * (WORKERS + 1)
    with stage() as place:
        namespace = place.cluster.create_namespace()
        place.create([pod(namespace, f"p{number}") for number in range(pods)])
        return place.seconds_to_run(namespace, pods)


def grow(place: Stage, clusters: int, *, meanwhile: bool) -> Grown:
    """Create clusters, and wait for their Pods to run; meanwhile, if asked, another small one every other second."""
    grown = Grown(clusters)
    namespace, other = place.cluster.create_namespace(), place.cluster.create_namespace()
    with _others(place, other, grown) if meanwhile else _nothing():
        place.create([cluster_of(namespace, f"c{number}", WORKERS) for number in range(clusters)])
        grown.seconds = place.seconds_to_run(namespace, clusters * (WORKERS + 1))
    return grown


def rows(grown: Grown, least: float | None, running: Daemon) -> Iterator[Row]:
    """Rows b and c; waits for the daemon to finish the pass that it is in."""
    eventually(lambda: running.longest_pass_seconds() > 0, "the end of a pass", deadline_seconds=_PATIENCE_SECONDS)
    pods, longest = grown.clusters * (WORKERS + 1), told(running.longest_pass_seconds())
    floors = (told(least), ratio(grown.seconds, least)) if least else ("-", "-")
    work = f"b. {grown.clusters} x {WORKERS}, that is {pods} Pods; the longest pass"
    yield Row(work, floors[0], f"{told(grown.seconds)}; {longest}", floors[1], "1.25 x floor; 10 s")
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
