"""What a real scheduler tells of its workers, how it lets them go, and schedulers that do something else."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from socket import create_server, socket
from threading import Barrier, Thread
from threading import Event as Happened
from urllib.parse import urlsplit

import pytest
from distributed import Client, Event, LocalCluster, Scheduler, SpecCluster, Worker

from models.kinds import DASK_CLUSTER, Key
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from reconciler.dask import Address
from reconciler.dask.errors import DaskError, TooLarge, Unreachable
from reconciler.dask.workers import MOST_IN_A_POD, READ_AT_ONCE, ask
from reconciler.rules.questions import Question
from tests.builders import NOON
from tests.realcluster.eventually import eventually
from tests.unit.dask.hostile import (
    HANDSHAKE,
    Act,
    answering,
    hanging_up,
    hostile,
    little_memory,
    message,
    packed,
    received,
    until_closed,
)

TWO_OF_ONE_POD, HEIR = ("pod-0", "pod-1"), "heir"


@pytest.fixture
def cluster() -> Iterator[SpecCluster]:
    """A scheduler with two workers of one Pod, and another."""
    head = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    options = {"nthreads": 1, "memory_limit": "1GiB", "dashboard": False}
    with SpecCluster(
        scheduler={"cls": Scheduler, "options": head},
        workers={name: {"cls": Worker, "options": options} for name in (*TWO_OF_ONE_POD, HEIR)},
    ) as cluster:
        yield cluster


KEY = Key(DASK_CLUSTER, "default", "simple")
PODS = frozenset({("pod", ""), ("heir", "")})


def question(
    address: Address, *retire: tuple[str, str], urgent: bool = True, pods: frozenset[tuple[str, str]] = PODS
) -> Question:
    return Question(KEY, KEY, "first", address.host, address.port, frozenset(retire), urgent, pods=pods)


class Asking:
    """Asks a cluster's scheduler, each time with what it told before."""

    def __init__(self, cluster: LocalCluster) -> None:
        where = urlsplit(cluster.scheduler_address)
        assert where.hostname
        assert where.port
        self.address = Address(where.hostname, where.port)
        self.answer = SchedulerAnswer("first")

    def __call__(self, *retire: tuple[str, str], urgent: bool = True) -> dict[str, DaskWorker]:
        """The workers, by name."""
        self.answer = replace(ask(question(self.address, *retire, urgent=urgent), self.answer), at=NOON)
        return {worker.name: worker for worker in self.answer.workers}


@pytest.fixture
def asking(cluster: LocalCluster) -> Asking:
    return Asking(cluster)


def test_a_scheduler_is_asked_how_many_workers_it_would_like(asking: Asking, client: Client) -> None:
    """In the time that each autoscaler sets, no more than make a difference, and alone where nothing else is asked."""
    wanted = replace(question(asking.address, urgent=False), targets=frozenset({1, 3600}), most=50)
    release = Event("release")
    futures = client.map(lambda _: Event("release").wait(), range(200), pure=False)
    eventually(lambda: any(client.processing().values()), "work")
    told = ask(wanted, SchedulerAnswer("first"))
    assert told.targets == {1: 50, 3600: 3}
    assert [worker.threads for worker in told.workers] == [1, 1, 1]
    before = SchedulerAnswer("first", NOON, (DaskWorker("one", ""),))
    assert ask(replace(wanted, only_targets=True), before) == replace(before, targets=told.targets)
    assert not any(worker.tasks for worker in told.workers)
    assert any(worker.tasks for worker in ask(replace(wanted, shares=True), before).workers)
    assert set(ask(replace(wanted, targets=frozenset({None})), before).targets) == {None}
    release.set()
    client.gather(futures)


