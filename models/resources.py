"""The four custom resources: strict and described where the fields are ours, open where Kubernetes' are.

The docstrings under the fields are what `kubectl explain` and docs/resources.md show.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_serializer, model_validator

from models.base import Meta, Model, without_nulls
from models.behavior import Behavior
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Key, Kind
from models.rules import (
    LONGEST_CLUSTER_NAME,
    LONGEST_GROUP_NAME,
    checked,
    named_at_most,
    named_without_dots,
    rule,
)
from models.status import (
    DaskAutoscalerStatus,
    DaskClusterStatus,
    DaskJobStatus,
    DaskWorkerGroupStatus,
    Failures,
    JobStatus,
    Phase,
    Status,
)
from models.templates import (
    STORED,
    ClusterName,
    Count,
    GroupName,
    Least,
    Limit,
    Metadata,
    PodSpec,
    RollingUpdate,
    SchedulerSpec,
    SchedulerUpdateStrategy,
    Seconds,
    ServiceSpec,
    WorkerSpec,
    WorkerUpdateStrategy,
)


class IdleSpec(Model):
    """What `idleTimeout` does, and what counts as idle."""

    action: Literal["Delete", "ScaleToZero"] = "Delete"
    """`Delete` deletes the cluster. `ScaleToZero` sets the `replicas` of its worker groups to 0, but for those that a
    DaskAutoscaler scales; whoever sets them again wakes it up. Either way, results that only workers hold are lost."""
    count_clients: Annotated[bool, Field(strict=True)] = False
    """Whether a cluster with a connected Client is never idle. By default only tasks count, as in dask-kubernetes. The
    dashboard's port of the scheduler Pod must be within the reconciler's reach."""


class DaskClusterSpec(Model):
    """What a Dask cluster consists of."""

    idle_timeout: Limit = Field(default=0, json_schema_extra=STORED)
    """For how many seconds the scheduler may have nothing to do before the cluster is deleted, or scaled to 0; 0 means
    for ever. A job's cluster goes with its job alone."""
    idle: IdleSpec = Field(default_factory=IdleSpec)
    """What `idleTimeout` does, and what counts as idle."""
    ttl_seconds: Limit = 0
    """For how many seconds the cluster lives, from its creation on, whatever it does; then it is deleted. 0 means for
    ever."""
    scheduler: SchedulerSpec
    """The scheduler and its Service."""
    worker: WorkerSpec
    """The default worker group."""


class DaskWorkerGroupSpec(Model):
    """A group of equal workers and the cluster that they join."""

    cluster: ClusterName
    """The name of the DaskCluster, in the same namespace, that the workers join. It cannot be changed."""
    worker: WorkerSpec
    """The workers."""


def _ignored(_: Any) -> dict[str, Any]:
    return {}


NO_TTL = "is not for a job's cluster, which goes with its job: set activeDeadlineSeconds in the runner's PodSpec"


class ClusterTemplate(Model):
    """The DaskCluster that a job brings with it."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            rule("!has(self.spec.ttlSeconds) || self.spec.ttlSeconds == 0", NO_TTL, field=".spec.ttlSeconds")
        )
    )

    metadata: Metadata = Field(default_factory=Metadata)
    """Labels and annotations of the cluster."""
    spec: DaskClusterSpec
    """The cluster's spec."""
    status: Annotated[dict[str, Any], BeforeValidator(_ignored)] = Field(default_factory=dict, exclude=True)
    """Ignored: accepted because a whole DaskCluster may have been copied here."""

    @model_validator(mode="after")
    def _lives_as_long_as_its_job(self) -> Self:
        if self.spec.ttl_seconds:
            raise ValueError(f"spec.ttlSeconds {NO_TTL}")
        return self


class RunnerTemplate(Model):
    """The Pod that runs a job's command."""

    metadata: Metadata = Field(default_factory=Metadata)
    """Labels and annotations of the runner Pod."""
    spec: PodSpec
    """The runner's PodSpec. Its `restartPolicy` is `OnFailure` unless given. The job ends with its container called
    `job` or `job-runner`, or else with all that are not called as sidecars are."""


class DaskJobSpec(Model):
    """A command to run to completion and the Dask cluster it runs on."""

    job: RunnerTemplate
    """The Pod that runs the command."""
    cluster: ClusterTemplate
    """The cluster, created for the job and removed after it."""


