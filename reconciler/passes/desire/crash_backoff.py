"""How long to wait before replacing Pods that ended for good, so that a crashing image makes no storm.

    failure   1st   2nd   3rd   4th   5th   6th and later
    wait      10 s  20 s  40 s  80 s  160 s 300 s

What counts is a replacement that fails again: a Pod that was there already at the last failure, or that ends while one
waits, neither counts nor makes the wait longer, or a large group that loses a worker now and then would never get one
back. A failure counts as the first again after ten quiet minutes beyond the wait, or when the template is another.
Pods lost to their node or to a preemption do not count: they ran no crashing image.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.base import wire_time
from models.observed import Pod
from models.status import Failures
from reconciler.passes.values import Body
from reconciler.rules.labels import TEMPLATE_HASH

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
QUIET = timedelta(minutes=10)


def retry_at(failures: Failures | None, template_hash: str, now: datetime) -> datetime | None:
    """When Pods of that template may be replaced; `None` if nothing speaks against it.

    A failure far in the future was seen by a clock that was wrong, and says nothing.
    """
    if failures is None or failures.last_time is None or failures.template_hash != template_hash:
        return None
    return failures.last_time + _wait(failures.count) if failures.last_time <= now + LONGEST_WAIT else None


def count_failures(failures: Failures | None, ended: Sequence[Pod], template_hash: str, now: datetime) -> Body | None:
    """The count to write down after Pods have ended, or `None` if none of them counts.

    Pods that end together count once.

    Args:
        failures: The count so far.
        ended: Pods that ended and have not been counted yet.
        template_hash: The hash of the present template; Pods of an older one do not count.
        now: When they were seen.
    """
    before = retry_at(failures, template_hash, now)
    last_time = failures.last_time if failures is not None and before is not None else None
    counting = [
        pod
        for pod in ended
        if not pod.was_disrupted
        and pod.metadata.annotations.get(TEMPLATE_HASH) == template_hash
        and _is_later(pod.metadata.creation_timestamp, last_time)
    ]
    if not counting or (before is not None and now < before):
        return None
    in_a_row = failures.count if failures and before and now < before + QUIET else 0
    return {"count": in_a_row + 1, "lastTime": wire_time(now), "templateHash": template_hash}


def how_it_ended(pod: Pod) -> str:
    """Why a Pod that has ended did so, in words."""
    if pod.status.reason or pod.status.message:
        return f"it ended: {pod.status.phase}, {pod.status.reason} {pod.status.message}".strip()
    ends = [one.state.terminated for one in pod.status.container_statuses if one.state.terminated]
    codes = ", ".join(f"exit code {end.exit_code}" + (f" ({end.reason})" if end.reason else "") for end in ends)
    return f"it ended: {pod.status.phase}" + (f", {codes}" if codes else "")


def _is_later(time: datetime | None, than: datetime | None) -> bool:
    return time is None or than is None or time > than


def _wait(count: int) -> timedelta:
    doublings = min(max(count - 1, 0), 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
