"""The status of a DaskCluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.base import Condition
from models.resources import DaskCluster
from models.status import DaskClusterStatus, Phase
from reconciler.passes.report.acceptance import accepted
from reconciler.passes.report.conditions import blocked, condition, is_true, settle
from reconciler.passes.report.group import GroupReport
from reconciler.passes.report.idle import idle_conditions
from reconciler.passes.report.obstacle_condition import obstacle_condition
from reconciler.passes.report.scheduler import scheduler_ready, service_trouble
from reconciler.passes.report.sentences import shorten
from reconciler.passes.report.view import View
from reconciler.passes.report.workers import readiness, selector, shortage
from reconciler.rules import names
from reconciler.rules.addresses import dashboard_address, scheduler_address
from reconciler.rules.parts import ClusterParts, naming_or_default
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reason_sets import UNBUILDABLE
from reconciler.rules.reasons import Reason


def report_cluster(view: View, cluster: DaskCluster, groups: Sequence[GroupReport]) -> DaskClusterStatus:
    """The cluster's status.

    Args:
        view: The world.
        cluster: The cluster.
        groups: What is known of its groups that are not being deleted.
    """
    return _Cluster(view, cluster, tuple(sorted(groups, key=lambda one: one.group.key))).status()


@dataclass(frozen=True)
class _Cluster:
    """A cluster with what its status is worked out from."""

    view: View
    cluster: DaskCluster
    groups: tuple[GroupReport, ...]

    def status(self) -> DaskClusterStatus:
        """The whole status; of a cluster that someone else runs, only the conditions change."""
        conditions = self._conditions()
        settled = settle(conditions, self.cluster.status.conditions, self.cluster.metadata.generation, self.view.now)
        update: dict[str, object] = {"conditions": settled}
        reason = conditions[0].reason
        if reason != Reason.OTHER_OPERATOR:
            buildable = reason not in UNBUILDABLE
            update |= self._counts()
            update |= {
                "observed_generation": self.cluster.metadata.generation,
                "phase": self._phase() if buildable else Phase.ERROR,
                "scheduler_address": scheduler_address(self.cluster) if buildable else None,
                "dashboard_address": dashboard_address(self.cluster) if buildable else None,
            }
        return self.cluster.status.model_copy(update=update)

    @cached_property
    def parts(self) -> ClusterParts:
        """What the cluster consists of."""
        return ClusterParts(self.cluster, self.view.snapshot)

    @cached_property
    def acceptance(self) -> Condition:
        """Whether the API server takes what is made from the cluster."""
        return accepted(self.view, self.cluster)

    def _conditions(self) -> tuple[Condition, ...]:
        scheduler = scheduler_ready(self.view, self.parts, self.acceptance)
        workers = self._workers_ready()
        ready = blocked(ConditionType.READY, self.view.findings_of(self.cluster)) or self._ready(scheduler, workers)
        progressing = obstacle_condition(self.view, self.cluster) or self._progressing(scheduler)
        idle = () if ready.reason == Reason.OTHER_OPERATOR else idle_conditions(self.parts)
        return ready, scheduler, workers, progressing, self.acceptance, *idle

    def _ready(self, scheduler: Condition, workers: Condition) -> Condition:
        """The sum of the others: the first that is not fulfilled says why."""
        if not is_true(scheduler):
            return condition(ConditionType.READY, Reason.SCHEDULER_NOT_READY, scheduler.message)
        lacking = service_trouble(self.parts, self.acceptance)
        if lacking is not None:
            return condition(ConditionType.READY, *lacking)
        if not is_true(workers):
            return condition(ConditionType.READY, Reason.WORKERS_NOT_READY, workers.message)
        return condition(ConditionType.READY, Reason.READY, f"The scheduler is ready. {workers.message}")

    def _workers_ready(self) -> Condition:
        if self._default_group() is None:
            message = "The default worker group has not been created yet."
            return condition(ConditionType.WORKERS_READY, Reason.NOT_CREATED, message)
        workers = [one.workers for one in self.groups]
        why = next((one.why_not_created for one in self.groups if one.workers.to_create and one.why_not_created), "")
        trouble = shortage(workers, why)
        if trouble is not None:
            return condition(ConditionType.WORKERS_READY, Reason.WORKERS_NOT_READY, trouble)
        return condition(ConditionType.WORKERS_READY, Reason.READY, readiness(workers))

    def _progressing(self, scheduler: Condition) -> Condition:
        if not is_true(scheduler):
            reason = Reason.STARTING if self.parts.scheduler is not None else Reason.CREATING
            return condition(ConditionType.PROGRESSING, reason, scheduler.message)
        lacking = service_trouble(self.parts, self.acceptance)
        if lacking is not None:
            reason = Reason.CREATING if lacking[0] is Reason.NOT_CREATED else Reason.STARTING
            return condition(ConditionType.PROGRESSING, reason, lacking[1])
        if self._default_group() is None:
            return condition(
                ConditionType.PROGRESSING, Reason.CREATING, "The default worker group has not been created yet."
            )
        for one in self.groups:
            if one.progressing.reason != Reason.SETTLED:
                message = shorten(f"Worker group {one.group.metadata.name}: {one.progressing.message}")
                return one.progressing.model_copy(update={"message": message})
        return condition(ConditionType.PROGRESSING, Reason.SETTLED, "Everything is as it should be.")

    def _phase(self) -> Phase:
        scheduler = self.parts.scheduler
        if scheduler is not None and service_trouble(self.parts, self.acceptance) is None:
            return Phase.RUNNING
        was_built = self.cluster.status.phase in (Phase.PENDING, Phase.RUNNING)
        is_begun = scheduler is not None or any(service is not None for _, _, service in self.parts.services)
        return Phase.PENDING if was_built or is_begun else Phase.CREATED

    def _counts(self) -> dict[str, object]:
        default = self._default_group()
        desired = sum(one.workers.wanted for one in self.groups)
        ready = sum(one.workers.ready for one in self.groups)
        name = names.default_group(naming_or_default(self.cluster), self.cluster.metadata.name)
        return {
            "replicas": len(default.workers.live) if default else 0,
            "ready_replicas": default.workers.ready if default else 0,
            "selector": selector(default.group.metadata.name if default else name),
            "desired_workers": desired,
            "ready_workers": ready,
            "retired_workers": sum(one.workers.retired for one in self.groups) or None,
            "workers": f"{ready}/{desired}",
        }

    def _default_group(self) -> GroupReport | None:
        return next((one for one in self.groups if one.group is self.parts.default_group), None)
