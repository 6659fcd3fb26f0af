"""The stage as a whole: every custom resource's status and Events, as actions."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import itemgetter
from typing import TypeVar

from models.kinds import Key
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner
from models.status import DaskClusterStatus, Status
from reconciler.passes.report.autoscaler import report_autoscaler
from reconciler.passes.report.cluster import report_cluster
from reconciler.passes.report.conditions import condition, settle
from reconciler.passes.report.group import GroupReport, report_group
from reconciler.passes.report.job import report_job
from reconciler.passes.report.sentences import shorten
from reconciler.passes.report.statuses import status_action
from reconciler.passes.report.unreadable import report_unreadable
from reconciler.passes.report.view import View
from reconciler.passes.report.which_events import events_of, events_of_deleted_clusters, events_of_scaling
from reconciler.passes.values import Action
from reconciler.rules.parts import ClusterParts, JobParts, outlives_its_cluster
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

Resource = TypeVar("Resource", DaskCluster, DaskWorkerGroup, DaskJob, DaskAutoscaler)
StatusType = TypeVar("StatusType", bound=Status)
Isolate = Callable[[Key], AbstractContextManager[object]]


def report(view: View, owners: Iterable[Owner], isolate: Isolate = nullcontext) -> tuple[Action, ...]:
    """The statuses to write and the Events to send of whole trees.

    A resource's Events follow its status, so that they are sent when it was written.

    Args:
        view: The world, and how the writes for these trees ended.
        owners: The resources of the trees, as far as they were planned: what others say stands.
        isolate: Catches exceptions of one resource, which then keeps its status.
    """
    actions: list[Action] = []
    for resource, status in _statuses(view, list(owners), isolate):
        with isolate(resource.key):
            action = status_action(resource, status)
            actions += [action] if action is not None else []
            actions += events_of(view, resource, status)
    return tuple(actions)


def report_scaling(view: View, owners: Iterable[Owner]) -> tuple[Action, ...]:
    """The Events about the groups among these resources that this pass has scaled, for now without their statuses."""
    groups = (owner for owner in owners if isinstance(owner, DaskWorkerGroup))
    return tuple(action for group in groups for action in events_of_scaling(view, group))


def report_others(view: View, isolate: Isolate = nullcontext) -> tuple[Action, ...]:
    """What is told of resources that are gone, and of those that cannot be read."""
    actions = [*events_of_deleted_clusters(view)]
    for key, item in sorted(view.snapshot.unreadable.items(), key=itemgetter(0)):
        with isolate(key):
            actions += report_unreadable(item, view.now)
    return tuple(actions)


def _statuses(view: View, owners: Sequence[Owner], isolate: Isolate) -> list[tuple[Owner, Status]]:
    """The status of every resource that is staying; children's come into their parents'.

    If an exception is caught at a child, its parents keep their statuses too.
    """
    groups: dict[Key, GroupReport] = {}
    clusters: dict[Key, DaskClusterStatus] = {}
    others: list[tuple[Owner, Status]] = []
    for group in _staying(view, owners, DaskWorkerGroup):
        with isolate(group.key):
            groups[group.key] = known = report_group(view, group)
            others.append((group, _as_far_as_known(view, group, known.status, [group.metadata.uid])))
    for cluster in _staying(view, owners, DaskCluster):
        own = ClusterParts(cluster, view.snapshot).groups
        if all(group.key in groups for group in own):
            with isolate(cluster.key):
                clusters[cluster.key] = _of_cluster(view, cluster, [groups[group.key] for group in own])
    for job in _staying(view, owners, DaskJob):
        with isolate(job.key):
            parts = JobParts(job, view.snapshot)
            if parts.cluster is None or parts.cluster.key in clusters:
                of_cluster = clusters[parts.cluster.key] if parts.cluster is not None else DaskClusterStatus()
                status = report_job(view, parts, of_cluster)
                others.append((job, _as_far_as_known(view, job, status, [job.metadata.uid])))
    for autoscaler in _staying(view, owners, DaskAutoscaler):
        with isolate(autoscaler.key):
            others.append((autoscaler, report_autoscaler(view, autoscaler)))
    reported = [
        (cluster, clusters[cluster.key]) for cluster in _staying(view, owners, DaskCluster) if cluster.key in clusters
    ]
    return [*reported, *others]


def _of_cluster(view: View, cluster: DaskCluster, groups: Sequence[GroupReport]) -> DaskClusterStatus:
    uids = [cluster.metadata.uid, *(one.group.metadata.uid for one in groups)]
    return _as_far_as_known(view, cluster, report_cluster(view, cluster, groups), uids)


def _staying(view: View, owners: Sequence[Owner], model: type[Resource]) -> list[Resource]:
    staying = (owner for owner in owners if isinstance(owner, model) and not _is_going(view, owner))
    return sorted(staying, key=lambda resource: resource.key)


def _is_going(view: View, resource: Owner) -> bool:
    """Whether the resource is being deleted, or goes with its cluster: nobody reads its status any more."""
    if isinstance(resource, DaskWorkerGroup | DaskAutoscaler) and outlives_its_cluster(resource, view.snapshot):
        return True
    return resource.metadata.deletion_timestamp is not None


def _as_far_as_known(view: View, resource: Owner, status: StatusType, uids: Sequence[str]) -> StatusType:
    """The status, or the one before if something that belongs to those uids cannot be read.

    Conditions that need everything to be read are then Unknown; an outcome, or a refusal, stays as it is.
    """
    missing = next((view.unreadable[uid] for uid in uids if uid in view.unreadable), None)
    if missing is None:
        return status
    message = shorten(f"{missing.key} cannot be read, so nothing is done here: {missing.error}")
    doubted = [
        condition(type_, Reason.INCOMPLETE, message) if type_ in Reason.INCOMPLETE.types else one
        for one in status.conditions
        for type_ in [ConditionType(one.type)]
    ]
    conditions = settle(doubted, resource.status.conditions, resource.metadata.generation, view.now)
    return status.model_copy(update={**dict(resource.status), "conditions": conditions})
