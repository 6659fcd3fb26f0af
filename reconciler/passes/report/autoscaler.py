"""The status of a DaskAutoscaler, in the words of a HorizontalPodAutoscaler."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from models.base import Condition, find_condition, wire_time
from models.resources import DaskAutoscaler, DaskCluster
from models.status import DaskAutoscalerStatus
from reconciler.passes.report.conditions import blocked, condition, is_true, settle
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.passes.values import Result, Verb
from reconciler.rules.adapting import Scaling, group_of, scaling_of
from reconciler.rules.dask_workers import DaskWorkers, Knowledge
from reconciler.rules.parts import ClusterParts, cluster_key, cluster_of, is_live, workers_of
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason
from reconciler.rules.scaling_behavior import Limit

_LIMITED = {
    Limit.NOTHING: (Reason.DESIRED_WITHIN_RANGE, "There are to be as many workers as are wanted."),
    Limit.MINIMUM: (Reason.TOO_FEW_REPLICAS, "Fewer workers are wanted than spec.minimum, {0.minimum}."),
    Limit.MAXIMUM: (Reason.TOO_MANY_REPLICAS, "More workers are wanted than spec.maximum, {0.maximum}."),
    Limit.UP_POLICY: (Reason.SCALE_UP_LIMIT, "More workers are wanted than spec.behavior.scaleUp lets come now."),
    Limit.DOWN_POLICY: (Reason.SCALE_DOWN_LIMIT, "More workers are to go than spec.behavior.scaleDown lets go now."),
}
_DOES_NOT_ACT = "The autoscaler does not act: see AbleToScale."
_UNKNOWN = {
    Knowledge.UNASKED: "it is not ready, or cannot be asked, as with --no-dask",
    Knowledge.AWAITED: "an answer is awaited",
    Knowledge.KNOWN: "its last answer is too old",
    Knowledge.SILENT: "it does not answer",
}


def report_autoscaler(view: View, autoscaler: DaskAutoscaler) -> DaskAutoscalerStatus:
    """The autoscaler's status: whether it acts, how many workers there are to be, and why not as many as are wanted."""
    return _Autoscaler(view, autoscaler).status()