class DaskAutoscalerSpec(Model):
    """Between which bounds the number of workers in one worker group of a cluster follows the work, and how fast."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            rule(
                "self.minimum <= self.maximum",
                "must not be greater than maximum",
                found=["self.minimum", "self.maximum"],
                field=".minimum",
            ),
            # Here and not at the field: a rule there would not see it come and go.
            rule(
                "has(self.workerGroup) == has(oldSelf.workerGroup)"
                " && (!has(self.workerGroup) || self.workerGroup == oldSelf.workerGroup)",
                "cannot be changed: delete this object and create one for the other group",
                field=".workerGroup",
            ),
        )
    )

    cluster: ClusterName
    """The name of the DaskCluster, in the same namespace, to scale. It cannot be changed."""
    worker_group: GroupName | None = None
    """The name of the DaskWorkerGroup of that cluster to scale; left out, it is the cluster's default group. It cannot
    be changed."""
    minimum: Least
    """The least number of workers. Less than 0 counts as 0."""
    maximum: Limit
    """The greatest number of workers."""
    target_duration_seconds: Seconds | None = None
    """In how many seconds what there is to do should be done: the shorter, the more workers. Left out, it is what the
    scheduler is configured with (`distributed.adaptive.target-duration`, 5 s by default)."""
    behavior: Behavior = Field(default_factory=Behavior)
    """How fast the number of workers may change."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum ({self.minimum}) must not be greater than maximum ({self.maximum})")
        return self


class Resource(Model):
    """What all four custom resources share."""

    metadata: Meta

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """The resource that JSON-ready data stands for; nulls are as good as absent."""
        return super().model_validate(without_nulls(obj), **options)

    @field_serializer("metadata")
    def _written_metadata(self, metadata: Meta) -> dict[str, Any]:
        return metadata.written()

    @classmethod
    def kind(cls) -> Kind:
        """The resource's kind."""
        raise NotImplementedError

    @property
    def key(self) -> Key:
        """The resource's key."""
        return Key(self.kind(), self.metadata.namespace, self.metadata.name)


class DaskCluster(Resource):
    """A Dask cluster: a scheduler, the Service in front of it, and a default group of workers."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            named_at_most(LONGEST_CLUSTER_NAME, "the scheduler's Service is named after it"),
            named_without_dots("the scheduler's Service is named after it"),
        )
    )

    spec: DaskClusterSpec
    """What the cluster consists of."""
    status: DaskClusterStatus = Field(default_factory=DaskClusterStatus)
    """What is seen of it."""

    @classmethod
    def kind(cls) -> Kind:
        """The resource's kind."""
        return DASK_CLUSTER


class DaskWorkerGroup(Resource):
    """A group of equal workers that join a DaskCluster."""

    model_config = ConfigDict(
        json_schema_extra=checked(named_at_most(LONGEST_GROUP_NAME, "the workers' Pods are named after it"))
    )

    spec: DaskWorkerGroupSpec
    """The workers, and the cluster they join."""
    status: DaskWorkerGroupStatus = Field(default_factory=DaskWorkerGroupStatus)
    """What is seen of them."""

    @classmethod
    def kind(cls) -> Kind:
        """The resource's kind."""
        return DASK_WORKER_GROUP


class DaskJob(Resource):
    """A Pod that runs a command to completion on a Dask cluster of its own."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            named_at_most(LONGEST_CLUSTER_NAME, "its DaskCluster is named after it"),
            named_without_dots("its DaskCluster is named after it"),
        )
    )

    spec: DaskJobSpec
    """The command and its cluster."""
    status: DaskJobStatus = Field(default_factory=DaskJobStatus)
    """How far it has come."""

    @classmethod
    def kind(cls) -> Kind:
        """The resource's kind."""
        return DASK_JOB


class DaskAutoscaler(Resource):
    """The number of workers in a worker group of a DaskCluster follows the work that its scheduler has."""

    spec: DaskAutoscalerSpec
    """The cluster, the bounds, and how fast."""
    status: DaskAutoscalerStatus = Field(default_factory=DaskAutoscalerStatus)
    """What is seen of it, and what is wanted."""

    @classmethod
    def kind(cls) -> Kind:
        """The resource's kind."""
        return DASK_AUTOSCALER


__all__ = [
    "ClusterTemplate",
    "Count",
    "DaskAutoscaler",
    "DaskAutoscalerSpec",
    "DaskAutoscalerStatus",
    "DaskCluster",
    "DaskClusterSpec",
    "DaskClusterStatus",
    "DaskJob",
    "DaskJobSpec",
    "DaskJobStatus",
    "DaskWorkerGroup",
    "DaskWorkerGroupSpec",
    "DaskWorkerGroupStatus",
    "Failures",
    "IdleSpec",
    "JobStatus",
    "Metadata",
    "Phase",
    "PodSpec",
    "Resource",
    "RollingUpdate",
    "RunnerTemplate",
    "SchedulerSpec",
    "SchedulerUpdateStrategy",
    "ServiceSpec",
    "Status",
    "WorkerSpec",
    "WorkerUpdateStrategy",
]
