"""When a run on this machine is over, and with which exit code."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, POD, Key
from reconciler.local.outcome import Asked, Outcome, Terms, is_ready, outcome, unfinished
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import CLUSTER_NAME
from tests.manifests import cluster, job, manifest, pod_spec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB, OTHER = Key(DASK_JOB, "default", "j"), Key(DASK_JOB, "default", "other")
CLUSTER = Key(DASK_CLUSTER, "default", "c")
RUNNING = {"jobStatus": "Running", "jobRunnerPodName": "j-runner"}
JUST_FAILED = RUNNING | {"jobStatus": "Failed"}
SUCCESSFUL = RUNNING | {"jobStatus": "Successful", "conditions": [{"type": "Complete", "status": "True"}]}
FAILED = JUST_FAILED | {"conditions": [{"type": "Failed", "status": "True"}]}
RUNNER = Key(POD, "default", "j-runner")


def api(statuses: Mapping[Key, dict[str, Any] | None]) -> MemoryAPI:
    """An API with those resources."""
    memory = MemoryAPI(lambda: NOON)
    for key, status in statuses.items():
        manifest = cluster(key.name) if key.kind is DASK_CLUSTER else job(key.name)
        memory.create(key.kind, {**manifest, "metadata": {"name": key.name, "namespace": key.namespace}})
        if status is not None:
            memory.set_status(key, status)
    return memory


def ready(status: str = "True", generation: int = 1, message: str = "") -> dict[str, Any]:
    condition = {"type": "Ready", "status": status, "observedGeneration": generation, "message": message}
    return {"conditions": [condition]}


def asked(keys: Iterable[Key]) -> Asked:
    """Files that ask for those resources."""
    found = {kind: tuple(key for key in keys if key.kind is kind) for kind in (DASK_JOB, DASK_CLUSTER)}
    return Asked(found[DASK_JOB], found[DASK_CLUSTER])


def code(
    statuses: Mapping[Key, dict[str, Any] | None], exit_codes: Mapping[Key, int], *, waits: bool, no_retry: bool = False
) -> int | None:
    """The exit code of a run of those resources; `None` as long as it goes on."""
    over = outcome(api(statuses), asked([*statuses]), exit_codes, Terms(waits, no_retry), NOON)
    return None if over is None else over.exit_code


def started(container: dict[str, Any]) -> MemoryAPI:
    """A cluster whose status says that it is ready, with a Pod whose container is so."""
    memory = api({CLUSTER: ready()})
    meta = {"name": "p", "namespace": "default", "labels": {CLUSTER_NAME: "c"}}
    memory.create(POD, {**manifest(POD, "p", pod_spec()), "metadata": meta})
    status = {"name": "main", "ready": True, "restartCount": 0, "lastState": {}, **container}
    memory.set_status(Key(POD, "default", "p"), {"phase": "Running", "containerStatuses": [status]})
    return memory


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("statuses", "exit_codes", "expected"),
    [
        ({JOB: None}, {}, None),
        ({JOB: RUNNING}, {RUNNER: 7}, None),
        ({JOB: SUCCESSFUL}, {}, 0),
        ({JOB: FAILED}, {RUNNER: 7}, 7),
        ({JOB: JUST_FAILED}, {RUNNER: 7}, None),
        ({JOB: FAILED}, {RUNNER: 0}, 1),
        ({JOB: FAILED}, {}, 1),
        ({JOB: FAILED, OTHER: RUNNING}, {RUNNER: 7}, None),
        ({OTHER: SUCCESSFUL, JOB: FAILED}, {RUNNER: 7}, 7),
        ({JOB: SUCCESSFUL, OTHER: SUCCESSFUL}, {}, 0),
    ],
)
def test_jobs_alone_run_to_their_end(
    statuses: dict[Key, dict[str, Any] | None], exit_codes: dict[Key, int], expected: int | None, *, waits: bool
) -> None:
    """The exit code is that of the first job that failed, which is never 0; whether one waits makes no difference."""
    assert code(statuses, exit_codes, waits=waits) == expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({CLUSTER: ready()}, 0),
        ({CLUSTER: ready("False")}, None),
        ({CLUSTER: ready(generation=0)}, None),
        ({CLUSTER: None}, None),
        ({CLUSTER: ready(), JOB: RUNNING}, None),
        ({CLUSTER: ready(), JOB: FAILED}, 7),
        ({CLUSTER: ready("False"), JOB: SUCCESSFUL}, None),
    ],
)
def test_clusters_run_on_unless_they_are_waited_for(
    statuses: dict[Key, dict[str, Any] | None], expected: int | None
) -> None:
    """Waited for, they are over when they are ready as they are asked for now; otherwise never."""
    assert code(statuses, {RUNNER: 7}, waits=True) == expected
    assert code(statuses, {RUNNER: 7}, waits=False) is None


@pytest.mark.parametrize("others", [{}, {OTHER: RUNNING}, {CLUSTER: ready()}])
def test_the_first_failure_ends_a_run_that_tries_nothing_again(others: dict[Key, dict[str, Any] | None]) -> None:
    """Whatever else there is, and although the job may yet succeed."""
    assert code({JOB: RUNNING, **others}, {RUNNER: 7}, waits=False, no_retry=True) == 7
    assert code({JOB: RUNNING, **others}, {RUNNER: 7}, waits=False) is None
    assert code({JOB: RUNNING, **others}, {RUNNER: 0}, waits=False, no_retry=True) is None


def test_a_cluster_is_waited_for_until_its_processes_have_run_for_a_while() -> None:
    """Its Pods are ready as soon as their processes exist, which may end at once."""
    memory = started({"state": {"running": {"startedAt": "2026-01-01T12:00:00Z"}}})
    terms, late = Terms(waits=True), NOON + timedelta(seconds=5)
    assert outcome(memory, asked([CLUSTER]), {}, terms, NOON) is None
    [why] = unfinished(memory, asked([CLUSTER]), {}, NOON)
    assert why == "DaskCluster default/c may not stay ready: Pod p has run for less than 5 s."
    assert outcome(memory, asked([CLUSTER]), {}, terms, late) == Outcome(0, "Every cluster is ready.")
    assert [*unfinished(memory, asked([CLUSTER]), {}, late)] == []


def test_what_ends_again_and_again_is_not_waited_for() -> None:
    """The wait ends with the last words of what ended."""
    end = {
        "exitCode": 2,
        "message": '"No such option: --bogus"',
        "startedAt": "2026-01-01T11:59:50Z",
        "finishedAt": "2026-01-01T11:59:55Z",
    }
    crashes = {"ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": end}}
    terms, files = Terms(waits=True), asked([CLUSTER])
    assert outcome(started({**crashes, "restartCount": 1}), files, {}, terms, NOON) is None
    memory = started({**crashes, "restartCount": 2})
    words = 'Pod p ended 3 times, the last time with exit code 2: "No such option: --bogus".'
    assert outcome(memory, files, {}, terms, NOON) == Outcome(1, "Not everything can become ready.", (words,))
    assert outcome(memory, files, {}, Terms(), NOON) is None


def test_nothing_asked_for_is_never_over() -> None:
    """The file may yet be filled."""
    assert code({}, {}, waits=True) is None


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ({JOB: SUCCESSFUL}, "DaskJob default/j has succeeded."),
        ({JOB: SUCCESSFUL, OTHER: SUCCESSFUL}, "Every job has succeeded."),
        ({JOB: FAILED}, "DaskJob default/j failed with exit code 7."),
        ({CLUSTER: ready()}, "Every cluster is ready."),
        ({JOB: SUCCESSFUL, CLUSTER: ready()}, "DaskJob default/j has succeeded and every cluster is ready."),
    ],
)
def test_the_end_is_told_in_a_sentence(statuses: dict[Key, dict[str, Any] | None], words: str) -> None:
    """It names the job that failed."""
    over = outcome(api(statuses), asked([*statuses]), {RUNNER: 7}, Terms(waits=True), NOON)
    assert over is not None
    assert over.words == words


def test_what_is_not_ready_is_told_with_its_own_words() -> None:
    """One line for each cluster that is not ready; none for those that are."""
    memory = api({CLUSTER: ready("False", message="No workers.")})
    fresh = Key(DASK_CLUSTER, "default", "fresh")
    assert not is_ready(memory, CLUSTER)
    assert [*unfinished(memory, asked([CLUSTER, fresh]), {}, NOON)] == [
        "DaskCluster default/c is not ready: No workers.",
        "DaskCluster default/fresh is not ready: nobody has looked at it yet.",
    ]
    assert [*unfinished(api({CLUSTER: ready()}), asked([CLUSTER]), {}, NOON)] == []


@pytest.mark.parametrize(
    ("status", "exit_codes", "words"),
    [
        (None, {}, "nobody has looked at it yet."),
        (ready("False", message="No cluster yet."), {}, "No cluster yet."),
        (RUNNING, {}, "its command runs."),
        (RUNNING, {RUNNER: 7}, "its command failed with exit code 7, and is run again."),
    ],
)
def test_a_job_that_is_not_over_is_told_with_what_it_does(
    status: dict[str, Any] | None, exit_codes: dict[Key, int], words: str
) -> None:
    """Nothing is told of one that is."""
    files = asked([JOB, OTHER])
    assert [*unfinished(api({JOB: status, OTHER: FAILED}), files, exit_codes, NOON)] == [f"{JOB} is not over: {words}"]
