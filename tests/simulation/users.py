"""What users do to their own resources."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from models.base import wire_time
from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind
from models.snapshot import Owner
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from reconciler.wire.protocol import Body
from tests.builders import autoscaler, cluster, group, job
from tests.manifests import pod_spec
from tests.simulation.hands import Hand, is_child, pick, resources
from tests.simulation.kubelet import CRASHING, FULL, NEVER_READY
from tests.simulation.world import World, key_of

ELSEWHERE = "other"
"""A second namespace."""
GOOD = "dask:1"
BROKEN_IMAGE = re.compile(f"'({CRASHING}|{NEVER_READY}|{FULL})'")
BROKEN = (CRASHING, NEVER_READY, FULL)
STRATEGIES: Sequence[Body] = (
    {"type": "RollingUpdate"},
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "50%"}},
    {"type": "Recreate"},
    {"type": "OnDelete"},
)
SERVICES: Sequence[Body] = (
    {"ports": None, "type": None, "sessionAffinity": None},
    {"type": "NodePort"},
    {"type": "LoadBalancer", "sessionAffinity": "ClientIP"},
    {"ports": [{"name": "tcp-comm", "port": 9786}, {"name": "http-dashboard", "port": 8787}]},
    {"ports": [{"name": "tcp-comm", "port": 9786, "targetPort": 8786}, {"name": "http-dashboard", "port": 80}]},
)
SIGNS: Sequence[tuple[timedelta | str | None, str | None]] = (
    (timedelta(0), "60"),
    (timedelta(0), "600"),
    (timedelta(0), "1000000"),
    (timedelta(seconds=700), "600"),
    ("lately", "60"),
    (timedelta(days=1), "soon"),
    (None, None),
)
"""What a cluster's owner may say of itself: how long ago it was seen, and for how long the cluster outlives that."""
WITHOUT_END: Body = {"idleTimeout": 0, "ttlSeconds": 0, "idle": None}
LIFETIMES: Sequence[Body] = (
    {"idleTimeout": 60},
    {"idleTimeout": 600},
    {"idleTimeout": 600, "idle": {"action": "ScaleToZero"}},
    {"idleTimeout": 60, "idle": {"countClients": True}},
    {"ttlSeconds": 900},
    WITHOUT_END,
)
"""How long clusters may live."""
NEWCOMERS: Sequence[Callable[[int], Owner]] = (
    lambda number: cluster("a", replicas=number),
    lambda number: cluster("b", replicas=number, labels={"team": "x"}),
    lambda number: group("a", "g", replicas=number),
    lambda number: group("b", "h", replicas=number),
    lambda number: group("nobody", "lost", replicas=number),
    lambda number: job("j", replicas=number),
    lambda number: job("k", replicas=number),
    lambda number: cluster("c", replicas=number, namespace=ELSEWHERE),
    lambda number: autoscaler("a", spec={"minimum": number % 2, "maximum": 2 + number}),
)
WITH_WORKERS = (DASK_CLUSTER, DASK_WORKER_GROUP, DASK_JOB)
WITH_SCHEDULERS = (DASK_CLUSTER, DASK_JOB)


def own_resources(world: World) -> list[Body]:
    """The resources that users made."""
    return [body for body in resources(world, *CUSTOM_KINDS) if not is_child(body)]


def worker_path(kind: Kind, change: Body) -> Body:
    """The patch that changes `worker` in a resource of that kind."""
    return _path(kind, {"worker": change})


def scheduler_path(kind: Kind, change: Body) -> Body:
    """The patch that changes `scheduler` in a resource of that kind."""
    return _path(kind, {"scheduler": change})


def mend(world: World) -> None:
    """Users put right what cannot run, and roll out what waits for them."""
    for body in own_resources(world):
        key = key_of(body)
        if key.kind not in WITH_WORKERS:
            continue
        spec = body["spec"]["cluster"]["spec"] if key.kind == DASK_JOB else body["spec"]
        for part in ("worker", "scheduler"):
            change = _mended(spec.get(part), {"worker": "RollingUpdate", "scheduler": "Recreate"}[part])
            if change:
                world.edit(key, _path(key.kind, {part: change}))


def is_broken(world: World) -> bool:
    """Whether anyone asks for what cannot run."""
    return any(BROKEN_IMAGE.search(str(body["spec"])) for body in resources(world, *CUSTOM_KINDS))


def _mended(part: Body | None, strategy: str) -> Body:
    change: Body = {}
    if part and part["spec"]["containers"][0]["image"] in BROKEN:
        change["spec"] = pod_spec(GOOD)
    if part and part.get("updateStrategy", {}).get("type") == "OnDelete":
        change["updateStrategy"] = {"type": strategy}
    return change


def _path(kind: Kind, change: Body) -> Body:
    return {"spec": {"cluster": {"spec": change}} if kind == DASK_JOB else change}


def _newcomer(world: World, whom: int, how: int) -> None:
    resource = NEWCOMERS[whom % len(NEWCOMERS)](how % 4)
    if not world.has(resource.key):
        world.create(resource)


