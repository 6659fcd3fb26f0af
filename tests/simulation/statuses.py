"""What statuses must say of a world: a model of each condition, worked out from the objects alone.

- `Ready`, `SchedulerReady` and `WorkersReady` are true if, and only if, what they are about is ready.
- Numbers are those of the Pods.
- Everything is of the present generation.
- A message names only what exists.
"""

import re
from collections.abc import Callable, Iterator

from models.kinds import (
    ALL_KINDS,
    CUSTOM_KINDS,
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_JOB,
    DASK_WORKER_GROUP,
    POD,
    SERVICE,
    Key,
)
from reconciler.rules.labels import NAMING, ROLE, Role
from reconciler.wire.protocol import Body
from tests.simulation.world import World, is_live, is_ready, key_of

OUTCOMES = ("Successful", "Failed")
SERVICE_ROLES = {"classic": (Role.USER_SERVICE, Role.COMM_SERVICE), "current": (Role.USER_SERVICE,)}
_NAMED = re.compile(
    r"\b(Pod|Service) ((?:[a-z0-9]+/)?[a-z0-9]+-[a-z0-9-]+)"
    r"|(DaskCluster|DaskWorkerGroup|DaskJob) ([a-z0-9]+/[a-z0-9-]+)"
    r"|(Worker group) ([a-z0-9-]+):"
)
_MAY_BE_MISSING = (
    "ClusterNotFound", "NotCreated", "NameConflict", "BackOff", "Creating", "Forbidden", "Invalid", "Refused",
    "ApiUnavailable", "Replacing", "FailedCreate", "RunnerFailed",
)  # fmt: skip
"""Reasons whose messages are about what is not there."""
_ABSENT = ("is being replaced", "There is no ")
"""What is said of an object until there is one, or another, of its name."""


def check_statuses(world: World) -> None:
    """Every status says how things are."""
    for kind in CUSTOM_KINDS:
        for body in world.api.objects(kind):
            if "deletionTimestamp" not in body["metadata"] and not _is_orphan(world, body):
                _check_form(world, body)
                _MODELS[kind.name](world, body)


def _check_form(world: World, body: Body) -> None:
    meta, status = body["metadata"], body.get("status", {})
    assert "conditions" in status, f"{key_of(body)} has no conditions"
    for one in status["conditions"]:
        where = f"{key_of(body)}'s {one['type']}"
        assert one["observedGeneration"] == meta["generation"], f"{where} is of generation {one['observedGeneration']}"
        lost = [name for name in _named(one["message"]) if not _exists(world, body, *name)]
        may_be_missing = one["reason"] in _MAY_BE_MISSING or any(words in one["message"] for words in _ABSENT)
        assert not lost or may_be_missing, f"{where} names {lost}: {one['reason']}, {one['message']}"


def _check_cluster(world: World, body: Body) -> None:
    key, status = key_of(body), body["status"]
    scheduler = any(map(is_ready, _pods(world, body, Role.SCHEDULER)))
    groups = [group for group in world.api.objects(DASK_WORKER_GROUP) if _is_of(group, body)]
    wanted = sum(_replicas(group) for group in groups)
    ready = sum(len(_ready_workers(world, group)) for group in groups)
    has_default = any(_role(group) == Role.DEFAULT_GROUP and _owns(body, group) for group in groups)
    workers = has_default and all(len(_ready_workers(world, group)) >= _replicas(group) for group in groups)
    _agrees(world, key, "SchedulerReady", scheduler)
    if scheduler:  # else nobody has asked it yet who has joined
        _agrees(world, key, "WorkersReady", workers)
        assert status.get("workers", f"{ready}/{wanted}") == f"{ready}/{wanted}", f"{key} says {status['workers']}"
    state, reason, _ = world.condition(key, "Ready")
    is_whole = scheduler and workers and _has_services(world, body)
    assert (state == "True") <= is_whole, _wrong(world, key, "Ready", is_whole)
    if reason in ("Ready", "SchedulerNotReady", "ServiceNotReady", "WorkersNotReady"):
        assert (state == "True") == is_whole, _wrong(world, key, "Ready", is_whole)


def _check_group(world: World, body: Body) -> None:
    key, status = key_of(body), body["status"]
    live, ready = _pods(world, body, Role.WORKER), _ready_workers(world, body)
    cluster = world.api.get(Key(DASK_CLUSTER, key.namespace, body["spec"]["cluster"]))
    can_be_asked = cluster is not None and any(map(is_ready, _pods(world, cluster, Role.SCHEDULER)))
    state, reason, _ = world.condition(key, "Ready")
    is_whole = len(ready) >= _replicas(body) and cluster is not None
    assert (state == "True") <= is_whole, _wrong(world, key, "Ready", is_whole)
    if reason in ("Ready", "WorkersNotReady") and can_be_asked:
        assert (state == "True") == is_whole, _wrong(world, key, "Ready", is_whole)
    numbers = status.get("replicas"), status.get("readyReplicas")
    least = len(ready) if can_be_asked else 0
    assert numbers[0] == len(live), f"{key} says {numbers} of {len(live)}, {len(ready)}"
    assert least <= (numbers[1] or 0) <= len(ready), f"{key} says {numbers} of {len(live)}, {len(ready)}"