def test_workers_are_told_with_what_they_do_and_hold(asking: Asking, client: Client) -> None:
    """What two hold counts for none; a task that waits for a thread does not run."""
    alone = client.submit(bytes, 10_000, workers=["heir"])
    both = client.scatter({"both": b"x" * 5000}, broadcast=True)
    alone.result()
    tasks = client.map(lambda _: Event("let go").wait(), range(2), pure=False, workers=["heir"])
    eventually(lambda: asking()[HEIR].running == 1, "a task that runs, as a heartbeat told")
    told = asking()
    assert told.keys() == {*TWO_OF_ONE_POD, HEIR}
    heir = told[HEIR]
    assert (heir.host, heir.tasks, heir.unique_keys, heir.is_retiring) == ("127.0.0.1", 2, 1, False)
    assert 10_000 <= heir.unique_bytes < 11_000
    assert heir.heard > 0
    assert (told["pod-0"].tasks, told["pod-0"].running, told["pod-0"].unique_keys) == (0, 0, 0)
    quiet = asking(urgent=False)[HEIR]
    assert (quiet.tasks, quiet.unique_keys, quiet.unique_bytes) == (0, 0, 0)
    Event("let go", client=client).set()
    client.gather(tasks)
    del alone, both


def test_who_goes_hands_over_what_it_holds_and_ends_its_task(
    asking: Asking, client: Client, cluster: LocalCluster
) -> None:
    """All processes of its Pod; the task runs once, and its result is handed over too. Nothing new begins there."""
    assert cluster.scheduler
    kept = client.submit(bytes, 10_000, workers=["pod-0"], allow_other_workers=True)
    kept.result()
    started = client.submit(_counted, workers=["pod-1"], allow_other_workers=True)
    eventually(lambda: asking()["pod-1"].running == 1, "a task that runs")
    going = ("pod", "127.0.0.1")

    eventually(lambda: asking(going)["pod-0"].is_empty, "the end of who has nothing to do")
    told = asking(going)
    assert (told["pod-0"].is_retiring, told["pod-1"].is_retiring, told[HEIR].is_retiring) == (True, True, False)
    assert (told["pod-1"].running, told["pod-1"].is_empty) == (1, False)
    assert told[HEIR].unique_keys == 1
    more = client.map(_where, range(4), pure=False)
    assert set(client.gather(more)) == {HEIR}

    Event("let go", client=client).set()
    eventually(lambda: asking(going)["pod-1"].is_empty, "the end of who had a task")
    assert asking(going)[HEIR].unique_keys >= 2
    assert (started.result(), len(kept.result())) == (1, 10_000)
    assert {worker.status.name for worker in cluster.scheduler.workers.values()} == {"running", "closing_gracefully"}


def _counted() -> int:
    """How often it has begun, when it is let go."""
    RUNS.append(1)
    Event("let go").wait()
    return len(RUNS)


RUNS: list[int] = []


def _where(_: int) -> str:
    from distributed import get_worker  # noqa: PLC0415 - it runs there

    return str(get_worker().name)


def test_a_worker_is_empty_only_after_heartbeats_since_it_was_let_go(asking: Asking) -> None:
    """What the last one told may be older than a task."""
    seen: list[DaskWorker] = []

    def is_empty() -> bool:
        seen.append(asking(("heir", ""))[HEIR])
        return seen[-1].is_empty

    eventually(is_empty, "an empty worker")
    assert not seen[0].is_retiring  # as it was before it was asked
    assert len({one.heard for one in seen if one.is_retiring}) == HEARTBEATS + 1


def test_a_scheduler_is_told_once_to_let_a_worker_go(asking: Asking, client: Client, cluster: LocalCluster) -> None:
    """However often it is asked: each time would keep it busier."""
    assert cluster.scheduler
    kept = client.submit(bytes, 10_000, workers=["heir"], allow_other_workers=True)
    kept.result()
    going = ("heir", "")
    eventually(lambda: asking(going)[HEIR].is_empty, "an empty worker")
    for _ in range(3):
        asking(going)
    told = [event for _, event in cluster.scheduler.get_events("all") if event.get("action") == "retire-workers"]
    assert len(told) == 1


