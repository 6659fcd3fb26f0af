"""A worker group that is scaled by decisions, pass by pass, as the daemon does it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.base import wire_time
from models.resources import DaskAutoscalerSpec
from models.status import AutoscalerDecisions
from reconciler.rules.scaling_behavior import Decision, Scale, decide
from tests.builders import NOON


def spec(minimum: int = 0, maximum: int = 10, **more: Any) -> DaskAutoscalerSpec:
    """What an autoscaler asks for; more: `scaleUp` and `scaleDown` of its behavior."""
    body = {"cluster": "c", "minimum": minimum, "maximum": maximum, "behavior": more}
    return DaskAutoscalerSpec.model_validate(body)


def policy(type_: str, value: int, seconds: int) -> dict[str, Any]:
    """One policy."""
    return {"type": type_, "value": value, "periodSeconds": seconds}


@dataclass
class Scaled:
    """A group and what its autoscaler remembers.

    Attributes:
        records: How often something was written down.
        changes: How often the number was changed.
        dies: Whether whoever decides dies after it has written something down, before it is done.
    """

    spec: DaskAutoscalerSpec
    replicas: int = 0
    decisions: AutoscalerDecisions = field(default_factory=AutoscalerDecisions)
    generation: int = 1
    at: datetime = NOON
    records: int = 0
    changes: int = 0
    dies: bool = False

    def decide(self, wanted: int | None) -> Decision:
        """What is decided now."""
        return decide(self.at, Scale("uid", self.generation, self.replicas), wanted, self.spec, self.decisions)

    def look(self, wanted: int | None) -> int:
        """One pass; how many workers there are to be after it."""
        decision = self.decide(wanted)
        if decision.record is not None:
            # Times are whole seconds, once they have been written.
            self.decisions = AutoscalerDecisions.model_validate(decision.record.wire())
            self.records += 1
            if self.dies:
                return self.replicas
            decision = self.decide(wanted)
            assert decision.record is None, "what was written down is written down again"
        if decision.replicas != self.replicas:
            self.edit(decision.replicas)
            self.changes += 1
        return self.replicas

    def edit(self, replicas: int) -> None:
        """The group's number is changed."""
        self.replicas, self.generation = replicas, self.generation + 1

    def wait(self, seconds: float, wanted: int | None, every: float = 2.0) -> int:
        """Time passes, and the scheduler says the same all along."""
        end = self.at + timedelta(seconds=seconds)
        while self.at < end:
            self.at = min(end, self.at + timedelta(seconds=every))
            self.look(wanted)
        return self.replicas

    @property
    def clock(self) -> str:
        """What time it is."""
        return wire_time(self.at)
