"""The conditions of the custom resources: their types, their reasons, and when they change.

    type             on                 false because
    Ready            all four           a blocking topic (below), NotCreated, SchedulerNotReady, ServiceNotReady,
                                        WorkersNotReady, ClusterNotReady, RunnerNotReady, Finished, NotActing
    SchedulerReady   cluster            NotCreated, SchedulerNotReady, Replacing
    WorkersReady     cluster            NotCreated, WorkersNotReady
    Progressing      cluster, group,    Settled, Finished, OnDelete, or blocked: a blocking topic, Refused,
                     job                DeletionDisabled, ChangesUndone.
                                        True: Creating, Starting, RollingOut, ScalingDown, Running, BackOff,
                                        DeletionCap, ApiUnavailable, WaitingForTermination
    Accepted         cluster, group,    the API server's own reason, such as Invalid or Forbidden, or Refused.
                     job                True: Accepted, UnknownField, InvalidAnnotation
    RunnerUpToDate   job                RunnerTemplateChanged
    Complete         job                NotFinished, RunnerFailed
    Failed           job                NotFinished, Succeeded

Blocking topics: Invalid, NameTooLong, ManagedByDaskKubernetes, NameConflict, ClusterNotFound, InternalError. The first
four types are Unknown, because of Incomplete, when part of the resource cannot be read. docs/conditions.md says it
for users.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from models.base import Condition, find_condition
from reconciler.passes.report.sentences import sentence, shorten
from reconciler.passes.values import Finding, Topic


class Type(StrEnum):
    """What conditions are about."""

    READY = "Ready"
    SCHEDULER_READY = "SchedulerReady"
    WORKERS_READY = "WorkersReady"
    PROGRESSING = "Progressing"
    ACCEPTED = "Accepted"
    RUNNER_UP_TO_DATE = "RunnerUpToDate"
    COMPLETE = "Complete"
    FAILED = "Failed"


class Reason(StrEnum):
    """Why conditions are as they are, beside the topics of findings and the API server's own reasons."""

    READY = "Ready"
    INCOMPLETE = "Incomplete"
    NOT_CREATED = "NotCreated"
    SCHEDULER_NOT_READY = "SchedulerNotReady"
    REPLACING = "Replacing"
    SERVICE_NOT_READY = "ServiceNotReady"
    WORKERS_NOT_READY = "WorkersNotReady"
    CLUSTER_NOT_READY = "ClusterNotReady"
    RUNNER_NOT_READY = "RunnerNotReady"
    NOT_ACTING = "NotActing"
    CREATING = "Creating"
    STARTING = "Starting"
    RUNNING = "Running"
    ROLLING_OUT = "RollingOut"
    SCALING_DOWN = "ScalingDown"
    ON_DELETE = "OnDelete"
    SETTLED = "Settled"
    FINISHED = "Finished"
    ACCEPTED = "Accepted"
    UP_TO_DATE = "UpToDate"
    NOT_FINISHED = "NotFinished"
    SUCCEEDED = "Succeeded"
    RUNNER_FAILED = "RunnerFailed"


BLOCKING = (
    Topic.INVALID,
    Topic.NAME_TOO_LONG,
    Topic.OTHER_OPERATOR,
    Topic.NAME_CONFLICT,
    Topic.CLUSTER_NOT_FOUND,
    Topic.INTERNAL_ERROR,
)
"""Topics that make a resource not ready whatever else is known of it, the weightiest first."""


NEEDS_ALL = frozenset({Type.READY, Type.SCHEDULER_READY, Type.WORKERS_READY, Type.PROGRESSING})
"""Conditions that cannot be worked out when part of a resource cannot be read."""


def true(type_: Type, reason: str, message: str) -> Condition:
    """A condition that holds."""
    return Condition(type=type_, status="True", reason=reason, message=shorten(message))


def false(type_: Type, reason: str, message: str) -> Condition:
    """A condition that does not hold."""
    return Condition(type=type_, status="False", reason=reason, message=shorten(message))


def is_true(condition: Condition | None) -> bool:
    """Whether the condition is there and holds."""
    return condition is not None and condition.status == "True"


def blocked(findings: Sequence[Finding]) -> Condition | None:
    """`Ready` as it is when something stands in the way of the whole resource; `None` if nothing does."""
    for topic in BLOCKING:
        messages = messages_on(findings, topic)
        if messages:
            return false(Type.READY, topic, " ".join(messages))
    return None


def messages_on(findings: Iterable[Finding], topic: Topic) -> list[str]:
    """What the findings on that topic say, as sentences in a fixed order, without the name of whom they are told."""
    texts = {finding.message.removeprefix(f"{finding.about}: ") for finding in findings if finding.topic is topic}
    return [sentence(text) for text in sorted(texts)]


def settle(
    conditions: Iterable[Condition], observed: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions as they are written: with the generation, and with the time at which their status last changed.

    Args:
        conditions: What was worked out.
        observed: The conditions that the resource has.
        generation: The resource's `metadata.generation`.
        now: The time of a change that is seen now.
    """
    return tuple(
        condition.model_copy(
            update={"observed_generation": generation, "last_transition_time": _since(condition, observed) or now}
        )
        for condition in conditions
    )


def _since(condition: Condition, observed: tuple[Condition, ...]) -> datetime | None:
    before = find_condition(observed, condition.type)
    return before.last_transition_time if before is not None and before.status == condition.status else None
