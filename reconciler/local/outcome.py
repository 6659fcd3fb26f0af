"""When a run is over, and with which exit code.

the files ask for                without --wait                     with --wait
jobs alone                       the jobs are over                  the same
clusters, and perhaps jobs       at Ctrl-C                          the jobs are over and the clusters ready, and
                                                                    their Pods seem to stay so; or one of these Pods
                                                                    ends again and again

With --no-retry, the first failure of a job's command ends it too. Whether Pods stay ready, and whether waiting longer
is hopeless, `worth_waiting` says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.kinds import POD, Key
from models.status import JobStatus
from reconciler.daemon.exitcodes import DONE, FAILED
from reconciler.local.worth_waiting import doubts, hopeless
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import CLUSTER_NAME
from reconciler.rules.names import label_value
from reconciler.rules.reason_facts import ConditionType
from reconciler.wire.protocol import Body


@dataclass(frozen=True, slots=True)
class Asked:
    """What the files ask for.

    Args:
        jobs: The jobs.
        clusters: The clusters, those first that were made first.
    """

    jobs: tuple[Key, ...] = ()
    clusters: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What ends a run, beside the end of jobs where there are only those.

    Args:
        waits: Whether clusters are waited for, and the run ends when they are ready.
        no_retry: Whether a job's command that fails is not started again.
    """

    waits: bool = False
    no_retry: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Args:
        exit_code: The command's: the first failed job's own, or 0.
        words: What is said of it.
        causes: What is said before that.
    """

    exit_code: int
    words: str
    causes: tuple[str, ...] = ()


def outcome(api: MemoryAPI, asked: Asked, exit_codes: Mapping[Key, int], terms: Terms, now: datetime) -> Outcome | None:
    """How the run ended; `None` as long as it goes on.

    Args:
        api: The API.
        asked: What the files ask for.
        exit_codes: What each Pod's last process ended with.
        terms: What ends the run.
        now: The time.
    """
    codes = {key: _code(api, key, exit_codes, terms) for key in asked.jobs}
    failed = [(key, code) for key, code in codes.items() if code]
    if terms.no_retry and failed:
        return _failed(*failed[0])
    if not (asked.jobs or asked.clusters) or (asked.clusters and not terms.waits):
        return None
    stuck = tuple(words for key in asked.clusters for words in hopeless(_pods(api, key)))
    if stuck:
        return Outcome(FAILED, "Not everything can become ready.", stuck)
    if None in codes.values() or not all(_is_up(api, key, now) for key in asked.clusters):
        return None
    return _failed(*failed[0]) if failed else Outcome(DONE, _success(asked))


def is_ready(api: MemoryAPI, key: Key) -> bool:
    """Whether a cluster's own status says that it is ready, as it is asked for now."""
    body = api.get(key)
    ready = _condition(body, ConditionType.READY)
    if body is None or ready is None:
        return False
    return bool(ready["status"] == "True" and ready.get("observedGeneration") == body["metadata"]["generation"])


def unfinished(api: MemoryAPI, asked: Asked, exit_codes: Mapping[Key, int], now: datetime) -> Iterator[str]:
    """What is not over or not ready, and why, a line for each cluster and job.

    Args:
        api: The API.
        asked: What the files ask for.
        exit_codes: What each Pod's last process ended with.
        now: The time.
    """
    for key in asked.clusters:
        if not is_ready(api, key):
            ready = _condition(api.get(key), ConditionType.READY) or {"message": "nobody has looked at it yet."}
            yield f"{key} is not ready: {ready['message']}"
        elif doubtful := next(doubts(_pods(api, key), now), None):
            yield f"{key} may not stay ready: {doubtful}"
    for key in asked.jobs:
        if _code(api, key, exit_codes, Terms()) is None:
            yield f"{key} is not over: {_so_far(api, key, exit_codes)}"


def _success(asked: Asked) -> str:
    jobs = asked.jobs
    what = ("Every job has succeeded" if len(jobs) > 1 else f"{jobs[0]} has succeeded") if jobs else ""
    ready = "every cluster is ready" if asked.clusters else ""
    words = " and ".join(part for part in (what, ready) if part)
    return f"{words[0].upper()}{words[1:]}."


def _failed(key: Key, code: int) -> Outcome:
    return Outcome(code, f"{key} failed with exit code {code}.")


def _is_up(api: MemoryAPI, key: Key, now: datetime) -> bool:
    """Whether a cluster is ready, and seems to stay so."""
    return is_ready(api, key) and next(doubts(_pods(api, key), now), None) is None


def _pods(api: MemoryAPI, cluster: Key) -> list[Body]:
    """The Pods of a cluster that are to stay."""
    label = label_value(cluster.name)
    return [
        pod
        for pod in api.objects(POD)
        if pod["metadata"]["namespace"] == cluster.namespace
        and (pod["metadata"].get("labels") or {}).get(CLUSTER_NAME) == label
        and "deletionTimestamp" not in pod["metadata"]
    ]


def _condition(body: Body | None, type_: ConditionType) -> Body | None:
    conditions = (body or {}).get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == type_), None)


def _code(api: MemoryAPI, key: Key, exit_codes: Mapping[Key, int], terms: Terms) -> int | None:
    """What a job ended with; `None` if it has not, or its conditions do not say so yet."""
    body = api.get(key)
    status = (body or {}).get("status", {})
    code = _runner_code(key, status, exit_codes)
    if terms.no_retry and code:
        return code
    ended = {JobStatus.SUCCESSFUL: ConditionType.COMPLETE, JobStatus.FAILED: ConditionType.FAILED}.get(
        status.get("jobStatus", "")
    )
    condition = None if ended is None else _condition(body, ended)
    if condition is None or condition["status"] != "True":
        return None
    return DONE if ended is ConditionType.COMPLETE else code or FAILED


def _runner_code(key: Key, status: Body, exit_codes: Mapping[Key, int]) -> int | None:
    """What the command of a job ended with last; `None` if it has not."""
    return exit_codes.get(Key(POD, key.namespace, status.get("jobRunnerPodName", "")))


def _so_far(api: MemoryAPI, key: Key, exit_codes: Mapping[Key, int]) -> str:
    body = api.get(key)
    status = (body or {}).get("status", {})
    if code := _runner_code(key, status, exit_codes):
        return f"its command failed with exit code {code}, and is run again."
    if status.get("jobStatus") == JobStatus.RUNNING:
        return "its command runs."
    ready = _condition(body, ConditionType.READY) or {"message": "nobody has looked at it yet."}
    return str(ready["message"])
