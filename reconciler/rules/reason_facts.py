"""What there is to know of a reason: on which conditions it stands, and what follows from it."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind

Status = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """What conditions are about."""

    READY = "Ready"
    SCHEDULER_READY = "SchedulerReady"
    WORKERS_READY = "WorkersReady"
    PROGRESSING = "Progressing"
    ACCEPTED = "Accepted"
    COMPLETE = "Complete"
    FAILED = "Failed"
    RUNNER_UP_TO_DATE = "RunnerUpToDate"
    IDLE = "Idle"
    ABLE_TO_SCALE = "AbleToScale"
    SCALING_ACTIVE = "ScalingActive"
    SCALING_LIMITED = "ScalingLimited"


class EventType(StrEnum):
    """Whether someone should look at an Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Use:
    """How a reason stands on conditions.

    Args:
        types: The condition types.
        status: The conditions' status.
        kinds: The kinds of resources that have it.
        meaning: What it means, in one line.
        remedy: What to do, in one line; empty if there is nothing to do.
        event: The type of the Event that is sent when it appears; `None` if none is.
    """

    types: tuple[ConditionType, ...]
    status: Status
    kinds: tuple[Kind, ...]
    meaning: str
    remedy: str = ""
    event: EventType | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """What follows from a finding.

    Args:
        log_level: At which level it is logged; `NOTSET` if no finding has the reason.
        blocks: Whether its resource is not ready, whatever else is known of it.
        unbuildable: Whether nothing can be built before the resource is edited: a cluster's phase is `Error`.
        needs_person: Whether it stays until a person acts; else it passes with time.
        echoes_write: Whether it may only repeat that a write failed, which is logged by itself.
    """

    log_level: int = logging.NOTSET
    blocks: bool = False
    unbuildable: bool = False
    needs_person: bool = False
    echoes_write: bool = False


def outcome(complete: Status, failed: Status, meaning: str, remedy: str = "") -> tuple[Use, Use]:
    """How a reason stands on the conditions `Complete` and `Failed` of a job."""
    of_complete = Use((ConditionType.COMPLETE,), complete, JOB, meaning, remedy)
    return of_complete, Use((ConditionType.FAILED,), failed, JOB, meaning, remedy)


CLUSTER, GROUP, JOB, AUTOSCALER = (DASK_CLUSTER,), (DASK_WORKER_GROUP,), (DASK_JOB,), (DASK_AUTOSCALER,)
BUILT = (*CLUSTER, *GROUP, *JOB)
"""The kinds that the reconciler makes something from."""
SCALED = (*CLUSTER, *GROUP)
"""The kinds that have workers."""
ALL = (*BUILT, *AUTOSCALER)
