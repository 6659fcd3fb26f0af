"""The reasons of conditions, with all that is decided by reason; docs/conditions.md is generated from it.

A `Reason` says on which conditions it stands, with which status, what it means and what to do. A finding has a reason
too: the one of the condition that it ends up in. `Accepted` also has the API server's own reasons, such as `Forbidden`.
"""

import logging
from enum import StrEnum
from functools import partial
from typing import Self

from reconciler.rules.reason_facts import (
    ALL,
    AUTOSCALER,
    BUILT,
    CLUSTER,
    GROUP,
    JOB,
    SCALED,
    ConditionType,
    EventType,
    Handling,
    Use,
    outcome,
)

_READY = (ConditionType.READY,)
_SCHEDULER_READY = (ConditionType.SCHEDULER_READY,)
_WORKERS_READY = (ConditionType.WORKERS_READY,)
_PROGRESSING = (ConditionType.PROGRESSING,)
_RUNNER = (ConditionType.RUNNER_UP_TO_DATE,)
_ABLE = (ConditionType.ABLE_TO_SCALE,)
_ACTIVE = (ConditionType.SCALING_ACTIVE,)
_LIMITED = (ConditionType.SCALING_LIMITED,)

_blocked = partial(Use, (*_READY, *_PROGRESSING), "False", event=EventType.WARNING)
_unready = partial(Use, _READY, "False")
_under_way = partial(Use, _PROGRESSING, "True")
_at_rest = partial(Use, _PROGRESSING, "False")
_idle = partial(Use, (ConditionType.IDLE,))
_accepted = partial(Use, (ConditionType.ACCEPTED,), "True")
_blocking = partial(Handling, blocks=True, needs_person=True)


