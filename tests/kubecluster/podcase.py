"""A scheduler Pod in some state, and what is to be said of its cluster."""

from dataclasses import dataclass
from typing import Any

from kubecluster.diagnosis import Body, Verdict, diagnose
from kubecluster.errors import NotReady
from tests.kubecluster.sights import NOON, scheduler, sight, worker

POD = "Pod/simple-scheduler"


@dataclass(frozen=True)
class Case:
    """A scheduler Pod, and what is to be said of it.

    Args:
        status: Its status.
        says: What follows the Pod's name in the sentence.
        failure: The exception.
        remedy: A part of the remedy.
        is_final: Whether waiting is of no use.
        events: Its Events.
        spec: Fields of its spec.
    """

    status: Body
    says: str
    failure: type[NotReady]
    remedy: str
    is_final: bool = False
    events: tuple[Body, ...] = ()
    spec: Any = None

    def verdict(self) -> Verdict:
        """The verdict on a cluster whose two workers are ready."""
        pods = (scheduler(self.status, **(self.spec or {})), worker(1), worker(2))
        return diagnose(NOON, sight(*pods, events=self.events))

    def check(self) -> None:
        """The first cause is told in Kubernetes' own words, with its exception and its remedy."""
        verdict = self.verdict()
        assert verdict.sentence == f"The scheduler Pod simple-scheduler {self.says}"
        assert (verdict.failure, verdict.is_final) == (self.failure, self.is_final)
        assert self.remedy in verdict.remedy
        assert not verdict.scheduler_ready
        assert (verdict.workers_ready, verdict.workers_wanted) == (2, 2)
