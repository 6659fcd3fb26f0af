"""One container's life.

               Start              started               its policy says no,
    waiting ───────────► starting ───────────► running ────────────────────► ended
     ▲   ▲                   │                    │      or its Pod ends
     │   └── not started ────┘ 2 s                │
     └───────────────────────────────── ended ────┘ 0 s, 10 s, 20 s, 40 s, … 5 minutes

    running ──startup or liveness probe failed, or its Pod ends──► Terminate ──grace──► Kill

- A process that could not be given what it needs (`CreateContainerConfigError` and the like) did not run: it is tried
  again every 2 s, whatever the policy.
- One that could not be executed (`RunContainerError`) counts as one that ended with exit code 128, as on a kubelet.
- One that failed its startup or liveness probe is replaced whatever its exit code, unless the policy is Never.
- After 10 minutes' running it is started again at once, as the first time.
- Once it was asked to end, it is not ready, and no probe is attempted any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from reconciler.local.pods.commands import Check, Command, Kill, Probe, Start, Terminate
from reconciler.local.pods.probe_timing import Checks, Timing
from reconciler.wire.protocol import Body

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
LONG_RUN = timedelta(minutes=10)
SOON = timedelta(seconds=2)

NOT_EXECUTED = "RunContainerError"
NOT_EXECUTED_CODE = 128


class Policy(StrEnum):
    """When a container is started again after it ended."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class Stage(Enum):
    """How far a container is."""

    WAITING = auto()
    STARTING = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a container waits."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """How a container's process ended."""

    code: int
    reason: str
    message: str
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A startup or liveness probe that a process failed, and how long it has to end."""

    message: str
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Goal:
    """When a process is to be gone, and the time that it has for it at least."""

    deadline: datetime
    least: timedelta


class ContainerLife:
    """One container of a Pod, from its first process to its last. What does not fit its stage is ignored.

    Attributes:
        name: Its name.
        image: Its image.
        stage: How far it is.
        restarts: How many processes it had after the first.
        started_at: When its process started.
        not_before: When it may be started, if it waits and its turn has come.
        has_started: Whether one of its processes ran and passed the startup probe.
        hindrance: Why it waits, if that is known.
        end: How its last process ended.
        end_before: How the one before that ended.

    Args:
        spec: The container as its Pod has it.
        policy: When it is started again.
        pod: The Pod, as messages name it.
        grace: How long it has to end after it failed a probe that does not say how long.
    """

    def __init__(self, spec: Body, policy: Policy, pod: str, grace: timedelta) -> None:
        self.name: str = spec["name"]
        self.image: str = spec.get("image", "")
        self.stage = Stage.WAITING
        self.restarts = 0
        self.started_at: datetime | None = None
        self.has_started = False
        self.hindrance: Hindrance | None = None
        self.end: End | None = None
        self.end_before: End | None = None
        self._policy = policy
        self._pod = pod
        self._grace = grace
        self._timings = {probe: Timing.of(spec[f"{probe}Probe"]) for probe in Probe if spec.get(f"{probe}Probe")}
        self._checks: dict[Probe, Checks] = {}
        self._attempts = 0
        self.not_before: datetime | None = None
        self._wait = timedelta()
        self._is_last = False
        self._failure: Failure | None = None
        self._goal: Goal | None = None
        self._terminated_at: datetime | None = None
        self._is_killed = False

    @property
    def is_alive(self) -> bool:
        """Whether there is a process, or may be one any moment."""
        return self.stage in (Stage.STARTING, Stage.RUNNING)

    @property
    def has_run(self) -> bool:
        """Whether there is or was a process."""
        return self.stage is Stage.RUNNING or self.end is not None

    @property
    def has_ended_well(self) -> bool:
        """Whether its last process ended with exit code 0."""
        return self.end is not None and self.end.code == 0

    @property
    def is_started(self) -> bool:
        """Whether its process runs and has passed the startup probe, if there is one."""
        return self.stage is Stage.RUNNING and self._passes(Probe.STARTUP)

    @property
    def is_ready(self) -> bool:
        """Whether it is started, passes the readiness probe, if there is one, and is to stay."""
        is_leaving = self._is_last or self._failure is not None
        return self.is_started and self._passes(Probe.READINESS) and not is_leaving

    def may_start(self, now: datetime) -> bool:
        """Whether it waits for nothing but its turn."""
        return self.stage is Stage.WAITING and (self.not_before is None or now >= self.not_before)

    def start(self) -> Start:
        """Have its process started."""
        self.stage = Stage.STARTING
        return Start(self.name, self.restarts + 1 if self.has_run else 0)

    def started(self, now: datetime) -> None:
        """Its process runs."""
        if self.stage is not Stage.STARTING:
            return
        self._begin(now)
        self.stage = Stage.RUNNING
        self._checks = {
            probe: Checks(timing, now, hurried=probe is Probe.READINESS) for probe, timing in self._timings.items()
        }
        self.has_started = self.has_started or self.is_started

    def not_started(self, reason: str, message: str, now: datetime) -> None:
        """Its process could not be started."""
        if self.stage is not Stage.STARTING:
            return
        if reason == NOT_EXECUTED:
            self._begin(now)
            self._conclude(End(NOT_EXECUTED_CODE, "StartError", message, now, now))
        else:
            self.stage = Stage.WAITING
            self.not_before = now + SOON
        self.hindrance = Hindrance(reason, message)
        if self._is_last:
            self.retire()

    def ended(self, code: int, now: datetime, words: str = "") -> None:
        """Its process ended, possibly before it was said to run; `words` are the last that it said."""
        self.started(now)
        if self.stage is not Stage.RUNNING or self.started_at is None:
            return
        message = words if self._failure is None else self._failure.message
        self._conclude(End(code, "Error" if code else "Completed", message, self.started_at, now))

    def retire(self) -> None:
        """Never start it again."""
        self._is_last = True
        if self.stage is Stage.WAITING and self.end is not None:
            self.stage = Stage.ENDED

    def end_by(self, goal: Goal) -> None:
        """Have its process ended."""
        self._goal = goal

    def due(self, now: datetime) -> Iterator[Command]:
        """What is to be done about its process."""
        if self.stage is not Stage.RUNNING:
            return
        if self._terminated_at is None and (self._failure is not None or self._goal is not None):
            self._terminated_at = now
            yield Terminate(self.name)
        if self._terminated_at is None:
            yield from self._attempts_due(now)
        elif not self._is_killed and now >= self._kill_at(self._terminated_at):
            self._is_killed = True
            yield Kill(self.name)

    def moments(self) -> Iterator[datetime]:
        """The times at which something may be due about its process, if nothing happens before."""
        if self.stage is not Stage.RUNNING:
            return
        if self._terminated_at is None:
            yield from (checks.due_at for _, checks in self._attempted() if checks.due_at is not None)
        elif not self._is_killed:
            yield self._kill_at(self._terminated_at)

    def checked(self, check: Check, message: str, *, passed: bool) -> None:
        """An attempt of a probe was answered; what was asked of an earlier process, or before it had to go, is over."""
        checks = self._checks.get(check.probe)
        if checks is None or self.stage is not Stage.RUNNING or self._is_last or self._failure is not None:
            return
        checks.answer(check.number, message, passed=passed)
        self.has_started = self.has_started or self.is_started
        if check.probe is not Probe.READINESS and checks.verdict is False:
            grace = self._grace if checks.timing.grace is None else checks.timing.grace
            told = f"Container {self.name} failed its {check.probe} probe: {message}"
            self._failure = Failure(told, grace)

    def _passes(self, probe: Probe) -> bool:
        checks = self._checks.get(probe)
        return checks is None or checks.verdict is True

    def _attempts_due(self, now: datetime) -> Iterator[Check]:
        for probe, checks in self._attempted():
            if checks.is_due(now):
                self._attempts += 1
                checks.begin(self._attempts, now)
                yield Check(self.name, probe, self._attempts)

    def _attempted(self) -> Iterator[tuple[Probe, Checks]]:
        """The startup probe until it has passed, then the others."""
        for probe, checks in self._checks.items():
            has_turn = self.is_started if probe is not Probe.STARTUP else not self.is_started
            if has_turn and not self._is_last:
                yield probe, checks

    def _kill_at(self, terminated_at: datetime) -> datetime:
        moments = [] if self._failure is None else [terminated_at + self._failure.grace]
        if self._goal is not None:
            moments.append(max(self._goal.deadline, terminated_at + self._goal.least))
        return min(moments)

    def _begin(self, now: datetime) -> None:
        """Count a process, about which nothing is known yet."""
        self.restarts += self.has_run
        self.started_at = now
        self.hindrance = self._failure = self._terminated_at = None
        self._is_killed = False

    def _conclude(self, end: End) -> None:
        self.end_before, self.end = self.end, end
        self.stage = Stage.WAITING if self._is_followed() else Stage.ENDED
        if end.finished_at - end.started_at >= LONG_RUN:
            self._wait = timedelta()
        if self._wait:
            message = f"back-off {_duration(self._wait)} restarting failed container={self.name} pod={self._pod}"
            self.hindrance = Hindrance("CrashLoopBackOff", message)
        self.not_before = end.finished_at + self._wait
        self._wait = min(max(2 * self._wait, FIRST_WAIT), LONGEST_WAIT)

    def _is_followed(self) -> bool:
        """Whether there is to be another process after the one that ended."""
        if self._is_last or self._policy is Policy.NEVER:
            return False
        return self._policy is Policy.ALWAYS or not self.has_ended_well or self._failure is not None


def _duration(time: timedelta) -> str:
    """A time as Go writes it, such as 1m20s."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
