"""Workers that go hand over their results and end their tasks first: each task is counted, and none runs twice.

The tests share one cluster, and each first scales it to the number of workers that it begins with.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest
from distributed import Client, Future, get_worker, wait

from models.kinds import DASK_WORKER_GROUP
from tests.manifests import manifest
from tests.node.clients import MISMATCH, connected, workers_seen
from tests.node.conftest import await_daemon, container, kill
from tests.node.place import CLUSTER, GROUP, Object, Place, is_ready
from tests.node.samples import WORKER, cluster, pod_spec

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]

RESULT_BYTES = 20_000_000
DEFAULT_GROUP = "work-default-worker-group"


UNREADY = Path("/tmp/unready")  # in the worker's container


def worker(**more: object) -> Object:
    """The PodSpec of a small worker, with room for the results of all, which can be told not to be ready."""
    probe = {"exec": {"command": ["test", "!", "-e", str(UNREADY)]}, "periodSeconds": 1, "failureThreshold": 1}
    return pod_spec(*WORKER, "--memory-limit", "1GB", readinessProbe=probe, **more)


@dataclass(frozen=True)
class Work:
    """A cluster and its user.

    Attributes:
        place: where it is.
        client: of its scheduler.
    """

    place: Place
    client: Client

    def pods(self) -> dict[str, Object]:
        """Its workers, by name, that nobody has deleted."""
        found = self.place.pods(f"{CLUSTER}=work,dask.org/component=worker")
        return {pod["metadata"]["name"]: pod for pod in found}

    def scale(self, replicas: int, what: str = "daskcluster/work") -> None:
        """Ask for another number of workers."""
        self.place.kubectl("scale", what, f"--replicas={replicas}")

    def await_workers(self, number: int) -> set[str]:
        """Wait until there are so many, ready, and they are what the scheduler has; their names."""
        found: dict[str, Object] = {}

        def settled() -> bool:
            found.clear()
            found.update(self.pods())
            has_all = len(found) == number and workers_seen(self.client) == found.keys()
            return has_all and all(map(is_ready, found.values()))

        self.place.eventually(settled, f"{number} workers that have joined")
        return set(found)

    def begin(self, workers: int) -> set[str]:
        """Start with so many workers."""
        self.scale(workers)
        self.place.wait(f"daskworkergroup/{DEFAULT_GROUP}", f"jsonpath={{.status.readyReplicas}}={workers}")
        return self.await_workers(workers)

    def submit(self, topic: str, numbers: Iterable[int], seconds: float = 0) -> dict[int, Future[bytes]]:
        """Tasks that take so long each."""
        return {number: self.client.submit(task(topic, number, seconds), key=f"{topic}-{number}") for number in numbers}

    def compute(self, topic: str, number: int) -> dict[int, Future[bytes]]:
        """Results, some of which each worker holds."""
        results = self.submit(topic, range(number))
        wait(results, timeout=60)
        assert {result.status for result in results.values()} == {"finished"}
        assert all(self.client.has_what().values())
        return results

    def ran(self, topic: str) -> Counter[int]:
        """How often each task was begun."""
        return Counter(number for _, number in self.client.get_events(topic))

    def assert_survived(self, topic: str, results: dict[int, Future[bytes]]) -> None:
        """Each result is right, and was computed once."""
        sums = {number: self.client.submit(crc32, result) for number, result in results.items()}
        assert self.client.gather(sums) == {number: crc32(bytes([number]) * RESULT_BYTES) for number in results}
        assert self.ran(topic) == dict.fromkeys(results, 1)

    def chosen(self, workers: set[str]) -> set[str]:
        """Which of these workers were chosen to go."""
        status = self.place.get("daskworkergroup", DEFAULT_GROUP)["status"]
        return {one["name"] for one in status.get("decisions", {}).get("retiring", [])} & workers

    def joined(self) -> list[int]:
        """How many workers the scheduler had, after each that joined or left since it began."""
        changes = {"add-worker": 1, "remove-worker": -1}
        there, history = 0, []
        for _, event in self.client.get_events("all"):
            there += changes.get(event["action"], 0)
            history.append(there)
        return history


def task(topic: str, number: int, seconds: float) -> Callable[[], bytes]:
    """What logs that it runs, takes its time, and has a large result; workers have no module of tests to import."""

    def run() -> bytes:
        get_worker().log_event(topic, number)
        time.sleep(seconds)
        return bytes([number]) * RESULT_BYTES

    return run


@pytest.fixture(scope="module")
def work(shared: Place) -> Iterator[Work]:
    """A cluster `work`, ready."""
    shared.create(cluster("work", workers=4, worker=worker()))
    shared.wait("daskcluster/work", "condition=Ready")
    with connected(shared, "work-service") as client:
        yield Work(shared, client)


def test_results_survive_scaling_down(work: Work) -> None:
    """The worker that stays has the results of the three that went."""
    before = work.begin(4)
    results = work.compute("results", 20)
    work.scale(1)
    assert work.await_workers(1) < before
    work.assert_survived("results", results)


def test_running_tasks_come_to_their_end(work: Work) -> None:
    """Workers in the middle of a task are chosen to go at once, and deleted after it."""
    before = work.begin(4)
    results = work.submit("tasks", range(4), seconds=12)
    work.place.eventually(lambda: len(work.ran("tasks")) == 4, "four tasks that run")
    results |= work.submit("tasks", range(4, 8), seconds=1)
    work.scale(1)
    work.place.eventually(lambda: len(work.chosen(before)) == 3, "three workers that were chosen to go")
    assert work.pods().keys() == before
    assert work.await_workers(1) < before
    work.assert_survived("tasks", results)


def test_results_survive_a_daemon_that_is_killed_meanwhile(work: Work, home: Place) -> None:
    """It is killed when it has chosen who goes; when it is back, it goes on from there."""
    before = work.begin(4)
    results = work.compute("killed", 20)
    results |= work.submit("killed", range(20, 24), seconds=8)
    work.place.eventually(lambda: len(work.ran("killed")) == 24, "four tasks that run")
    work.scale(1)
    work.place.eventually(lambda: len(work.chosen(before)) == 3, "workers that were chosen to go")
    chosen = work.chosen(before)
    kill(container(home)["containerID"])
    assert work.pods().keys() == before
    assert work.await_workers(1) == before - chosen
    work.assert_survived("killed", results)
    await_daemon(home)


def test_results_of_workers_that_are_not_ready_survive(work: Work) -> None:
    """Whatever a probe says of a worker: what its scheduler has of it is handed over."""
    before = work.begin(4)
    results = work.compute("unready", 20)
    going = list(work.client.has_what())[1:]
    work.client.run(UNREADY.touch, workers=going)
    work.place.eventually(lambda: sum(map(is_ready, work.pods().values())) == 1, "three workers that are not ready")
    work.scale(1)
    assert work.await_workers(1) < before
    work.assert_survived("unready", results)


def test_results_survive_a_rolling_update(work: Work) -> None:
    """All workers are new, and there were never fewer than the group allows, which is one less than it wants."""
    before = work.begin(3)
    results = work.compute("roll", 12)
    begun = len(work.joined())
    edited = worker(env=[{"name": "DATA_VERSION", "value": "2"}])
    work.place.merge("daskcluster", "work", {"spec": {"worker": {"spec": edited}}})
    work.place.eventually(lambda: not work.pods().keys() & before, "the end of the old workers")
    work.await_workers(3)
    work.assert_survived("roll", results)
    assert min(work.joined()[begun:]) == 2


def test_only_the_scaled_groups_workers_go(work: Work) -> None:
    """They hand over what they hold to the workers of another group."""
    stay = work.begin(2)
    work.place.create(
        manifest(DASK_WORKER_GROUP, "more", {"cluster": "work", "worker": {"spec": worker(), "replicas": 2}})
    )
    assert work.await_workers(4) - stay == work.place.uids(f"{GROUP}=more").keys()
    results = work.compute("groups", 12)
    work.scale(0, "daskworkergroup/more")
    assert work.await_workers(2) == stay
    work.assert_survived("groups", results)
