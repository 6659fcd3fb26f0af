"""PodDisruptionBudgets: made where they are asked for, right for whom they are, and never for ever."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from models.kinds import POD_DISRUPTION_BUDGET
from models.observed import PodDisruptionBudget
from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Owner, Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.plan import plan
from reconciler.passes.values import Action, Body
from reconciler.rules.names import Naming
from reconciler.wire.parse import parse_object
from tests.builders import NOON, cluster, group, scheduler, worker, world
from tests.manifests import pod_spec

ASKED = cluster(scheduler={"spec": pod_spec(), "disruptionBudget": {}})
HEAD = scheduler(ASKED)
WORKER, IDLE, BUSY = (DaskWorker("w", "", counts_as_needed=counts) for counts in (None, False, True))


def _of_group(budget: Mapping[str, Any] | None, *, replicas: int = 4, of: DaskCluster | None = None) -> DaskWorkerGroup:
    more = {} if budget is None else {"disruptionBudget": dict(budget)}
    return group(of or cluster(), "more", replicas=replicas, worker=more)


def _writes(of: Owner, snapshot: Snapshot) -> list[Action]:
    actions = plan(desire(of, snapshot, Naming.CLASSIC), snapshot).actions
    return [one for one in actions if one.key.kind == POD_DISRUPTION_BUDGET]


def _made(of: Owner, snapshot: Snapshot) -> PodDisruptionBudget:
    """The budget that is created."""
    (action,) = _writes(of, snapshot)
    body: Body = {**action.body, "metadata": {**action.body["metadata"], "uid": "b", "resourceVersion": "1"}}
    found = parse_object(POD_DISRUPTION_BUDGET, body)
    assert isinstance(found, PodDisruptionBudget)
    return found


def _told(snapshot: Snapshot, *workers: DaskWorker, **more: Any) -> Snapshot:
    answer = SchedulerAnswer(HEAD.metadata.uid, NOON, workers)
    return replace(snapshot, schedulers={ASKED.key: replace(answer, **more)})


def test_nobody_has_a_budget_who_asks_for_none() -> None:
    """By default drains go on as ever."""
    for of in (cluster(), _of_group(None)):
        assert _writes(of, world(cluster(), of)) == []


def test_a_schedulers_budget_is_an_absolute_number_of_its_own_pods() -> None:
    """What Kubernetes counts from a scale would be counted from the workers."""
    budget = _made(ASKED, world(ASKED, HEAD))
    assert budget.spec == {
        "minAvailable": 1,
        "selector": {"matchLabels": {"kubernetes.dask.org/cluster": "simple", "dask.org/component": "scheduler"}},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    assert budget.spec["selector"]["matchLabels"].items() <= HEAD.metadata.labels.items()
    assert budget.metadata.name == "simple-scheduler"
    (owner,) = budget.metadata.owner_references
    assert (owner.uid, owner.controller) == (ASKED.metadata.uid, True)


@pytest.mark.parametrize(
    ("workers", "least"),
    [
        pytest.param([IDLE], 0, id="idle"),
        pytest.param([IDLE, BUSY], 1, id="one has something to do"),
        pytest.param([IDLE, WORKER], 1, id="one has only just joined"),
        pytest.param([], 1, id="without workers, tasks may wait for some"),
    ],
)
def test_a_scheduler_may_go_when_nothing_is_lost_with_it(workers: list[DaskWorker], least: int) -> None:
    """So a drain waits until the work is done, and not for ever."""
    before = _made(ASKED, world(ASKED, HEAD))
    snapshot = world(ASKED, HEAD, before)
    after = [one.body["spec"] for one in _writes(ASKED, _told(snapshot, *workers))]
    assert after == ([] if least else [{"minAvailable": 0}])
    assert _writes(ASKED, _told(snapshot, *workers, is_silent=True)) == []
    assert _writes(ASKED, snapshot) == []


@pytest.mark.parametrize(
    ("asked", "replicas", "made"),
    [
        ({"maxUnavailable": 1}, 4, {"maxUnavailable": 1}),
        ({"maxUnavailable": "10%"}, 4, {"maxUnavailable": "10%"}),
        ({"minAvailable": 3}, 4, {"minAvailable": 3}),
        ({"minAvailable": "50%"}, 4, {"minAvailable": "50%"}),
        pytest.param({"minAvailable": 4}, 4, {"maxUnavailable": 1}, id="all of them"),
        pytest.param({"minAvailable": "90%"}, 4, {"maxUnavailable": 1}, id="all of so few"),
        pytest.param({"minAvailable": "50%"}, 1, {"maxUnavailable": 1}, id="the only one"),
    ],
)
def test_a_groups_budget_is_its_users_unless_it_spares_nobody(
    asked: dict[str, Any], replicas: int, made: dict[str, Any]
) -> None:
    """Kubernetes counts it from the group's scale."""
    of = _of_group(asked, replicas=replicas)
    budget = _made(of, world(cluster(), scheduler(cluster()), of))
    assert {name: value for name, value in budget.spec.items() if name.endswith("vailable")} == made
    labels = worker(of, cluster()).metadata.labels
    assert budget.spec["selector"]["matchLabels"].items() <= labels.items()


def test_a_budget_follows_what_is_asked_for_and_goes_with_it() -> None:
    """What one form sets and the other does not is taken away, and so is what others added."""
    head, one = scheduler(cluster()), _of_group({"minAvailable": 2})
    there = _made(one, world(cluster(), head, one))
    there = replace(there, spec={**there.spec, "theirs": 1})
    other = _of_group({"maxUnavailable": "50%", "unhealthyPodEvictionPolicy": "IfHealthyBudget"})
    (update,) = _writes(other, world(cluster(), head, other, there))
    policy = {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}
    assert update.body["spec"] == {"minAvailable": None, "theirs": None, "maxUnavailable": "50%", **policy}
    (end,) = _writes(_of_group(None), world(cluster(), head, _of_group(None), there))
    assert (end.verb, end.key, end.reason) == ("delete", there.key, "nobody asks for it any more")


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({}, "minAvailable or maxUnavailable"),
        ({"minAvailable": 1, "maxUnavailable": 1}, "not both"),
        ({"maxUnavailable": 0}, "wait for ever"),
        ({"maxUnavailable": "0%"}, "wait for ever"),
        ({"minAvailable": "100%"}, "wait for ever"),
    ],
)
def test_a_workers_budget_that_cannot_be_is_refused_with_a_remedy(budget: dict[str, Any], words: str) -> None:
    """As the definitions say it, too."""
    with pytest.raises(ValueError, match=words):
        DaskWorkerGroup.model_validate(
            {"metadata": {}, "spec": {"cluster": "c", "worker": {"spec": {}, "disruptionBudget": budget}}}
        )


def test_a_schedulers_budget_in_a_form_that_is_counted_from_workers_is_refused() -> None:
    """It says what to write."""
    body = {"scheduler": {"spec": {}, "disruptionBudget": {"maxUnavailable": 1}}, "worker": {"spec": {}}}
    with pytest.raises(ValueError, match="write minAvailable: 1"):
        DaskCluster.model_validate({"metadata": {}, "spec": body})