@dataclass(frozen=True)
class _Autoscaler:
    view: View
    autoscaler: DaskAutoscaler

    def status(self) -> DaskAutoscalerStatus:
        """The whole status; while an answer is awaited, what was known still stands."""
        meta, before = self.autoscaler.metadata, self.autoscaler.status
        if self._is_awaited():
            return before
        able, active = self._able(), self._active()
        conditions = (self._ready(able, active), able, active, self._limited())
        scaling = self.scaling
        update = {
            "observed_generation": meta.generation,
            "conditions": settle(conditions, before.conditions, meta.generation, self.view.now),
            "last_scale_time": self.view.now if rescaled(self.view, self.autoscaler) else before.last_scale_time,
            "current_replicas": None,
            "desired_replicas": None,
        }
        if scaling is not None:
            there = filter(is_live, workers_of(scaling.group, self.view.snapshot))
            update |= {"current_replicas": len(list(there)), "desired_replicas": scaling.decision.replicas}
        return before.model_copy(update=update)

    def _is_awaited(self) -> bool:
        """Whether it acted, the scheduler has yet to say what it would like now, and nothing was done meanwhile."""
        before, scaling = self.autoscaler.status, self.scaling
        if scaling is None or before.observed_generation != self.autoscaler.metadata.generation:
            return False
        news = self.view.responses_of(self.autoscaler, (Verb.UPDATE, Verb.RECORD), set(Result))
        was_active = is_true(find_condition(before.conditions, ConditionType.SCALING_ACTIVE))
        is_awaited = DaskWorkers(scaling.adapting.parts).knowledge is Knowledge.AWAITED
        return is_awaited and was_active and not (news or self.view.findings_of(self.autoscaler))

    @cached_property
    def cluster(self) -> DaskCluster | None:
        """The cluster that it names."""
        return cluster_of(self.autoscaler, self.view.snapshot)

    @cached_property
    def scaling(self) -> Scaling | None:
        """What it makes of its group, if it acts."""
        if self.cluster is None or self._no_scale() is not None:
            return None
        return scaling_of(self.autoscaler, ClusterParts(self.cluster, self.view.snapshot))

    def _ready(self, able: Condition, active: Condition) -> Condition:
        """The sum of the others: the first that is not fulfilled says why."""
        stopped = blocked(ConditionType.READY, self.view.findings_of(self.autoscaler))
        if stopped is not None:
            return stopped
        if self.cluster is None:
            return condition(ConditionType.READY, Reason.CLUSTER_NOT_FOUND, able.message)
        for one in (able, active):
            if not is_true(one):
                return condition(ConditionType.READY, Reason(one.reason), one.message)
        return condition(ConditionType.READY, Reason.ACTING, active.message)

    def _no_scale(self) -> str | None:
        """Why there is no group that could be scaled, if that is so."""
        cluster = self.cluster
        if cluster is None:
            return f"There is no {cluster_key(self.autoscaler)}, which spec.cluster names."
        if cluster.metadata.deletion_timestamp is not None:
            return f"{cluster.key} is being deleted."
        troubles = (blocked(ConditionType.READY, self.view.findings_of(one)) for one in (self.autoscaler, cluster))
        trouble = next(filter(None, troubles), None)
        if trouble is not None:
            return trouble.message
        if group_of(self.autoscaler, ClusterParts(cluster, self.view.snapshot)) is None:
            named = self.autoscaler.spec.worker_group
            what = f"worker group {named}, which spec.workerGroup names" if named else "default worker group yet"
            return f"{cluster.key} has no {what}."
        return None

    def _able(self) -> Condition:
        lacking, scaling = self._no_scale(), self.scaling
        if lacking is not None:
            return condition(ConditionType.ABLE_TO_SCALE, Reason.FAILED_GET_SCALE, lacking)
        if scaling is None:
            message = "An older autoscaler acts on the worker group; delete one of them."
            return condition(ConditionType.ABLE_TO_SCALE, Reason.ANOTHER_AUTOSCALER, message)
        failed = self.view.responses_of(self.autoscaler, (Verb.UPDATE, Verb.RECORD), set(Result) - {Result.DONE})
        if failed and failed[0].error:
            message = sentence(f"The number of workers could not be changed: {failed[0].error}")
            return condition(ConditionType.ABLE_TO_SCALE, Reason.FAILED_UPDATE_SCALE, message)
        findings = self.view.findings_of(self.autoscaler)
        if findings:
            return condition(ConditionType.ABLE_TO_SCALE, Reason.FAILED_UPDATE_SCALE, sentence(findings[0].message))
        since = scaling.decision.stabilized
        if since is not None:
            return self._stabilized(scaling, since)
        message = "The worker group has as many workers as it is to have now."
        return condition(ConditionType.ABLE_TO_SCALE, Reason.READY_FOR_NEW_SCALE, message)

    def _stabilized(self, scaling: Scaling, since: datetime) -> Condition:
        behavior, wanted = self.autoscaler.spec.behavior, scaling.wanted or 0
        is_up = wanted > scaling.group.spec.worker.replicas
        seconds = (behavior.scale_up if is_up else behavior.scale_down).stabilization_window_seconds
        until = wire_time(since + timedelta(seconds=seconds))
        what, how = ("More", "come") if is_up else ("Fewer", "go")
        message = f"{what} workers are wanted since {wire_time(since)}; some {how} at {until} if that lasts."
        reason = Reason.SCALE_UP_STABILIZED if is_up else Reason.SCALE_DOWN_STABILIZED
        return condition(ConditionType.ABLE_TO_SCALE, reason, message)

    def _active(self) -> Condition:
        scaling = self.scaling
        if scaling is None:
            return condition(ConditionType.SCALING_ACTIVE, Reason.SCALING_DISABLED, _DOES_NOT_ACT)
        if scaling.wanted is None:
            knowledge = DaskWorkers(scaling.adapting.parts).knowledge
            message = f"The scheduler of {scaling.adapting.parts.cluster.key} does not say how many workers it would "
            message += f"like to have: {_UNKNOWN[knowledge]}. Their number stays as it is."
            return condition(ConditionType.SCALING_ACTIVE, Reason.FAILED_GET_TARGET, message)
        message = "The number of workers follows the work that the scheduler has."
        return condition(ConditionType.SCALING_ACTIVE, Reason.VALID_METRIC_FOUND, message)

    def _limited(self) -> Condition:
        if self.scaling is None:
            return condition(ConditionType.SCALING_LIMITED, Reason.DESIRED_WITHIN_RANGE, _DOES_NOT_ACT)
        reason, message = _LIMITED[self.scaling.decision.limit]
        return condition(ConditionType.SCALING_LIMITED, reason, message.format(self.autoscaler.spec))


def rescaled(view: View, autoscaler: DaskAutoscaler) -> str | None:
    """How the autoscaler has changed the number of workers in this pass, in words; `None` if it has not."""
    done = view.responses_of(autoscaler, (Verb.UPDATE,), (Result.DONE,))
    changes = [change for response in done for change in response.action.changes]
    return next((f"from {one.old} to {one.new}" for one in changes if one.path == "spec.worker.replicas"), None)
