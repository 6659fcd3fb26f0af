"""A world without what differs from one run to the next: uids, versions, times, addresses, numbers of workers.

Two worlds that users cannot tell apart have the same normal form.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from models.kinds import ALL_KINDS, DASK_JOB, EVENT, POD, SERVICE, Key
from reconciler.rules.labels import (
    DO_NOT_DISRUPT,
    ORDINAL,
    OWNER_SEEN,
    OWNER_TIMEOUT_SECONDS,
    ROLE,
    SAFE_TO_EVICT,
    SET_BY_OWNER,
    TEMPLATE_HASH,
    Role,
    formerly_set,
    set_by_owner,
)
from reconciler.wire.protocol import Body
from tests.simulation.requests import root_of
from tests.simulation.way import TOUCHED
from tests.simulation.webhooks import INJECTED, THEIRS
from tests.simulation.world import World, key_of

OUTCOMES = ("Successful", "Failed")
_FLEETING = frozenset(
    {
        "uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "observedGeneration",
        "clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "nodeName", "lastTransitionTime",
        "startTime", "endTime", "resources", "highestOrdinal", "retiring", "failures", "decisions",
        "retiredWorkers", "retiredReplicas", "retirements", "lastScaleTime",
    }
)  # fmt: skip
_FOREIGN = frozenset({THEIRS, TOUCHED, ORDINAL, OWNER_SEEN, OWNER_TIMEOUT_SECONDS, TEMPLATE_HASH})
_MARKS = frozenset({DO_NOT_DISRUPT, SAFE_TO_EVICT})
"""What Pods tell node autoscalers follows from what workers do, and since when."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def normal_form(world: World) -> Mapping[str, Any]:
    """Everything there is but Events, others' Pods and jobs that are over, by a name that is the same in each run."""
    over = {key_of(job) for job in world.api.objects(DASK_JOB) if job.get("status", {}).get("jobStatus") in OUTCOMES}
    bodies = [body for kind in ALL_KINDS if kind != EVENT for body in world.api.objects(kind)]
    seen = [body for body in bodies if _is_told(world, body, over)]
    names = _names(seen)
    return {_name(body, names): _normal(body, names) for body in seen}


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two normal forms differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for name in sorted(one.keys() | other.keys()):
            found += differences(one.get(name), other.get(name), f"{path}.{name}" if path else name)
        return found
    return [] if one == other else [f"{path}: {one!r} instead of {other!r}"]


def _is_told(world: World, body: Body, over: set[Key]) -> bool:
    kind = key_of(body).kind
    root = root_of(world.api, body)
    if root is None or root in over or key_of(body) in over:
        return False
    is_custom = kind.group != ""
    return is_custom or ROLE in body["metadata"].get("annotations", {})


def _names(bodies: list[Body]) -> Mapping[str, str]:
    """What each Pod is called: after its owner and its place among its owner's."""
    places: dict[str, int] = {}
    names: dict[str, str] = {}
    pods = [body for body in bodies if key_of(body).kind == POD]
    for pod in sorted(pods, key=lambda pod: (_ordinal(pod), pod["metadata"]["name"])):
        meta = pod["metadata"]
        owner = meta["ownerReferences"][0]["name"]
        role = meta["annotations"][ROLE]
        if role == Role.WORKER:
            places[owner] = places.get(owner, 0) + 1
            names[meta["name"]] = f"{owner}-worker-{places[owner]}"
        else:
            names[meta["name"]] = f"{owner}'s-{role}"
    return names


def _ordinal(pod: Body) -> int:
    return int(pod["metadata"]["annotations"].get(ORDINAL, "0"))


def _name(body: Body, names: Mapping[str, str]) -> str:
    key = key_of(body)
    name = names.get(key.name, key.name) if key.kind == POD else key.name
    return f"{key.kind} {key.namespace}/{name}"


def _normal(body: Body, names: Mapping[str, str]) -> Any:
    kind = key_of(body).kind
    is_runner = body["metadata"].get("annotations", {}).get(ROLE) == Role.JOB_RUNNER  # which is never made anew
    left_out = {"status"} if not kind.group else set[str]()
    kept = {name: value for name, value in body.items() if name not in (left_out | {"spec"} if is_runner else left_out)}
    text = json.dumps(_without_fleeting(_without_marks(kept)))
    for name in sorted(names, key=len, reverse=True) if kind != SERVICE else ():
        text = text.replace(f'"{name}"', f'"{names[name]}"').replace(f" {name} ", f" {names[name]} ")
    normal = json.loads(_TIME.sub("a time", text))
    conditions = normal.get("status", {}).get("conditions")
    if conditions is not None:
        normal["status"]["conditions"] = {one["type"]: one for one in conditions if one["type"] != "RunnerUpToDate"}
    return normal


def _without_marks(body: Body) -> Body:
    annotations = body["metadata"].get("annotations", {})
    former = formerly_set(annotations)
    if SET_BY_OWNER in annotations:
        theirs = set(former.get("annotations", ())) - _MARKS
        remembered = set_by_owner(former.get("labels", ()), theirs, former.get("spec", ()))
        annotations = {**annotations, SET_BY_OWNER: remembered if remembered != "{}" else None}
    annotations = {name: value for name, value in annotations.items() if name not in _MARKS}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def _without_fleeting(value: Any) -> Any:
    if isinstance(value, dict):
        kept = value.keys() - _FLEETING - _FOREIGN
        normal = {name: _without_fleeting(inner) for name, inner in value.items() if name in kept}
        return {name: inner for name, inner in normal.items() if inner not in ({}, [], None)}
    if isinstance(value, list):
        return [_without_fleeting(inner) for inner in value if not _is_injected(inner)]
    return value


def _is_injected(item: Any) -> bool:
    return isinstance(item, dict) and str(item.get("name", item.get("key", ""))).lower() == INJECTED
