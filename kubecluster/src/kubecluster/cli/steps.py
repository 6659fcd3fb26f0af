"""How far a DaskJob is, and why it gets no further: on its way to running, running, ended."""

from dataclasses import dataclass
from datetime import datetime

from kubecluster.api import Body
from kubecluster.cli.job import Job, outcome
from kubecluster.diagnosis import Sight, Verdict, diagnose, events
from kubecluster.diagnosis.absence import absence
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.sight import condition, name_of, sentence, text
from kubecluster.diagnosis.trouble import trouble_of
from kubecluster.diagnosis.verdict import account
from kubecluster.diagnosis.waiting_since import edited
from kubecluster.errors import NotReady, TimedOut
from kubecluster.logs import last_words
from kubecluster.names import ConditionType, candidates
from kubecluster.progress import Row, rows
from kubecluster.resource import ClusterResource, now


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is.

    Args:
        shown: What is shown of it.
        sentence: Why it gets no further, or that it runs, or how it has ended.
        cause: What that means.
        pod: A Pod whose last log lines would help; may be empty.
        happened: The Events that are seen.
        is_well: Whether it runs or has succeeded.
        has_ended: Whether it has succeeded or failed.
    """

    shown: tuple[Row, ...]
    sentence: str
    cause: Cause
    pod: str = ""
    happened: tuple[Body, ...] = ()
    is_well: bool = False
    has_ended: bool = False


def look(job: Job) -> Step:
    """How far a job is at the moment."""
    body, runners = job.read(), job.runners()
    runner = runners[-1] if runners else None
    if outcome(body):
        return _ended(body, runner)
    return next_step(job, body, runner, edited(body))


def next_step(job: Job, body: Body, runner: Body | None, first: datetime) -> Step:
    """How far a job is that has not ended.

    Args:
        job: The job.
        body: Its DaskJob.
        runner: The Pod that runs its script, if there is one.
        first: When people began to wait for it.
    """
    names = (text(body, "status", "clusterName"), *candidates(job.name))
    places = [ClusterResource(job.kubernetes, job.namespace, name) for name in filter(None, names)]
    sights = (place.sight() for place in places)
    sight = next((one for one in sights if one.cluster is not None), None)
    if sight is None:
        why = absence(first, Sight(now(), None, (), (), ()), body)
        told = why.sentence("DaskCluster of the job")
        return Step((_row(job, told, why.cause),), told, why.cause)
    verdict = diagnose(first, sight)
    above = rows(sight, verdict)
    trouble = None if runner is None else trouble_of(runner, events.of(sight, runner))
    if runner is not None and trouble is None:
        return _running(runner, verdict, above, sight)
    if not verdict.scheduler_ready and verdict.failure is not None:
        cause = Cause(verdict.failure, verdict.remedy, verdict.is_final)
        waits = _row(job, "Waits for its cluster.", cause)
        return Step((waits, *above), verdict.sentence, cause, verdict.pod, sight.events)
    if runner is None or trouble is None:
        why = absence(first, sight, body)
        told = why.sentence("runner Pod")
        return Step((_row(job, told, why.cause), *above), told, why.cause, "", sight.events)
    told = sentence(f"The runner Pod {name_of(runner)} {trouble}")
    pod = name_of(runner) if trouble.wants_log else ""
    return Step((_row(job, told, trouble.cause), *above), told, trouble.cause, pod, sight.events)


def account_of(job: Job, step: Step, words: str = "", remedy: str = "") -> str:
    """What is said of a step, with what Kubernetes and the container said last."""
    where = ClusterResource(job.kubernetes, job.namespace, job.name)
    happened = events.lines(step.happened, job.name, besides=step.sentence)
    log = last_words(where, step.pod) if step.pod else []
    return account(words, remedy, happened, step.pod, log)


def _running(runner: Body, verdict: Verdict, above: tuple[Row, ...], sight: Sight) -> Step:
    """A script that runs, whatever its cluster is like."""
    told = f"The runner Pod {name_of(runner)} runs. {verdict.sentence}"
    cause = Cause(verdict.failure or TimedOut, verdict.remedy, verdict.is_final)
    return Step(above, told, cause, verdict.pod, sight.events, is_well=True)


def _ended(body: Body, runner: Body | None) -> Step:
    """How a job has ended: as the reconciler says, else as its Pod shows."""
    is_well = outcome(body) == "Successful"
    told = text(condition(body, ConditionType.COMPLETE if is_well else ConditionType.FAILED), "message")
    if not told and runner is not None and not is_well:
        told = sentence(f"The runner Pod {name_of(runner)} {trouble_of(runner)}")
    cause = Cause(TimedOut, "") if is_well else Cause(NotReady, "", is_final=True)
    pod = name_of(runner) if runner is not None and not is_well else ""
    return Step((), told or f"The job has ended: {outcome(body)}.", cause, pod, is_well=is_well, has_ended=True)


def _row(job: Job, words: str, cause: Cause) -> Row:
    return Row(f"daskjob/{job.name}", "busy" if cause.passes else "bad", words, "")