def test_who_has_no_heirs_stays_with_what_it_holds(asking: Asking, client: Client) -> None:
    """Its scheduler goes on to answer."""
    kept = client.scatter({"kept": b"x" * 5000}, broadcast=True)
    everybody = [(name, "") for name in ("pod", "heir")]
    asking(*everybody)
    told = asking(*everybody)
    assert told.keys() == {*TWO_OF_ONE_POD, HEIR}
    assert not any(worker.is_retiring and worker.is_empty for worker in told.values())
    del kept


def _of(*, name: str = "pod", **more: object) -> dict[str, object]:
    fields = {"host": "10.0.0.8", "status": "running", "nthreads": 1, "memory_limit": 0, "last_seen": 1.0}
    return {"name": name, "metrics": {}, "resources": {}, **fields, **more}


def _identity(*workers: dict[str, object]) -> bytes:
    of = {f"tcp://10.0.0.8:{number}": worker for number, worker in enumerate(workers, 1)}
    return packed({"id": "x", "started": 1.0, "workers": of})


HOSTILE: dict[str, Act] = {
    "says nothing": until_closed,
    "hangs after the handshake": answering(),
    "hangs after its workers": answering(_identity(_of())),
    "closes": hanging_up(after=b""),
    "closes in the middle": hanging_up(after=_identity(_of())[:-3]),
    "answers nonsense": answering(b"x" * 100),
    "answers another type": answering(packed(["pod"])),
    "has a worker without a name": answering(_identity({"host": "x"})),
    "answers code": answering(message({"id": "x", "started": 1.0, "workers": {"x": lambda: None}})),
    "answers an error": answering(packed({"status": "uncaught-error", "exception_text": "KeyError()"})),
}


@pytest.mark.parametrize("act", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_a_scheduler_does_is_an_answer_or_none(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never half an answer, and nothing but `DaskError`."""
    monkeypatch.setattr("reconciler.dask.workers.CONVERSATION_SECONDS", 0.3)
    with hostile(act) as address, little_memory(), pytest.raises(DaskError):
        ask(question(address, ("pod", "10.0.0.8")), SchedulerAnswer("first"))


def test_workers_that_are_called_alike_are_one() -> None:
    """Real schedulers let nobody join under a name that is taken; nobody is asked for what is not urgent."""
    twins = answering(_identity(_of(), _of(host="10.0.0.9")))
    with hostile(twins) as address:
        told = ask(question(address, urgent=False), SchedulerAnswer("first"))
    assert told.worker("pod") in told.workers
    assert {worker.name for worker in told.workers} == {"pod"}


def test_what_was_told_counts_though_nobody_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that does not do so is known all the same; this one takes no second conversation."""
    monkeypatch.setattr("reconciler.dask.workers.RETIRING_SECONDS", 0.1)
    act = answering(_identity(_of(metrics={"executing": 1})), packed({}), packed({}), packed({}))
    with hostile(act) as address:
        (told,) = ask(question(address, ("pod", "")), SchedulerAnswer("first")).workers
    assert told == DaskWorker("pod", "10.0.0.8", running=1, heard=1.0)


@pytest.mark.parametrize(("host", "port"), [("", 8786), ("simple-scheduler", 8786), ("10.0.0.7", 0), ("::1%x", 70000)])
def test_where_nobody_can_be_asked_is_no_answer(host: str, port: int) -> None:
    """An address that is none is no bug of ours; names are not looked up."""
    unusable = Question(KEY, KEY, "first", host, port)
    with pytest.raises(Unreachable, match="DaskCluster default/simple"):
        ask(unusable, SchedulerAnswer("first"))


def test_schedulers_that_hang_keep_nobody_from_a_small_answer() -> None:
    """However many hang at the same time."""
    all_hang, end = Barrier(READ_AT_ONCE + 2), Happened()

    def hang(connected: socket) -> None:
        connected.sendall(packed(HANDSHAKE))
        received(connected)
        received(connected)
        all_hang.wait(20)
        assert end.wait(20)

    def wait(address: Address) -> None:
        with suppress(DaskError):
            ask(question(address), SchedulerAnswer("first"))

    with ExitStack() as stack:
        threads = [Thread(target=wait, args=(stack.enter_context(hostile(hang)),)) for _ in range(READ_AT_ONCE + 1)]
        for thread in threads:
            thread.start()
        all_hang.wait(20)
        with hostile(answering(_identity(_of()))) as address:
            told = ask(question(address, urgent=False), SchedulerAnswer("first"))
        assert [worker.name for worker in told.workers] == ["pod"]
        end.set()
        for thread in threads:
            thread.join(20)


def test_a_large_answer_is_read_after_all() -> None:
    """A scheduler with many workers is asked once more, for all of them."""
    many = _identity(*(_of(name=f"pod-{number}", padding="x" * 2000) for number in range(1000)))

    def serve(listener: socket) -> None:
        for _ in range(2):
            connected, _ = listener.accept()
            with connected, suppress(OSError):
                answering(many)(connected)

    with create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,))
        thread.start()
        address = Address("127.0.0.1", listener.getsockname()[1])
        pods = frozenset((f"pod-{number}", "") for number in range(1000))
        told = ask(question(address, urgent=False, pods=pods), SchedulerAnswer("first"))
        thread.join(20)
    assert len(told.workers) == 1000


