"""The status of a DaskWorkerGroup."""

from dataclasses import dataclass

from models.base import Condition, find_condition
from models.kinds import DASK_CLUSTER, Key
from models.resources import DaskCluster, DaskWorkerGroup
from models.status import DaskWorkerGroupStatus
from reconciler.passes.report.acceptance import accepted
from reconciler.passes.report.conditions import blocked, condition, settle
from reconciler.passes.report.obstacle_condition import obstacle_condition
from reconciler.passes.report.retirements import retirements
from reconciler.passes.report.view import View
from reconciler.passes.report.workers import (
    Workers,
    count_workers,
    handing_over,
    readiness,
    selector,
    shortage,
    waits_for_old,
)
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What is known of a group; its cluster's status builds on it.

    Args:
        group: The group.
        workers: Its Pods.
        ready: Its condition `Ready`.
        progressing: Its condition `Progressing`.
        status: Its status.
        why_not_created: What keeps its missing Pods from being created, if that is known.
    """

    group: DaskWorkerGroup
    workers: Workers
    ready: Condition
    progressing: Condition
    status: DaskWorkerGroupStatus
    why_not_created: str


def report_group(view: View, group: DaskWorkerGroup) -> GroupReport:
    """The group's status, and what its cluster needs to know of it."""
    cluster_key = Key(DASK_CLUSTER, group.metadata.namespace, group.spec.cluster)
    cluster = view.snapshot.get(DaskCluster, cluster_key)
    workers = count_workers(group, cluster, view.snapshot)
    acceptance = accepted(view, group)
    obstacle = obstacle_condition(view, group)
    told = acceptance.message if acceptance.status == "False" else obstacle.message if obstacle is not None else ""
    why = told or waits_for_old(group, workers)
    ready = blocked(ConditionType.READY, view.findings_of(group)) or _ready(
        workers, why, None if cluster else cluster_key
    )
    progressing = obstacle or _progressing(group, workers, why)
    conditions = settle((ready, progressing, acceptance), group.status.conditions, group.metadata.generation, view.now)
    status = _status(view, group, workers, conditions)
    if ready.reason == Reason.OTHER_OPERATOR:
        status = group.status.model_copy(update={"conditions": conditions})
    return GroupReport(group, workers, ready, progressing, status, why)


def _status(
    view: View, group: DaskWorkerGroup, workers: Workers, conditions: tuple[Condition, ...]
) -> DaskWorkerGroupStatus:
    decisions = group.status.decisions
    return group.status.model_copy(
        update={
            "observed_generation": group.metadata.generation,
            "conditions": conditions,
            "replicas": len(workers.live),
            "ready_replicas": workers.ready,
            "updated_replicas": group.status.updated_replicas if workers.updated is None else workers.updated,
            "workers": f"{workers.ready}/{workers.wanted}",
            "retired_replicas": workers.retired or None,
            "retirements": retirements(view, group),
            "selector": selector(group.metadata.name),
            "highest_ordinal": group.status.highest_ordinal if decisions.highest_ordinal is None else None,
        }
    )


def _ready(workers: Workers, why_not_created: str, missing_cluster: Key | None) -> Condition:
    if missing_cluster is not None:
        message = f"There is no {missing_cluster}, which spec.cluster names."
        return condition(ConditionType.READY, Reason.CLUSTER_NOT_FOUND, message)
    trouble = shortage([workers], why_not_created)
    if trouble is not None:
        return condition(ConditionType.READY, Reason.WORKERS_NOT_READY, trouble)
    return condition(ConditionType.READY, Reason.READY, readiness([workers]))


def _progressing(group: DaskWorkerGroup, workers: Workers, why_not_created: str) -> Condition:
    live, wanted = len(workers.live), workers.wanted
    updated = live if workers.updated is None else workers.updated
    share = f"{updated} of {wanted} workers are from the present template"
    waits_for_deletion = group.spec.worker.update_strategy.type == "OnDelete"
    if (updated < live and not waits_for_deletion) or _is_rolling_on(group, workers):
        because = f": {why_not_created}" if workers.to_create and why_not_created else f".{handing_over(workers)}"
        return condition(ConditionType.PROGRESSING, Reason.ROLLING_OUT, f"{share}{because}")
    if workers.to_create:
        because = f": {why_not_created}" if why_not_created else "."
        what = f"{workers.to_create} worker{'s' * (workers.to_create > 1)}"
        return condition(ConditionType.PROGRESSING, Reason.CREATING, f"{what} to create{because}")
    if live > wanted:
        message = f"There are {live} workers, and {wanted} are wanted.{handing_over(workers)}"
        return condition(ConditionType.PROGRESSING, Reason.SCALING_DOWN, message)
    if workers.missing:
        who = "The only worker is" if wanted == 1 else f"{workers.missing} of {wanted} workers are"
        return condition(ConditionType.PROGRESSING, Reason.STARTING, f"{who} not ready yet.")
    if updated < live:
        message = f"{share}; the others are replaced when someone deletes them (updateStrategy OnDelete)."
        return condition(ConditionType.PROGRESSING, Reason.ON_DELETE, message)
    return condition(ConditionType.PROGRESSING, Reason.SETTLED, readiness([workers]))


def _is_rolling_on(group: DaskWorkerGroup, workers: Workers) -> bool:
    """Whether a rollout that was reported still has its last workers to create, to wait for or to take away."""
    known = find_condition(group.status.conditions, ConditionType.PROGRESSING)
    is_unfinished = workers.missing > 0 or len(workers.live) > workers.wanted
    return known is not None and known.reason == Reason.ROLLING_OUT and is_unfinished
