"""localhost's ports belong to the first cluster there is, and what else a run keeps up for its user."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from models.kinds import POD, Key
from reconciler.local.node import Node
from reconciler.memory import MemoryAPI
from tests.cli.daemon import ROOT, environment
from tests.local.command import LocalRun, local_with, told
from tests.local.place import linux_only
from tests.local.smallpods import SLEEPER, TELLER, cluster, core, pod, python, write
from tests.local.stage import free_port
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

DEAF = python(
    """
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked"))
    print("here")
    while True:
        time.sleep(0.05)
    """
)
"""Does not end when it is asked to."""


def ways(run: LocalRun, name: str) -> list[str]:
    """How a cluster is reached, as it was told, in this order."""
    return [
        line.partition('"')[2].partition('"')[0] for line in run.errors if line.startswith(f'{name} is ready: Client("')
    ]


def is_told(run: LocalRun, name: str, number: int, address: str) -> bool:
    """Whether a cluster's way was told so many times, and last so."""
    found = ways(run, name)
    return len(found) == number and found[-1] == address


def answers(address: str, name: str) -> bool:
    """Whether a cluster's scheduler answers at an address."""
    return told(address) == f"{name}-scheduler"


def is_reached(run: LocalRun, name: str, address: str, *, number: int = 1) -> None:
    """Wait until a cluster was told so many times, and last at that address, and answers there."""
    eventually(partial(is_told, run, name, number, address), f"{name} at {address} in {run.errors}")
    eventually(partial(answers, address, name), f"an answer of {name} at {address}")


@contextmanager
def running(folder: Path, *manifests: Manifest, options: tuple[str, ...] = ()) -> Iterator[tuple[LocalRun, Path]]:
    """A run of manifests in a file, and the file; there is always something in it, so that it is never empty."""
    with local_with(folder, *manifests, core("ConfigMap", "filler", data={}), options=options) as run:
        yield run, folder / "manifests.yaml"


def holds(file: Path, *manifests: Manifest) -> None:
    """Let a file hold these manifests."""
    write(file, *manifests, core("ConfigMap", "filler", data={}))


def test_the_next_cluster_gets_localhost(tmp_path: Path, *, shifted: bool) -> None:
    """When the first one is gone, the one beside it answers there, and where it did before."""
    port = free_port()
    beside = cluster("beside", TELLER, port=port)
    with running(
        tmp_path, cluster("old", TELLER, port=port), beside, options=("--shift-ports",) if shifted else ()
    ) as (run, file):
        is_reached(run, "old", f"localhost:{port}")
        elsewhere = run.address("beside")
        holds(file, beside)
        is_reached(run, "beside", f"localhost:{port}", number=2)
        eventually(partial(answers, elsewhere, "beside"), "an answer where it was before")


def test_a_cluster_that_is_made_again_is_told_again(tmp_path: Path) -> None:
    """Whether it comes back under its own name or under another, localhost leads to it."""
    port = free_port()
    one = cluster("one", TELLER, port=port)
    with running(tmp_path, one) as (run, file):
        is_reached(run, "one", f"localhost:{port}")
        holds(file)
        run.says("DaskCluster default/one: deleted")
        eventually(lambda: told(f"localhost:{port}") == "", "the end of it")
        holds(file, one)
        is_reached(run, "one", f"localhost:{port}", number=2)
        holds(file, cluster("other", TELLER, port=port))
        is_reached(run, "other", f"localhost:{port}")


def test_a_services_new_port_is_told(tmp_path: Path) -> None:
    """Nobody listens on the old one any more."""
    before, after = free_port(), free_port()
    with running(tmp_path, cluster("moved", TELLER, port=before)) as (run, file):
        is_reached(run, "moved", f"localhost:{before}")
        holds(file, cluster("moved", TELLER, port=after))
        is_reached(run, "moved", f"localhost:{after}", number=2)
        assert told(f"localhost:{before}") == ""


@linux_only
def test_a_port_that_another_program_had_is_opened_when_it_is_free(tmp_path: Path) -> None:
    """Without any other change: the run tries it again and again."""
    port = free_port()
    with running(tmp_path, cluster("idle")) as (run, file):
        run.says("daskcluster/idle Running")
        with socket.create_server(("", port)):
            holds(file, cluster("idle"), cluster("blocked", TELLER, port=port))
            run.says("service.unreachable", f'"port": {port}')
            address = run.address("blocked")
            assert not any("service.reachable" in line for line in run.errors)
        run.says("service.reachable", f'"port": {port}')
        eventually(partial(answers, address, "blocked"), f"an answer at {address}")


@linux_only
def test_a_container_has_as_many_files_as_the_user_and_the_command_more(tmp_path: Path) -> None:
    """A proxy has thousands of connections; a container must not find another machine than elsewhere."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= 300:
        pytest.skip("this machine gives no more")
    shows = python("import resource, time; print('files', resource.getrlimit(resource.RLIMIT_NOFILE)); time.sleep(600)")
    file = write(tmp_path / "manifests.yaml", cluster("open", shows))
    limited = 'ulimit -S -n 300 && exec "$@"'
    command = ["sh", "-c", limited, "sh", sys.executable, "-m", "reconciler", "local", str(file)]
    variables = environment(TMPDIR=str(tmp_path))
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        run = LocalRun(process, tmp_path)
        try:
            assert run.prints("files").endswith(f"files (300, {hard})")
            [line] = [
                line
                for line in Path("/proc", str(process.pid), "limits").read_text().splitlines()
                if line.startswith("Max open files")
            ]
            assert int(line.split()[3]) == min(hard, 1 << 16)
        finally:
            run.ended(signal.SIGINT)


@linux_only
def test_nothing_is_started_once_the_end_has_begun(tmp_path: Path) -> None:
    """A scheduler that crashes while workers end is not started again."""
    with local_with(tmp_path, cluster("ending", SLEEPER, DEAF, replicas=1)) as run:
        run.prints("worker", "here")
        run.says("daskcluster/ending Running, ready 1/1")
        run.process.send_signal(signal.SIGINT)
        [log] = tmp_path.glob("dask-reconciler-*/*/logs/default_ending-default-worker-group-worker-*/main/0.log")
        eventually(lambda: "asked" in log.read_text(), "that the worker is asked to end")
        pid = run.main_pid("ending-scheduler")
        os.kill(pid, signal.SIGKILL)
        assert run.ended() == 0
        logs = sorted(file.name for file in run.logs().glob("default_ending-scheduler/main/*"))
        assert logs == ["0.log"]


def test_a_bug_about_one_service_ends_nothing(tmp_path: Path) -> None:
    """It is logged once, and the Pods run."""
    place = {"namespace": "default"}
    odd = {**core("Service", "odd"), "metadata": {"name": "odd", "uid": "1", **place}, "spec": "odd"}
    api = MemoryAPI(lambda: NOON, objects=[odd])
    api.create(POD, {**pod("lives", SLEEPER), "metadata": {"name": "lives", **place}})
    with capture_logs() as lines, Node(api, tmp_path / "run", shifted=True) as node:

        def is_running() -> bool:
            node.step(NOON, ())
            lives = api.get(Key(POD, "default", "lives"))
            return lives is not None and lives.get("status", {}).get("phase") == "Running"

        eventually(is_running, "the Pod's phase Running")
    assert [line["step"] for line in lines if line["event"] == "step.failed"] == ["network"]
