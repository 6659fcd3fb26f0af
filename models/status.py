"""What the reconciler reports on the four custom resources.

The docstrings under the fields are what `kubectl explain` and docs/resources.md show.
"""

from enum import StrEnum

from pydantic import Field
from pydantic.config import JsonDict

from models.base import Condition, Model, Time

KEYED_BY_TYPE: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
"""Lets server-side apply merge a list of conditions one by one."""


class Phase(StrEnum):
    """A cluster's coarse state, for old clients; its health is in the conditions."""

    CREATED = "Created"
    PENDING = "Pending"
    RUNNING = "Running"
    ERROR = "Error"


class Status(Model):
    """What all four statuses share."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status describes."""
    conditions: tuple[Condition, ...] = Field(default=(), json_schema_extra=KEYED_BY_TYPE)
    """The resource's state, one aspect a condition."""


class Failures(Model):
    """Pods that ended for good, from which follows how long to wait before replacing the next."""

    count: int = 0
    """How many times in a row Pods have ended so."""
    last_time: Time | None = None
    """When that was last seen."""
    template_hash: str = ""
    """The template that they were made from; another template starts without a wait."""
    message: str = ""
    """How the last of them ended."""
    newest: Time | None = None
    """When the newest of the Pods that were there then was created, by the API server's clock."""


class Retirement(Model):
    """A Pod that was chosen to go. Until its deletion has begun it can be taken back."""

    name: str
    """The Pod."""
    uid: str
    """Its uid, since a later Pod may have the same name."""
    since: Time | None = None
    """When it was chosen."""
    asked: Time | None = None
    """Since when its scheduler is asked to let it go."""
    deadline: Time | None = None
    """When it is deleted at the latest, whatever its scheduler answers."""
    ready: bool | None = None
    """False if it was not ready then: such a one does not count as ready any more."""
    unique_bytes: int | None = None
    """How many bytes of results no other worker held when it was chosen, if that was known."""


class Decisions(Model):
    """What was decided about Pods, and must not be decided differently by another reconciler or after a restart."""

    retiring: tuple[Retirement, ...] = ()
    """Pods chosen to go."""
    failures: Failures | None = None
    """Pods that ended by themselves, and the wait before replacing them."""
    losses: Failures | None = None
    """Pods lost to their nodes, and the wait before replacing them from the third in a row."""


class Idle(Model):
    """That a scheduler has had nothing to do for a while."""

    since: Time
    """When that was first seen."""
    mark: str | None = None
    """What the scheduler calls that time, by its own clock. It changes whenever it has had something to do."""


class ClusterDecisions(Decisions):
    """What was decided about scheduler Pods, and since when the scheduler is idle."""

    idle: Idle | None = None
    """Since when the scheduler is idle, so that a reconciler that starts anew counts on."""


class WorkerDecisions(Decisions):
    """What was decided about the workers of a group."""

    highest_ordinal: int | None = None
    """The highest number that a worker of this group was seen to have; numbers are never used again."""
    released: int | None = None
    """How many ready workers were chosen to go so far, without those that were taken back."""


class Retirements(Model):
    """What became of what retiring workers held and ran, as far as it was seen."""

    moved_bytes: int = 0
    """How much less they held at their end, of results that no other worker had, than when they were chosen."""
    given_up: int = 0
    """How many were deleted at their deadline, with what they still held and ran."""
    lost_tasks: int = 0
    """How many tasks ran on those that were deleted."""
    lost_results: int = 0
    """How many results went with them that no other worker had."""
    lost_bytes: int = 0
    """How large these were."""


class JobDecisions(Model):
    """What was decided about the runner of a job."""

    losses: Failures | None = None
    """Runner Pods lost to their nodes, and the wait before running the job again from the third in a row."""