class Reason(StrEnum):
    """Why conditions are as they are, and what findings are about; of several findings the first here counts most.

    Attributes:
        uses: How it stands on conditions; at most one use for each type.
        handling: What follows from a finding with this reason.
    """

    uses: tuple[Use, ...]
    handling: Handling

    def __new__(cls, value: str, *facts: Use | Handling) -> Self:
        """One reason, as conditions spell it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.uses = tuple(fact for fact in facts if isinstance(fact, Use))
        member.handling = next((fact for fact in facts if isinstance(fact, Handling)), Handling())
        return member

    # Findings that block: they make a resource not ready, whatever else is known of it.
    INVALID = (
        "Invalid",
        _blocked(ALL, "The resource cannot be read.", "Correct the field in the message."),
        _blocking(logging.WARNING, unbuildable=True),
    )
    NAME_TOO_LONG = (
        "NameTooLong",
        _blocked(
            BUILT,
            "The name is too long, or not valid, for the cluster's Services.",
            "Choose another name.",
        ),
        *outcome("False", "True", "The job can never run under its name.", "Choose another name."),
        _blocking(logging.WARNING, unbuildable=True),
    )
    OTHER_OPERATOR = (
        "ManagedByDaskKubernetes",
        _blocked(SCALED, "dask-kubernetes runs the cluster; it is left alone.", "Create the cluster anew."),
        _blocking(logging.INFO),
    )
    NAME_CONFLICT = (
        "NameConflict",
        _blocked(ALL, "An object that has a needed name belongs to someone else.", "Delete or rename it."),
        _blocking(logging.WARNING),
    )
    CLUSTER_NOT_FOUND = (
        "ClusterNotFound",
        _blocked(
            (*GROUP, *AUTOSCALER), "There is no cluster of the name in `spec.cluster`.", "Create it, or name another."
        ),
        _blocking(logging.INFO),
    )
    NO_SCHEDULER_PORT = (
        "NoSchedulerPort",
        _blocked(SCALED, "No port of the Service is known to lead to the scheduler.", "Name that port `tcp-comm`."),
        _blocking(logging.WARNING, unbuildable=True),
    )
    INTERNAL_ERROR = (
        "InternalError",
        _blocked(
            ALL, "A bug in the reconciler; it leaves this resource alone.", "Report it, with the traceback in its log."
        ),
        _blocking(logging.WARNING),
    )
    INCOMPLETE = (
        "Incomplete",
        Use(
            (*_READY, *_PROGRESSING, *_SCHEDULER_READY, *_WORKERS_READY),
            "Unknown",
            BUILT,
            "The resource has an object that cannot be read; nothing is done.",
            "Correct what the message names.",
        ),
    )

    # Whether things are ready.
    READY = (
        "Ready",
        Use(_READY, "True", BUILT, "The scheduler and all workers are ready; for a job, also its runner Pod."),
        Use(_SCHEDULER_READY, "True", CLUSTER, "The scheduler Pod is ready."),
        Use(_WORKERS_READY, "True", CLUSTER, "As many workers of all groups are ready as are wanted."),
    )
    NOT_CREATED = (
        "NotCreated",
        Use(
            (*_READY, *_SCHEDULER_READY, *_WORKERS_READY),
            "False",
            (*CLUSTER, *JOB),
            "The first objects do not exist yet.",
            "Wait, or see `Accepted` and `Progressing`.",
        ),
    )
    SCHEDULER_NOT_READY = (
        "SchedulerNotReady",
        Use(
            (*_READY, *_SCHEDULER_READY),
            "False",
            CLUSTER,
            "The scheduler Pod is missing or not ready.",
            "See the message: an image, resources, the command.",
        ),
    )
    NOT_ANSWERING = (
        "NotAnswering",
        Use(
            _SCHEDULER_READY,
            "True",
            CLUSTER,
            "The scheduler Pod is ready, but the reconciler cannot ask it: workers count as soon as their Pods are "
            "ready, and go without [handing over](dask.md) what they hold.",
            "See the message: a right, a Secret, a NetworkPolicy; or the scheduler hangs.",
            event=EventType.WARNING,
        ),
    )
    REPLACING = (
        "Replacing",
        Use(_SCHEDULER_READY, "False", CLUSTER, "The scheduler Pod has ended, or its template was edited.", "Wait."),
    )
    SERVICE_NOT_READY = (
        "ServiceNotReady",
        _unready(
            CLUSTER, "A LoadBalancer Service has no address yet.", "Wait, or see why your load balancers get none."
        ),
    )
    WORKERS_NOT_READY = (
        "WorkersNotReady",
        Use(
            (*_READY, *_WORKERS_READY),
            "False",
            SCALED,
            "Fewer workers are ready than wanted, or have joined their scheduler.",
            "See the message, or ask for fewer workers. Of workers that run and have not joined, see the logs: the "
            "address in the message, a network policy, TLS or another version of Dask may keep them away.",
        ),
    )
    CLUSTER_NOT_READY = (
        "ClusterNotReady",
        _unready(JOB, "The job's cluster is not ready.", "See the message, and the cluster."),
    )
    RUNNER_NOT_READY = (
        "RunnerNotReady",
        _unready(JOB, "The runner Pod is not ready. It starts when the scheduler is ready.", "See the message."),
    )
    FINISHED = (
        "Finished",
        Use((*_READY, *_PROGRESSING), "False", JOB, "The job has ended.", "See `Complete` and `Failed`."),
    )

    # Whether the number of workers follows the work, in the words of HorizontalPodAutoscaler.
    FAILED_GET_SCALE = (
        "FailedGetScale",
        Use(
            (*_READY, *_ABLE),
            "False",
            AUTOSCALER,
            "There is no such cluster or worker group, or it is about to go.",
            "See the message: create it, or name another.",
        ),
    )
    ANOTHER_AUTOSCALER = (
        "AnotherAutoscaler",
        Use(
            (*_READY, *_ABLE),
            "False",
            AUTOSCALER,
            "An older autoscaler acts on the worker group.",
            "Delete one of them.",
            EventType.WARNING,
        ),
    )
    FAILED_UPDATE_SCALE = (
        "FailedUpdateScale",
        Use(
            (*_READY, *_ABLE),
            "False",
            AUTOSCALER,
            "The number of workers could not be changed; it is tried again.",
            "See the message.",
            EventType.WARNING,
        ),
    )
    FAILED_GET_TARGET = (
        "FailedGetTarget",
        Use(
            (*_READY, *_ACTIVE),
            "False",
            AUTOSCALER,
            "The scheduler does not say how many workers it would like to have. Their number stays as it is.",
            "Wait until it is ready, or see why it cannot be asked.",
        ),
    )
    SCALING_DISABLED = (
        "ScalingDisabled",
        Use(_ACTIVE, "False", AUTOSCALER, "The autoscaler does not act: see `AbleToScale`."),
    )
    ACTING = "Acting", Use(_READY, "True", AUTOSCALER, "The number of workers follows the work.")
    READY_FOR_NEW_SCALE = (
        "ReadyForNewScale",
        Use(_ABLE, "True", AUTOSCALER, "The worker group has as many workers as it is to have now."),
    )
    SCALE_DOWN_STABILIZED = (
        "ScaleDownStabilized",
        Use(_ABLE, "True", AUTOSCALER, "Fewer workers are wanted; more were within the window.", "Wait."),
    )
    SCALE_UP_STABILIZED = (
        "ScaleUpStabilized",
        Use(_ABLE, "True", AUTOSCALER, "More workers are wanted; fewer were within the window.", "Wait."),
    )
    VALID_METRIC_FOUND = (
        "ValidMetricFound",
        Use(_ACTIVE, "True", AUTOSCALER, "The scheduler says how many workers it would like to have."),
    )
    TOO_FEW_REPLICAS = (
        "TooFewReplicas",
        Use(_LIMITED, "True", AUTOSCALER, "Fewer workers are wanted than `minimum`.", "Lower `minimum` to save them."),
    )
    TOO_MANY_REPLICAS = (
        "TooManyReplicas",
        Use(_LIMITED, "True", AUTOSCALER, "More workers are wanted than `maximum`.", "Raise `maximum` to be faster."),
    )
    SCALE_UP_LIMIT = (
        "ScaleUpLimit",
        Use(_LIMITED, "True", AUTOSCALER, "More workers are wanted than `behavior.scaleUp` lets come now.", "Wait."),
    )
    SCALE_DOWN_LIMIT = (
        "ScaleDownLimit",
        Use(_LIMITED, "True", AUTOSCALER, "More workers are to go than `behavior.scaleDown` lets go now.", "Wait."),
    )
    DESIRED_WITHIN_RANGE = (
        "DesiredWithinRange",
        Use(_LIMITED, "False", AUTOSCALER, "As many workers are to be there as are wanted."),
    )

    # What is being done, or why nothing is. Findings with one of these reasons postpone actions.
    NO_DELETE = (
        "DeletionDisabled",
        _at_rest(BUILT, "Deletions are switched off.", "Run without `--no-delete`."),
        Handling(logging.INFO, needs_person=True),
    )
    UNDONE = (
        "ChangesUndone",
        _at_rest(
            BUILT,
            "Something, such as a webhook or another controller, takes back what is written; it is tried again later.",
            "Change what takes it back.",
            event=EventType.WARNING,
        ),
        Handling(logging.WARNING, needs_person=True),
    )
    DELETION_CAP = (
        "DeletionCap",
        _under_way(
            BUILT,
            "More is to be deleted than `--deletion-cap` allows in one pass; the rest follows.",
            "Wait, or raise it.",
        ),
        Handling(logging.WARNING),
    )
    BACK_OFF = (
        "BackOff",
        _under_way(BUILT, "Something failed, and is tried again at the time in the message.", "See the message."),
        Handling(logging.INFO, echoes_write=True),
    )
    TERMINATING = (
        "WaitingForTermination",
        _under_way(BUILT, "An object that has a needed name is being deleted.", "Wait, or see what keeps it."),
        Handling(logging.INFO),
    )
    REFUSED = (
        "Refused",
        _at_rest(BUILT, "The API server refused a deletion or a status.", "Grant the right that the message names."),
        Use((ConditionType.ACCEPTED,), "False", BUILT, "The API server gave no reason.", "See the message."),
    )
    UNAVAILABLE = (
        "ApiUnavailable",
        _under_way(BUILT, "The API server did not answer, or answered with a server error.", "Wait."),
    )
    CREATING = "Creating", _under_way(BUILT, "Objects are being created.", "Wait.")
    STARTING = "Starting", _under_way(BUILT, "Pods or a load balancer are starting.", "Wait, or see `Ready`.")
    RUNNING = "Running", _under_way(JOB, "The job's command is running.", "Wait.")
    ROLLING_OUT = (
        "RollingOut",
        _under_way(
            SCALED,
            "Workers are being replaced: their template was edited.",
            "Wait. It goes on when new workers are ready: see `Ready`.",
        ),
    )
    SCALING_DOWN = "ScalingDown", _under_way(SCALED, "There are more workers than wanted.", "Wait.")
    ON_DELETE = (
        "OnDelete",
        _at_rest(
            SCALED, "Workers are from an older template, and `updateStrategy` is `OnDelete`.", "Delete their Pods."
        ),
    )
    SETTLED = "Settled", _at_rest(SCALED, "There is nothing to do.")

    # Whether the API server takes what is made from the resource.
    ACCEPTED = "Accepted", _accepted(BUILT, "Nothing was refused.")
    UNKNOWN_FIELD = (
        "UnknownField",
        _accepted(
            BUILT, "The API server warned, such as of a misspelled field.", "Correct the template.", EventType.WARNING
        ),
    )
    INVALID_ANNOTATION = (
        "InvalidAnnotation",
        _accepted(
            CLUSTER,
            "An annotation that sets the cluster's [lifetime](architecture.md#an-owners-sign-of-life) cannot be read, "
            "so that the cluster outlives its owner.",
            "Correct or remove the annotation in the message.",
            EventType.WARNING,
        ),
        Handling(logging.WARNING, needs_person=True),
    )

    # Whether a cluster with `spec.idleTimeout` is idle.
    IDLE = "Idle", _idle("True", CLUSTER, "The scheduler has had nothing to do for a while.", "See the message.")
    ENDING = (
        "IdleTimeoutNear",
        _idle(
            "True",
            CLUSTER,
            "Three quarters of `spec.idleTimeout` are over.",
            "Give it work, or raise `spec.idleTimeout`, if you need it.",
            EventType.NORMAL,
        ),
    )
    BUSY = "Busy", _idle("False", CLUSTER, "The scheduler has something to do, or had until a moment ago.")
    ASLEEP = (
        "NoWorkers",
        _idle(
            "False",
            CLUSTER,
            "No worker group wants workers that `ScaleToZero` could take away; idleness is not counted.",
            "Scale a group up to have workers again.",
        ),
    )
    IDLENESS_UNKNOWN = (
        "SchedulerUnknown",
        _idle(
            "Unknown", CLUSTER, "The scheduler does not say whether it is idle: the cluster stays.", "See the message."
        ),
    )

    # What became of a job.
    NOT_FINISHED = "NotFinished", *outcome("False", "False", "The job has not ended yet.")
    SUCCEEDED = "Succeeded", *outcome("True", "False", "The command ended with exit code 0.")
    RUNNER_FAILED = (
        "RunnerFailed",
        *outcome("False", "True", "The command failed; the message has the exit code.", "See the runner Pod's log."),
    )
    UP_TO_DATE = (
        "UpToDate",
        Use(_RUNNER, "True", JOB, "The runner Pod is from the present template, or does not exist yet."),
    )
    RUNNER_CHANGED = (
        "RunnerTemplateChanged",
        Use(
            _RUNNER,
            "False",
            JOB,
            "`spec.job` was edited after the runner Pod had begun; that runs on as it was.",
            "Delete the Pod to run the job anew.",
            EventType.WARNING,
        ),
        Handling(logging.INFO, needs_person=True),
    )

    @property
    def types(self) -> frozenset[ConditionType]:
        """The conditions that it stands on."""
        return frozenset(type_ for use in self.uses for type_ in use.types)

    def use(self, type_: str) -> Use:
        """How it stands on conditions of that type.

        Raises:
            ValueError: it does not stand on them.
        """
        for use in self.uses:
            if type_ in use.types:
                return use
        raise ValueError(f"{self} is no reason of the condition {type_}.")
