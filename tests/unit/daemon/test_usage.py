"""What clusters have used, for a bill."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds import Key
from models.observed import Pod
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Observed
from reconciler.daemon.usage import KEPT_SECONDS, LONGEST_TRUSTED, Usage, Used
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import PassResult
from tests.builders import NOON, default_group, job, job_cluster, runner, scheduler, worker
from tests.unit.daemon.daskresults import CLUSTER, HEAD, seen, told, with_gpus
from tests.unit.daemon.passresults import passed, unread

GROUP = default_group(CLUSTER)
POD = with_gpus(worker(GROUP, CLUSTER), nvidia=2)
WHOSE = ("default", "asked", "", "vision")
NVIDIA = (*WHOSE, "nvidia.com/gpu")
IDLE = DaskWorker(POD.metadata.name, "", managed_bytes=0)


@dataclass
class Clock:
    """Seconds that a test moves on."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


def used(*passes: tuple[float, PassResult]) -> Usage:
    """What was used in passes, each so long after the one before it."""
    clock = Clock()
    usage = Usage(clock, "team")
    for later, result in passes:
        clock.seconds += later
        usage.update(result)
    return usage


def whole(*more: Observed, answer: SchedulerAnswer | None = None, pod: Pod = POD) -> PassResult:
    """A pass over everything."""
    return seen(CLUSTER, HEAD, GROUP, pod, *more, answer=answer)


def test_gpus_count_by_the_second_from_look_to_look() -> None:
    """Two GPUs for ten seconds are twenty, by namespace, cluster, job and owner."""
    assert used((0, whole()), (10, whole())).total(Used.GPUS) == {NVIDIA: 20.0}
    assert used((0, whole())).total(Used.GPUS) == {NVIDIA: 0.0}


def test_what_was_seen_counts_until_the_next_look() -> None:
    """A Pod that came in between counts from then on, and one that went to then."""
    other = with_gpus(worker(GROUP, CLUSTER, 2), nvidia=1)
    usage = used((0, whole()), (10, whole(other)), (5, whole()), (1, seen(CLUSTER, HEAD, GROUP)), (50, whole()))
    assert usage.total(Used.GPUS) == {NVIDIA: 20.0 + 15.0 + 2.0}


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.booleans()), max_size=8))
def test_each_second_counts_once_however_many_passes_look(looks: list[tuple[float, bool, bool]]) -> None:
    """Small passes, whole ones, and those that left the tree to another add up to the time that has passed."""
    tree, none = frozenset({CLUSTER.key}), frozenset[Key]()
    passes = [
        (
            later,
            replace(
                whole(),
                coverage=Coverage(trees=tree if is_small else None),
                left_out=tree if is_left_out else none,
            ),
        )
        for later, is_small, is_left_out in looks
    ]
    usage = used((0, whole()), *passes, (1, whole()))
    assert usage.total(Used.GPUS)[NVIDIA] == pytest.approx(2 * (sum(later for later, _, _ in looks) + 1))


def test_a_pass_that_could_not_look_says_nothing() -> None:
    """What was there before and after it was there in between; another cluster's pass does not end this one."""
    elsewhere = replace(passed(), coverage=Coverage(trees=frozenset({CLUSTER.key._replace(name="other")})))
    assert used((0, whole()), (5, unread()), (5, elsewhere), (5, whole())).total(Used.GPUS) == {NVIDIA: 30.0}


@pytest.mark.parametrize(
    "pod",
    [
        worker(GROUP, CLUSTER),
        with_gpus(worker(GROUP, CLUSTER, node="", phase="Pending"), nvidia=1),
        with_gpus(worker(GROUP, CLUSTER, phase="Failed"), nvidia=1),
    ],
    ids=["none asked", "no node", "ended"],
)
def test_a_pod_that_keeps_no_gpu_costs_none(pod: Pod) -> None:
    """It asks for none, or has no node yet, or has ended."""
    assert used((0, whole(pod=pod)), (10, whole(pod=pod))).total(Used.GPUS) == {}


def test_all_pods_of_a_cluster_and_its_job_count() -> None:
    """Schedulers and runners may have GPUs too; the job's labels say whose it is."""
    work = job(labels={"team": "speech"})
    mine = job_cluster(work)
    group = default_group(mine)
    pods = (with_gpus(scheduler(mine), amd=1), with_gpus(worker(group, mine), nvidia=1), with_gpus(runner(work), amd=3))
    world = passed(objects=[work, mine, group, *pods])
    whose = ("default", "train-cluster", "train", "speech")
    expected = {(*whose, "amd.com/gpu"): 40.0, (*whose, "nvidia.com/gpu"): 10.0}
    assert used((0, world), (10, world)).total(Used.GPUS) == expected


@pytest.mark.parametrize(
    ("answer", "is_idle"),
    [
        pytest.param(told(IDLE), True, id="idle"),
        pytest.param(told(IDLE, is_weighed=False), True, id="asked in passing"),
        pytest.param(told(replace(IDLE, running=1)), False, id="runs a task"),
        pytest.param(told(replace(IDLE, tasks=1)), False, id="has a task waiting"),
        pytest.param(told(replace(IDLE, managed_bytes=8)), False, id="holds a result"),
        pytest.param(told(replace(IDLE, managed_bytes=None)), False, id="does not say"),
        pytest.param(told(), False, id="not joined"),
        pytest.param(None, False, id="nobody asks"),
        pytest.param(told(IDLE, is_silent=True), False, id="silent"),
        pytest.param(told(IDLE, at=NOON - LONGEST_TRUSTED - timedelta(seconds=1)), False, id="told long ago"),
    ],
)
def test_idle_is_what_a_scheduler_calls_so(answer: SchedulerAnswer | None, *, is_idle: bool) -> None:
    """A worker that runs nothing and holds nothing, as its scheduler told not long ago; nothing else is called idle."""
    usage = used((0, whole(answer=answer)), (10, whole(answer=answer)))
    assert usage.total(Used.GPUS) == {NVIDIA: 20.0}
    assert usage.total(Used.IDLE_GPUS).get(NVIDIA, 0.0) == 20.0 * is_idle
    assert usage.total(Used.IDLE).get(WHOSE, 0.0) == 10.0 * is_idle


def test_a_cluster_of_which_one_worker_works_is_not_idle() -> None:
    """The GPUs of the others are."""
    other = with_gpus(worker(GROUP, CLUSTER, 2), nvidia=1)
    busy = whole(other, answer=told(IDLE, DaskWorker(other.metadata.name, "", running=1)))
    usage = used((0, busy), (10, busy))
    assert usage.total(Used.IDLE_GPUS) == {NVIDIA: 20.0}
    assert usage.total(Used.IDLE).get(WHOSE, 0.0) == 0.0


def test_the_totals_of_a_cluster_that_is_gone_stay_for_a_while() -> None:
    """Prometheus gets to see the last of them; then they end with it. One that comes back goes on."""
    gone = passed()
    ended = ((0, whole()), (10, gone), (KEPT_SECONDS, gone))
    assert used(*ended).total(Used.GPUS) == {NVIDIA: 20.0}
    assert used(*ended, (1, gone)).total(Used.GPUS) == {}
    assert used(*ended, (0, whole()), (5, whole())).total(Used.GPUS) == {NVIDIA: 30.0}
