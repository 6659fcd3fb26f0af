"""The exception barrier: a bug at one resource stops neither the others nor the daemon.

The bugs are real: the API in memory, without schemas, holds templates that no API server would have taken.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from models.kinds import DASK_CLUSTER, DASK_JOB, POD
from models.snapshot import Owner
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI
from reconciler.passes.values import PassResult
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, job, manifest
from tests.manifests import pod_spec
from tests.simulation.world import key

IMPOSSIBLE = {"containers": ["not even an object"]}
POSSIBLE = pod_spec()


@pytest.fixture(autouse=True)
def _without_tracebacks() -> Iterator[None]:
    """Drawing one takes a second."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def api() -> MemoryAPI:
    return MemoryAPI(lambda: NOON)


def add(api: MemoryAPI, *resources: Owner) -> None:
    for resource in resources:
        api.create(resource.kind(), manifest(resource))


def loop(api: MemoryAPI, *observers: Callable[[PassResult], None], **more: Any) -> Loop:
    return Loop(api, Settings(interval=0.001), clock=lambda: NOON, observers=observers, **more)


def pods(api: MemoryAPI, name: str) -> int:
    return sum(body["metadata"]["labels"]["dask.org/cluster-name"] == name for body in api.objects(POD))


def condition(api: MemoryAPI, name: str, type_: str) -> dict[str, Any]:
    body = api.get(key(DASK_JOB, name))
    assert body is not None
    return next(one for one in body["status"]["conditions"] if one["type"] == type_)


def test_the_other_clusters_are_complete_in_the_same_pass(api: MemoryAPI) -> None:
    """What is worked out of one resource, and what is reported of it, is caught by itself."""
    add(api, cluster("a"), cluster("broken", scheduler={"spec": IMPOSSIBLE}), cluster("z"))
    result = loop(api).once()
    assert [pods(api, name) for name in ("a", "broken", "z")] == [4, 0, 4]
    assert [finding.about.name for finding in result.bugs] == ["broken"]
    assert not result.failures
    assert not result.ok
    for name in ("a", "z"):
        body = api.get(key(DASK_CLUSTER, name))
        assert body is not None
        assert body["status"]["phase"] == "Running"


def test_the_owner_is_told_as_far_as_the_status_can_be_worked_out(api: MemoryAPI) -> None:
    """A bug in what should exist ends up in `Ready`, with an Event, like any other obstacle."""
    add(api, job("train", runner=IMPOSSIBLE))
    result = loop(api).once()
    ready = condition(api, "train", "Ready")
    assert (ready["status"], ready["reason"]) == ("False", Reason.INTERNAL_ERROR)
    assert "AttributeError" in ready["message"]
    assert [finding.about for finding in result.bugs] == [key(DASK_JOB, "train")]


def test_a_traceback_is_logged_once_as_long_as_the_bug_lasts(api: MemoryAPI) -> None:
    """A log that says the same every five seconds hides everything else."""
    add(api, job("train", runner=IMPOSSIBLE))
    turning = loop(api)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert turning.once().bugs
    failed = [line for line in logs if line["event"] == "resource.failed"]
    assert [(line["key"], line["log_level"]) for line in failed] == [("DaskJob default/train", "error")]
    assert failed[0]["exc_info"]


def test_a_corrected_resource_goes_on(api: MemoryAPI) -> None:
    """Nothing is remembered against a resource once its bug is gone."""
    add(api, job("train", runner=IMPOSSIBLE))
    turning = loop(api)
    assert not turning.once().ok
    api.edit(key(DASK_JOB, "train"), {"spec": {"job": {"spec": POSSIBLE}}})
    result = turning.once()
    assert result.ok
    assert api.get(key(POD, "train-runner"))
    assert condition(api, "train", "Ready")["reason"] != Reason.INTERNAL_ERROR


def test_a_bug_does_not_go_round_and_round_within_a_pass(api: MemoryAPI) -> None:
    """A resource at which something was caught is not tried again in the rounds of the same pass."""
    add(api, job("train", runner=IMPOSSIBLE), cluster("other"))
    result = loop(api).once()
    assert len(result.bugs) == 1
    assert result.rounds < 10


def test_a_pass_that_crashes_does_not_end_the_daemon(api: MemoryAPI) -> None:
    """Whatever a pass brings, its attempt counts for liveness, and the next pass is made."""
    add(api, cluster())
    stop = threading.Event()
    seen: list[PassResult] = []

    def observer(result: PassResult) -> None:
        seen.append(result)
        if len(seen) == 3:
            stop.set()
        raise LookupError("a bug in an observer")

    crashes: list[int] = []
    turning = loop(api, observer, crashed=lambda: crashes.append(1))
    with structlog.testing.capture_logs() as logs:
        turning.forever(stop)
    assert len(seen) == 3 == len(crashes)
    assert [line["event"] for line in logs].count("pass.crashed") == 3
    assert turning.last_attempt_seconds is not None
