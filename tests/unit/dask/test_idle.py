"""Whether a real scheduler is idle and how many Clients it has, and servers that tell something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from distributed import Client, Event, LocalCluster

from models.idle_state import IdleQuestion, IdleState
from reconciler.dask import Address
from reconciler.dask.answers import Counts, counts_at, release_of
from reconciler.dask.errors import DaskError, Malformed, Nonsense, Silent, TooLarge, Unreachable
from reconciler.dask.idle import COUNTS, idle_state
from reconciler.dask.page import LARGEST, fetch
from tests.realcluster.eventually import eventually
from tests.unit.dask.hostile import HANDSHAKE, Act, hanging_up, hostile, little_memory, packed, until_closed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
PAGE = OK + b'{"clients": 3, "processing": 1, "unrunnable": 2, "workers": 9}'


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    head = {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        protocol="tcp://",
        scheduler_kwargs=head,
    ) as cluster:
        yield cluster


def asked(cluster: LocalCluster, *, counts_clients: bool = False) -> IdleState:
    where = urlsplit(cluster.scheduler_address)
    assert where.hostname
    assert where.port
    assert cluster.scheduler
    pages: int = cluster.scheduler.http_server.port
    server = Address(where.hostname, pages)
    return idle_state(Address(where.hostname, where.port), lambda: server, IdleQuestion(600, counts_clients))


def test_a_scheduler_is_idle_while_it_has_nothing_to_do(cluster: LocalCluster) -> None:
    """Each time under another mark; a task that nobody can run is something to do."""
    first = asked(cluster)
    assert (first.is_idle, first.clients, first.error) == (True, None, "")
    assert asked(cluster) == first
    with Client(cluster) as client:
        assert asked(cluster) == first
        event = Event("let go", client=client)
        task = client.submit(lambda: Event("let go").wait())
        eventually(lambda: not asked(cluster).is_idle, "a task")
        event.set()
        task.result()
        eventually(lambda: asked(cluster).is_idle, "its end")
        assert asked(cluster).mark != first.mark
        waiting = client.submit(len, (), resources={"what nobody has": 1})
        eventually(lambda: not asked(cluster).is_idle, "a task that waits")
        del task, waiting


def test_a_client_counts_while_it_is_connected(cluster: LocalCluster) -> None:
    """Where that is asked for."""
    alone = asked(cluster, counts_clients=True)
    assert (alone.is_idle, alone.clients) == (True, 0)
    with Client(cluster), Client(cluster):
        both = asked(cluster, counts_clients=True)
        assert (both.is_idle, both.clients) == (False, 2)
    eventually(lambda: asked(cluster, counts_clients=True).clients == 0, "no Client")


def test_where_clients_cannot_be_counted_nothing_is_known(cluster: LocalCluster) -> None:
    """Its HTTP server may be elsewhere, or out of reach."""
    where = urlsplit(cluster.scheduler_address)
    assert where.hostname
    assert where.port
    address = Address(where.hostname, where.port)
    state = idle_state(address, lambda: address, IdleQuestion(600, counts_clients=True))
    assert not state.is_idle
    assert f"for {COUNTS}" in state.error


def test_a_scheduler_that_does_not_answer_is_not_idle() -> None:
    """Why is told."""
    with hostile(hanging_up(after=b"")) as address:
        state = idle_state(address, lambda: address, IdleQuestion(600))
    assert not state.is_idle
    assert "closed the connection" in state.error


def sending(page: bytes) -> Act:
    """Answers a request with that, and closes the connection."""

    def act(connected: socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connected.recv(4096)
        assert request.startswith(f"GET {COUNTS} HTTP/1.0\r\n".encode())
        connected.sendall(page)

    return act


@contextmanager
def page(act: Act) -> Iterator[Any]:
    with hostile(act) as address, little_memory():
        yield lambda: fetch(address, COUNTS, counts_at, seconds=1.0)


def test_a_page_is_read() -> None:
    """One client is the scheduler's own."""
    with page(sending(PAGE)) as fetched:
        assert fetched() == Counts(clients=2, tasks=3)


PAGES = {
    "says nothing": (until_closed, Silent),
    "closes": (sending(b""), Malformed),
    "says that it is elsewhere": (
        sending(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n"),
        Malformed,
    ),
    "has no such page": (sending(b"HTTP/1.1 404 Not Found\r\n\r\n{}"), Malformed),
    "never ends": (sending(OK + b"1" * (2 * LARGEST)), TooLarge),
    "nests": (sending(OK + b"[" * (LARGEST - 100)), Malformed),
    "has a long number": (sending(OK + b'{"clients": ' + b"1" * 9000 + b"}"), Malformed),
    "is no JSON": (sending(OK + b"<html>"), Malformed),
    "lacks a count": (sending(OK + b'{"clients": 1}'), Malformed),
    "is a list": (sending(OK + b"[]"), Malformed),
    "has half a client": (sending(PAGE.replace(b"3", b"0.5")), Malformed),
    "speaks Dask": (sending(packed(HANDSHAKE)), Malformed),
}


@pytest.mark.parametrize(("act", "error"), PAGES.values(), ids=PAGES.keys())
def test_a_page_that_tells_something_else_is_none(act: Act, error: type[DaskError]) -> None:
    """No redirect is followed, and little is kept."""
    with page(act) as fetched, pytest.raises(error, match=COUNTS):
        fetched()


def test_nobody_is_a_page_that_cannot_be_reached() -> None:
    """Nothing listens there."""
    with hostile(until_closed) as address:
        pass
    with pytest.raises(Unreachable, match=COUNTS):
        fetch(address, COUNTS, counts_at, seconds=1.0)


@pytest.mark.parametrize(
    ("version", "release"),
    [("2021.12.0", (2021, 12)), ("2023.3.2.1", (2023, 3)), ("2026.8.0+3.g1f", (2026, 8))],
)
def test_a_release_is_read_from_the_versions(version: str, release: tuple[int, ...]) -> None:
    """Year and month are enough."""
    assert release_of({"host": (), "packages": {"distributed": version}}) == release


@pytest.mark.parametrize(
    "versions", [None, {}, {"packages": None}, {"packages": {}}, {"packages": {"distributed": "x"}}]
)
def test_versions_without_a_release_are_no_answer(versions: Any) -> None:
    """It is not known then whether it knows that it is idle."""
    with pytest.raises(Nonsense):
        release_of(versions)
