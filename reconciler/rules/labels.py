"""The labels and annotations that tie objects together, and how users' own flow down."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

CLUSTER_NAME = "dask.org/cluster-name"
COMPONENT = "dask.org/component"
WORKER_GROUP_NAME = "dask.org/workergroup-name"

OURS = "kubernetes.dask.org/"
"""How every annotation of the reconciler begins, and the label by which it finds what it made."""

CLUSTER = "kubernetes.dask.org/cluster"
"""The label on everything that the reconciler makes: its cluster's name, by which it is listed."""
ISTIO = "sidecar.istio.io/inject"
"""On every Pod, `"false"` unless the user says otherwise: Dask talks from Pod to Pod by IP, and a proxy that is
injected into a job's Pod never ends."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""On a Pod: which container `kubectl logs` shows, and which is taken for the one that runs Dask."""

ROLE = "kubernetes.dask.org/role"
"""On a child: what it is to its owner. Children are found by owner and role, never by name."""
NAMING = "kubernetes.dask.org/naming"
"""On a DaskCluster or DaskJob: the naming set it was first seen under, and keeps."""
TEMPLATE_HASH = "kubernetes.dask.org/template-hash"
"""On a Pod: a hash of the template that it was made from."""
SCHEDULER_HASH = "kubernetes.dask.org/scheduler-hash"
"""On a worker Pod: the template hash of the scheduler that it was made for."""
ORDINAL = "kubernetes.dask.org/ordinal"
"""On a worker Pod: its number within the group, from which its name is made."""
REPLICAS_HANDED_DOWN = "kubernetes.dask.org/replicas-handed-down"
"""On a child resource: the parent's number of replicas when it was last handed down."""
SET_BY_OWNER = "kubernetes.dask.org/set-by-owner"
"""On a child: which labels, annotations and spec fields came from its owner, so that they can be taken away again."""

OWNER_SEEN = "kubernetes.dask.org/owner-seen"
"""On a DaskCluster: when the program that made it last gave a sign of life, such as `2026-11-22T10:00:00Z`."""
OWNER_TIMEOUT_SECONDS = "kubernetes.dask.org/owner-timeout-seconds"
"""On a DaskCluster: for how many seconds it outlives its owner's last sign of life; without it, for ever."""

SCHEDULER_GATE = "kubernetes.dask.org/scheduler-ready"
"""The scheduling gate of a job's runner Pod; it falls when the scheduler is ready."""

KOPF_FINALIZER = "kopf.zalando.org/KopfFinalizerMarker"
"""dask-kubernetes puts it on every DaskCluster it handles."""

DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
"""On a Pod: `true` keeps Karpenter from taking its node away by its own choice."""
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
"""On a Pod: whether cluster-autoscaler may move it to take its node away."""

LARGEST_ORDINAL = 10**15
"""Nobody gets there by counting, and JSON numbers are exact up to here."""

_COMPACT = json.JSONEncoder(separators=(",", ":"))
_PRIVATE_PREFIXES = ("kubectl.kubernetes.io/", "kopf.zalando.org/", OURS)
_RESERVED_LABELS = frozenset({CLUSTER_NAME, COMPONENT, WORKER_GROUP_NAME})


class Component(StrEnum):
    """Values of the label `dask.org/component`."""

    SCHEDULER = "scheduler"
    SCHEDULER_COMM = "scheduler-comm"
    """The plain Service beside the one that the user describes: monitors that select `scheduler` find one of them."""
    WORKER = "worker"
    WORKER_GROUP = "workergroup"
    JOB_RUNNER = "job-runner"


class Role(StrEnum):
    """Values of the annotation that says what a child is to its owner."""

    SCHEDULER = "scheduler"
    USER_SERVICE = "service"
    COMM_SERVICE = "comm-service"
    DEFAULT_GROUP = "default-group"
    WORKER = "worker"
    JOB_CLUSTER = "job-cluster"
    JOB_RUNNER = "job-runner"
    DISRUPTION_BUDGET = "disruption-budget"


def flow_down(*sources: Mapping[str, str]) -> dict[str, str]:
    """Users' labels or annotations merged, the later source winning, without those that belong to one object alone.

    Keys of kubectl, of kopf and of this reconciler stay where they are, but for the one that names a Pod's main
    container; so do the `dask.org/*` labels that the reconciler sets itself.
    """
    merged: dict[str, str] = {}
    for source in sources:
        merged.update(source)
    return {
        key: value
        for key, value in merged.items()
        if key == DEFAULT_CONTAINER or (not key.startswith(_PRIVATE_PREFIXES) and key not in _RESERVED_LABELS)
    }


def ordinal(annotations: Mapping[str, str]) -> int:
    """A worker's number; 0 if someone damaged the annotation."""
    text = annotations.get(ORDINAL, "")
    # Python refuses to read thousands of digits, and the next worker's number must still fit into the status.
    is_number = text.isdecimal() and len(text) <= len(str(LARGEST_ORDINAL))
    return int(text) if is_number and int(text) < LARGEST_ORDINAL else 0


def set_by_owner(labels: Iterable[str], annotations: Iterable[str], spec: Iterable[str] = ()) -> str:
    """The value of the annotation that remembers what came from the owner."""
    names = {"labels": sorted(labels), "annotations": sorted(annotations), "spec": sorted(spec)}
    return _COMPACT.encode({part: keys for part, keys in names.items() if keys})


def formerly_set(annotations: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What that annotation remembers, by `labels`, `annotations` and `spec`; nothing if it is missing or damaged."""
    try:
        remembered: Any = json.loads(annotations.get(SET_BY_OWNER, "{}"))
    except ValueError:
        remembered = {}
    if not isinstance(remembered, dict):
        return {}
    return {str(part): tuple(map(str, keys)) for part, keys in remembered.items() if isinstance(keys, list)}
