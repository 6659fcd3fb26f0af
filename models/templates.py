"""What Pods and Services are made from: strict and described where fields are ours, open where they are Kubernetes'.

The docstrings under the fields are what `kubectl explain` and docs/resources.md show.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from models.base import Model, StringMap
from models.rules import checked, rule

PodSpec = Annotated[dict[str, Any], Field(json_schema_extra={"x-definition": "io.k8s.api.core.v1.PodSpec"})]
ServiceSpec = Annotated[dict[str, Any], Field(json_schema_extra={"x-definition": "io.k8s.api.core.v1.ServiceSpec"})]
LARGEST_COUNT = 2**31 - 1
"""The greatest number that the scale subresource can carry."""
NOT_NEGATIVE = checked(rule("self >= 0", "must be 0 or more", found=["self"]))
STORED: dict[str, Any] = {"x-stored": True}
"""Marks the defaults that the API server writes into an object, as dask-kubernetes' CRDs did. The others are applied
when the object is read, so that a later version may choose better ones."""


def _counted(value: int) -> int:
    """The nearest number of workers or seconds that makes sense: dask-kubernetes' CRDs took any integer."""
    return max(0, min(value, LARGEST_COUNT))


Count = Annotated[
    int,
    Field(strict=True, ge=0, le=LARGEST_COUNT),
    WithJsonSchema({"type": "integer", "maximum": LARGEST_COUNT, **NOT_NEGATIVE}),
]
Limit = Annotated[
    int, Field(strict=True, ge=0), AfterValidator(_counted), WithJsonSchema({"type": "integer", **NOT_NEGATIVE})
]
Least = Annotated[int, Field(strict=True), AfterValidator(_counted), WithJsonSchema({"type": "integer"})]
Seconds = Annotated[
    int,
    Field(strict=True, ge=1, le=LARGEST_COUNT),
    WithJsonSchema(
        {
            "type": "integer",
            "maximum": LARGEST_COUNT,
            **checked(rule("self >= 1", "must be 1 or more", found=["self"])),
        }
    ),
]
STUCK = "maxSurge (0 by default) and maxUnavailable must not both be 0: no worker could ever be replaced"
NO_MAX_UNAVAILABLE = "is counted from the number of workers, and cannot be right for a scheduler: write minAvailable: 1"
EITHER = "needs minAvailable or maxUnavailable, and not both"
FOR_EVER = "lets no worker go, so that drains would wait for ever: let at least one go"
IntOrPercent = (
    Annotated[int, Field(strict=True, ge=0, le=LARGEST_COUNT)]
    | Annotated[str, Field(pattern="^[0-9]+%$", max_length=10)]
)
ClusterName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=checked(
            rule("self == oldSelf", "cannot be changed: delete this object and create one for the other cluster")
        ),
    ),
]
GroupName = Annotated[str, Field(min_length=1, max_length=253)]


class Metadata(Model):
    """Labels and annotations for the Pods, Services and child resources made from a template."""

    labels: StringMap = Field(default_factory=dict)
    """Labels to add. `dask.org/*` labels are always set by the reconciler."""
    annotations: StringMap = Field(default_factory=dict)
    """Annotations to add."""


class SchedulerUpdateStrategy(Model):
    """What happens to the scheduler when its template is edited."""

    type: Literal["Recreate", "OnDelete"] = "Recreate"
    """`Recreate` replaces the scheduler, and with it its workers, at once; `OnDelete` waits until someone deletes
    the scheduler Pod."""


class SchedulerTls(Model):
    """Where the reconciler finds the certificates with which it may talk to a scheduler that speaks TLS."""

    secret_name: str = Field(min_length=1, max_length=253)
    """The name of a Secret in the same namespace, with the keys `ca.crt`, `tls.crt` and `tls.key`, as cert-manager and
    `kubernetes.io/tls` have them: whom to trust, and a certificate that the scheduler trusts. The reconciler must be
    given the right to read it. It is mounted nowhere."""


EvictionPolicy = Literal["AlwaysAllow", "IfHealthyBudget"]


class SchedulerDisruptionBudget(Model):
    """Whether a drain of its node leaves the scheduler alone while its workers have something to do."""

    model_config = ConfigDict(
        json_schema_extra=checked(rule("!has(self.maxUnavailable)", NO_MAX_UNAVAILABLE, field=".maxUnavailable"))
    )

    min_available: Annotated[int, Field(strict=True, ge=0, le=1)] = 1
    """How many schedulers a drain leaves: 1, until all workers have been idle for 5 minutes, or 0."""
    max_unavailable: IntOrPercent | None = None
    """Not for schedulers: Kubernetes would count it from the number of workers."""
    unhealthy_pod_eviction_policy: EvictionPolicy = "AlwaysAllow"
    """Whether a scheduler that is not ready may be evicted whatever the budget: `AlwaysAllow` or `IfHealthyBudget`."""

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        if self.max_unavailable is not None:
            raise ValueError(f"maxUnavailable {NO_MAX_UNAVAILABLE}")
        return self


