"""Schedulers of older releases are asked and told the same as the newest."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from models.idle_state import IdleQuestion, IdleState
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
from reconciler.dask.idle import idle_state
from tests.dask_releases.releases import PROGRAM, RELEASES, Release, python_with
from tests.realcluster.eventually import eventually

pytestmark = pytest.mark.dask_releases


@dataclass(frozen=True)
class Running:
    """A program that runs a scheduler.

    Args:
        release: Of its Dask.
        where: What it says of itself.
        pages: The port of its HTTP server.
        process: Its process.
    """

    release: Release
    where: dict[str, str]
    pages: int
    process: subprocess.Popen[str]

    def go_on(self, until: str) -> None:
        """Take the next step: end the task that is computed, have one that waits, have the Client leave."""
        assert self.process.stdin
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == f"{until}\n"


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
            where = json.loads(line)
            yield Running(release, where, where.pop("pages"), process)
        finally:
            process.kill()


@pytest.fixture
def address(running: Running) -> Address:
    where = urlsplit(running.where["address"])
    assert where.hostname
    assert where.port
    return Address(where.hostname, where.port)


@pytest.fixture
def connection(address: Address) -> Iterator[Connection]:
    with connect(address, seconds=30) as connection:
        yield connection


def test_a_release_is_asked_and_told(running: Running, connection: Connection) -> None:
    """Each call means the same to it."""
    first, second = running.where["first"], running.where["second"]

    known = identity(connection)
    assert known.keys() == {first, second}
    assert {worker.name for worker in known.values()} == {"0", "one"}
    assert {worker.nthreads for worker in known.values()} == {1}
    assert {worker.status for worker in known.values()} == {"running" if running.release.tells_status else None}

    eventually(lambda: processing(connection) == {first: 0, second: 1}, "the task that is computed")
    assert adaptive_target(connection, target_duration_seconds=5) in (1, 2)
    held = holdings(connection)
    assert [held[worker].unique_keys for worker in (first, second)] == [1, 1]
    assert 10_000 <= held[first].unique_bytes < 11_000
    assert held[second].unique_bytes < 1000
    assert check_idle(connection) is None
    with pytest.raises(SchedulerError):
        connection.ask("adaptive_target", lambda answer: answer, target_duration=("no", "duration"))

    running.go_on("idle")
    if running.release.tells_idleness:
        eventually(lambda: check_idle(connection) is not None, "idleness")
    assert retire(connection, [first]) == {first}
    assert holdings(connection)[first].unique_keys == 0
    left = identity(connection)
    assert left.keys() == {first, second}
    assert left[first].status == ("closing_gracefully" if running.release.tells_status else None)


def test_a_release_tells_whether_it_is_idle(running: Running, address: Address) -> None:
    """A task that runs, one that waits for a worker, and, where it counts, a Client keep it from being so."""

    def told(*, counts_clients: bool = False) -> IdleState:
        pages = Address(address.host, running.pages)
        state = idle_state(address, lambda: pages, IdleQuestion(600, counts_clients))
        assert not state.error
        return state

    has_mark = running.release.tells_idleness
    eventually(lambda: not told().is_idle, "the task that is computed")
    running.go_on("idle")
    eventually(lambda: told().is_idle and told() == told(), "idleness")
    first = told()
    assert (first.mark is not None) == has_mark
    counted = told(counts_clients=True)
    assert (counted.is_idle, counted.clients) == (False, 1)
    running.go_on("waits")
    eventually(lambda: not told().is_idle, "a task that waits")
    running.go_on("left")
    eventually(lambda: told(counts_clients=True).is_idle, "idleness without a Client")
    last = told(counts_clients=True)
    assert last.clients == 0
    assert (last.mark != first.mark) == has_mark
