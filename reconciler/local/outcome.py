"""When a run is over, and with which exit code.

the files ask for                without --wait                     with --wait
jobs alone                       the jobs are over                  the same
clusters, and perhaps jobs       at Ctrl-C                          the jobs are over and the clusters ready
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.kinds import POD, Key
from models.status import JobStatus
from reconciler.memory import MemoryAPI
from reconciler.protocol import Body


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Args:
        exit_code: The command's: the first failed job's own, or 0.
        words: What is said of it.
    """

    exit_code: int
    words: str


def outcome(
    api: MemoryAPI, jobs: Sequence[Key], clusters: Sequence[Key], exit_codes: Mapping[Key, int], *, waits: bool
) -> Outcome | None:
    """How the run ended; `None` as long as it goes on.

    Args:
        api: The API.
        jobs: The jobs that the files ask for.
        clusters: The clusters that they ask for.
        exit_codes: What each Pod's last process ended with.
        waits: Whether clusters are waited for, and the run ends when they are ready.
    """
    if not (jobs or clusters) or (clusters and not waits):
        return None
    codes = [_code(api, key, exit_codes) for key in jobs]
    if None in codes or not all(is_ready(api, key) for key in clusters):
        return None
    failed = [(key, code) for key, code in zip(jobs, codes, strict=True) if code]
    if failed:
        key, code = failed[0]
        return Outcome(code, f"{key} failed with exit code {code}.")
    what = ("Every job has succeeded" if len(jobs) > 1 else f"{jobs[0]} has succeeded") if jobs else ""
    ready = "every cluster is ready" if clusters else ""
    words = " and ".join(part for part in (what, ready) if part)
    return Outcome(0, f"{words[0].upper()}{words[1:]}.")


def is_ready(api: MemoryAPI, key: Key) -> bool:
    """Whether a cluster's own status says that it is ready, as it is asked for now."""
    body = api.get(key)
    ready = _readiness(body)
    if body is None or ready is None:
        return False
    return bool(ready["status"] == "True" and ready.get("observedGeneration") == body["metadata"]["generation"])


def unready(api: MemoryAPI, clusters: Sequence[Key]) -> tuple[str, ...]:
    """Why clusters are not ready, a line for each of them."""
    lines = []
    for key in clusters:
        if not is_ready(api, key):
            ready = _readiness(api.get(key)) or {"message": "nobody has looked at it yet."}
            lines.append(f"{key} is not ready: {ready['message']}")
    return tuple(lines)


def _readiness(body: Body | None) -> Body | None:
    conditions = (body or {}).get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == "Ready"), None)


def _code(api: MemoryAPI, key: Key, exit_codes: Mapping[Key, int]) -> int | None:
    """What a job ended with; `None` if it has not."""
    status = (api.get(key) or {}).get("status", {})
    if status.get("jobStatus") == JobStatus.SUCCESSFUL:
        return 0
    if status.get("jobStatus") != JobStatus.FAILED:
        return None
    return exit_codes.get(Key(POD, key.namespace, status.get("jobRunnerPodName", ""))) or 1
