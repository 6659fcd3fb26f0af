"""What `kubectl get` shows of Kubernetes' own kinds, as their printers in the API server word it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.kinds import POD, SERVICE
from reconciler.local.server.cells import BUILT_IN
from reconciler.wire.protocol import Body

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = {"running": {"startedAt": "2026-01-01T11:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def ended(code: int, reason: str = "") -> Body:
    return {
        "terminated": {"exitCode": code, "finishedAt": "2026-01-01T11:59:30Z", **({"reason": reason} if reason else {})}
    }


def waits(reason: str) -> Body:
    return {"waiting": {"reason": reason}}


def container(state: Body, name: str = "main", **more: Any) -> Body:
    return {"name": name, "ready": "running" in state, "restartCount": 0, "state": state, "lastState": {}, **more}


def pod(
    *containers: Body, init: tuple[Body, ...] = (), sidecar: str = "", deleted: bool = False, **status: Any
) -> Body:
    names = [one["name"] for one in containers] or ["main"]
    policy = {"restartPolicy": "Always"}
    first = [{"name": one["name"], **(policy if one["name"] == sidecar else {})} for one in init]
    meta: Body = {"name": "p", "creationTimestamp": "2026-01-01T11:59:00Z"}
    meta |= {"deletionTimestamp": "2026-01-01T12:00:00Z"} if deleted else {}
    spec = {"containers": [{"name": name} for name in names], "initContainers": first}
    statuses = {"containerStatuses": [*containers], "initContainerStatuses": [*init]}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running", **statuses, **status}}


GATED = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
READY = [{"type": "Ready", "status": "True"}]
# Ready, status, restarts.
PODS: dict[str, tuple[Body, tuple[str, str, str]]] = {
    "running": (pod(container(RUNNING)), ("1/1", "Running", "0")),
    "pending": (pod(phase="Pending"), ("0/1", "Pending", "0")),
    "gated": (pod(phase="Pending", conditions=GATED), ("0/1", "SchedulingGated", "0")),
    "creating": (pod(container(waits("ContainerCreating")), phase="Pending"), ("0/1", "ContainerCreating", "0")),
    "not ready": (pod(container(RUNNING, ready=False)), ("0/1", "Running", "0")),
    "crashing": (
        pod(container(waits("CrashLoopBackOff"), restartCount=3, lastState=ended(1, "Error"))),
        ("0/1", "CrashLoopBackOff", "3 (30s ago)"),
    ),
    "over": (pod(container(DONE), phase="Succeeded"), ("0/1", "Completed", "0")),
    "failed": (pod(container(ended(7, "Error")), phase="Failed"), ("0/1", "Error", "0")),
    "failed without a word": (pod(container(ended(7)), phase="Failed"), ("0/1", "ExitCode:7", "0")),
    "evicted": (pod(phase="Failed", reason="Evicted"), ("0/1", "Evicted", "0")),
    "half over": (
        pod(container(DONE, "a"), container(RUNNING, "b"), conditions=READY),
        ("1/2", "Running", "0"),
    ),
    "half over and not ready": (pod(container(DONE, "a"), container(RUNNING, "b")), ("1/2", "NotReady", "0")),
    "initializing": (
        pod(container(waits("PodInitializing")), init=(container(RUNNING, "i"),)),
        ("0/1", "Init:0/1", "0"),
    ),
    "initialized": (pod(container(RUNNING), init=(container(DONE, "i"),)), ("1/1", "Running", "0")),
    "failing to initialize": (
        pod(container(waits("PodInitializing")), init=(container(ended(1, "Error"), "i", restartCount=2),)),
        ("0/1", "Init:Error", "2"),
    ),
    "with a sidecar": (
        pod(container(RUNNING), init=(container(RUNNING, "i", started=True),), sidecar="i"),
        ("2/2", "Running", "0"),
    ),
    "going": (pod(container(RUNNING), deleted=True), ("1/1", "Terminating", "0")),
    "gone": (pod(container(DONE), deleted=True, phase="Succeeded"), ("0/1", "Completed", "0")),
}


@pytest.mark.parametrize(("body", "cells"), PODS.values(), ids=PODS)
def test_a_pods_state_is_one_word(body: Body, cells: tuple[str, str, str]) -> None:
    """What its containers come to, how many are ready, how often they were started again."""
    columns, shown = BUILT_IN[POD]
    row = shown(body, NOON)
    assert row[:4] == ["p", *cells]
    assert row[4] == "60s"
    assert len(row) == len(columns)


SERVICES: dict[str, tuple[Body, tuple[str, str, str]]] = {
    "of the cluster": ({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}, ("10.0.0.1", "<none>", "80/TCP")),
    "headless": ({"clusterIP": "None", "ports": []}, ("None", "<none>", "<none>")),
    "of nodes": (
        {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 30000, "protocol": "UDP"}]},
        ("10.0.0.1", "<none>", "80:30000/UDP"),
    ),
    "balanced": ({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, ("10.0.0.1", "<pending>", "<none>")),
    "elsewhere": ({"type": "ExternalName", "externalName": "a.b"}, ("<none>", "a.b", "<none>")),
}


@pytest.mark.parametrize(("spec", "cells"), SERVICES.values(), ids=SERVICES)
def test_a_service_shows_where_it_is(spec: Body, cells: tuple[str, str, str]) -> None:
    """Its address, that from outside, and its ports."""
    _, shown = BUILT_IN[SERVICE]
    row = shown({"metadata": {"name": "s"}, "spec": spec}, NOON)
    assert row[2:5] == [*cells]
