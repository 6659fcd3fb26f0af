"""Pods and Services as the reconciler sees them: only the fields it reads, so that lists stay cheap to parse."""

from dataclasses import field
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from models.base import OBSERVED, Compact, Condition, Meta, Time
from models.gpus import Gpus
from models.kinds import POD, POD_DISRUPTION_BUDGET, SERVICE, Key


@dataclass(frozen=True, slots=True, config=OBSERVED)
class PodCondition(Compact):
    """A condition of a Pod; looser than ours, since others write it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: Time | None = None


@dataclass(frozen=True, slots=True, config=OBSERVED)
class Waiting(Compact):
    """Why a container has not started."""

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, config=OBSERVED)
class Terminated(Compact):
    """How a container ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""
    finished_at: Time | None = None


@dataclass(frozen=True, slots=True, config=OBSERVED)
class ContainerState(Compact):
    """What a container is doing."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


@dataclass(frozen=True, slots=True, config=OBSERVED)
class ContainerStatus(Compact):
    """One container of a Pod."""

    name: str
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


@dataclass(frozen=True, slots=True, config=OBSERVED)
class SchedulingGate(Compact):
    """Something a Pod must wait for before it is scheduled."""

    name: str


@dataclass(frozen=True, slots=True, config=OBSERVED)
class Container(Compact):
    """The part of a container that the reconciler reads."""

    name: str
    restart_policy: str = ""
    restart_policy_rules: tuple[dict[str, Any], ...] = ()
    gpus: Gpus = Field(default=(), alias="resources")


@dataclass(frozen=True, slots=True, config=OBSERVED)
class ObservedPodSpec(Compact):
    """The part of a Pod's spec that the reconciler reads."""

    node_name: str = ""
    restart_policy: str = ""
    containers: tuple[Container, ...] = ()
    scheduling_gates: tuple[SchedulingGate, ...] = ()


@dataclass(frozen=True, slots=True, config=OBSERVED)
class PodStatus(Compact):
    """The part of a Pod's status that the reconciler reads."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    pod_ip: str = Field(default="", alias="podIP")
    start_time: Time | None = None
    conditions: tuple[PodCondition, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


@dataclass(frozen=True, slots=True, config=OBSERVED)
class Pod(Compact):
    """An observed Pod."""

    metadata: Meta
    spec: ObservedPodSpec = ObservedPodSpec()
    status: PodStatus = PodStatus()

    @property
    def key(self) -> Key:
        """The Pod's key."""
        return Key(POD, self.metadata.namespace, self.metadata.name)

    def condition(self, type_: str) -> PodCondition | None:
        """The Pod's condition of that type, or `None`."""
        return next((condition for condition in self.status.conditions if condition.type == type_), None)

    @property
    def is_ready(self) -> bool:
        """Whether every container is up and every readiness probe passes."""
        ready = self.condition("Ready")
        return ready is not None and ready.status == "True" and not self.is_terminating

    @property
    def is_terminating(self) -> bool:
        """Whether the Pod has been asked to go."""
        return self.metadata.deletion_timestamp is not None

    @property
    def has_ended(self) -> bool:
        """Whether the Pod has run to its end, well or badly, and will never run again."""
        return self.status.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True, config=OBSERVED)
class LoadBalancerIngress(Compact):
    """Where a load balancer can be reached."""

    ip: str = ""
    hostname: str = ""


@dataclass(frozen=True, slots=True, config=OBSERVED)
class LoadBalancer(Compact):
    """A Service's load balancer."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


@dataclass(frozen=True, slots=True, config=OBSERVED)
class ServiceStatus(Compact):
    """The part of a Service's status that the reconciler reads."""

    load_balancer: LoadBalancer = LoadBalancer()


@dataclass(frozen=True, slots=True, config=OBSERVED)
class Service(Compact):
    """An observed Service; its spec is kept as it is, since the user may have set any of it."""

    metadata: Meta
    spec: dict[str, Any] = field(default_factory=dict)
    status: ServiceStatus = ServiceStatus()

    @property
    def key(self) -> Key:
        """The Service's key."""
        return Key(SERVICE, self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True, config=OBSERVED)
class PodDisruptionBudget(Compact):
    """An observed PodDisruptionBudget; its spec is kept as it is, so that nothing that someone added stays unseen."""

    metadata: Meta
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """The budget's key."""
        return Key(POD_DISRUPTION_BUDGET, self.metadata.namespace, self.metadata.name)


__all__ = ["Condition", "Pod", "PodDisruptionBudget", "Service"]
