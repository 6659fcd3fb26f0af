"""The reasons of Events that are no reasons of conditions; a condition's reason says itself which Event it makes."""

from enum import StrEnum
from typing import Self

from models.kinds import Kind
from reconciler.rules.reason_facts import AUTOSCALER, BUILT, CLUSTER, GROUP, JOB, EventType


class EventReason(StrEnum):
    """What has happened.

    Attributes:
        type: Whether someone should look at it.
        kinds: The kinds of resources that have such Events.
        meaning: What it means, in one line.
    """

    type: EventType
    kinds: tuple[Kind, ...]
    meaning: str

    def __new__(cls, value: str, type_: EventType, kinds: tuple[Kind, ...], meaning: str) -> Self:
        """One reason, as Events spell it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.type, member.kinds, member.meaning = type_, kinds, meaning
        return member

    FAILED_CREATE = "FailedCreate", EventType.WARNING, BUILT, "The API server refused to create an object."
    FAILED_UPDATE = "FailedUpdate", EventType.WARNING, BUILT, "The API server refused to change an object."
    CLUSTER_READY = "ClusterReady", EventType.NORMAL, CLUSTER, "The cluster became ready."
    CLUSTER_NOT_READY = (
        "ClusterNotReady",
        EventType.WARNING,
        CLUSTER,
        "The cluster was ready, and lost its scheduler or a worker.",
    )
    SCHEDULER_RECREATED = "SchedulerRecreated", EventType.NORMAL, CLUSTER, "The scheduler Pod was replaced."
    OWNER_GONE = "OwnerGone", EventType.NORMAL, CLUSTER, "The cluster was deleted: its owner was not seen any more."
    IDLE_TOO_LONG = (
        "IdleTimeout",
        EventType.NORMAL,
        CLUSTER,
        "The cluster was deleted: it was idle for as long as `spec.idleTimeout` says.",
    )
    TTL_OVER = (
        "TTLExpired",
        EventType.NORMAL,
        CLUSTER,
        "The cluster was deleted: it was as old as `spec.ttlSeconds` says.",
    )
    SCALED_TO_ZERO = (
        "ScaledToZero",
        EventType.NORMAL,
        GROUP,
        "The group's `replicas` were set to 0: its cluster was idle for as long as `spec.idleTimeout` says.",
    )
    SCALED_UP = "ScaledUp", EventType.NORMAL, GROUP, "Workers were added."
    SCALED_DOWN = "ScaledDown", EventType.NORMAL, GROUP, "Workers were taken away."
    WORKERS_RETIRED = (
        "WorkersRetired",
        EventType.NORMAL,
        GROUP,
        "Workers that were to go are gone, and had handed over what only they held, as far as others could take it.",
    )
    RETIREMENT_GIVEN_UP = (
        "RetirementGivenUp",
        EventType.WARNING,
        GROUP,
        "Workers were deleted at their deadline, with what they still held and ran, which is computed again.",
    )
    WORKERS_ROLLED_OUT = "WorkersRolledOut", EventType.NORMAL, GROUP, "All workers are from the present template."
    SUCCESSFUL_RESCALE = (
        "SuccessfulRescale",
        EventType.NORMAL,
        AUTOSCALER,
        "The autoscaler changed the number of workers that its group is to have.",
    )
    JOB_STARTED = "JobStarted", EventType.NORMAL, JOB, "The runner Pod is running."
    JOB_COMPLETE = "JobComplete", EventType.NORMAL, JOB, "The job's command succeeded."
    JOB_FAILED = "JobFailed", EventType.WARNING, JOB, "The job's command failed."
