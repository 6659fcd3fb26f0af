"""What the Pods of a cluster have written."""

from typing import Any

import pytest

from kubecluster.logs import collected, last_words
from kubecluster.resource import ClusterResource
from models.kinds import POD, Key
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld

LABEL = "dask.org/cluster-name"


def pod(world: LivingWorld, name: str, component: str, *containers: str, cluster: str = "simple") -> None:
    """Have a Pod."""
    labels = {LABEL: cluster, "dask.org/component": component}
    spec = {"containers": [{"name": one, "image": "x"} for one in containers or (component,)]}
    meta = {"name": name, "namespace": "default", "labels": labels}
    world.api.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    status(world, name, phase="Running")


def status(world: LivingWorld, name: str, **status: Any) -> None:
    """Have a Pod be in some state."""
    world.api.set_status(Key(POD, "default", name), status)


@pytest.fixture
def written(quiet_world: LivingWorld) -> LivingWorld:
    """A scheduler and two workers that have written something, and a worker of another cluster."""
    pod(quiet_world, "s", "scheduler")
    for name in ("w1", "w2"):
        pod(quiet_world, name, "worker")
    pod(quiet_world, "w3", "worker", cluster="other")
    quiet_world.server.logs = {name: f"{name} speaks\n" for name in ("s", "w1", "w2", "w3")}
    return quiet_world


@pytest.mark.parametrize(
    ("scheduler", "workers", "expected"),
    [
        (True, True, ["s", "w1", "w2"]),
        (True, False, ["s"]),
        (False, True, ["w1", "w2"]),
        (False, ["w2", "w3", "s"], ["w2"]),
        (True, [], ["s"]),
        (False, False, []),
    ],
)
def test_one_has_the_logs_that_one_asks_for(
    resource: ClusterResource, written: LivingWorld, workers: Any, expected: list[str], *, scheduler: bool
) -> None:
    """By the Pods' names; other clusters' Pods are never among them."""
    logs = collected(resource, scheduler=scheduler, workers=workers)
    assert logs == {name: written.server.logs[name] for name in expected}


def test_what_was_said_before_a_restart_comes_first(resource: ClusterResource, written: LivingWorld) -> None:
    """It says why the container was started again."""
    status(written, "s", phase="Running", containerStatuses=[{"name": "scheduler", "restartCount": 2}])
    written.server.earlier_logs["s"] = "s dies\n"
    assert collected(resource, scheduler=True, workers=False) == {"s": "s dies\ns speaks\n"}


def test_what_was_said_before_a_restart_may_be_lost(resource: ClusterResource, written: LivingWorld) -> None:
    """A node keeps it for a while only, and the rest is still there."""
    status(written, "s", phase="Running", containerStatuses=[{"name": "scheduler", "restartCount": 2}])
    assert collected(resource, scheduler=True, workers=False) == {"s": "s speaks\n"}


def test_a_pod_that_has_not_begun_says_so(resource: ClusterResource, written: LivingWorld) -> None:
    """Kubernetes' own words for that are harder to read."""
    status(written, "w1", phase="Pending")
    assert collected(resource, scheduler=False, workers=["w1"]) == {"w1": "There is no log yet: the Pod is Pending."}


def test_a_log_that_cannot_be_had_costs_no_other(resource: ClusterResource, written: LivingWorld) -> None:
    """Why it cannot stands in its place."""
    del written.server.logs["w1"]
    logs = collected(resource, scheduler=False, workers=True)
    assert logs["w2"] == "w2 speaks\n"
    assert logs["w1"].startswith("The log cannot be had: ")
    assert "waiting to start" in logs["w1"]


def test_without_the_right_to_read_logs_each_says_so(resource: ClusterResource, written: LivingWorld) -> None:
    """With the rule that is missing."""
    message = 'User "eve" cannot get resource "pods/log"'
    written.server.troubles.append(Refusal(403, resource="pods/log", message=message))
    logs = collected(resource, scheduler=True, workers=True)
    assert set(logs) == {"s", "w1", "w2"}
    assert all('"resources": ["pods/log"]' in log for log in logs.values())


def test_of_several_containers_only_that_one_is_asked(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """The restarts of another do not count either."""
    pod(quiet_world, "s", "scheduler", "proxy", "scheduler")
    quiet_world.server.logs = {"s/proxy": "wrong", "s/scheduler": "right"}
    quiet_world.server.earlier_logs = {"s": "wrong"}
    status(quiet_world, "s", phase="Running", containerStatuses=[{"name": "proxy", "restartCount": 2}])
    assert collected(resource, scheduler=True, workers=False) == {"s": "right"}


@pytest.mark.parametrize(
    ("statuses", "container"),
    [
        (
            [("a", 0, {"running": {"startedAt": "2026-01-01T00:00:00Z"}}), ("b", 0, {"terminated": {"exitCode": 1}})],
            "b",
        ),
        ([("a", 0, {"terminated": {"exitCode": 0}}), ("b", 3, {"waiting": {"reason": "CrashLoopBackOff"}})], "b"),
        ([("a", 0, {}), ("b", 0, {})], "a"),
        ([], "a"),
    ],
)
def test_the_last_words_are_those_of_the_container_that_is_in_trouble(
    resource: ClusterResource, quiet_world: LivingWorld, statuses: list[tuple[str, int, Any]], container: str
) -> None:
    """Else of the first."""
    pod(quiet_world, "p", "scheduler", "a", "b")
    told = [{"name": name, "restartCount": count, "state": state} for name, count, state in statuses]
    status(quiet_world, "p", phase="Running", containerStatuses=told)
    quiet_world.server.logs = {"p/a": "a said\nthis", "p/b": "b said\nthis"}
    assert last_words(resource, "p") == [f"{container} said", "this"]


def test_a_container_that_has_just_been_started_again_has_its_earlier_last_words(
    resource: ClusterResource, written: LivingWorld
) -> None:
    """What it says now says nothing yet."""
    written.server.logs["s"] = "\n"
    written.server.earlier_logs["s"] = "it fell\n"
    assert last_words(resource, "s") == ["it fell"]


def test_last_words_that_cannot_be_had_are_none(resource: ClusterResource, written: LivingWorld) -> None:
    """The trouble is told without them."""
    del written.server.logs["s"]
    assert last_words(resource, "no-such-pod") == []
    assert last_words(resource, "s") == []
