"""Row i: what asking schedulers costs, and whether those that hang hold up passes; on the API in memory.

this process                                   another
passes, beside the threads that ask ──TCP──►   500 schedulers, each at an address of its own, of which 100 hang
"""

import asyncio
import json
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgpack

from models.kinds import DASK_WORKER_GROUP, POD, Key
from reconciler.daemon.connection import now
from reconciler.daemon.run import collect_garbage_seldom
from reconciler.daemon.settings import Settings
from reconciler.dask.asking import Schedulers
from reconciler.dask.workers import ask
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT, Component
from reconciler.rules.questions import Question
from tests.bench.table import Row, ratio, told
from tests.builders import NAMESPACE, cluster, manifest
from tests.simulation.kubelet import Kubelet

CLUSTERS, HANGING, WORKERS = 500, 100, 10
_TIMES = 5
_REST_SECONDS = 30
_UNTIL_SILENT_SECONDS = 40
_PORT = 8786
_HANDSHAKE = {"compression": None, "python": (3, 11, 0), "pickle-protocol": 5}


class _Asking(Schedulers):
    """Those who ask, as the daemon's; on request, all questions are urgent."""

    hurries = False

    def update(self, questions: Iterable[Question], is_about: Callable[[Key], bool]) -> None:
        """Take in what is to be asked."""
        super().update((replace(one, is_urgent=one.is_urgent or self.hurries) for one in questions), is_about)


def rows() -> Iterator[Row]:
    """Row i."""
    collect_garbage_seldom()
    api, stop = _made(), threading.Event()
    with _listening(_addressed(api)):
        schedulers = _Asking(ask, now)
        alone, beside = (
            Loop(api, Settings(parallel_writes=1), clock=now, observers=[lambda _: stop.set()], schedulers=some)
            for some in (None, schedulers)
        )
        schedulers.start()
        deadline = time.monotonic() + _UNTIL_SILENT_SECONDS
        while time.monotonic() < deadline:  # who hangs counts as silent then, which is told in statuses
            _pass(beside, stop)
        floor, quiet = _medians((alone, beside), stop)
        rest = _share_of_a_core()
        answered = sum(one.at is not None for one in schedulers.answers().values())
        schedulers.hurries = True
        floor_of_urgent, urgent = _medians((alone, beside), stop)
        hurry = _share_of_a_core()
        schedulers.close()
    assert answered == CLUSTERS - HANGING, f"{answered} schedulers have answered"
    whom = f"{CLUSTERS} schedulers, of which {HANGING} hang: all quiet; all urgent"
    yield Row(
        f"i. full pass over {CLUSTERS} clusters x {WORKERS} in memory, beside asking {whom}",
        f"{told(floor)}; {told(floor_of_urgent)}",
        f"{told(quiet)}; {told(urgent)}",
        f"{ratio(quiet, floor)}; {ratio(urgent, floor_of_urgent)}",
        "1.1 x floor",
    )
    yield Row(f"i. asking {whom}, % of a core", "-", f"{rest:.1f} and {hurry:.1f}", "-", "-")


def _medians(loops: tuple[Loop, Loop], stop: threading.Event) -> tuple[float, float]:
    """The seconds of a pass of each, in turn."""
    costs = [tuple(_pass(loop, stop) for loop in loops) for _ in range(_TIMES)]
    return statistics.median(cost[0] for cost in costs), statistics.median(cost[1] for cost in costs)


def _pass(loop: Loop, stop: threading.Event) -> float:
    """One pass of a daemon's; the seconds."""
    stop.clear()
    begun = time.perf_counter()
    loop.forever(stop)
    return time.perf_counter() - begun


def _share_of_a_core() -> float:
    used = time.process_time()
    time.sleep(_REST_SECONDS)
    return 100 * (time.process_time() - used) / _REST_SECONDS


def _made() -> MemoryAPI:
    """An API with clusters that are up."""
    api = MemoryAPI(now)
    for number in range(CLUSTERS):
        api.create(cluster().kind(), manifest(cluster(f"c{number:05}", replicas=WORKERS, naming=None)))
    loop, kubelet = Loop(api, Settings(parallel_writes=1), clock=now), Kubelet(api, now)  # type: ignore[arg-type]
    while True:
        result = loop.once()
        if not kubelet.step() and not result.plan.actions and not result.reports:
            return api


def _addressed(api: MemoryAPI) -> Mapping[str, list[str]]:
    """Give each scheduler Pod an address on this machine; its workers' names, by address; none for those that hang."""
    pods = api.objects(POD)
    workers: dict[str, list[str]] = {}
    for body in pods:
        if body["metadata"]["labels"][COMPONENT] == Component.WORKER:
            workers.setdefault(body["metadata"]["labels"][CLUSTER_NAME], []).append(body["metadata"]["name"])
    heads = [body for body in pods if body["metadata"]["labels"][COMPONENT] == Component.SCHEDULER]
    found = {}
    for number, body in enumerate(heads):
        address = f"127.1.{number // 250}.{number % 250 + 1}"
        api.set_status(Key(POD, NAMESPACE, body["metadata"]["name"]), {**body["status"], "podIP": address})
        hangs = number % (CLUSTERS // HANGING) == 0
        found[address] = [] if hangs else workers[body["metadata"]["labels"][CLUSTER_NAME]]
    assert len(api.objects(DASK_WORKER_GROUP)) == len(found) == CLUSTERS
    return found


@contextmanager
def _listening(workers: Mapping[str, list[str]]) -> Iterator[None]:
    """Schedulers with these workers, in a process of their own."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.asking"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin
    assert running.stdout
    with running:
        running.stdin.write(json.dumps(workers) + "\n")
        running.stdin.flush()
        assert running.stdout.readline() == "listening\n"
        try:
            yield
        finally:
            running.kill()


async def _serve(workers: Mapping[str, list[str]]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        names = workers[writer.get_extra_info("sockname")[0]]
        while names:
            try:
                (size,) = struct.unpack("<Q", await reader.readexactly(8))
                asked = msgpack.unpackb((await reader.readexactly(size))[16:])
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            packed = msgpack.packb(_answer(asked.get("op"), names))
            writer.write(struct.pack("<3Q", len(packed) + 16, 1, len(packed)) + packed)
        if names:
            writer.close()
        else:
            await asyncio.sleep(3600)

    servers = [await asyncio.start_server(talk, address, _PORT, backlog=10) for address in workers]
    print("listening", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _answer(asked: str | None, names: list[str]) -> Any:
    addresses = {f"tcp://10.0.0.1:{number}": name for number, name in enumerate(names, 1)}
    match asked:
        case None:
            return _HANDSHAKE
        case "identity":
            return {
                "id": "Scheduler-x",
                "started": 1.0,
                "workers": {
                    at: {
                        "name": name,
                        "host": "10.0.0.1",
                        "status": "running",
                        "nthreads": 1,
                        "memory_limit": 2**30,
                        "last_seen": time.time(),
                        "metrics": {"memory": 10**8, "managed_bytes": 0, "task_counts": {}},
                        "resources": {},
                    }
                    for at, name in addresses.items()
                },
            }
        case "nbytes":
            return {}
    return {at: [] for at in addresses}


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.stdin.readline())))
