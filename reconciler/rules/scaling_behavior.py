"""How many workers a group is to have, from how many are wanted and how fast that may change.

The words and their meaning are HorizontalPodAutoscaler's:

    wanted ─► bounds ─► stabilization windows ─► policies ─► desired
                        up: the least, down: the       so many in a
                        most that was wanted since     period at most

What is remembered of the past is in the autoscaler's `status.decisions`, so that a restart, or another reconciler,
decides the same. It is written when something waits for it, and is short:

- What was wanted is a staircase: each number with the time since which it was. A fall within a tenth of the window
  after the last step is left out until that has passed: then workers stay a little longer. Not so where more workers
  wait for a window, too: there the least counts.
- A change that needs to be remembered is written down first, with the group's generation, and then done. So it is done
  once, whoever dies in between. If the group's number was edited by someone else since, what was remembered is void,
  and that number is where it goes on from.
- Out of bounds is put right at once. Where nothing is known of what is wanted, nothing else changes.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from models.behavior import Behavior, ScalingPolicy, ScalingRules
from models.resources import DaskAutoscalerSpec
from models.status import AutoscalerDecisions, Recommendation, ScaleEvent

MOST_REMEMBERED = 20
"""So many steps, and so many changes, are remembered; of older ones less is known, and workers stay longer for it."""
STEP = 10
"""The part of a window in which one step is remembered."""


class Limit(Enum):
    """What keeps the number of workers from being what is wanted."""

    NOTHING = "nothing"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    UP_POLICY = "scaleUp policies"
    DOWN_POLICY = "scaleDown policies"


@dataclass(frozen=True, slots=True)
class Scale:
    """A worker group as it is scaled.

    Args:
        uid: Its uid.
        generation: Its `metadata.generation`.
        replicas: How many workers its spec asks for.
    """

    uid: str
    generation: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Decision:
    """How many workers a group is to have.

    Args:
        replicas: How many.
        record: What is to be remembered, and is written down before anything is changed; `None` if nothing is.
        limit: What keeps it from being what is wanted.
        stabilized: Since when fewer (or more) are wanted, and wait for a window; `None` if nothing does.
    """

    replicas: int
    record: AutoscalerDecisions | None = None
    limit: Limit = Limit.NOTHING
    stabilized: datetime | None = None


def decide(
    now: datetime, scale: Scale, wanted: int | None, spec: DaskAutoscalerSpec, decisions: AutoscalerDecisions
) -> Decision:
    """How many workers a group is to have.

    Args:
        now: The time.
        scale: The group as it is.
        wanted: How many workers the scheduler would like to have in it; `None` if it does not say.
        spec: What the autoscaler asks for.
        decisions: What was remembered.
    """
    if decisions.group != scale.uid:
        decisions = AutoscalerDecisions(group=scale.uid, generation=scale.generation, replicas=scale.replicas)
    if decisions.generation == scale.generation and decisions.replicas != scale.replicas:
        return Decision(_within(decisions.replicas, spec))
    within = _within(scale.replicas, spec)
    if within != scale.replicas or wanted is None:
        return Decision(within)
    return _Turn(now, scale, wanted, spec, decisions).decision()


def _within(replicas: int, spec: DaskAutoscalerSpec) -> int:
    return max(spec.minimum, min(replicas, spec.maximum))


@dataclass(frozen=True)
class _Turn:
    """One decision, where it is known how many workers are wanted."""

    now: datetime
    scale: Scale
    wanted: int
    spec: DaskAutoscalerSpec
    before: AutoscalerDecisions

    def decision(self) -> Decision:
        """What comes of it."""
        current, fitting = self.scale.replicas, _within(self.wanted, self.spec)
        before, events = self._steps(), self._events()
        stable = self._stable(before, fitting)
        replicas = self._limited(stable, events)
        steps = self._noted(before, fitting, replicas)
        record = None
        if replicas == current:
            is_news = bool(steps) and not (self._is_valid and steps == self.before.recommendations)
            record = self._remembered(current, steps, events) if is_news else None
        elif replicas != fitting or self._rules(replicas).policies:
            record = self._remembered(replicas, steps, (*events, ScaleEvent(change=replicas - current, time=self.now)))
        # Else what was remembered is void once the number has changed, and nothing of it is needed any more.
        since = next((step.since for step in steps if step.replicas != current), self.now)
        return Decision(replicas, record, self._limit(stable, replicas), since if fitting != stable else None)

    @property
    def _behavior(self) -> Behavior:
        return self.spec.behavior

    def _rules(self, replicas: int) -> ScalingRules:
        """The rules for the way to so many."""
        return self._behavior.scale_up if replicas > self.scale.replicas else self._behavior.scale_down

    @property
    def _is_valid(self) -> bool:
        """Whether what was remembered is about the number of workers that the group has, and has had since.

        It was written down before the last change at the earliest: the same number may have come and gone in between.
        """
        is_recent = self.scale.generation - self.before.generation in (0, 1)
        return is_recent and self.before.replicas == self.scale.replicas

    def _steps(self) -> tuple[Recommendation, ...]:
        """What was wanted; times in the future are those of a clock that was wrong."""
        if not self._is_valid:
            return ()
        return tuple(
            step if step.since <= self.now else step.model_copy(update={"since": self.now})
            for step in self.before.recommendations
        )

    def _events(self) -> tuple[ScaleEvent, ...]:
        """The changes that count for a policy."""
        policies = (*self._behavior.scale_up.policies, *self._behavior.scale_down.policies)
        longest = timedelta(seconds=max((policy.period_seconds for policy in policies), default=0))
        return tuple(one for one in self.before.scale_events if self.now - longest < one.time <= self.now)

    def _stable(self, steps: Sequence[Recommendation], fitting: int) -> int:
        """How many are wanted by the windows."""
        current = self.scale.replicas
        up = self._behavior.scale_up.stabilization_window_seconds
        down = self._behavior.scale_down.stabilization_window_seconds
        least = min(self._wanted_for(up, steps, fitting))
        most = max(self._wanted_for(down, steps, fitting))
        return least if least > current else min(most, current)

    def _wanted_for(self, seconds: int, steps: Sequence[Recommendation], fitting: int) -> Iterator[int]:
        """What was wanted within the last so many seconds; before the first step that was what there is."""
        begin = self.now - timedelta(seconds=seconds)
        yield fitting
        ends = [*(step.since for step in steps), self.now]
        for replicas, end in zip((self.scale.replicas, *(step.replicas for step in steps)), ends, strict=True):
            if end > begin and seconds:
                yield replicas

    def _noted(self, steps: tuple[Recommendation, ...], fitting: int, replicas: int) -> tuple[Recommendation, ...]:
        """The staircase with what is wanted now, where that has to wait for a window.

        Args:
            steps: The staircase as it was.
            fitting: How many are wanted, within bounds.
            replicas: How many there are from now on.
        """
        behavior = self._behavior
        if not behavior.scale_up.stabilization_window_seconds:
            fitting = min(fitting, replicas)
        if not behavior.scale_down.stabilization_window_seconds:
            fitting = max(fitting, replicas)
        last = steps[-1].replicas if steps else replicas
        is_small = steps and replicas == self.scale.replicas and self.now - steps[-1].since < self._tenth
        if fitting == last or (fitting < last and is_small):
            return steps
        if fitting > last and not behavior.scale_up.stabilization_window_seconds:
            steps = tuple(step for step in steps if step.replicas > fitting)
        return (*steps, Recommendation(replicas=fitting, since=self.now))[-MOST_REMEMBERED:]

    @property
    def _tenth(self) -> timedelta:
        """For how long falls are left out: not where the least that was wanted counts, too."""
        down, up = self._behavior.scale_down, self._behavior.scale_up
        return timedelta(seconds=0 if up.stabilization_window_seconds else down.stabilization_window_seconds / STEP)

    def _remembered(
        self, replicas: int, steps: tuple[Recommendation, ...], events: Sequence[ScaleEvent]
    ) -> AutoscalerDecisions:
        return self.before.model_copy(
            update={
                "generation": self.scale.generation,
                "replicas": replicas,
                "recommendations": self._lasting(steps),
                "scale_events": _merged(events),
            }
        )

    def _lasting(self, steps: tuple[Recommendation, ...]) -> tuple[Recommendation, ...]:
        """The steps that are not out of every window."""
        behavior = self._behavior
        longest = max(behavior.scale_up.stabilization_window_seconds, behavior.scale_down.stabilization_window_seconds)
        begin = self.now - timedelta(seconds=longest)
        ends = [*(step.since for step in steps[1:]), self.now]
        return tuple(step for step, end in zip(steps, ends, strict=False) if end > begin)

    def _limited(self, stable: int, events: Sequence[ScaleEvent]) -> int:
        """How many of them policies allow now."""
        current, rules = self.scale.replicas, self._rules(stable)
        if stable == current or rules.select_policy == "Disabled":
            return current
        if not rules.policies:
            return stable
        allowed = [self._allowed(policy, stable, events) for policy in rules.policies]
        if stable > current:
            most = max(allowed) if rules.select_policy == "Max" else min(allowed)
            return max(current, min(stable, most))
        least = min(allowed) if rules.select_policy == "Max" else max(allowed)
        return min(current, max(stable, least))

    def _allowed(self, policy: ScalingPolicy, stable: int, events: Iterable[ScaleEvent]) -> int:
        """How many workers one policy allows on the way to so many."""
        begin = self.now - timedelta(seconds=policy.period_seconds)
        start = self.scale.replicas - sum(one.change for one in events if one.time > begin)
        if stable < self.scale.replicas:
            return start - policy.value if policy.type == "Pods" else math.floor(start * (100 - policy.value) / 100)
        return (
            start + policy.value
            if policy.type == "Pods"
            else max(start + 1, math.ceil(start * (100 + policy.value) / 100))
        )

    def _limit(self, stable: int, replicas: int) -> Limit:
        if replicas != stable:
            return Limit.UP_POLICY if stable > self.scale.replicas else Limit.DOWN_POLICY
        if self.wanted > self.spec.maximum:
            return Limit.MAXIMUM
        return Limit.MINIMUM if self.wanted < self.spec.minimum else Limit.NOTHING


def _merged(events: Sequence[ScaleEvent]) -> tuple[ScaleEvent, ...]:
    """The last changes; the oldest of too many count as one."""
    if len(events) <= MOST_REMEMBERED:
        return tuple(events)
    older, newer = events[: 1 - MOST_REMEMBERED], events[1 - MOST_REMEMBERED :]
    return (ScaleEvent(change=sum(one.change for one in older), time=older[-1].time), *newer)
