"""The verdict on a cluster, and the exception that it becomes if people wait no longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kubecluster.diagnosis import events as happenings
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.obstacles import obstacle_of
from kubecluster.diagnosis.readiness import parts
from kubecluster.diagnosis.sight import Body, Sight, is_going, one_line
from kubecluster.errors import NotReady, TimedOut

MOST_LOG_LINES = 20
"""How many lines of a log an exception quotes."""


class State(StrEnum):
    """What can be hoped for."""

    WAITING = "waiting"
    READY = "ready"
    HOPELESS = "hopeless"


class About(StrEnum):
    """What keeps a cluster from being ready."""

    NOTHING = "nothing"
    CLUSTER = "cluster"
    SCHEDULER = "scheduler"
    SERVICE = "service"
    WORKERS = "workers"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of a cluster.

    Args:
        scheduler_ready: Whether clients can connect: the scheduler Pod is ready, and its Service is there and has an
            address where it needs one.
        workers_ready: How many workers of all groups are ready.
        workers_wanted: How many all groups want.
        sentence: One sentence on why it is not ready, or that it is.
        failure: Which exception it becomes if it lasts; `None` if the cluster is ready.
        remedy: What to do; empty if the cluster is ready.
        is_final: Whether waiting longer is of no use.
        pod: A Pod whose last log lines would help; may be empty.
        about: What keeps it from being ready.
    """

    scheduler_ready: bool
    workers_ready: int
    workers_wanted: int
    sentence: str
    failure: type[NotReady] | None = None
    remedy: str = ""
    is_final: bool = False
    pod: str = ""
    about: About = About.NOTHING

    @property
    def state(self) -> State:
        """What can be hoped for."""
        if self.failure is None:
            return State.READY
        return State.HOPELESS if self.is_final else State.WAITING

    @property
    def passes(self) -> bool:
        """Whether what keeps it only takes its time, rather than being wrong."""
        return self.failure is TimedOut and not self.is_final


def diagnose(first: datetime, sight: Sight) -> Verdict:
    """What is to be thought of a cluster: the first thing that is wrong, in the order in which it starts.

    Args:
        first: When people began to wait for it, by the clock of `sight.at`.
        sight: What is seen.
    """
    obstacle, found = obstacle_of(first, sight), parts(first, sight)
    is_staying = sight.cluster is not None and not is_going(sight.cluster)
    is_reached = is_staying and found.scheduler.cause is None and found.service.cause is None
    counts = is_reached, found.workers.ready, found.workers.wanted
    if obstacle is not None:
        return _wrong(counts, About.CLUSTER, obstacle.sentence, obstacle.cause)
    each = ((About.SCHEDULER, found.scheduler), (About.SERVICE, found.service), (About.WORKERS, found.workers))
    for about, part in each:
        if part.cause is not None:
            return _wrong(counts, about, part.sentence, part.cause, part.pod)
    return Verdict(*counts, f"The scheduler is ready. {found.workers.sentence}")


def error(
    verdict: Verdict,
    cluster: str,
    waited_seconds: float,
    log_lines: Sequence[str] = (),
    events: Sequence[Body] = (),
) -> NotReady:
    """The exception that a verdict becomes: what was seen, what to do, and what Kubernetes and the container said last.

    Args:
        verdict: On a cluster that is not ready.
        cluster: The cluster's name, with its namespace before it if that is to be told.
        waited_seconds: How long people have waited.
        log_lines: The last log lines of `verdict.pod`.
        events: The Events that are seen; those of other objects are left out.
    """
    waited = f"after {waited_seconds:.0f} s" if waited_seconds >= 1 else "yet"
    hope = ", and waiting longer is of no use" if verdict.is_final else ""
    words = f"The DaskCluster {cluster} is not ready {waited}{hope}. {verdict.sentence}"
    happened = happenings.lines(events, cluster.rpartition("/")[2], besides=verdict.sentence)
    return (verdict.failure or TimedOut)(account(words, verdict.remedy, happened, verdict.pod, log_lines))


def account(words: str, remedy: str, happened: Sequence[str], pod: str, log_lines: Sequence[str]) -> str:
    """What an exception says: what was seen, what to do, and what Kubernetes and a container said last.

    Args:
        words: What was seen.
        remedy: What to do; may be empty.
        happened: The Events, each in a line.
        pod: The Pod whose log it is; may be empty.
        log_lines: Its last log lines.
    """
    told = [words, remedy]
    told += ["Events:", *(f"  {line}" for line in happened)] if happened else []
    log = [one_line(line) for line in log_lines[-MOST_LOG_LINES:]]
    whose = f" of the Pod {pod}" if pod else ""
    told += [f"The last log lines{whose}:", *(f"  {line}" for line in log)] if log else []
    return "\n".join(filter(None, told))


def _wrong(counts: tuple[bool, int, int], about: About, sentence: str, cause: Cause, pod: str = "") -> Verdict:
    return Verdict(*counts, sentence, cause.failure, cause.remedy, cause.is_final, pod, about)
