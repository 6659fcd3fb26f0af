"""A tree rests while nothing of it changes, what its scheduler tells among it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from reconciler.passes.at_rest import at_rest, trees_of
from tests.builders import NOON, cluster, default_group, scheduler, worker, world

ONE = cluster()
OTHER = cluster("other")
HEAD = scheduler(ONE)
GROUP = default_group(ONE)
POD = worker(GROUP, ONE)
INSIDE = DaskWorker(POD.metadata.name, "10.0.0.8")
KNOWN = SchedulerAnswer(HEAD.metadata.uid, NOON, (INSIDE,))


def _prints(answer: SchedulerAnswer | None) -> tuple[int, int]:
    """What stands for a cluster's tree and for another's, by what the cluster's scheduler tells."""
    answers = {ONE.key: answer} if answer is not None else {}
    snapshot = replace(world(ONE, HEAD, GROUP, POD, OTHER), schedulers=answers)
    owners = [one for one in snapshot.objects.values() if isinstance(one, DaskCluster | DaskWorkerGroup)]
    trees = trees_of(owners, snapshot)
    return trees[ONE.key].print, trees[OTHER.key].print


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(None, id="nobody asks it"),
        pytest.param(SchedulerAnswer(HEAD.metadata.uid), id="not answered yet"),
        pytest.param(replace(KNOWN, pod_uid="another"), id="another scheduler"),
        pytest.param(replace(KNOWN, workers=()), id="it has left"),
        pytest.param(replace(KNOWN, workers=(INSIDE, DaskWorker("x", ""))), id="another has joined"),
        pytest.param(replace(KNOWN, workers=(replace(INSIDE, is_retiring=True, heartbeats=HEARTBEATS),)), id="done"),
        pytest.param(replace(KNOWN, is_silent=True), id="silent"),
    ],
)
def test_a_tree_rests_no_more_when_its_scheduler_tells_something_new(now: SchedulerAnswer | None) -> None:
    """No other tree is planned for that."""
    (mine, others), (before, others_before) = _prints(now), _prints(KNOWN)
    assert (mine != before, others) == (True, others_before)


def test_a_tree_goes_on_resting_while_its_workers_work() -> None:
    """What they do and hold, and when it was told, changes nothing for a tree in which nobody is to go."""
    busy = replace(INSIDE, tasks=3, running=2, heard=8.0, unique_keys=4, unique_bytes=9)
    later = replace(KNOWN, at=NOON.replace(hour=13), workers=(busy,), is_weighed=True, error="it did not answer")
    assert _prints(later) == _prints(KNOWN)


@pytest.mark.parametrize(("age", "rests"), [(0, True), (3299, True), (3300, False), (4000, False)])
def test_a_tree_does_not_rest_when_it_soon_is_as_old_as_it_may_become(*, age: int, rests: bool) -> None:
    """Nothing changes then, and yet there is something to do; it rests for no longer than five minutes anyway."""
    settled = [
        {"type": "Ready", "status": "True", "reason": "Ready"},
        {"type": "Progressing", "status": "False", "reason": "Settled"},
    ]
    one = cluster(age=timedelta(seconds=age), lifetime={"ttlSeconds": 3600}, status={"conditions": settled})
    snapshot = world(one, scheduler(one))
    assert bool(at_rest(trees_of([one], snapshot), (), snapshot, 0.0)) is rests
