"""What a real scheduler is asked and told, over TCP and over TLS."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from distributed import Client, Event, LocalCluster, Security

from reconciler.dask import (
    Address,
    Holding,
    SchedulerError,
    Unreachable,
    adaptive_target,
    check_idle,
    connect,
    holdings,
    identity,
    processing,
    retire,
)
from reconciler.dask.connection import Connection
from tests.realcluster.eventually import eventually


@pytest.fixture
def address(cluster: LocalCluster, security: Security) -> Address:
    where = urlsplit(cluster.scheduler_address)
    assert where.hostname
    assert where.port
    tls = security.get_connection_args("client")["ssl_context"] if where.scheme == "tls" else None
    return Address(where.hostname, where.port, tls)


@pytest.fixture
def connection(address: Address) -> Iterator[Connection]:
    with connect(address, seconds=20) as connection:
        yield connection


def workers(cluster: LocalCluster) -> list[str]:
    return sorted(worker.address for worker in cluster.workers.values())


@contextmanager
def busy(client: Client, tasks: int) -> Iterator[None]:
    """So many tasks that go on until they are let go."""
    event = Event("let go", client=client)
    futures = client.map(lambda _: Event("let go").wait(), range(tasks), pure=False)
    try:
        yield
    finally:
        event.set()
        client.gather(futures)
        event.clear()


def test_a_scheduler_says_who_its_workers_are(connection: Connection, cluster: LocalCluster) -> None:
    """With their names, which are numbers here, and what they have."""
    known = identity(connection)
    assert sorted(known) == workers(cluster)
    assert {worker.name for worker in known.values()} == {"0", "1"}
    assert {(worker.status, worker.nthreads) for worker in known.values()} == {("running", 1)}


def test_a_scheduler_with_much_to_do_wants_workers(connection: Connection, client: Client) -> None:
    """The shorter it may take, the more of them."""
    with busy(client, 20):
        eventually(lambda: sum(processing(connection).values()) > 0, "a task that is computed")
        assert adaptive_target(connection, target_duration_seconds=0.1) >= 2


def test_a_worker_that_computes_is_processing(connection: Connection, client: Client, cluster: LocalCluster) -> None:
    """Both of them, when there are tasks for both."""
    with busy(client, 2):
        eventually(lambda: processing(connection) == dict.fromkeys(workers(cluster), 1), "a task for each worker")
    eventually(lambda: processing(connection) == dict.fromkeys(workers(cluster), 0), "their end")


def test_a_scheduler_is_idle_when_it_has_nothing_to_do(connection: Connection, client: Client) -> None:
    """It notes that when it is asked."""
    with busy(client, 1):
        eventually(lambda: sum(processing(connection).values()) > 0, "a task that is computed")
        assert check_idle(connection) is None
        assert check_idle(connection) is None
    eventually(lambda: check_idle(connection) is not None, "idleness")


def test_what_only_one_worker_holds_is_seen(connection: Connection, client: Client, cluster: LocalCluster) -> None:
    """A result that both hold is unique to none; keys are texts and tuples."""
    first, second = workers(cluster)
    alone = client.submit(bytes, 10_000, key=("alone", 1), workers=[first])
    both = client.scatter({"both": b"x" * 5000}, broadcast=True)
    alone.result()
    seen = holdings(connection)
    assert seen[second] == Holding(unique_keys=0, unique_bytes=0)
    assert seen[first].unique_keys == 1
    assert 10_000 <= seen[first].unique_bytes < 11_000
    del alone, both


def test_a_refusal_is_told_in_the_schedulers_words(connection: Connection) -> None:
    """Its exception comes as a pickle, too, which is left alone."""
    with pytest.raises(SchedulerError, match=r"adaptive_target.*AttributeError"):
        connection.ask("adaptive_target", lambda answer: answer, target_duration=("no", "duration"))


def test_a_request_that_no_scheduler_knows_has_no_answer(connection: Connection) -> None:
    """As releases do that are older than a request."""
    assert connection.ask("no_such_thing", lambda answer: answer) is None


def test_a_worker_hands_over_what_only_it_holds(connection: Connection, client: Client, cluster: LocalCluster) -> None:
    """It takes no more tasks then, and is still there; a worker that is unknown is not retired."""
    first, _ = workers(cluster)
    kept = client.submit(bytes, 10_000, key="kept", workers=[first], allow_other_workers=True)
    kept.result()
    assert holdings(connection)[first].unique_keys == 1
    assert retire(connection, [first, "tcp://127.0.0.1:1"]) == {first}
    assert holdings(connection)[first].unique_keys == 0
    assert identity(connection)[first].status == "closing_gracefully"
    assert kept.result() == bytes(10_000)


def test_a_worker_whose_results_nobody_can_take_stays(
    connection: Connection, client: Client, cluster: LocalCluster
) -> None:
    """It goes on as before; one that holds nothing is retired beside it."""
    first, second = workers(cluster)
    kept = client.submit(bytes, 10_000, workers=[first])
    kept.result()
    assert retire(connection, [first, second]) == {second}
    eventually(lambda: identity(connection)[first].status == "running", "its former status")
    assert kept.result() == bytes(10_000)


def test_who_retires_nobody_leaves_the_choice_to_nobody(connection: Connection, cluster: LocalCluster) -> None:
    """A scheduler that is told no addresses chooses some itself."""
    assert retire(connection, []) == frozenset()
    assert {worker.status for worker in identity(connection).values()} == {"running"}
    assert identity(connection).keys() == set(workers(cluster))


def test_the_other_protocol_is_unreachable(address: Address, security: Security) -> None:
    """TLS with a scheduler that speaks TCP, and TCP with one that speaks TLS."""
    tls = security.get_connection_args("client")["ssl_context"] if address.tls is None else None
    with pytest.raises(Unreachable, match=r"tcp://|tls://"), connect(replace(address, tls=tls), seconds=20):
        pass


@pytest.mark.parametrize("cluster", ["tls"], indirect=True)
def test_a_scheduler_that_is_not_trusted_is_unreachable(address: Address, security: Security) -> None:
    """Nor is one that does not trust us."""
    stranger = ssl.create_default_context()
    with (
        pytest.raises(Unreachable, match="self-signed certificate"),
        connect(replace(address, tls=stranger), seconds=20),
    ):
        pass
    nobody = ssl.create_default_context(cafile=security.get_tls_config_for_role("client")["ca_file"])
    nobody.check_hostname = False
    with pytest.raises(Unreachable), connect(replace(address, tls=nobody), seconds=20):
        pass
