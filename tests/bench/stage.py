"""A real API server with fake nodes, a plain client, and the daemon beside it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.kinds import ALL_KINDS, CUSTOM_KINDS, Kind
from reconciler.api import HTTPAPI, connect
from reconciler.wire.errors import TooManyRequests
from reconciler.wire.protocol import Body
from tests import manifests
from tests.bench import process
from tests.bench.trail import Trail
from tests.realcluster import RealCluster, start
from tests.realcluster.eventually import eventually

THREADS = 16
IMAGE = {"MALLOC_ARENA_MAX": "1"}
"""What the image sets: with an arena for each thread, glibc holds twice the memory."""
_PATIENCE_SECONDS = 1200


@dataclass(frozen=True)
class Stage:
    """A fresh API server.

    Attributes:
        cluster: the Kubernetes.
        api: a plain client with as many connections as it has threads.
        trail: when each write arrived.
    """

    cluster: RealCluster
    api: HTTPAPI
    trail: Trail

    @property
    def server_pid(self) -> int:
        """The API server's process."""
        return process.find("kube-apiserver", str(self.cluster.audit_log))

    def create(self, bodies: Sequence[Body]) -> None:
        """Create objects with all threads."""
        kinds = {kind.name: kind for kind in ALL_KINDS}
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(lambda body: self.api.create(kinds[body["kind"]], body), bodies))

    def seconds_to_run(self, namespace: str, pods: int) -> float:
        """Wait for Pods to run: from the first create in the namespace to the last Pod's Running."""
        enough = lambda: len(self.trail.started_pods(namespace)) >= pods  # noqa: E731 -- a name for the wait
        eventually(enough, f"{pods} running Pods", deadline_seconds=_PATIENCE_SECONDS)
        # Of a cluster's Pods the time runs from the cluster's own create.
        begun = (self.trail.created_clusters(namespace) or self.trail.created_pods(namespace)).values()
        return sorted(self.trail.started_pods(namespace).values())[pods - 1] - min(begun)


@dataclass(frozen=True)
class Daemon:
    """The daemon.

    Attributes:
        pid: its process.
        log: what it logs, as JSON lines.
    """

    pid: int
    log: IO[str]

    def longest_pass_seconds(self) -> float:
        """The longest of the passes that did something."""
        self.log.seek(0)
        lines: Iterable[Body] = (json.loads(line) for line in self.log if line.startswith("{"))
        return max((line["seconds"] for line in lines if line.get("event") == "pass.done"), default=0.0)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start an API server with fake nodes and our custom resources, and stop it."""
    with start(kwok=True) as cluster:
        cluster.kubectl("apply", "-k", "crds")
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
        assert cluster.audit_log is not None, "a cluster of our own has an audit log"
        with closing(Trail(cluster.audit_log)) as trail, closing(_client(cluster)) as api:
            eventually(lambda: all(_can_list(api, kind) for kind in CUSTOM_KINDS), "lists of custom resources")
            yield Stage(cluster, api, trail)


@contextmanager
def daemon(cluster: RealCluster, flags: Sequence[str]) -> Iterator[Daemon]:
    """Run the daemon with its default settings, but for these flags; it is ready.

    It asks no schedulers: the Pods have none.
    """
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        command = [sys.executable, "-m", "reconciler", f"--kubeconfig={cluster.kubeconfig}", "--log-format=json"]
        running = subprocess.Popen(
            [*command, "--bind=127.0.0.1", "--port=0", "--no-dask", *flags], stderr=log, env=os.environ | IMAGE
        )
        try:
            eventually(lambda: _is_ready(Path(log.name)), "the daemon's readiness")
            with Path(log.name).open() as reader:
                yield Daemon(running.pid, reader)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait()


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process for a while, so that it does not disturb a measurement of something else."""
    subprocess.run(["kill", "-STOP", str(pid)], check=True)
    try:
        yield
    finally:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)


def pod(namespace: str, name: str) -> Body:
    """A Pod as a plain client would make it."""
    spec = {**manifests.pod_spec(), "tolerations": [{"operator": "Exists"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def cluster_of(namespace: str, name: str, workers: int) -> Body:
    """A DaskCluster."""
    body = manifests.cluster(name, replicas=workers)
    return {**body, "metadata": {"name": name, "namespace": namespace}}


def _can_list(api: HTTPAPI, kind: Kind) -> bool:
    """Whether the server has made a new kind's storage, which begins when it is first asked for."""
    try:
        api.list(kind, None)
    except TooManyRequests:
        return False
    return True


def _is_ready(log: Path) -> bool:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    port = next((line["port"] for line in lines if line.get("event") == "daemon.started"), None)
    if port is None:
        return False
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except urllib.error.URLError:
        return False


def _client(cluster: RealCluster) -> HTTPAPI:
    return connect(
        kubeconfig=str(cluster.kubeconfig),
        connect_timeout_seconds=5,
        read_timeout_seconds=60,
        user_agent="bench",
        pool_size=THREADS,
    )