class DaskClusterStatus(Status):
    """What is seen of a Dask cluster."""

    phase: Phase | None = None
    """`Created`, `Pending`, `Running` (scheduler Pod and Services exist) or `Error` (cannot be built). Says nothing
    about health: see the conditions."""
    replicas: int | None = None
    """How many worker Pods the default group has."""
    ready_replicas: int | None = None
    """How many worker Pods of the default group are ready."""
    desired_workers: int | None = None
    """How many workers all groups of the cluster want."""
    ready_workers: int | None = None
    """How many workers of all groups are ready."""
    retired_workers: int | None = None
    """How many ready workers of all groups were let go so far."""
    workers: str | None = None
    """Ready and wanted workers of all groups, as in `2/3`."""
    selector: str | None = None
    """Label selector of the default group's Pods, for autoscalers that read the scale subresource."""
    scheduler_address: str | None = None
    """Where clients inside the Kubernetes cluster reach the scheduler."""
    dashboard_address: str | None = None
    """Where browsers inside the Kubernetes cluster reach the dashboard."""
    decisions: ClusterDecisions = Field(default_factory=ClusterDecisions)
    """What was decided about scheduler Pods, and since when the scheduler is idle."""


class DaskWorkerGroupStatus(Status):
    """What is seen of a worker group."""

    replicas: int | None = None
    """How many worker Pods the group has."""
    ready_replicas: int | None = None
    """How many of them are ready."""
    updated_replicas: int | None = None
    """How many of them were made from the present template."""
    workers: str | None = None
    """Ready and wanted workers, as in `2/3`."""
    retired_replicas: int | None = None
    """How many ready workers were let go so far."""
    retirements: Retirements | None = None
    """What became of what they held and ran."""
    selector: str | None = None
    """Label selector of the group's Pods, for autoscalers that read the scale subresource."""
    decisions: WorkerDecisions = Field(default_factory=WorkerDecisions)
    """What was decided about workers."""
    highest_ordinal: int | None = None
    """Deprecated: where version 0.1 kept `decisions.highestOrdinal`. It is read once and then removed."""


class JobStatus(StrEnum):
    """How far a job has come."""

    JOB_CREATED = "JobCreated"
    CLUSTER_CREATED = "ClusterCreated"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"

    @property
    def is_outcome(self) -> bool:
        """Whether the job is over."""
        return self in (JobStatus.SUCCESSFUL, JobStatus.FAILED)


class DaskJobStatus(Status):
    """What is seen of a job."""

    job_status: JobStatus | None = None
    """`JobCreated`, `ClusterCreated`, `Running`, `Successful` or `Failed`."""
    cluster_name: str | None = None
    """The job's DaskCluster."""
    job_runner_pod_name: str | None = None
    """The Pod that runs the job's command."""
    start_time: Time | None = None
    """When the runner Pod was first seen running."""
    end_time: Time | None = None
    """When the job's outcome was seen."""
    decisions: JobDecisions = Field(default_factory=JobDecisions)
    """What was decided about the runner Pod."""


class Recommendation(Model):
    """How many workers were wanted since a time."""

    replicas: int
    """How many."""
    since: Time
    """Since when."""


class ScaleEvent(Model):
    """A change of the number of workers."""

    change: int
    """How many came; below 0, how many went."""
    time: Time
    """When."""


class AutoscalerDecisions(Model):
    """What an autoscaler must remember, so that another reconciler, or one that was restarted, decides the same."""

    group: str = ""
    """The uid of the worker group that this is about."""
    generation: int = 0
    """The group's `metadata.generation` when this was decided."""
    replicas: int = 0
    """How many workers the group was to have from then on."""
    recommendations: tuple[Recommendation, ...] = ()
    """What was wanted since, as long as it is another number and waits for a stabilization window."""
    scale_events: tuple[ScaleEvent, ...] = ()
    """The last changes, as long as a policy counts them."""
    threads: int | None = None
    """How many threads a worker Pod of the group was last seen to have."""


class DaskAutoscalerStatus(Status):
    """What is seen of an autoscaler, and what it wants."""

    current_replicas: int | None = None
    """How many worker Pods the group has."""
    desired_replicas: int | None = None
    """How many it is to have, by the last answer of the scheduler, the bounds and the behavior."""
    last_scale_time: Time | None = None
    """When the number of workers was last changed by this autoscaler."""
    decisions: AutoscalerDecisions = Field(default_factory=AutoscalerDecisions)
    """What was wanted and done lately, which behavior goes by."""
