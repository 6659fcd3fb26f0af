"""What a pass works out takes as much for each tree, however many there are."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import FrameType

import pytest

from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Snapshot
from models.status import Retirement
from reconciler.daemon.settings import Settings
from reconciler.passes.desire import desire
from reconciler.passes.observe import Scope, observe
from reconciler.passes.one_pass import make_pass
from reconciler.passes.pass_memory import Clock, Memory
from reconciler.passes.report.workers import count_workers, shortage
from reconciler.passes.retirement_ends import retirement_ends
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.rules.names import Naming
from tests.builders import NOON, cluster, default_group, group, scheduler, services, worker, world
from tests.unit.passes.answers import AT_ONCE
from tests.unit.passes.place import Place

LEAST_CLUSTERS = 24
STAGES = ("/reconciler/passes/", "/reconciler/rules/", "/models/")


def test_a_pass_over_twice_as_many_clusters_takes_twice_as_many_calls() -> None:
    """To make everything, and to find it made: calls of functions are counted, since they take no luck."""
    few, many = _calls(LEAST_CLUSTERS), _calls(2 * LEAST_CLUSTERS)
    ratios = [more / less for less, more in zip(few, many, strict=True)]
    assert all(1.7 < ratio < 2.3 for ratio in ratios), (few, many)


def _calls(clusters: int) -> list[int]:
    """How many functions the stages of a first pass and of the next one call."""
    place, memory, counts = Place(checked=False), Memory(), list[int]()
    for number in range(clusters):
        place.add(cluster(f"c{number}", replicas=2), group(f"c{number}", f"more-{number}", replicas=1))
    clock = Clock(place.clock, place.clock.seconds)
    for _ in range(2):
        observation = observe(place, Scope(), place.clock())
        with _counted(counts, STAGES):
            result, memory = make_pass(place, observation, Settings(), memory, clock, AT_ONCE, AT_ONCE)
        assert result.ok
    return counts


@contextmanager
def _counted(counts: list[int], files: Sequence[str]) -> Iterator[None]:
    """Count the calls of functions in some files; those without a file are made by `dataclass`, to compare values."""
    counts.append(0)

    def count(frame: FrameType, event: str, _: object) -> None:
        counts[-1] += event == "call" and any(file in frame.f_code.co_filename for file in files)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


LEAST_WORKERS = 32
ONE = cluster()
HEAD = scheduler(ONE)


def _desire(group: DaskWorkerGroup, snapshot: Snapshot) -> None:
    assert desire(group, snapshot, Naming.CLASSIC, marks=True).records or group.status.decisions.retiring


def _tell(group: DaskWorkerGroup, snapshot: Snapshot) -> None:
    assert "have not joined" in (shortage([count_workers(group, ONE, snapshot)], "") or "")


def _bring(group: DaskWorkerGroup, snapshot: Snapshot) -> None:
    uids = {pod.key: pod.metadata.uid for pod in snapshot.of(Pod) if pod.key != HEAD.key}
    deleted = (Action(Verb.DELETE, key, group.key, ONE.key, "", uid=uid) for key, uid in uids.items())
    assert len(retirement_ends((Response(one, Result.DONE) for one in deleted), snapshot)[group.key]) == len(uids)


@pytest.mark.parametrize(
    ("look", "inside", "are_chosen", "end"),
    [
        pytest.param(_tell, None, False, False, id="nobody has joined"),
        pytest.param(_desire, DaskWorker("", "", True, unique_keys=1), True, False, id="the last ones go"),
        pytest.param(_desire, DaskWorker("", "", False, unique_keys=1), True, False, id="all are to go"),
        pytest.param(_desire, DaskWorker("", "", False, unique_keys=1), False, True, id="all are taken away"),
        pytest.param(_bring, None, True, False, id="all have gone"),
    ],
)
def test_a_pass_over_twice_as_many_workers_takes_twice_as_many_calls(
    look: Callable[[DaskWorkerGroup, Snapshot], None],
    inside: DaskWorker | None,
    are_chosen: bool,  # noqa: FBT001 -- a column of the table above
    end: bool,  # noqa: FBT001 -- a column of the table above
) -> None:
    """Whatever happens to all of a group's workers at once, such as to the spot nodes that they are on."""
    counts = list[int]()
    for number in (LEAST_WORKERS, 2 * LEAST_WORKERS):
        group, snapshot = _all_at_once(number, inside, are_chosen=are_chosen, end=end)
        look(group, snapshot)
        with _counted(counts, ("",)):
            look(group, snapshot)
    assert counts[1] / counts[0] < 2.3, counts


def _all_at_once(
    number: int, inside: DaskWorker | None, *, are_chosen: bool, end: bool
) -> tuple[DaskWorkerGroup, Snapshot]:
    group = default_group(ONE, replicas=0 if are_chosen else number)
    deleted = NOON + timedelta(seconds=30) if end else None
    pods = [worker(group, ONE, ordinal) for ordinal in range(1, number + 1)]
    pods = [replace(one, metadata=replace(one.metadata, deletion_timestamp=deleted)) for one in pods]
    later = NOON + timedelta(minutes=5)
    chosen = [
        Retirement(name=one.metadata.name, uid=one.metadata.uid, since=NOON, asked=NOON, deadline=later).wire()
        for one in pods
    ]
    decisions = {"highestOrdinal": number, "retiring": chosen if are_chosen else []}
    group = default_group(ONE, replicas=group.spec.worker.replicas, status={"decisions": decisions})
    told = [replace(inside, name=one.metadata.name) for one in pods] if inside is not None else []
    answer = SchedulerAnswer(HEAD.metadata.uid, NOON, tuple(told), is_weighed=True)
    seen = world(ONE, HEAD, *services(ONE), group, *pods)
    return group, replace(seen, schedulers={ONE.key: answer})
