"""A Pod's status, worded as a kubelet words it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.base import wire_time
from reconciler.local.network.addresses import LOOPBACK
from reconciler.local.pods.container import ContainerLife, End, Stage
from reconciler.wire.protocol import Body


class Phase(StrEnum):
    """Where a Pod is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a Pod failed, other than by what its containers did."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to tell of a Pod.

    Args:
        initial: Its init containers, the first first.
        sidecars: Those init containers that run beside the others.
        regular: Its other containers.
        is_ending: Whether no container is started any more.
        cause: Why it fails, if not by its containers.
        began: When it was taken in.
        address: Its address.
    """

    initial: Sequence[ContainerLife]
    sidecars: Sequence[ContainerLife]
    regular: Sequence[ContainerLife]
    is_ending: bool
    cause: Cause | None
    began: datetime
    address: str

    @property
    def phase(self) -> Phase:
        """The Pod's phase: pending until each container has run, and ended only when none runs any more."""
        if self.is_ending and not any(container.is_alive for container in (*self.initial, *self.regular)):
            is_well = self.cause is None and all(container.has_ended_well for container in self.regular)
            return Phase.SUCCEEDED if is_well else Phase.FAILED
        return Phase.RUNNING if all(container.has_run for container in self.regular) else Phase.PENDING


def pod_status(picture: Picture, before: Body, now: datetime) -> Body:
    """The Pod's status.

    Args:
        picture: What there is to tell.
        before: Its status so far: a condition keeps its time while it keeps its status; others' conditions are kept.
        now: The time.
    """
    phase = picture.phase
    cause = picture.cause if phase is Phase.FAILED else None
    return {
        "phase": phase.value,
        **({"reason": cause.reason, "message": cause.message} if cause is not None else {}),
        "conditions": _kept(list(_conditions(picture, phase)), before.get("conditions") or (), now),
        "hostIP": LOOPBACK,
        "podIP": picture.address,
        "podIPs": [{"ip": picture.address}],
        "startTime": wire_time(picture.began),
        **({"initContainerStatuses": _statuses(picture.initial, picture)} if picture.initial else {}),
        "containerStatuses": _statuses(picture.regular, picture),
    }


def _conditions(picture: Picture, phase: Phase) -> Iterator[Body]:
    yield {"type": "Initialized", **_initialized(picture, phase)}
    ready = _ready(picture, phase)
    yield {"type": "Ready", **ready}
    yield {"type": "ContainersReady", **ready}
    yield {"type": "PodScheduled", "status": "True"}


def _initialized(picture: Picture, phase: Phase) -> Body:
    if phase is Phase.SUCCEEDED:
        return {"status": "True", "reason": "PodCompleted"} if picture.initial else {"status": "True"}
    incomplete = [container.name for container in picture.initial if not _is_initialized(container, picture)]
    if not incomplete or any(container.has_run for container in picture.regular):
        return {"status": "True"}
    message = f"containers with incomplete status: {_listed(incomplete)}"
    return {"status": "False", "reason": "ContainersNotInitialized", "message": message}


def _is_initialized(container: ContainerLife, picture: Picture) -> bool:
    return container.is_started if container in picture.sidecars else _has_succeeded(container)


def _ready(picture: Picture, phase: Phase) -> Body:
    if phase in (Phase.SUCCEEDED, Phase.FAILED):
        return {"status": "False", "reason": "PodCompleted" if phase is Phase.SUCCEEDED else "PodFailed"}
    unready = [container.name for container in (*picture.sidecars, *picture.regular) if not container.is_ready]
    if not unready:
        return {"status": "True"}
    message = f"containers with unready status: {_listed(unready)}"
    return {"status": "False", "reason": "ContainersNotReady", "message": message}


def _kept(conditions: Iterable[Body], before: Sequence[Body], now: datetime) -> list[Body]:
    """The conditions with their times, after those of others."""
    earlier = {condition["type"]: condition for condition in before}
    kept = []
    for condition in conditions:
        old = earlier.pop(condition["type"], {})
        since = old.get("lastTransitionTime") if old.get("status") == condition["status"] else None
        kept.append({**condition, "lastProbeTime": None, "lastTransitionTime": since or wire_time(now)})
    return [*earlier.values(), *kept]


def _statuses(containers: Iterable[ContainerLife], picture: Picture) -> list[Body]:
    return [_container_status(container, picture) for container in containers]


def _container_status(container: ContainerLife, picture: Picture) -> Body:
    is_plain_init = container in picture.initial and container not in picture.sidecars
    state = _state(container, "PodInitializing" if picture.initial else "ContainerCreating")
    last = container.end_before if "terminated" in state else container.end
    return {
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": _has_succeeded(container) if is_plain_init else container.is_ready,
        "started": container.is_started,
        "restartCount": container.restarts,
        "state": state,
        "lastState": {} if last is None else {"terminated": _terminated(last)},
    }


def _state(container: ContainerLife, on_the_way: str) -> Body:
    """What a container does; one that is started again at once has only ended so far."""
    if container.stage is Stage.RUNNING and container.started_at is not None:
        return {"running": {"startedAt": wire_time(container.started_at)}}
    if container.stage is not Stage.ENDED and container.hindrance is not None:
        message = container.hindrance.message
        return {"waiting": {"reason": container.hindrance.reason, **({"message": message} if message else {})}}
    if container.end is not None:
        return {"terminated": _terminated(container.end)}
    return {"waiting": {"reason": on_the_way}}


def _terminated(end: End) -> Body:
    return {
        "exitCode": end.code,
        "reason": end.reason,
        **({"message": end.message} if end.message else {}),
        "startedAt": wire_time(end.started_at),
        "finishedAt": wire_time(end.finished_at),
    }


def _has_succeeded(container: ContainerLife) -> bool:
    return container.stage is Stage.ENDED and container.has_ended_well


def _listed(names: Iterable[str]) -> str:
    return f"[{' '.join(names)}]"
