"""Which autoscaler acts on which group, and how much of what a scheduler would like to have is that group's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.resources import DaskAutoscaler, DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Observed
from reconciler.rules.adapting import FRESH, Adapting, acting
from reconciler.rules.parts import ClusterParts
from tests.builders import NOON, autoscaler, cluster, default_group, group, scheduler, workers, world
from tests.manifests import pod_spec

ONE = cluster()
HEAD = scheduler(ONE)
FIRST = default_group(ONE)
SECOND = group(ONE, "second")
OF_FIRST = autoscaler(ONE, "of-first", age=timedelta(hours=2))
OF_SECOND = autoscaler(ONE, "of-second", spec={"workerGroup": "second"})


def _parts(*objects: Observed, **told: Any) -> ClusterParts:
    answer = replace(SchedulerAnswer(HEAD.metadata.uid, NOON, tells_tasks=True, targets_at=NOON), **told)
    return ClusterParts(ONE, replace(world(ONE, HEAD, *objects), schedulers={ONE.key: answer}))


def _adapting(*objects: Observed, **told: Any) -> Adapting:
    return Adapting(_parts(*objects, **told))


def _joined(*pods: Pod, tasks: int = 1, processes: int = 1, threads: int = 1) -> tuple[DaskWorker, ...]:
    names = [f"{pod.metadata.name}-{number}" for pod in pods for number in range(processes)]
    return tuple(DaskWorker(name, "", tasks=tasks, threads=threads) for name in names)


def test_an_autoscaler_is_for_the_default_group_unless_it_names_another() -> None:
    """By its own name, the default group is meant as well; one that names nobody acts on nothing."""
    named = autoscaler(ONE, "named", spec={"workerGroup": FIRST.metadata.name})
    lost = autoscaler(ONE, "lost", spec={"workerGroup": "nobody"})
    assert acting(_parts(FIRST, SECOND, OF_FIRST, OF_SECOND, lost)) == {FIRST.key: OF_FIRST, SECOND.key: OF_SECOND}
    assert acting(_parts(FIRST, SECOND, named)) == {FIRST.key: named}


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([autoscaler(ONE, "a")], id="younger"),
        pytest.param([autoscaler("simple", "a", age=timedelta(hours=9))], id="older, but not adopted yet"),
        pytest.param([autoscaler(ONE, "a", age=timedelta(hours=9), deleting=NOON)], id="older, but on its way out"),
        pytest.param([autoscaler(ONE, "z", age=timedelta(hours=2))], id="as old, and later by name"),
        pytest.param([autoscaler("other", "a", age=timedelta(hours=9))], id="another cluster's"),
    ],
)
def test_of_several_autoscalers_of_one_group_the_oldest_acts(others: list[DaskAutoscaler]) -> None:
    """Two that take turns would undo each other's work."""
    assert acting(_parts(FIRST, OF_FIRST, *others)) == {FIRST.key: OF_FIRST}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"targets": {}}, id="not asked"),
        pytest.param({"targets": {60: 3}}, id="asked by another time"),
        pytest.param({"targets": {None: 3}, "is_silent": True}, id="silent"),
        pytest.param({"targets": {None: 3}, "targets_at": None}, id="never answered"),
        pytest.param({"targets": {None: 3}, "targets_at": NOON - FRESH - timedelta(seconds=1)}, id="too long ago"),
        pytest.param({"targets": {None: 3}, "pod_uid": "before"}, id="the scheduler before this one"),
    ],
)
def test_nothing_is_known_of_what_was_not_told_a_moment_ago(told: dict[str, Any]) -> None:
    """Then the number of workers stays as it is."""
    assert _adapting(FIRST, OF_FIRST, **told).wanted(FIRST) is None


def test_each_autoscaler_goes_by_its_own_time() -> None:
    """`targetDurationSeconds` is of an autoscaler, not of a scheduler."""
    slow = autoscaler(ONE, "slow", spec={"workerGroup": "second", "targetDurationSeconds": 60})
    adapting = _adapting(FIRST, SECOND, OF_FIRST, slow, targets={None: 8, 60: 2})
    assert (adapting.wanted(FIRST), adapting.wanted(SECOND)) == (8, 0)