@pytest.mark.parametrize(
    ("pods", "workers", "kept"),
    [
        pytest.param({("p", "10.0.0.1")}, [("p", "10.0.0.1")], {"p"}, id="by its name"),
        pytest.param({("p", "")}, [("p-0", "x"), ("p-1", "x")], {"p-0", "p-1"}, id="by its number"),
        pytest.param({("p", "10.0.0.1")}, [("x", "10.0.0.1")], {"x"}, id="by its address"),
        pytest.param({("p", "10.0.0.1"), ("q", "")}, [("x", "10.0.0.9"), ("p-x", "-")], set(), id="none of ours"),
        pytest.param(set(), [("p", "10.0.0.1")], set(), id="no Pods"),
    ],
)
def test_only_workers_in_the_clusters_own_pods_are_kept(
    pods: set[tuple[str, str]], workers: list[tuple[str, str]], kept: set[str]
) -> None:
    """Of the others it is known whether there are some that stay: they are heirs."""
    identity = _identity(*(_of(name=name, host=host) for name, host in workers))
    with hostile(answering(identity)) as address:
        told = ask(question(address, urgent=False, pods=frozenset(pods)), SchedulerAnswer("first"))
    assert {worker.name for worker in told.workers} == kept
    assert told.has_others is (not kept)
    going = _identity(*(_of(name=name, host=host, status="closing_gracefully") for name, host in workers))
    with hostile(answering(going)) as address:
        told = ask(question(address, urgent=False, pods=frozenset(pods)), SchedulerAnswer("first"))
    assert not told.has_others


def test_a_scheduler_that_tells_of_more_workers_than_pods_can_have_is_refused() -> None:
    """What is kept for long is no more than its cluster is large; what it tells of others is not kept at all."""
    many = _identity(*(_of(name=f"pod-{number}") for number in range(2 * MOST_IN_A_POD + 1)))
    with hostile(answering(many)) as address, pytest.raises(TooLarge, match="513 workers, and 2 Pods have 256 each"):
        ask(question(address, urgent=False), SchedulerAnswer("first"))
    strangers = _identity(*(_of(name=f"stranger-{number}") for number in range(1000)))
    with hostile(answering(strangers)) as address:
        told = ask(question(address, urgent=False), SchedulerAnswer("first"))
    assert told == SchedulerAnswer("first", has_others=True)