def _check_job(world: World, body: Body) -> None:
    key, status = key_of(body), body["status"]
    runners = _pods(world, body, Role.JOB_RUNNER, live=False)
    state = world.condition(key, "Ready")[0]
    is_over = status.get("jobStatus") in OUTCOMES
    assert state != "True" or (any(map(is_ready, runners)) and not is_over), _wrong(world, key, "Ready", False)
    names = {pod["metadata"]["name"] for pod in runners}
    name = status.get("jobRunnerPodName")
    assert is_over or not names or name in names, f"{key} says its runner is {name}, not {names}"
    is_complete = world.condition(key, "Complete")[0] == "True"
    is_failed = world.condition(key, "Failed")[0] == "True"
    outcome = status.get("jobStatus")
    assert (is_complete, is_failed) == (outcome == "Successful", outcome == "Failed"), f"{key}: {status}"


def _check_autoscaler(world: World, body: Body) -> None:
    key, status = key_of(body), body["status"]
    state, reason, _ = world.condition(key, "Ready")
    assert (state == "True") == (reason == "Acting"), f"{key}: {status}"
    if state == "True":
        wanted, spec = status["desiredReplicas"], body["spec"]
        assert spec["minimum"] <= wanted <= spec["maximum"], f"{key} wants {wanted} workers: {spec}"


_MODELS: dict[str, Callable[[World, Body], None]] = {
    DASK_CLUSTER.name: _check_cluster,
    DASK_WORKER_GROUP.name: _check_group,
    DASK_JOB.name: _check_job,
    DASK_AUTOSCALER.name: _check_autoscaler,
}


def _agrees(world: World, key: Key, type_: str, holds: bool) -> None:  # noqa: FBT001 - what holds is the question
    assert (world.condition(key, type_)[0] == "True") == holds, _wrong(world, key, type_, holds)


def _wrong(world: World, key: Key, type_: str, holds: bool) -> str:  # noqa: FBT001 - likewise
    state, reason, message = world.condition(key, type_)
    return f"{key}'s {type_} is {state} ({reason}: {message}), and should be {holds}; {world.describe()}"


def _named(message: str) -> Iterator[tuple[str, str]]:
    for found in _NAMED.finditer(message):
        kind_name, name = (group for group in found.groups() if group)
        yield kind_name, name


def _exists(world: World, body: Body, kind_name: str, name: str) -> bool:
    namespace, _, bare = name.rpartition("/")
    kind_name = "DaskWorkerGroup" if kind_name == "Worker group" else kind_name
    kind = next(kind for kind in ALL_KINDS if kind.name == kind_name)
    return world.has(Key(kind, namespace or body["metadata"]["namespace"], bare))


def _has_services(world: World, cluster: Body) -> bool:
    mine = [service for service in world.api.objects(SERVICE) if _owns(cluster, service)]
    roles = {_role(service) for service in mine}
    naming = cluster["metadata"].get("annotations", {}).get(NAMING, "classic")
    are_balanced = all(
        service["status"].get("loadBalancer", {}).get("ingress")
        for service in mine
        if service["spec"].get("type") == "LoadBalancer"
    )
    return roles >= set(SERVICE_ROLES[naming]) and are_balanced


def _pods(world: World, owner: Body, role: Role, *, live: bool = True) -> list[Body]:
    """The owner's Pods in that role; those whose role a webhook or a person took away are still known by name."""
    begins = {Role.SCHEDULER: "-scheduler", Role.WORKER: "-worker-", Role.JOB_RUNNER: "-runner"}[role]
    return [
        pod
        for pod in world.api.objects(POD)
        if _owns(owner, pod)
        and (not live or is_live(pod))
        and (_role(pod) == role or (_role(pod) is None and _is_ours(pod) and _begins(pod, owner, begins)))
    ]


def _begins(pod: Body, owner: Body, begins: str) -> bool:
    name: str = pod["metadata"]["name"]
    return name.startswith(owner["metadata"]["name"] + begins)


def _is_ours(pod: Body) -> bool:
    return any(name.startswith("kubernetes.dask.org/") for name in pod["metadata"].get("annotations", {}))


def _ready_workers(world: World, group: Body) -> list[Body]:
    """Those that are ready, but for whoever was chosen to go before it was."""
    retiring = group["status"].get("decisions", {}).get("retiring", ())
    never_counted = {one["uid"] for one in retiring if one.get("ready") is False}
    ready = filter(is_ready, _pods(world, group, Role.WORKER))
    return [pod for pod in ready if pod["metadata"]["uid"] not in never_counted]


def _replicas(group: Body) -> int:
    replicas: int = group["spec"]["worker"].get("replicas", 1)
    return replicas


def _is_of(group: Body, cluster: Body) -> bool:
    meta = group["metadata"]
    is_named = (meta["namespace"], group["spec"]["cluster"]) == (
        cluster["metadata"]["namespace"],
        cluster["metadata"]["name"],
    )
    return is_named and "deletionTimestamp" not in meta


def _is_orphan(world: World, body: Body) -> bool:
    """Whether its owners are gone, and garbage collection has yet to come to it."""
    owners = [
        Key(
            next(kind for kind in CUSTOM_KINDS if kind.name == owner["kind"]),
            body["metadata"]["namespace"],
            owner["name"],
        )
        for owner in body["metadata"].get("ownerReferences", ())
        if owner["kind"] in _MODELS
    ]
    found = [world.api.get(key) for key in owners]
    uids = {owner["uid"] for owner in body["metadata"].get("ownerReferences", ())}
    return bool(owners) and not any(one is not None and one["metadata"]["uid"] in uids for one in found)


def _owns(owner: Body, body: Body) -> bool:
    uid = owner["metadata"]["uid"]
    return uid in [reference["uid"] for reference in body["metadata"].get("ownerReferences", ())]


def _role(body: Body) -> str | None:
    role: str | None = body["metadata"].get("annotations", {}).get(ROLE)
    return role
