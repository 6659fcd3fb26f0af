"""The status of a DaskCluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.base import Condition
from models.resources import DaskCluster
from models.status import DaskClusterStatus, Phase
from reconciler.passes.report.acceptance import accepted
from reconciler.passes.report.conditions import Reason, Type, blocked, false, is_true, settle, true
from reconciler.passes.report.group import GroupReport
from reconciler.passes.report.progress import held
from reconciler.passes.report.scheduler import has_services, live_scheduler, scheduler_ready, service_trouble
from reconciler.passes.report.sentences import shorten
from reconciler.passes.report.view import View
from reconciler.passes.report.workers import readiness, selector, shortage
from reconciler.passes.values import Topic
from reconciler.rules import names
from reconciler.rules.addresses import dashboard_address, scheduler_address
from reconciler.rules.labels import Role
from reconciler.rules.parts import find_child, naming_in_force

_UNBUILDABLE = (Topic.INVALID, Topic.NAME_TOO_LONG, Topic.NO_SCHEDULER_PORT)


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
        if reason != Topic.OTHER_OPERATOR:
            buildable = reason not in _UNBUILDABLE
            update |= self._counts()
            update |= {
                "observed_generation": self.cluster.metadata.generation,
                "phase": self._phase() if buildable else Phase.ERROR,
                "scheduler_address": scheduler_address(self.cluster) if buildable else None,
                "dashboard_address": dashboard_address(self.cluster) if buildable else None,
            }
        return self.cluster.status.model_copy(update=update)

    @cached_property
    def acceptance(self) -> Condition:
        """Whether the API server takes what is made from the cluster."""
        return accepted(self.view, self.cluster)

    def _conditions(self) -> tuple[Condition, ...]:
        scheduler = scheduler_ready(self.view, self.cluster, self.acceptance)
        workers = self._workers_ready()
        ready = blocked(self.view.findings_of(self.cluster)) or self._ready(scheduler, workers)
        progressing = held(self.view, self.cluster) or self._progressing(scheduler)
        return ready, scheduler, workers, progressing, self.acceptance

    def _ready(self, scheduler: Condition, workers: Condition) -> Condition:
        """The sum of the others: the first that is not fulfilled says why."""
        if not is_true(scheduler):
            return false(Type.READY, Reason.SCHEDULER_NOT_READY, scheduler.message)
        lacking = service_trouble(self.view, self.cluster, self.acceptance)
        if lacking is not None:
            return false(Type.READY, *lacking)
        if not is_true(workers):
            return false(Type.READY, Reason.WORKERS_NOT_READY, workers.message)
        return true(Type.READY, Reason.READY, f"The scheduler is ready. {workers.message}")

    def _workers_ready(self) -> Condition:
        if self._default_group() is None:
            message = "The default worker group has not been created yet."
            return false(Type.WORKERS_READY, Reason.NOT_CREATED, message)
        workers = [one.workers for one in self.groups]
        why = next((one.why_not_created for one in self.groups if one.workers.to_create and one.why_not_created), "")
        trouble = shortage(workers, why)
        if trouble is not None:
            return false(Type.WORKERS_READY, Reason.WORKERS_NOT_READY, trouble)
        return true(Type.WORKERS_READY, Reason.READY, readiness(workers))

    def _progressing(self, scheduler: Condition) -> Condition:
        if not is_true(scheduler):
            is_there = live_scheduler(self.view, self.cluster) is not None
            reason = Reason.STARTING if is_there else Reason.CREATING
            return true(Type.PROGRESSING, reason, scheduler.message)
        lacking = service_trouble(self.view, self.cluster, self.acceptance)
        if lacking is not None:
            reason = Reason.CREATING if lacking[0] is Reason.NOT_CREATED else Reason.STARTING
            return true(Type.PROGRESSING, reason, lacking[1])
        if self._default_group() is None:
            return true(Type.PROGRESSING, Reason.CREATING, "The default worker group has not been created yet.")
        for one in self.groups:
            if one.progressing.reason != Reason.SETTLED:
                message = shorten(f"Worker group {one.group.metadata.name}: {one.progressing.message}")
                return one.progressing.model_copy(update={"message": message})
        return false(Type.PROGRESSING, Reason.SETTLED, "Everything is as it should be.")

    def _phase(self) -> Phase:
        scheduler = live_scheduler(self.view, self.cluster)
        if scheduler is not None and service_trouble(self.view, self.cluster, self.acceptance) is None:
            return Phase.RUNNING
        was_built = self.cluster.status.phase in (Phase.PENDING, Phase.RUNNING)
        is_begun = scheduler is not None or has_services(self.view, self.cluster)
        return Phase.PENDING if was_built or is_begun else Phase.CREATED

    def _counts(self) -> dict[str, object]:
        default = self._default_group()
        desired = sum(one.workers.wanted for one in self.groups)
        ready = sum(one.workers.ready for one in self.groups)
        return {
            "replicas": len(default.workers.live) if default else 0,
            "ready_replicas": default.workers.ready if default else 0,
            "selector": selector(default.group) if default else self.cluster.status.selector,
            "desired_workers": desired,
            "ready_workers": ready,
            "workers": f"{ready}/{desired}",
        }

    def _default_group(self) -> GroupReport | None:
        mine = [
            one.group
            for one in self.groups
            if any(owner.uid == self.cluster.metadata.uid for owner in one.group.metadata.owner_references)
        ]
        name = names.default_group(naming_in_force(self.cluster), self.cluster.metadata.name)
        found = find_child(mine, Role.DEFAULT_GROUP, name)
        return next((one for one in self.groups if one.group is found), None) if found else None
