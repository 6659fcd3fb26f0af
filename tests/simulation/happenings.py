"""What may happen to a world, as data: so that a history can be replayed, shrunk and printed.

A happening names whom it concerns by a number, which counts round what there is then; one that concerns nobody does
nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from models.base import wire_time
from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Kind
from models.snapshot import Owner
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS, ROLE, Role
from reconciler.wire.protocol import Body
from tests.builders import autoscaler, cluster, group, job, pod_spec
from tests.simulation.kubelet import NODES
from tests.simulation.world import World, key_of

THEIRS = "example.com/theirs"
"""A label that someone else puts on Pods; it is none of the reconciler's business."""
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
NEWCOMERS: Sequence[Callable[[int], Owner]] = (
    lambda number: cluster("a", replicas=number),
    lambda number: cluster("b", replicas=number, labels={"team": "x"}),
    lambda number: group("a", "g", replicas=number),
    lambda number: group("b", "h", replicas=number),
    lambda number: group("nobody", "lost", replicas=number),
    lambda number: job("j", replicas=number),
    lambda number: job("k", replicas=number),
    lambda _: autoscaler("a"),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens.

    Args:
        what: A name of `HAPPENINGS`.
        whom: Which of those concerned.
        how: A small number.
    """

    what: str
    whom: int = 0
    how: int = 0

    def befall(self, world: World) -> None:
        """Let it happen."""
        HAPPENINGS[self.what](world, self.whom, self.how)


def is_child(body: Body) -> bool:
    """Whether the reconciler made the object."""
    return ROLE in body["metadata"].get("annotations", {})


def _pick(bodies: Sequence[Body], whom: int) -> Body | None:
    return bodies[whom % len(bodies)] if bodies else None


def _resources(world: World, *kinds: Kind) -> list[Body]:
    return [body for kind in kinds for body in world.api.objects(kind)]


def _worker_path(kind: Kind, change: Body) -> Body:
    """The patch that changes `worker` in a resource of that kind."""
    spec = {"worker": change}
    return {"spec": {"cluster": {"spec": spec}} if kind == DASK_JOB else spec}


def _scheduler_path(kind: Kind, change: Body) -> Body:
    spec = {"scheduler": change}
    return {"spec": {"cluster": {"spec": spec}} if kind == DASK_JOB else spec}


def _newcomer(world: World, whom: int, how: int) -> None:
    resource = NEWCOMERS[whom % len(NEWCOMERS)](how % 4)
    if not world.has(resource.key):
        world.create(resource)


def _scaled(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_JOB), whom)
    if body is not None:
        world.edit(key_of(body), _worker_path(key_of(body).kind, {"replicas": how % 6}))


def _worker_edited(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_JOB), whom)
    if body is not None:
        change: Body = {"spec": pod_spec(f"dask:{how % 3}"), "minReadySeconds": how % 2 * 20}
        world.edit(key_of(body), _worker_path(key_of(body).kind, change))


def _strategy_edited(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_JOB), whom)
    if body is not None:
        strategy = {"rollingUpdate": None, **STRATEGIES[how % len(STRATEGIES)]}
        world.edit(key_of(body), _worker_path(key_of(body).kind, {"updateStrategy": strategy}))


def _scheduler_edited(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER, DASK_JOB), whom)
    if body is not None:
        change: Body = {"spec": pod_spec(f"dask:{how % 3}")}
        if how % 5 == 0:
            change["updateStrategy"] = {"type": ("Recreate", "OnDelete")[how % 2]}
        world.edit(key_of(body), _scheduler_path(key_of(body).kind, change))


def _service_edited(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER, DASK_JOB), whom)
    if body is not None:
        change = {"service": SERVICES[how % len(SERVICES)]}
        world.edit(key_of(body), _scheduler_path(key_of(body).kind, change))


def _labelled(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, *CUSTOM_KINDS), whom)
    if body is not None:
        world.edit(key_of(body), {"metadata": {"labels": {"team": (None, "x", "y")[how % 3]}}})


def _owner_seen(world: World, whom: int, how: int) -> None:
    body = _pick(_resources(world, DASK_CLUSTER), whom)
    if body is not None:
        since, timeout = SIGNS[how % len(SIGNS)]
        seen = since if since is None or isinstance(since, str) else wire_time(world.clock() - since)
        world.edit(key_of(body), {"metadata": {"annotations": {OWNER_SEEN: seen, OWNER_TIMEOUT_SECONDS: timeout}}})


def _resource_deleted(world: World, whom: int, how: int) -> None:
    mine = [body for body in _resources(world, *CUSTOM_KINDS) if not is_child(body)]
    body = _pick(mine, whom)
    if body is not None and how % 3 == 0:
        world.delete(key_of(body))


def _child_deleted(world: World, whom: int, how: int) -> None:
    children = _resources(world, POD, SERVICE, DASK_WORKER_GROUP, DASK_CLUSTER)
    body = _pick([body for body in children if is_child(body)], whom)
    if body is None:
        return
    if how % 4 == 0:
        world.api.remove(key_of(body))
    else:
        world.delete(key_of(body))


def _service_by_hand(world: World, whom: int, how: int) -> None:
    body = _pick([service for service in _resources(world, SERVICE) if is_child(service)], whom)
    if body is not None:
        changes: Sequence[Body] = (
            {"spec": {"selector": {"more": "x"}}},
            {"spec": {"selector": {"dask.org/component": "worker"}}},
            {"spec": {"ports": [{"name": "other", "port": 1}]}},
            {"metadata": {"labels": {"dask.org/cluster-name": "other"}}},
        )
        world.edit(key_of(body), changes[how % len(changes)])


def _pod_by_hand(world: World, whom: int, how: int) -> None:
    body = _pick([pod for pod in world.pods() if is_child(pod)], whom)
    if body is not None:
        label = ("dask.org/cluster-name", "dask.org/workergroup-name", "team", THEIRS)[how % 4]
        if label == THEIRS or label in body["metadata"]["labels"]:
            world.edit(key_of(body), {"metadata": {"labels": {label: "by-hand"}}})


def _pod_state(change: Callable[[World, Body], None]) -> Callable[[World, int, int], None]:
    def happens(world: World, whom: int, _: int) -> None:
        running = [pod for pod in world.pods() if is_child(pod) and pod["status"].get("phase") == "Running"]
        body = _pick(running, whom)
        if body is not None:
            change(world, body)

    return happens


def _job_ended(world: World, whom: int, how: int) -> None:
    running = [pod for pod in world.pods(Role.JOB_RUNNER) if pod["status"].get("phase") == "Running"]
    body = _pick(running, whom)
    if body is not None:
        world.kubelet.end(body, ("Succeeded", "Failed")[how % 2])


def _node_lost(world: World, whom: int, _: int) -> None:
    world.kubelet.kill(NODES[whom % len(NODES)])


def _nodes_back(world: World, _: int, __: int) -> None:
    for node in NODES:
        world.kubelet.revive(node)


def _time_passes(world: World, _: int, how: int) -> None:
    world.clock.advance((1, 5, 31, 70, 400, 1000)[how % 6])


def _by_itself(change: Callable[[World], object]) -> Callable[[World, int, int], None]:
    def happens(world: World, _: int, __: int) -> None:
        change(world)

    return happens


HAPPENINGS: Mapping[str, Callable[[World, int, int], None]] = {
    "nothing": lambda *_: None,
    "newcomer": _newcomer,
    "scaled": _scaled,
    "worker edited": _worker_edited,
    "strategy edited": _strategy_edited,
    "scheduler edited": _scheduler_edited,
    "service edited": _service_edited,
    "labelled": _labelled,
    "owner seen": _owner_seen,
    "resource deleted": _resource_deleted,
    "child deleted": _child_deleted,
    "service changed by hand": _service_by_hand,
    "pod changed by hand": _pod_by_hand,
    "pod failed": _pod_state(lambda world, body: world.kubelet.end(body, "Failed")),
    "pod succeeded": _pod_state(lambda world, body: world.kubelet.end(body, "Succeeded")),
    "pod evicted": _pod_state(lambda world, body: world.kubelet.evict(body)),
    "pod unready": _pod_state(lambda world, body: world.kubelet.unready(body)),
    "job ended": _job_ended,
    "node lost": _node_lost,
    "nodes back": _nodes_back,
    "time passes": _time_passes,
    "pods move": _by_itself(lambda world: world.kubelet.step()),
    "tick": _by_itself(lambda world: world.tick()),
    "pass": _by_itself(lambda world: world.reconcile()),
    "restart": _by_itself(lambda world: world.restart()),
}
