"""How many workers to create and which to let go: scaling and rolling updates as arithmetic on plain values.

    stale         made from an older template
    orphaned      made for a scheduler from another template; its state is gone with that scheduler
    available     joined its scheduler, and ready for at least minReadySeconds

    RollingUpdate   stale workers go at once that are neither available nor with their scheduler; of the others as many
                    as leave `replicas - maxUnavailable` at work. New ones come while there are fewer than
                    `replicas + maxSurge`. New workers that do not become available stop it there.
    Recreate        all stale workers go; new ones come when they are gone.
    OnDelete        stale workers stay until someone deletes them.

A worker that was chosen to go takes up room until its deletion has begun: where deletions are postponed, nothing is
piled up. Until then it is taken back if the group wants more workers again, unless its scheduler has let it go.
Orphaned workers go, whatever the strategy. A worker that is about to be taken away (its Pod says so) is replaced at
once, above `maxSurge`: it takes up no room, and nobody takes it back. While a scheduler's answer is awaited, no worker
is chosen whose Pod has an address: it may have joined. Surplus workers go cheapest first: not scheduled, not ready, not
joined, stale, idle, with little data that no other has, youngest.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.templates import IntOrPercent, WorkerSpec

_ORPHANED = "its scheduler was replaced by one from another template"
_RETIRED = "its scheduler gives it nothing more to do"
_DISRUPTED = "it is about to be taken away"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that is running or about to.

    Args:
        name: The Pod's name.
        ordinal: Its number within the group.
        created: When it was created.
        scheduled: Whether it has a node.
        started: Whether its Pod has an address, from which it may have joined.
        ready: Whether its Pod is ready.
        present: Whether its scheduler has it, whatever its Pod says.
        joined: Whether its scheduler has it, or cannot be asked; `None` while its answer is awaited.
        weighed: Whether it is known, or cannot be, what it does and holds.
        available: Whether it is ready and has joined, and has been so for long enough.
        stale: Whether it was made from an older template.
        orphaned: Whether it was made for a scheduler from another template.
        retired: Whether its scheduler gives it nothing more to do, which nobody takes back.
        disrupted: Whether something else is about to take it away.
        tasks: How many tasks its scheduler has given it.
        unique_bytes: How much it holds that no other worker has.
    """

    name: str
    ordinal: int
    created: datetime
    scheduled: bool = True
    started: bool = True
    ready: bool = True
    present: bool = False
    joined: bool | None = True
    weighed: bool = True
    available: bool = True
    stale: bool = False
    orphaned: bool = False
    retired: bool = False
    disrupted: bool = False
    tasks: int = 0
    unique_bytes: int = 0

    @property
    def why_useless(self) -> str:
        """Why it goes whatever the group wants; empty if it need not."""
        reasons = ((self.orphaned, _ORPHANED), (self.disrupted, _DISRUPTED), (self.retired, _RETIRED))
        return next((why for holds, why in reasons if holds), "")


@dataclass(frozen=True, slots=True)
class Turn:
    """The next step towards the group as it should be.

    Args:
        create: How many workers to create.
        remove: The names of workers to let go, each with the reason.
        keep: The names of workers that were chosen to go and are wanted again.
    """

    create: int
    remove: tuple[tuple[str, str], ...] = ()
    keep: tuple[str, ...] = ()


def next_turn(
    workers: Sequence[Worker], spec: WorkerSpec, *, going: Sequence[Worker] = (), stale_ending: bool = False
) -> Turn:
    """What to do next.

    Args:
        workers: The group's workers, without those that are ending or were chosen to go already.
        spec: What the group asks for.
        going: Those that were chosen to go, and whose deletion has not begun.
        stale_ending: Whether workers from an older template are ending.
    """
    strategy = spec.update_strategy.type
    useless = [worker for worker in workers if worker.why_useless]
    staying = _without(workers, useless)
    keep = _wanted_again(going, spec.replicas - len(staying), may_be_stale=strategy == "OnDelete")
    staying += keep
    surge, unavailable = _bounds(spec)
    rolling = strategy == "RollingUpdate" and any(worker.stale for worker in staying)
    room = spec.replicas + (surge if rolling else 0)

    remove = [(worker.name, worker.why_useless) for worker in useless]
    surplus = _known(sorted(staying, key=_cost)[: max(0, len(staying) - room)])
    remove += [(worker.name, f"the group has {len(staying)} workers and wants {spec.replicas}") for worker in surplus]
    staying = _without(staying, surplus)

    outdated: list[Worker] = []
    if rolling:
        outdated = _known(_outdated(staying, spec.replicas - unavailable))
    elif strategy == "Recreate":
        outdated = _known(worker for worker in staying if worker.stale)
    remove += [(worker.name, "its template changed") for worker in outdated]
    staying = _without(staying, outdated)

    kept = tuple(worker.name for worker in keep)
    if strategy == "Recreate" and (outdated or stale_ending or any(worker.stale for worker in going)):
        return Turn(0, tuple(remove), kept)
    fresh = sum(not worker.stale for worker in staying) if rolling else len(staying)
    makes_room = sum(worker.disrupted for worker in (*going, *useless))
    leaving = len(going) - len(keep) + len(remove) - makes_room
    return Turn(max(0, min(spec.replicas - fresh, room - len(staying) - leaving)), tuple(remove), kept)


def _wanted_again(going: Sequence[Worker], missing: int, *, may_be_stale: bool) -> list[Worker]:
    """The workers to take back, those first that it would cost most to let go."""
    useful = [one for one in going if not one.why_useless and (may_be_stale or not one.stale)]
    return sorted(useful, key=_cost, reverse=True)[: max(0, missing)]


def _outdated(staying: Sequence[Worker], least_available: int) -> list[Worker]:
    """The stale workers that may go now, those that are of no use first.

    One that its scheduler has is of use, although its Pod is not ready: it may have too much to do for its probe.
    """
    useless = [worker for worker in staying if worker.stale and not (worker.available or worker.present)]
    useful = sorted((one for one in staying if one.stale and (one.available or one.present)), key=_cost)
    spare = len(useful) + sum(one.available for one in staying if not one.stale) - least_available
    return useless + useful[: max(0, spare)]


def _known(workers: Iterable[Worker]) -> list[Worker]:
    """Those of whom is known what it costs to let them go; of the others an answer is awaited."""
    return [worker for worker in workers if worker.weighed or not worker.started]


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


def _cost(worker: Worker) -> tuple[float, ...]:
    """What it costs to let a worker go; the cheapest sorts first."""
    return (
        worker.scheduled,
        worker.ready,
        bool(worker.joined),
        not worker.stale,
        worker.tasks > 0,
        worker.unique_bytes,
        -worker.created.timestamp(),
        -worker.ordinal,
    )
