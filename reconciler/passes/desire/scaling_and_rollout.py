"""How many workers to create and which to let go: scaling and rolling updates as arithmetic on plain values.

    stale         made from an older template
    orphaned      made for a scheduler from another template; its state is gone with that scheduler
    available     ready for at least minReadySeconds

    RollingUpdate   stale workers that are not available go at once; of the available ones as many as leave
                    `replicas - maxUnavailable` available. New ones come while there are fewer than
                    `replicas + maxSurge`. New workers that do not become available stop it there.
    Recreate        all stale workers go; new ones come when they are gone.
    OnDelete        stale workers stay until someone deletes them.

A worker that was let go counts until its deletion has begun: while deletions are postponed, no others are created.
Orphaned workers go at once, whatever the strategy. Surplus workers go cheapest first: not scheduled, not ready,
stale, youngest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.templates import IntOrPercent, WorkerSpec


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that is running or about to.

    Args:
        name: The Pod's name.
        ordinal: Its number within the group.
        created: When it was created.
        scheduled: Whether it has a node.
        ready: Whether it is ready.
        available: Whether it has been ready for long enough.
        stale: Whether it was made from an older template.
        orphaned: Whether it was made for a scheduler from another template.
    """

    name: str
    ordinal: int
    created: datetime
    scheduled: bool = True
    ready: bool = True
    available: bool = True
    stale: bool = False
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """The next step towards the group as it should be.

    Args:
        create: How many workers to create.
        remove: The names of workers to let go, each with the reason.
    """

    create: int
    remove: tuple[tuple[str, str], ...] = ()


def next_turn(workers: Sequence[Worker], spec: WorkerSpec, *, leaving: int = 0, stale_leaving: bool = False) -> Turn:
    """What to do next.

    Args:
        workers: The group's workers, without those that are ending or were let go already.
        spec: What the group asks for.
        leaving: How many were let go, but not deleted yet.
        stale_leaving: Whether workers from an older template are still on their way out.
    """
    orphans = [worker for worker in workers if worker.orphaned]
    staying = [worker for worker in workers if not worker.orphaned]
    surge, unavailable = _bounds(spec)
    rolling = spec.update_strategy.type == "RollingUpdate" and any(worker.stale for worker in staying)
    room = spec.replicas + (surge if rolling else 0)

    remove = [(worker.name, "its scheduler was replaced by one from another template") for worker in orphans]
    surplus = sorted(staying, key=_cost)[: max(0, len(staying) - room)]
    remove += [(worker.name, f"the group has {len(staying)} workers and wants {spec.replicas}") for worker in surplus]
    staying = _without(staying, surplus)

    outdated: list[Worker] = []
    if rolling:
        outdated = _outdated(staying, spec.replicas - unavailable)
    elif spec.update_strategy.type == "Recreate":
        outdated = [worker for worker in staying if worker.stale]
    remove += [(worker.name, "its template changed") for worker in outdated]
    staying = _without(staying, outdated)

    if spec.update_strategy.type == "Recreate" and (outdated or stale_leaving):
        return Turn(0, tuple(remove))
    fresh = sum(not worker.stale for worker in staying) if rolling else len(staying)
    return Turn(max(0, min(spec.replicas - fresh, room - len(staying) - leaving)), tuple(remove))


def _outdated(staying: Sequence[Worker], least_available: int) -> list[Worker]:
    """The stale workers that may go now, those that are of no use first."""
    useless = [worker for worker in staying if worker.stale and not worker.available]
    useful = sorted((worker for worker in staying if worker.stale and worker.available), key=_cost)
    spare = sum(worker.available for worker in staying) - least_available
    return useless + useful[: max(0, spare)]


def _without(workers: Sequence[Worker], leaving: Sequence[Worker]) -> list[Worker]:
    gone = {worker.name for worker in leaving}
    return [worker for worker in workers if worker.name not in gone]


def _bounds(spec: WorkerSpec) -> tuple[int, int]:
    """How much `maxSurge` and `maxUnavailable` come to; as in Deployments, they cannot both come to 0."""
    rolling = spec.update_strategy.rolling_update
    surge = _share(rolling.max_surge, spec.replicas, up=True)
    unavailable = _share(rolling.max_unavailable, spec.replicas, up=False)
    return surge, max(unavailable, 0 if surge else 1)


def _share(value: IntOrPercent, total: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * total
    return math.ceil(exact / 100) if up else exact // 100


def _cost(worker: Worker) -> tuple[bool, bool, bool, float, int]:
    """What it costs to let a worker go; the cheapest sorts first."""
    return (worker.scheduled, worker.ready, not worker.stale, -worker.created.timestamp(), -worker.ordinal)
