"""Rows d, e and f: nothing to do beside 10,000 Pods."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from models.kinds import Kind
from reconciler.api import HTTPAPI
from reconciler.api.client import Manner
from reconciler.api.credentials import configuration
from reconciler.daemon.connection import now
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.wire.parse import parse_list
from tests.bench import process
from tests.bench.stage import THREADS, Daemon, Stage, paused
from tests.bench.table import Row, ratio, told

_TIMES = 5
_REST_SECONDS = 60
_MANNER = Manner(5, 60, 120, "bench", THREADS, compress=True)


@dataclass(frozen=True)
class _Cost:
    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        return f"{told(self.seconds)} (CPU {told(self.cpu_seconds)})"


def pass_row(place: Stage, running: Daemon) -> Row:
    """Row d: passes that find nothing to do, and the same lists fetched and parsed, in turn and in this process."""
    settings = Settings(once=True, kubeconfig=str(place.cluster.kubeconfig))
    with paused(running.pid), closing(_Remembering(str(place.cluster.kubeconfig))) as api:
        loop = Loop(api, settings, clock=now)
        for _ in range(3):  # until nothing is left to do or to report
            api.asked.clear()
            loop.once()
        lists = tuple(api.asked)
        costs = [(_cost(lambda: _fetch(api, lists)), _cost(loop.once)) for _ in range(_TIMES)]
    floor, whole = (_middle([cost[index] for cost in costs]) for index in (0, 1))
    work = f"full pass with nothing to do (floor: fetch and parse these {len(lists)} lists)"
    return Row(f"d. {work}", str(floor), str(whole), ratio(whole.seconds, floor.seconds), "1.25 x floor")


def rest_rows(place: Stage, running: Daemon) -> Iterator[Row]:
    """Rows e and f: a minute of rest, and the most memory of the daemon so far."""
    pids = (running.pid, place.server_pid)
    before = [process.cpu_seconds(pid) for pid in pids]
    time.sleep(_REST_SECONDS)
    used = (process.cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    told_used = " and ".join(f"{100 * seconds / _REST_SECONDS:.1f} %" for seconds in used)
    yield Row("e. at rest: daemon and API server, % of a core over a minute", "-", told_used, "-", "≤ 5 % and ≤ 5 %")
    highest = process.highest_megabytes(running.pid)
    yield Row("f. memory of the daemon, highest", "-", f"{highest:.0f} MiB", "-", "≤ 300 MB")


class _Remembering(HTTPAPI):
    """The API, which remembers what it was asked to list."""

    def __init__(self, kubeconfig: str) -> None:
        super().__init__(configuration(None, kubeconfig), _MANNER, None)
        self.asked: list[tuple[Kind, str | None, str, str]] = []

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """List, and remember it."""
        self.asked.append((kind, namespace, labels, fields))
        return super().list(kind, namespace, labels=labels, fields=fields)


def _fetch(api: HTTPAPI, lists: tuple[tuple[Kind, str | None, str, str], ...]) -> object:
    """Fetch and parse lists one after another, without garbage collection; the models are all kept to the end."""
    gc.disable()
    try:
        return [
            parse_list(kind, api.list(kind, namespace, labels=labels, fields=fields))
            for kind, namespace, labels, fields in lists
        ]
    finally:
        gc.enable()


def _cost(work: Callable[[], object]) -> _Cost:
    gc.collect()
    begun, used = time.perf_counter(), time.process_time()
    result = work()
    cost = _Cost(time.perf_counter() - begun, time.process_time() - used)
    del result
    return cost


def _middle(costs: list[_Cost]) -> _Cost:
    return _Cost(statistics.median(c.seconds for c in costs), statistics.median(c.cpu_seconds for c in costs))
