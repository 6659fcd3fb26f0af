"""How long to wait before replacing Pods that ended for good, so that a crashing image makes no storm.

    failure   1st   2nd   3rd   4th   5th   6th and later
    wait      10 s  20 s  40 s  80 s  160 s 300 s
    loss      3rd   4th   5th   6th   7th   8th and later; the first two are replaced at once

Losses are Pods that ended through no doing of their own (rules/pod_end.py), workers that something else deletes or is
about to take away, and workers that gave up before there was a scheduler. They are counted apart: a lost node says
nothing about the image, and a node that refuses Pod after Pod makes a storm all the same.

What counts is a replacement that ends again: a Pod that was there already at the last failure, or that ends while one
waits, neither counts nor makes the wait longer, or a large group that loses a worker now and then would never get one
back. A failure counts as the first again after ten quiet minutes beyond the wait, or when the template is another.
One far in the future was seen by a clock that was wrong, and says nothing. Which Pods were there is told by the API
server's clock alone, since ours may differ.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from models.base import wire_time
from models.observed import Pod
from models.status import Failures
from reconciler.passes.values import Body
from reconciler.rules.labels import TEMPLATE_HASH
from reconciler.rules.pod_end import end_of, how_it_ended, is_disruption_target

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
QUIET = timedelta(minutes=10)
LONGEST_MESSAGE = 200
"""How much of the last end is remembered."""
FREE_LOSSES = 2
"""How many losses in a row are made up for at once."""


class Counted(Protocol):
    """What was counted so far."""

    @property
    def failures(self) -> Failures | None:
        """Pods that ended by themselves."""

    @property
    def losses(self) -> Failures | None:
        """Pods that were lost."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The same apart from any decisions.

    Args:
        failures: Pods that ended by themselves.
        losses: Pods that were lost.
    """

    failures: Failures | None = None
    losses: Failures | None = None


def retry_at(counted: Counted, template_hash: str, now: datetime) -> datetime | None:
    """When Pods of that template may be replaced; `None` if nothing speaks against it."""
    waits = (_until(counted.failures, template_hash, now), _until(counted.losses, template_hash, now, FREE_LOSSES))
    return max(filter(None, waits), default=None)


def in_a_row(counted: Counted, template_hash: str, now: datetime) -> str:
    """How often Pods ended in the way that makes one wait longest, and how the last one did."""
    waits = (
        (counted.failures, _until(counted.failures, template_hash, now)),
        (counted.losses, _until(counted.losses, template_hash, now, FREE_LOSSES)),
    )
    counting = [(found, until) for found, until in waits if found is not None and until is not None]
    if not counting:
        return ""
    found, _ = max(counting, key=lambda one: one[1])
    times = f"{found.count} times in a row" if found.count > 1 else "once"
    return f"{times}; the last one {found.message}" if found.message else times


def count_ends(  # noqa: PLR0913 - each has a name at the call
    counted: Counted,
    ended: Sequence[Pod],
    template_hash: str,
    now: datetime,
    lost: Container[str] = (),
    *,
    there: Iterable[Pod] = (),
) -> Body:
    """The counts to write down after Pods have ended; empty if none of them counts.

    Pods that end together count once.

    Args:
        counted: The counts so far.
        ended: Pods that ended and have not been counted yet.
        template_hash: The hash of the present template; Pods of an older one do not count.
        now: When they were seen.
        lost: The names of those that are losses although they do not look it.
        there: The other Pods that are there.
    """
    verdicts = [(pod, is_lost(pod) or pod.metadata.name in lost) for pod in ended]
    losses, failures = ([pod for pod, is_loss in verdicts if is_loss is wanted] for wanted in (True, False))
    counts = {
        "failures": _count(counted.failures, failures, template_hash, now),
        "losses": _count(counted.losses, losses, template_hash, now, FREE_LOSSES),
    }
    times = (pod.metadata.creation_timestamp for pod in (*ended, *there))
    newest = max(filter(None, times), default=None)
    known = {"newest": wire_time(newest)} if newest is not None else {}
    return {name: {**count, **known} for name, count in counts.items() if count is not None}


def is_lost(pod: Pod) -> bool:
    """Whether a Pod that has ended did so through no doing of its own, well or badly."""
    end = end_of(pod)
    return (end is not None and end.is_lost) or is_disruption_target(pod)


def _count(
    before: Failures | None, ended: Sequence[Pod], template_hash: str, now: datetime, free: int = 0
) -> Body | None:
    until = _until(before, template_hash, now, free)
    # Where nothing is known of the Pods that were there then, our own clock has to do.
    last_time = (before.newest or before.last_time) if before is not None and until is not None else None
    news = [
        pod
        for pod in ended
        if pod.metadata.annotations.get(TEMPLATE_HASH) == template_hash
        and _is_later(pod.metadata.creation_timestamp, last_time)
    ]
    if not news or (until is not None and now < until):
        return None
    so_far = before.count if before and until and now < until + QUIET else 0
    message = how_it_ended(news[-1])[:LONGEST_MESSAGE]
    return {"count": so_far + 1, "lastTime": wire_time(now), "templateHash": template_hash, "message": message}


def _is_later(time: datetime | None, than: datetime | None) -> bool:
    return time is None or than is None or time > than


def _until(counted: Failures | None, template_hash: str, now: datetime, free: int = 0) -> datetime | None:
    if counted is None or counted.last_time is None or counted.template_hash != template_hash:
        return None
    return counted.last_time + _wait(counted.count - free) if counted.last_time <= now + LONGEST_WAIT else None


def _wait(count: int) -> timedelta:
    if count <= 0:
        return timedelta(0)
    return min(FIRST_WAIT * (1 << min(count - 1, 10)), LONGEST_WAIT)
