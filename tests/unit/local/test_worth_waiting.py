"""What a run still waits for, and what is not worth waiting for."""

from datetime import timedelta
from typing import Any

import pytest

from models.base import wire_time
from reconciler.local.worth_waiting import doubts, hopeless
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.unit.local.podlives import Node, container, pod

PROBED = {"readinessProbe": {"tcpSocket": {"port": 1}}}


def started(seconds_ago: float, life_before: float | None = None) -> Body:
    """A container's status: it runs for so long, after a life that was so long."""
    start = NOON - timedelta(seconds=seconds_ago)
    status: Body = {
        "name": "main",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": wire_time(start)}},
    }
    if life_before is None:
        return {**status, "lastState": {}}
    end = {"startedAt": wire_time(start - timedelta(seconds=life_before)), "finishedAt": wire_time(start)}
    return {**status, "restartCount": 1, "lastState": {"terminated": {"exitCode": 3, **end}}}


def told(status: Body, **fields: Any) -> list[str]:
    """What is doubted of a Pod with that container."""
    return [*doubts([{**pod(container(**fields)), "status": {"containerStatuses": [status]}}], NOON)]


@pytest.mark.parametrize(
    ("status", "fields", "is_doubted"),
    [
        (started(0), {}, True),
        (started(4), {}, True),
        (started(5), {}, False),
        (started(0), PROBED, False),
        (started(4, life_before=1), {}, True),
        (started(5, life_before=1), {}, False),
        (started(4, life_before=1), PROBED, True),
        (started(30, life_before=30), {}, True),
        (started(31, life_before=30), {}, False),
        (started(59, life_before=3600), {}, True),
        (started(60, life_before=3600), {}, False),
        (started(60) | {"ready": False}, PROBED, True),
        (started(60) | {"state": {"terminated": {}}}, {}, False),
        (started(60) | {"state": {"waiting": {}}, "ready": False}, {}, True),
    ],
)
def test_a_process_counts_when_it_has_outlived_what_was_before(
    status: Body, fields: dict[str, Any], *, is_doubted: bool
) -> None:
    """Five seconds if nothing was, and none if a probe has looked; a minute is enough in any case."""
    assert bool(told(status, **fields)) is is_doubted


def test_a_doubt_says_what_happened() -> None:
    """With the exit code, and after how long."""
    assert told(started(4, life_before=2)) == ["Pod p was started again only now: exit code 3 after 2 s."]


def test_a_container_that_has_ended_three_times_and_waits_is_hopeless() -> None:
    """As a kubelet tells it; while it runs there is hope."""
    node = Node(pod(container()))
    found = []
    for _ in range(3):
        node.run(60)
        assert [*hopeless([{**pod(), "status": node.status}])] == []
        node.life.ended("main", 1, node.now, '"I cannot."')
        found.append([*hopeless([{**pod(), "status": node.status}])])
    assert found == [[], [], ['Pod p ended 3 times, the last time with exit code 1: "I cannot.".']]


def test_a_pod_without_a_status_is_neither() -> None:
    """It was created just now."""
    assert ([*doubts([pod()], NOON)], [*hopeless([pod()])]) == ([], [])
