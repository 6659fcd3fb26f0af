"""When a probe is attempted, and what its answers amount to.

    container runs ──initialDelaySeconds──► attempt ──answer──► attempt ──answer──► …
                                               └──periodSeconds──┘

    verdict    None ──successThreshold passed in a row──► True ◄──► False      failureThreshold failed in a row

Kubelets do not wait for the period while a container is not ready yet, "to make the Pod ready faster": so a readiness
probe is attempted every second until it has passed for the first time. An attempt that takes longer than the period
is followed by the next one as soon as it is answered; there are never two at the same time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.local.pods.spans import span
from reconciler.wire.protocol import Body

HURRIED = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """A probe's numbers; what it leaves out, and a 0, has Kubernetes' default.

    They stand beside `httpGet`, `tcpSocket` or `exec`: inside those, Kubernetes drops them as unknown fields.

    Args:
        delay: From the start of the container to the first attempt.
        period: From one attempt to the next.
        successes: How many attempts in a row must pass to count.
        failures: How many must fail.
        grace: How long a container that failed has to end; `None` for as long as its Pod says.
    """

    delay: timedelta
    period: timedelta
    successes: int
    failures: int
    grace: timedelta | None

    @classmethod
    def of(cls, probe: Body) -> "Timing":
        """The numbers in a probe's manifest."""
        grace = probe.get("terminationGracePeriodSeconds")
        return cls(
            delay=span(probe.get("initialDelaySeconds") or 0),
            period=span(probe.get("periodSeconds") or 10),
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
            grace=None if grace is None else span(grace),
        )


class Checks:
    """The attempts of one probe at one process.

    Attributes:
        timing: The probe's numbers.
        verdict: Whether the probe counts as passed; `None` until a threshold is reached.
        message: What the last attempt said.

    Args:
        timing: The probe's numbers.
        started_at: When the process started.
        hurried: Whether to attempt it every second until it has passed for the first time.
    """

    def __init__(self, timing: Timing, started_at: datetime, *, hurried: bool) -> None:
        self.timing = timing
        self.verdict: bool | None = None
        self.message = ""
        self._next_at = started_at + timing.delay
        self._hurried = hurried
        self._under_way: int | None = None
        self._began_at = started_at
        self._last: bool | None = None
        self._in_a_row = 0

    @property
    def due_at(self) -> datetime | None:
        """When it is time for an attempt; `None` while one is under way."""
        return self._next_at if self._under_way is None else None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time for an attempt; not while one is under way."""
        return self.due_at is not None and now >= self.due_at

    def begin(self, number: int, now: datetime) -> None:
        """An attempt begins."""
        self._under_way = number
        self._began_at = now

    def answer(self, number: int, message: str, *, passed: bool) -> None:
        """An attempt ended; one that is not under way is ignored."""
        if number != self._under_way:
            return
        self._under_way = None
        self.message = message
        self._in_a_row = self._in_a_row + 1 if passed is self._last else 1
        self._last = passed
        if self._in_a_row >= (self.timing.successes if passed else self.timing.failures):
            self.verdict = passed
            self._hurried = self._hurried and not passed
        self._next_at = self._began_at + (min(self.timing.period, HURRIED) if self._hurried else self.timing.period)
