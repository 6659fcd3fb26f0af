"""What is said of a cluster that may be idle for a while only."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.idle_state import IdleQuestion, IdleState
from models.resources import DaskCluster
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Observed
from reconciler.passes.values import Finding
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, default_group, job, job_cluster, scheduler, world
from tests.unit.passes.report.told import told

ASKED = IdleQuestion(600)
COUNTED = replace(ASKED, counts_clients=True)
BUSY = IdleState(seen=NOON, asked=ASKED)
TO_ZERO = {"idle": {"action": "ScaleToZero"}}


def idle_for(seconds: float, asked: IdleQuestion = ASKED) -> IdleState:
    return IdleState(True, "1.5", since=NOON - timedelta(seconds=seconds), seen=NOON, asked=asked)


def said(
    one: DaskCluster, *others: Observed, idle: IdleState | None = None, **more: Any
) -> tuple[str, str, str] | None:
    """The condition's status, reason and message."""
    head = scheduler(one)
    answers = {one.key: SchedulerAnswer(head.metadata.uid, NOON, idle=idle)}
    snapshot = replace(world(one, head, *others), schedulers=answers)
    conditions = told(snapshot, **more).statuses[one.key]["conditions"]
    return next(
        ((each["status"], each["reason"], each["message"]) for each in conditions if each["type"] == "Idle"), None
    )


def lasting(**lifetime: Any) -> DaskCluster:
    return cluster(lifetime={"idleTimeout": 600, **lifetime})


@pytest.mark.parametrize(
    ("idle", "status", "reason", "words"),
    [
        (None, "Unknown", "SchedulerUnknown", "nobody asks the scheduler, or it has not answered"),
        (replace(BUSY, error="it hangs"), "Unknown", "SchedulerUnknown", "so the cluster stays: it hangs."),
        (BUSY, "False", "Busy", "The scheduler has something to do, or had until a moment ago."),
        (idle_for(59), "False", "Busy", "until a moment ago"),
        (idle_for(60), "True", "Idle", "since 2026-01-31T11:59:00Z; unless that changes, the cluster is deleted at"),
        (idle_for(450), "True", "IdleTimeoutNear", "at 2026-01-31T12:02:30Z."),
        (idle_for(900), "True", "IdleTimeoutNear", "at 2026-01-31T11:55:00Z."),
    ],
)
def test_the_condition_says_how_long_it_is_idle_and_what_comes_of_it(
    idle: IdleState | None, status: str, reason: str, words: str
) -> None:
    """And why that is not known."""
    found = said(lasting(), idle=idle)
    assert found is not None
    assert found[:2] == (status, reason)
    assert words in found[2]


def test_the_condition_tells_what_counts_and_what_happens() -> None:
    """Clients, and workers that are to go."""
    busy = said(lasting(idle={"countClients": True}), idle=replace(BUSY, asked=COUNTED))
    assert busy is not None
    assert "something to do, or a Client, or had" in busy[2]
    idle = said(lasting(idle={"countClients": True}), idle=idle_for(60, COUNTED))
    assert idle is not None
    assert "nothing to do and no Client since" in idle[2]
    one = lasting(**TO_ZERO)
    asleep = said(one, default_group(one, replicas=0), idle=idle_for(60))
    assert asleep is not None
    assert asleep[:2] == ("False", "NoWorkers")
    awake = said(one, default_group(one, replicas=1), idle=idle_for(60))
    assert awake is not None
    assert "its worker groups are scaled to 0 at" in awake[2]


def test_nothing_is_said_where_nobody_minds() -> None:
    """Without a timeout, of a job's cluster, and of one that another operator runs."""
    assert said(cluster(), idle=idle_for(900)) is None
    train = job()
    assert said(job_cluster(train, lifetime={"idleTimeout": 600}), train, idle=idle_for(900)) is None
    one = lasting()
    assert said(one, idle=idle_for(900), findings=[Finding(one.key, Reason.OTHER_OPERATOR, "x")]) is None
