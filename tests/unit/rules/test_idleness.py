"""Whose idleness counts, how often it is asked for, and when it is too long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.idle_state import IdleQuestion, IdleState
from models.observed import Pod
from models.resources import DaskCluster
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Observed, Snapshot
from reconciler.rules.idleness import FRESH, idle_for_too_long, idle_question, idle_state, next_idle_question
from reconciler.rules.parts import ClusterParts
from tests.builders import NOON, autoscaler, cluster, default_group, group, job, job_cluster, scheduler, world
from tests.manifests import pod_spec

TO_ZERO = {"idleTimeout": 600, "idle": {"action": "ScaleToZero"}}
ONE = cluster(lifetime={"idleTimeout": 600})
HEAD = scheduler(ONE)
OVER = IdleState(True, "1.5", since=NOON - timedelta(seconds=600), seen=NOON, asked=IdleQuestion(600))


def parts(of: DaskCluster, *others: Observed, idle: IdleState | None = None, **answer: Any) -> ClusterParts:
    head = next(one for one in (*others, scheduler(of)) if isinstance(one, Pod))
    known = SchedulerAnswer(head.metadata.uid, NOON, idle=idle)
    snapshot: Snapshot = replace(world(of, head, *others), schedulers={of.key: replace(known, **answer)})
    return ClusterParts(of, snapshot)


def sleepy(*others: Observed, replicas: int = 0) -> ClusterParts:
    """A cluster that is to be scaled to 0."""
    one = cluster(lifetime=TO_ZERO)
    return parts(one, default_group(one, replicas=replicas), *others)


def test_a_scheduler_is_asked_as_its_cluster_says() -> None:
    """With what was written down before."""
    assert idle_question(parts(ONE)) == IdleQuestion(600)
    written = {"decisions": {"idle": {"since": "2026-01-31T11:00:00Z", "mark": "1.5"}}}
    spec = pod_spec(args=["dask", "scheduler", "--dashboard-address", ":9787"])
    one = cluster(
        lifetime={"idleTimeout": 60, "idle": {"countClients": True}}, scheduler={"spec": spec}, status=written
    )
    assert idle_question(parts(one)) == IdleQuestion(60, True, 9787, one.status.decisions.idle)


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(cluster(), id="without a timeout"),
        pytest.param(cluster(lifetime={"idleTimeout": 600}, deleting=True), id="being deleted"),
        pytest.param(job_cluster(job(), lifetime={"idleTimeout": 600}), id="a job's"),
    ],
)
def test_nobody_is_asked_for_whom_nothing_would_come_of_it(of: DaskCluster) -> None:
    """And nothing does."""
    assert idle_question(parts(of)) is None
    assert idle_for_too_long(parts(of, idle=OVER)) is None


def test_who_is_to_be_scaled_to_zero_is_asked_while_there_is_something_to_scale() -> None:
    """By idleness: an autoscaler scales its own group."""
    one = cluster(lifetime=TO_ZERO)
    more = group(one, "more", replicas=1)
    assert idle_question(sleepy(replicas=1)) is not None
    assert idle_question(sleepy()) is None
    assert idle_question(sleepy(autoscaler(one), replicas=1)) is None
    assert idle_question(sleepy(more)) is not None
    assert idle_question(sleepy(autoscaler(one), more, replicas=1)) is not None
    more_scales = autoscaler(one, spec={"workerGroup": "more"})
    assert idle_question(sleepy(more_scales, more)) is None


@pytest.mark.parametrize(
    ("idle", "is_too_long"),
    [
        pytest.param(OVER, True, id="for as long as it may"),
        pytest.param(replace(OVER, since=NOON - timedelta(seconds=599)), False, id="not yet"),
        pytest.param(None, False, id="nobody asked"),
        pytest.param(IdleState(seen=NOON, asked=IdleQuestion(600)), False, id="busy"),
        pytest.param(replace(OVER, error="it cannot be reached"), False, id="not known any more"),
        pytest.param(replace(OVER, asked=IdleQuestion(300)), False, id="asked with another timeout"),
        pytest.param(replace(OVER, asked=IdleQuestion(600, True)), False, id="asked when clients counted"),
    ],
)
def test_too_long_is_as_long_as_the_timeout(idle: IdleState | None, *, is_too_long: bool) -> None:
    """By an answer to what is asked now."""
    assert (idle_for_too_long(parts(ONE, idle=idle)) is not None) is is_too_long


def test_only_a_fresh_answer_of_a_scheduler_that_answers_has_consequences() -> None:
    """Somebody may have come since."""
    seen = NOON - FRESH
    old = replace(OVER, seen=seen, since=seen - timedelta(seconds=600))
    assert idle_for_too_long(parts(ONE, idle=old)) is not None
    older = replace(old, seen=seen - timedelta(seconds=1), since=seen - timedelta(seconds=601))
    assert idle_for_too_long(parts(ONE, idle=older)) is None
    assert idle_state(parts(ONE, idle=older)) == older
    assert idle_state(parts(ONE, idle=OVER, is_silent=True)) is None
    assert idle_state(parts(ONE, idle=OVER, pod_uid="another")) is None


@pytest.mark.parametrize(
    ("timeout", "idle_for", "pause"),
    [
        pytest.param(10, None, 5.0, id="no more often than every 5 s"),
        pytest.param(600, None, 60.0, id="ten times within the timeout"),
        pytest.param(86400, None, 120.0, id="every 2 minutes at least"),
        pytest.param(600, 0, 60.0, id="when it counts as idle"),
        pytest.param(600, 430, 20.0, id="when its end is announced"),
        pytest.param(600, 590, 10.0, id="when it ends"),
        pytest.param(600, 599.9, 1.0, id="not at once again"),
        pytest.param(600, 600, 5.0, id="while its end is held back"),
    ],
)
def test_a_scheduler_is_asked_as_often_as_its_timeout_needs(timeout: int, idle_for: float | None, pause: float) -> None:
    """And when it comes to the next stage."""
    since = None if idle_for is None else NOON - timedelta(seconds=idle_for)
    state = IdleState(since is not None, "1.5", since=since, seen=NOON, asked=IdleQuestion(timeout))
    assert next_idle_question(state) == pytest.approx(pause)
