"""When a run on this machine is over, and with which exit code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, POD, Key
from reconciler.local.outcome import is_ready, outcome, unready
from reconciler.memory import MemoryAPI
from tests.manifests import cluster, job

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB, OTHER = Key(DASK_JOB, "default", "j"), Key(DASK_JOB, "default", "other")
CLUSTER = Key(DASK_CLUSTER, "default", "c")
RUNNING = {"jobStatus": "Running", "jobRunnerPodName": "j-runner"}
SUCCESSFUL, FAILED = RUNNING | {"jobStatus": "Successful"}, RUNNING | {"jobStatus": "Failed"}
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


def code(statuses: Mapping[Key, dict[str, Any] | None], exit_codes: Mapping[Key, int], *, waits: bool) -> int | None:
    """The exit code of a run of those resources; `None` as long as it goes on."""
    jobs = [key for key in statuses if key.kind is DASK_JOB]
    clusters = [key for key in statuses if key.kind is DASK_CLUSTER]
    over = outcome(api(statuses), jobs, clusters, exit_codes, waits=waits)
    return None if over is None else over.exit_code


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("statuses", "exit_codes", "expected"),
    [
        ({JOB: None}, {}, None),
        ({JOB: RUNNING}, {RUNNER: 7}, None),
        ({JOB: SUCCESSFUL}, {}, 0),
        ({JOB: FAILED}, {RUNNER: 7}, 7),
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
    jobs = [key for key in statuses if key.kind is DASK_JOB]
    over = outcome(api(statuses), jobs, [key for key in statuses if key not in jobs], {RUNNER: 7}, waits=True)
    assert over is not None
    assert over.words == words


def test_what_is_not_ready_is_told_with_its_own_words() -> None:
    """One line for each cluster that is not ready; none for those that are."""
    memory = api({CLUSTER: ready("False", message="No workers.")})
    fresh = Key(DASK_CLUSTER, "default", "fresh")
    assert not is_ready(memory, CLUSTER)
    assert unready(memory, [CLUSTER, fresh]) == (
        "DaskCluster default/c is not ready: No workers.",
        "DaskCluster default/fresh is not ready: nobody has looked at it yet.",
    )
    assert unready(api({CLUSTER: ready()}), [CLUSTER]) == ()
