"""What goes wrong, or just happens, where nobody edits anything: nodes, time, garbage, the API, the reconciler."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from models.kinds import ALL_KINDS, CUSTOM_KINDS, DASK_WORKER_GROUP, EVENT, POD, SERVICE
from reconciler.rules.labels import Role
from reconciler.wire.protocol import Body
from tests.faults import Fault
from tests.simulation.hands import Hand, is_child, pick, resources
from tests.simulation.kubelet import NODES
from tests.simulation.requests import root_of
from tests.simulation.users import ELSEWHERE
from tests.simulation.way import REFUSALS, Death, Refusal
from tests.simulation.world import World, key_of

FAULTS = tuple(Fault)
DEATHS = tuple(Death)
JUMPS_SECONDS = (1, 60, 3600, 86_400, 31_536_000)
WRITTEN = tuple(kind for kind in ALL_KINDS if kind != EVENT)


def _pod_state(*changes: Callable[[World, Body], None]) -> Hand:
    def happens(world: World, whom: int, how: int) -> None:
        running = [pod for pod in world.pods() if is_child(pod) and pod["status"].get("phase") == "Running"]
        body = pick(running, whom)
        if body is not None:
            world.journal.note("kubelet", f"Pod {body['metadata']['name']}")
            changes[how % len(changes)](world, body)

    return happens


def _job_ended(world: World, whom: int, how: int) -> None:
    running = [pod for pod in world.pods(Role.JOB_RUNNER) if pod["status"].get("phase") == "Running"]
    body = pick(running, whom)
    if body is not None:
        world.kubelet.end(body, ("Succeeded", "Failed")[how % 2])


def _evict(world: World, body: Body) -> None:
    """The API evicts a Pod: it is told so, and then deleted."""
    world.kubelet.doom(body)
    world.delete(key_of(body))


def _node_lost(world: World, whom: int, how: int) -> None:
    """At once, or when all our Pods there have been evicted."""
    node = NODES[whom % len(NODES)]
    for body in world.pods():
        if how % 2 and is_child(body) and body["spec"].get("nodeName") == node:
            _evict(world, body)
    if how % 3:
        world.kubelet.kill(node)


def _nodes_back(world: World, _: int, __: int) -> None:
    for node in NODES:
        world.kubelet.revive(node)


def _time_passes(world: World, _: int, how: int) -> None:
    seconds = (1, 5, 31, 70, 400, 1000)[how % 6]
    world.clock.advance(seconds)
    world.ledger.standstill_seconds = seconds


def _clock_jumps(world: World, whom: int, how: int) -> None:
    seconds = JUMPS_SECONDS[how % len(JUMPS_SECONDS)] * (1 if whom % 2 else -1)
    world.machine.error += timedelta(seconds=seconds)


def _clock_right(world: World, _: int, __: int) -> None:
    world.machine.error = timedelta()


def _refused(world: World, whom: int, how: int) -> None:
    """One kind, one verb, one object or one tree meets a refusal each time, until they all end."""
    error = REFUSALS[how % len(REFUSALS)]
    body = pick(resources(world, *CUSTOM_KINDS), whom)
    tree = root_of(world.api, body) if body is not None else None
    kind = WRITTEN[whom % len(WRITTEN)]
    child = pick(resources(world, POD, SERVICE, DASK_WORKER_GROUP), whom)
    choices = (
        Refusal(error, kinds=(kind,)),
        Refusal(error, verbs=("create",), kinds=(kind,)),
        Refusal(error, verbs=("delete",)),
        Refusal(error, tree=tree) if tree is not None else Refusal(error, kinds=(SERVICE,)),
        Refusal(error, name=child["metadata"]["name"]) if child is not None else Refusal(error, kinds=(SERVICE,)),
    )
    world.way.refusals.append(choices[how % len(choices)])


def _refusals_end(world: World, _: int, __: int) -> None:
    world.way.clear()
    world.watch.is_misled = False


def _starved(world: World, whom: int, _: int) -> None:
    body = pick(resources(world, *CUSTOM_KINDS), whom)
    if body is not None:
        world.way.starved.add(key_of(body))


def _unlisted(world: World, _: int, __: int) -> None:
    world.way.unlisted.add(ELSEWHERE)


def _shortened(world: World, whom: int, how: int) -> None:
    """Lists of one kind lack items, until refusals end."""
    world.way.shortened[WRITTEN[whom % len(WRITTEN)]] = 2 + how % 3
    world.watch.is_misled = True


def _by_itself(change: Callable[[World], object]) -> Hand:
    def happens(world: World, _: int, __: int) -> None:
        change(world)

    return happens


MISHAPS: Mapping[str, Hand] = {
    "pod failed": _pod_state(lambda world, body: world.kubelet.end(body, "Failed")),
    "pod succeeded": _pod_state(lambda world, body: world.kubelet.end(body, "Succeeded")),
    "pod evicted": _pod_state(
        lambda world, body: world.kubelet.evict(body), lambda world, body: world.kubelet.doom(body), _evict
    ),
    "pod unready": _pod_state(lambda world, body: world.kubelet.unready(body)),
    "job ended": _job_ended,
    "node lost": _node_lost,
    "nodes back": _nodes_back,
    "pods move": _by_itself(lambda world: world.kubelet.step()),
    "garbage collected": _by_itself(lambda world: world.api.collect_garbage()),
    "time passes": _time_passes,
    "clock jumps": _clock_jumps,
    "clock set right": _clock_right,
}
ON_THE_WAY: Mapping[str, Hand] = {
    "request fails": lambda world, _, how: world.way.strike(FAULTS[how % len(FAULTS)]),
    "killed": lambda world, _, how: world.way.strike(DEATHS[how % len(DEATHS)]),
    "rival passes": _by_itself(lambda world: world.rival()),
    "refused": _refused,
    "starved": _starved,
    "unlisted": _unlisted,
    "lists lack items": _shortened,
    "refusals end": _refusals_end,
}
PASSES: Mapping[str, Hand] = {
    "tick": _by_itself(lambda world: world.tick()),
    "pass": _by_itself(lambda world: world.reconcile()),
    "restart": _by_itself(lambda world: world.restart()),
}
