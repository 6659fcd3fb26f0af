"""When a Pod that is to go is waited for no longer."""

from datetime import datetime, timedelta

import pytest

from reconciler.rules.stuck_pod import STUCK_AFTER, is_stuck
from tests.builders import NOON, pod

STUCK = NOON - STUCK_AFTER - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("more", "stuck"),
    [({}, False), ({"deleting": NOON}, False), ({"deleting": NOON - STUCK_AFTER}, False), ({"deleting": STUCK}, True)],
    ids=["not going", "in time", "just in time", "too late"],
)
def test_a_pod_is_stuck_when_nobody_confirms_its_end(more: dict[str, datetime], *, stuck: bool) -> None:
    """Some time after the deadline of its deletion."""
    assert is_stuck(pod("p", **more), NOON) is stuck
