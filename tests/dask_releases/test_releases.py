"""Schedulers of older releases are asked and told the same as the newest."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.dask import (
    Address,
    Connection,
    SchedulerError,
    adaptive_target,
    check_idle,
    connect,
    holdings,
    identity,
    processing,
    retire,
)
from tests.dask_releases.releases import PROGRAM, RELEASES, Release, python_with
from tests.realcluster.eventually import eventually

pytestmark = pytest.mark.dask_releases


@dataclass(frozen=True)
class Running:
    """A program that runs a scheduler.

    Args:
        release: Of its Dask.
        where: What it says of itself.
        process: Its process.
    """

    release: Release
    where: dict[str, str]
    process: subprocess.Popen[str]

    def let_go(self) -> None:
        """End the task that is computed."""
        assert self.process.stdin
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "idle\n"


@pytest.fixture(scope="module", params=RELEASES, ids=str)
def python(request: pytest.FixtureRequest) -> tuple[Release, str]:
    release: Release = request.param
    return release, str(python_with(release))


@pytest.fixture
def running(python: tuple[Release, str], tmp_path: Path) -> Iterator[Running]:
    release, program = python
    command = [program, "-W", "ignore", str(PROGRAM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, "the program ended"
            yield Running(release, json.loads(line), process)
        finally:
            process.kill()


@pytest.fixture
def connection(running: Running) -> Iterator[Connection]:
    where = urlsplit(running.where["address"])
    assert where.hostname
    assert where.port
    with connect(Address(where.hostname, where.port), seconds=30) as connection:
        yield connection


def test_a_release_is_asked_and_told(running: Running, connection: Connection) -> None:
    """Each call means the same to it."""
    first, second = running.where["first"], running.where["second"]

    known = identity(connection)
    assert known.id == running.where["id"]
    assert known.workers.keys() == {first, second}
    assert {worker.name for worker in known.workers.values()} == {"0", "one"}
    assert {worker.nthreads for worker in known.workers.values()} == {1}
    assert {worker.status for worker in known.workers.values()} == {"running" if running.release.tells_status else None}

    eventually(lambda: processing(connection) == {first: 0, second: 1}, "the task that is computed")
    assert adaptive_target(connection, target_duration_seconds=5) in (1, 2)
    held = holdings(connection)
    assert [(held[worker].keys, held[worker].unique_keys) for worker in (first, second)] == [(2, 1), (2, 1)]
    assert 10_000 <= held[first].unique_bytes < 11_000
    assert held[second].unique_bytes < 1000
    assert check_idle(connection).since is None
    with pytest.raises(SchedulerError):
        connection.ask("adaptive_target", lambda answer: answer, target_duration=("no", "duration"))

    running.let_go()
    if running.release.tells_idleness:
        eventually(lambda: check_idle(connection).since is not None, "idleness")
    assert retire(connection, [first]) == {first}
    assert holdings(connection)[first].unique_keys == 0
    left = identity(connection).workers
    assert left.keys() == {first, second}
    assert left[first].status == ("closing_gracefully" if running.release.tells_status else None)
