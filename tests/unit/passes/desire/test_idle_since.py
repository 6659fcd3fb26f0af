"""What is written down of a cluster that is idle, and when its groups are scaled to 0."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.idle_state import IdleQuestion, IdleState
from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.values import Record, Unwanted
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.names import Naming
from tests.builders import NOON, cluster, default_group, scheduler, world

TIMEOUT = 600
TO_ZERO: dict[str, Any] = {"idle": {"action": "ScaleToZero"}}


def idle_for(seconds: float, mark: str | None = "1.5") -> IdleState:
    since = NOON - timedelta(seconds=seconds)
    return IdleState(True, mark, since=since, seen=NOON, asked=IdleQuestion(TIMEOUT))


BUSY = IdleState(seen=NOON, asked=IdleQuestion(TIMEOUT))
UNKNOWN = replace(idle_for(9999), error="it cannot be reached")


def made(written: IdleState | None = None, **lifetime: Any) -> DaskCluster:
    """A cluster of which that was written down."""
    decisions: dict[str, Any] = {}
    if written is not None and written.since is not None:
        decisions["idle"] = {"since": written.since.isoformat(), "mark": written.mark}
    return cluster(lifetime={"idleTimeout": TIMEOUT, **lifetime}, status={"decisions": decisions})


def seen(one: DaskCluster, now: IdleState | None) -> tuple[Snapshot, DaskWorkerGroup]:
    """The world, and the cluster's group, where its scheduler tells that."""
    head, group = scheduler(one), default_group(one)
    answers = {one.key: SchedulerAnswer(head.metadata.uid, NOON, idle=now)}
    return replace(world(one, head, group), schedulers=answers), group


def records(of: DaskCluster | DaskWorkerGroup, snapshot: Snapshot) -> list[Any]:
    return [record.body for record in desire(of, snapshot, Naming.CLASSIC).records]


def written(since: datetime | None, mark: str | None = "1.5") -> dict[str, Any]:
    wire = None if since is None else {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "mark": mark}
    return {"status": {"decisions": {"idle": wire}}}


@pytest.mark.parametrize(
    ("before", "now", "record"),
    [
        pytest.param(None, None, [], id="nothing is known"),
        pytest.param(None, BUSY, [], id="busy"),
        pytest.param(None, idle_for(59), [], id="idle for a moment"),
        pytest.param(None, idle_for(60), [written(NOON - timedelta(seconds=60))], id="idle"),
        pytest.param(idle_for(60), idle_for(60), [], id="idle, and written down"),
        pytest.param(idle_for(60), idle_for(60, "2.5"), [written(NOON - timedelta(seconds=60), "2.5")], id="again"),
        pytest.param(idle_for(60), BUSY, [written(None)], id="busy again"),
        pytest.param(idle_for(60), UNKNOWN, [], id="not known any more"),
        pytest.param(idle_for(60), None, [], id="not known after a restart"),
    ],
)
def test_since_when_a_cluster_is_idle_is_written_once(
    before: IdleState | None, now: IdleState | None, record: list[Any]
) -> None:
    """When that is long enough; and it is taken away when it is known not to be so."""
    one = made(before)
    assert records(one, seen(one, now)[0]) == record


def test_what_is_written_goes_when_nobody_wants_to_know_any_more() -> None:
    """The timeout was taken away."""
    one = made(idle_for(60), idleTimeout=0)
    assert records(one, seen(one, None)[0]) == [written(None)]


def test_a_cluster_that_was_idle_for_too_long_goes() -> None:
    """And nothing else is done for it, nor for its groups."""
    one = made(idle_for(600))
    snapshot, group = seen(one, idle_for(600))
    found = desire(one, snapshot, Naming.CLASSIC)
    why = "its scheduler has had nothing to do since 2026-01-31T11:50:00Z, for at least 600 s"
    assert (found.unwanted, found.wanted) == ((Unwanted(one, why, True, EventReason.IDLE_TOO_LONG),), ())
    assert desire(group, snapshot, Naming.CLASSIC).wanted == ()


def test_a_cluster_is_scaled_to_zero_in_two_steps() -> None:
    """First it is not written down any more that it is idle, so that whoever scales it up is counted anew."""
    one = made(idle_for(600), **TO_ZERO)
    snapshot, group = seen(one, idle_for(600))
    assert records(one, snapshot) == [written(None)]
    assert records(group, snapshot) == []
    one = made(**TO_ZERO)
    snapshot, group = seen(one, idle_for(600))
    assert records(one, snapshot) == []
    (record,) = desire(group, snapshot, Naming.CLASSIC).records
    assert record == Record(group, {"spec": {"worker": {"replicas": 0}}}, record.reason)
    assert records(group, seen(one, idle_for(599))[0]) == []