class WorkerDisruptionBudget(Model):
    """How many workers of a group drains leave alone: either `minAvailable` or `maxUnavailable`."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            rule("has(self.minAvailable) != has(self.maxUnavailable)", EITHER),
            rule(
                "!has(self.maxUnavailable) || !string(self.maxUnavailable).matches('^0+%?$')",
                FOR_EVER,
                field=".maxUnavailable",
            ),
            rule(
                "!has(self.minAvailable) || !string(self.minAvailable).matches('^0*[1-9][0-9][0-9]+%$')",
                FOR_EVER,
                field=".minAvailable",
            ),
        )
    )

    min_available: IntOrPercent | None = None
    """How many workers drains leave: a number, or a percentage of `replicas`, rounded up. Where that is all of them,
    one may go at a time."""
    max_unavailable: IntOrPercent | None = None
    """How many workers may be missing at a time: a number, or a percentage of `replicas`, rounded up."""
    unhealthy_pod_eviction_policy: EvictionPolicy = "AlwaysAllow"
    """Whether workers that are not ready may be evicted whatever the budget: `AlwaysAllow` or `IfHealthyBudget`."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if (self.min_available is None) == (self.max_unavailable is None):
            raise ValueError(EITHER)
        if self.max_unavailable is not None and not int(str(self.max_unavailable).rstrip("%")):
            raise ValueError(f"maxUnavailable {FOR_EVER}")
        if isinstance(self.min_available, str) and int(self.min_available.rstrip("%")) >= 100:  # noqa: PLR2004
            raise ValueError(f"minAvailable {FOR_EVER}")
        return self


class SchedulerSpec(Model):
    """The scheduler Pod and the Service in front of it."""

    metadata: Metadata = Field(default_factory=Metadata)
    """Labels and annotations of the scheduler Pod and its Services."""
    spec: PodSpec
    """The scheduler's PodSpec."""
    service: ServiceSpec = Field(default_factory=dict)
    """The ServiceSpec of the scheduler's Service. What is left out is filled in: type ClusterIP, the selector, and
    ports for the scheduler (8786) and its dashboard (8787)."""
    disruption_budget: SchedulerDisruptionBudget | None = None
    """Asks for a PodDisruptionBudget that keeps drains from the scheduler."""
    update_strategy: SchedulerUpdateStrategy = Field(default_factory=SchedulerUpdateStrategy)
    """What happens when the scheduler's template is edited."""
    tls: SchedulerTls | None = None
    """For a scheduler that speaks TLS: where the reconciler finds certificates to talk to it. Without, it asks it
    nothing."""


class RollingUpdate(Model):
    """How many workers a rolling update may take away or add at a time, as in a Deployment."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            rule(
                "!has(self.maxUnavailable) || !string(self.maxUnavailable).matches('^0+%?$')"
                " || has(self.maxSurge) && !string(self.maxSurge).matches('^0+%?$')",
                STUCK,
            )
        )
    )

    max_surge: IntOrPercent = 0
    """How many workers may exist above `replicas`: a number or a percentage, rounded up. 0 by default, because GPUs
    are scarce."""
    max_unavailable: IntOrPercent = 1
    """How many workers may be unavailable below `replicas`: a number or a percentage, rounded down."""

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if all(str(bound).rstrip("%").strip("0") == "" for bound in (self.max_surge, self.max_unavailable)):
            raise ValueError(STUCK)
        return self


class WorkerUpdateStrategy(Model):
    """How workers are replaced when their template is edited."""

    type: Literal["RollingUpdate", "Recreate", "OnDelete"] = "RollingUpdate"
    """`RollingUpdate` replaces a few at a time, `Recreate` all at once, `OnDelete` only those that someone deletes."""
    rolling_update: RollingUpdate = Field(default_factory=RollingUpdate)
    """Bounds for `RollingUpdate`."""


class WorkerSpec(Model):
    """A group of equal workers."""

    replicas: Count = Field(default=1, json_schema_extra=STORED)
    """How many workers to run."""
    metadata: Metadata = Field(default_factory=Metadata)
    """Labels and annotations of the worker Pods."""
    spec: PodSpec
    """The PodSpec of each worker."""
    min_ready_seconds: Count = 0
    """For how many seconds a worker must be ready, without a container crashing, to count as available in a rolling
    update. It must have joined its scheduler, too, where that can be asked."""
    retirement_deadline_seconds: Count = 300
    """For how many seconds a worker that is to go may take to hand over its results and end its tasks, before it is
    deleted all the same."""
    disruption_budget: WorkerDisruptionBudget | None = None
    """Asks for a PodDisruptionBudget that bounds how many workers drains take at a time."""
    update_strategy: WorkerUpdateStrategy = Field(default_factory=WorkerUpdateStrategy)
    """How workers are replaced when the template is edited."""
