"""A tree rests while nothing of it changes, what its scheduler tells among it."""

from dataclasses import replace

import pytest

from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from reconciler.passes.at_rest import trees_of
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
