"""The status of a DaskAutoscaler."""

from dataclasses import replace
from typing import Any

import pytest

from models.resources import DaskAutoscaler
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Observed, Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.plan import plan
from reconciler.passes.values import Response, Result
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import NOON, autoscaler, cluster, default_group, scheduler, workers, world
from tests.unit.passes.report.told import Told, finding, told

ONE = cluster()
HEAD = scheduler(ONE)
DEFAULT = default_group(ONE)
OWN = autoscaler(ONE, spec={"minimum": 1})
TYPES = ("Ready", "AbleToScale", "ScalingActive", "ScalingLimited")


def _world(target: int | None, *objects: Observed, **more: Any) -> Snapshot:
    targets: dict[int | None, int] = {} if target is None else {None: target}
    answer = replace(SchedulerAnswer(HEAD.metadata.uid, NOON, targets=targets, targets_at=NOON), **more)
    return replace(world(ONE, HEAD, *objects), schedulers={ONE.key: answer})


def _fewer_wanted() -> tuple[DaskAutoscaler, Snapshot]:
    steps = [{"replicas": 1, "since": "2026-01-31T11:59:30Z"}]
    decisions = {"group": DEFAULT.metadata.uid, "replicas": 3, "recommendations": steps}
    scaler = autoscaler(ONE, status={"decisions": decisions})
    return scaler, _world(1, DEFAULT, scaler)


def _reasons(after: Told, scaler: DaskAutoscaler) -> list[str]:
    return [after.condition(scaler, type_).reason for type_ in TYPES]


OLDER = autoscaler(ONE, "a")
LOST = autoscaler(ONE, spec={"workerGroup": "nobody"})
BRAKED = autoscaler(ONE, spec={"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}})
STATES: dict[str, tuple[DaskAutoscaler, Snapshot, list[str]]] = {
    "as many as are wanted": (
        OWN, _world(3, DEFAULT, OWN), ["Acting", "ReadyForNewScale", "ValidMetricFound", "DesiredWithinRange"],
    ),
    "fewer than the minimum are wanted": (
        OWN, _world(0, default_group(ONE, replicas=1), OWN),
        ["Acting", "ReadyForNewScale", "ValidMetricFound", "TooFewReplicas"],
    ),
    "more than the maximum are wanted": (
        OWN, _world(50, default_group(ONE, replicas=10), OWN),
        ["Acting", "ReadyForNewScale", "ValidMetricFound", "TooManyReplicas"],
    ),
    "fewer are wanted, and some wait for that": (
        *_fewer_wanted(), ["Acting", "ScaleDownStabilized", "ValidMetricFound", "DesiredWithinRange"],
    ),
    "more are wanted, and none may come": (
        BRAKED, _world(9, DEFAULT, BRAKED), ["Acting", "ReadyForNewScale", "ValidMetricFound", "ScaleUpLimit"],
    ),
    "the scheduler does not say": (
        OWN, _world(None, DEFAULT, OWN, is_silent=True),
        ["FailedGetTarget", "ReadyForNewScale", "FailedGetTarget", "DesiredWithinRange"],
    ),
    "another acts": (
        OWN, _world(3, DEFAULT, OWN, OLDER),
        ["AnotherAutoscaler", "AnotherAutoscaler", "ScalingDisabled", "DesiredWithinRange"],
    ),
    "no such group": (
        LOST, _world(3, DEFAULT, LOST), ["FailedGetScale", "FailedGetScale", "ScalingDisabled", "DesiredWithinRange"],
    ),
    "no such cluster": (
        autoscaler(), world(autoscaler()),
        ["ClusterNotFound", "FailedGetScale", "ScalingDisabled", "DesiredWithinRange"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES)
def test_conditions_are_those_of_a_horizontal_pod_autoscaler(case: str) -> None:
    """And `Ready` sums them up."""
    scaler, there, expected = STATES[case]
    assert _reasons(told(there), scaler) == expected


def test_it_tells_how_many_there_are_and_are_to_be() -> None:
    """Of whoever does not act, nothing."""
    pods = workers(DEFAULT, ONE, 1, 2)
    status = told(_world(3, DEFAULT, OWN, *pods)).statuses[OWN.key]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 3)
    assert "desiredReplicas" not in told(_world(3, DEFAULT, OWN, OLDER)).statuses[OWN.key]


def test_it_tells_until_when_workers_stay() -> None:
    """Whoever pays for them wants to know."""
    scaler, there = _fewer_wanted()
    able = told(there).condition(scaler, "AbleToScale")
    assert able.message == (
        "Fewer workers are wanted since 2026-01-31T11:59:30Z; some go at 2026-01-31T12:00:30Z if that lasts."
    )


def _scaled(result: Result, error: str = "") -> tuple[Told, DaskAutoscaler]:
    before = _world(7, DEFAULT, OWN)
    (action,) = plan(desire(OWN, before, Naming.CLASSIC), before).actions
    there = default_group(ONE, replicas=7 if result is Result.DONE else 3)
    return told(_world(7, there, OWN), before=before, responses=[Response(action, result, error=error)]), OWN


def test_a_change_is_told_once() -> None:
    """As an Event, and in the time of the last one."""
    after, scaler = _scaled(Result.DONE)
    assert after.statuses[scaler.key]["lastScaleTime"] == "2026-01-31T12:00:00Z"
    assert after.events["SuccessfulRescale"] == "Scaled from 3 to 7 workers."
    assert "SuccessfulRescale" not in told(after.world).events


def test_a_change_that_is_refused_is_told_with_the_reason() -> None:
    """As a right that is missing, or a webhook."""
    after, scaler = _scaled(Result.REFUSED, "not allowed")
    able = after.condition(scaler, "AbleToScale")
    assert (able.reason, able.message) == (
        "FailedUpdateScale",
        "The number of workers could not be changed: not allowed.",
    )
    assert after.events["FailedUpdateScale"] == able.message
    assert "lastScaleTime" not in after.statuses[scaler.key]
    undone = told(_world(7, DEFAULT, OWN), findings=[finding(OWN, Reason.UNDONE, "a webhook takes it back")])
    assert undone.condition(OWN, "AbleToScale").reason == "FailedUpdateScale"


def test_a_cluster_that_is_left_alone_is_not_scaled_and_that_is_said() -> None:
    """What blocks a cluster blocks its autoscaler."""
    after = told(_world(7, DEFAULT, OWN), findings=[finding(ONE, Reason.OTHER_OPERATOR, "dask-kubernetes runs it")])
    able = after.condition(OWN, "AbleToScale")
    assert (able.reason, able.message) == ("FailedGetScale", "dask-kubernetes runs it.")


def test_a_target_that_wavers_beyond_the_bounds_changes_no_status() -> None:
    """A status is written when there is something to tell."""
    full = default_group(ONE, replicas=10)
    first = told(_world(50, full, OWN))
    again = replace(_world(77, full, OWN), objects=first.world.objects)
    assert OWN.key not in told(again).statuses