def _edited(kinds: Sequence[Kind], path: Callable[[Kind, Body], Body], change: Callable[[int], Body]) -> Hand:
    """Whoever has such a part gets it changed."""

    def happens(world: World, whom: int, how: int) -> None:
        body = pick(resources(world, *kinds), whom)
        if body is not None:
            world.edit(key_of(body), path(key_of(body).kind, change(how)))

    return happens


def _scheduler(how: int) -> Body:
    change: Body = {"spec": pod_spec(f"dask:{how % 3}")}
    if how % 5 == 0:
        change["updateStrategy"] = {"type": ("Recreate", "OnDelete")[how % 2]}
    return change


def _labelled(world: World, whom: int, how: int) -> None:
    body = pick(own_resources(world), whom)
    if body is not None:
        world.edit(key_of(body), {"metadata": {"labels": {"team": (None, "x", "y")[how % 3]}}})


def _owner_seen(world: World, whom: int, how: int) -> None:
    body = pick(resources(world, DASK_CLUSTER), whom)
    if body is not None:
        since, timeout = SIGNS[how % len(SIGNS)]
        seen = since if since is None or isinstance(since, str) else wire_time(world.clock() - since)
        world.edit(key_of(body), {"metadata": {"annotations": {OWNER_SEEN: seen, OWNER_TIMEOUT_SECONDS: timeout}}})


def _lifetime(world: World, whom: int, how: int) -> None:
    body = pick([one for one in own_resources(world) if key_of(one).kind == DASK_CLUSTER], whom)
    if body is not None:
        world.edit(key_of(body), {"spec": LIFETIMES[how % len(LIFETIMES)]})


def _work(world: World, whom: int, how: int) -> None:
    """Somebody has something for a cluster to do, or has it no more, or comes and goes."""
    body = pick(resources(world, DASK_CLUSTER), whom)
    if body is None:
        return
    of = (body["metadata"]["namespace"], body["metadata"]["name"])
    world.journal.note("user", f"work of {of}: {how}")
    match how % 4:
        case 0:
            world.dask.working.add(of)
        case 3:
            world.dask.clients[of] = 1 - world.dask.clients.get(of, 0)
        case _:
            world.dask.end_work(*of)


def _deleted(world: World, whom: int, how: int) -> None:
    body = pick(own_resources(world), whom)
    if body is not None and how % 3 == 0:
        world.delete(key_of(body))


def _replaced(world: World, whom: int, how: int) -> None:
    """As by `kubectl replace --force`: another of the same name is there at once."""
    body = pick(own_resources(world), whom)
    if body is None or how % 3:
        return
    kept = {name: body["metadata"][name] for name in ("name", "namespace", "labels") if name in body["metadata"]}
    world.delete(key_of(body))
    if not world.has(key_of(body)):
        world.journal.note("user", f"create {key_of(body)} anew")
        anew = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": kept, "spec": body["spec"]}
        world.api.create(key_of(body).kind, anew)


def _autoscaled(world: World, whom: int, how: int) -> None:
    """Somebody has a group follow the work, or sets other bounds."""
    body = pick(resources(world, DASK_WORKER_GROUP), whom)
    if body is None:
        return
    meta, of = body["metadata"], body["spec"]["cluster"]
    spec = {"workerGroup": meta["name"], "minimum": how % 3, "maximum": how % 3 + how % 4}
    scaler = autoscaler(of, f"of-{meta['name']}", namespace=meta["namespace"], spec=spec)
    if world.has(scaler.key):
        world.edit(scaler.key, {"spec": {name: spec[name] for name in ("minimum", "maximum")}})
    else:
        world.create(scaler)


def _wish(world: World, whom: int, how: int) -> None:
    """A scheduler would like to have more workers, or fewer."""
    body = pick(resources(world, DASK_CLUSTER), whom)
    if body is not None:
        world.dask.wishes[body["metadata"]["namespace"], body["metadata"]["name"]] = how % 7


USERS: Mapping[str, Hand] = {
    "newcomer": _newcomer,
    "scaled": _edited(WITH_WORKERS, worker_path, lambda how: {"replicas": how % 6}),
    "autoscaled": _autoscaled,
    "wish": _wish,
    "worker edited": _edited(
        WITH_WORKERS, worker_path, lambda how: {"spec": pod_spec(f"dask:{how % 3}"), "minReadySeconds": how % 2 * 20}
    ),
    "worker broken": _edited(WITH_WORKERS, worker_path, lambda how: {"spec": pod_spec(BROKEN[how % len(BROKEN)])}),
    "strategy edited": _edited(
        WITH_WORKERS,
        worker_path,
        lambda how: {"updateStrategy": {"rollingUpdate": None, **STRATEGIES[how % len(STRATEGIES)]}},
    ),
    "scheduler edited": _edited(WITH_SCHEDULERS, scheduler_path, _scheduler),
    "scheduler broken": _edited(
        WITH_SCHEDULERS, scheduler_path, lambda how: {"spec": pod_spec(BROKEN[how % len(BROKEN)])}
    ),
    "service edited": _edited(WITH_SCHEDULERS, scheduler_path, lambda how: {"service": SERVICES[how % len(SERVICES)]}),
    "labelled": _labelled,
    "owner seen": _owner_seen,
    "lifetime edited": _lifetime,
    "work": _work,
    "resource deleted": _deleted,
    "resource replaced": _replaced,
}