def test_workers_of_groups_whose_number_is_fixed_count() -> None:
    """They are there anyway."""
    assert _adapting(FIRST, SECOND, OF_FIRST, targets={None: 8}).wanted(FIRST) == 5
    assert _adapting(FIRST, SECOND, OF_FIRST, targets={None: 1}).wanted(FIRST) == 0


@pytest.mark.parametrize(("processes", "target", "pods"), [(1, 5, 5), (4, 5, 2), (4, 8, 2), (4, 0, 0)])
def test_a_pod_may_have_several_workers(processes: int, target: int, pods: int) -> None:
    """Schedulers count workers, groups count Pods."""
    there = workers(FIRST, ONE, 1, 2)
    told = {"targets": {None: target}, "workers": _joined(*there, processes=processes)}
    assert _adapting(FIRST, OF_FIRST, *there, **told).wanted(FIRST) == pods


def test_without_workers_a_scheduler_counts_threads() -> None:
    """It does not know how many a worker has; that is in the template, or remembered."""
    told = group(ONE, "told", worker={"spec": pod_spec(args=["dask-worker", "--nthreads", "4"])})
    new = autoscaler(ONE, "new", spec={"workerGroup": "told"})
    assert _adapting(told, new, targets={None: 10}).wanted(told) == 3
    known = autoscaler(ONE, "known", status={"decisions": {"threads": 4}})
    assert _adapting(FIRST, known, targets={None: 10}).wanted(FIRST) == 3
    there = workers(FIRST, ONE, 1, 2)
    seen = {"targets": {None: 10}, "workers": _joined(*there, processes=2, threads=4)}
    assert _adapting(FIRST, known, *there, **seen).threads(FIRST) == 8
    assert _adapting(FIRST, known, *there, targets={None: 10}).threads(FIRST) is None


SHARES = {
    "all to the oldest": (8, None, None, (8, 0)),
    "what is above its maximum to the next": (14, None, None, (10, 4)),
    "what none of its idle ones can do to the next": (8, (3, 1), None, (3, 5)),
    "nothing more, where its busy ones are enough": (3, (3, 1), None, (3, 0)),
    "idle alone, it waits for work of its kind": (8, (0, 2), None, (0, 8)),
    "the last one takes what is left, idle or not": (8, (3, 1), (1, 1), (3, 5)),
}


def _of(of: DaskWorkerGroup, busy: int, idle: int) -> tuple[list[Pod], tuple[DaskWorker, ...]]:
    pods = workers(of, ONE, *range(1, busy + idle + 1))
    return pods, (*_joined(*pods[:busy]), *_joined(*pods[busy:], tasks=0))


@pytest.mark.parametrize("case", SHARES)
def test_groups_of_one_cluster_share_what_it_would_like(case: str) -> None:
    """In the order of their autoscalers' age; a group with idle workers leaves the rest to the next."""
    target, first, second, expected = SHARES[case]
    pods, told = _of(FIRST, *(first or (0, 0)))
    more, more_told = _of(SECOND, *(second or (0, 0)))
    there: list[Observed] = [FIRST, SECOND, OF_FIRST, OF_SECOND, *pods, *more]
    adapting = _adapting(*there, targets={None: target}, workers=(*told, *more_told))
    assert (adapting.wanted(FIRST), adapting.wanted(SECOND)) == expected


def test_every_group_gets_its_minimum_first() -> None:
    """Whoever is older: the minimum of the younger is not shared."""
    younger = autoscaler(ONE, "younger", spec={"workerGroup": "second", "minimum": 2})
    adapting = _adapting(FIRST, SECOND, OF_FIRST, younger, targets={None: 8})
    assert (adapting.wanted(FIRST), adapting.wanted(SECOND)) == (6, 2)


def test_groups_that_share_wait_until_it_is_known_who_has_something_to_do() -> None:
    """Else a second autoscaler's group would get all the work, since nobody was asked who of the first is busy."""
    busy = workers(FIRST, ONE, 3)
    told: dict[str, Any] = {"targets": {None: 3}, "tells_tasks": False, "workers": _joined(*busy, tasks=0)}
    assert _adapting(FIRST, *busy, OF_FIRST, **told).wanted(FIRST) == 3
    assert _adapting(FIRST, SECOND, *busy, OF_FIRST, OF_SECOND, **told).wanted(SECOND) is None
