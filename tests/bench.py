"""How fast clusters come up: `make bench`.

On one API server with nodes that only pretend (kwok), measures from the first create to the last Pod that is Running:

    floor        a plain client with 16 threads creates the same Pods, and nothing else
    reconciler   as many DaskClusters are created, and the daemon makes their Pods

Both run in turn in the same run, since only their ratio means something on a shared machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.kinds import DASK_CLUSTER, POD
from reconciler.api import HTTPAPI, connect
from reconciler.wire.protocol import Body
from tests import manifests
from tests.realcluster import RealCluster, start
from tests.realcluster.eventually import eventually

THREADS = 16
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What one run took.

    Attributes:
        seconds: from the first create to the last Pod that is Running.
        cpu_seconds: of the process that made the Pods.
        megabytes: the most memory it held.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    pods = arguments.clusters * (arguments.workers + 1)
    print(f"{arguments.clusters} clusters of 1 scheduler and {arguments.workers} workers: {pods} Pods", flush=True)
    print(f"{'':12}{'seconds':>9}{'Pods/s':>9}{'CPU s':>8}{'MB':>7}", flush=True)
    with start(kwok=True) as cluster, _api(cluster) as api:
        cluster.kubectl("apply", "-k", "crds")
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
        for _ in range(arguments.rounds):
            floor = _show("floor", pods, _floor(cluster, api, pods))
            ours = _show("reconciler", pods, _reconciler(cluster, api, arguments.clusters, arguments.workers))
            print(f"reconciler / floor: {ours.seconds / floor.seconds:.2f}", flush=True)


def _show(what: str, pods: int, figures: Figures) -> Figures:
    rate = pods / figures.seconds
    print(f"{what:12}{figures.seconds:9.1f}{rate:9.0f}{figures.cpu_seconds:8.1f}{figures.megabytes:7.0f}", flush=True)
    return figures


def _floor(cluster: RealCluster, api: HTTPAPI, pods: int) -> Figures:
    namespace = cluster.create_namespace()
    cpu, begun = time.process_time(), time.monotonic()
    _create(api, [_pod(namespace, number) for number in range(pods)])
    _all_running(api, namespace, pods)
    figures = Figures(time.monotonic() - begun, time.process_time() - cpu, 0)
    _remove(cluster, api, namespace)
    return figures


def _reconciler(cluster: RealCluster, api: HTTPAPI, clusters: int, workers: int) -> Figures:
    namespace = cluster.create_namespace()
    bodies = [_named(manifests.cluster(f"c{number}", replicas=workers), namespace) for number in range(clusters)]
    with _daemon(cluster) as process:
        begun = time.monotonic()
        _create(api, bodies)
        _all_running(api, namespace, clusters * (workers + 1))
        seconds = time.monotonic() - begun
        figures = Figures(seconds, _cpu_seconds(process.pid), _megabytes(process.pid))
    _remove(cluster, api, namespace)
    return figures


@contextmanager
def _daemon(cluster: RealCluster) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "reconciler", f"--kubeconfig={cluster.kubeconfig}", "--port=0", "--interval=1s"]
    with tempfile.TemporaryFile() as log, subprocess.Popen([*command, "--log-level=error"], stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def _api(cluster: RealCluster) -> Iterator[HTTPAPI]:
    api = connect(
        kubeconfig=str(cluster.kubeconfig),
        connect_timeout_seconds=5,
        read_timeout_seconds=60,
        user_agent="bench",
        pool_size=THREADS,
    )
    try:
        yield api
    finally:
        api.close()


def _create(api: HTTPAPI, bodies: list[Body]) -> None:
    kinds = {"Pod": POD, "DaskCluster": DASK_CLUSTER}
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda body: api.create(kinds[body["kind"]], body), bodies))


def _all_running(api: HTTPAPI, namespace: str, pods: int) -> None:
    eventually(_count_is(api, namespace, "status.phase=Running", pods), f"{pods} running Pods", deadline_seconds=600)


def _remove(cluster: RealCluster, api: HTTPAPI, namespace: str) -> None:
    cluster.delete_namespace(namespace)
    eventually(_count_is(api, namespace, "", 0), "the end of all Pods", deadline_seconds=600)


def _count_is(api: HTTPAPI, namespace: str, fields: str, count: int) -> Callable[[], bool]:
    return lambda: len(json.loads(api.list(POD, namespace, fields=fields))["items"]) == count


def _pod(namespace: str, number: int) -> Body:
    return _named({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{number}"}, "spec": _spec()}, namespace)


def _spec() -> Body:
    return {**manifests.pod_spec(), "tolerations": [{"operator": "Exists"}]}


def _named(body: Body, namespace: str) -> Body:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
