"""Which Events are sent: for changes in this pass, compared with the statuses before it.

A condition that gets another reason or message makes an Event if its reason says so (`rules/reasons`); the other Events
have reasons of their own (`rules/event_reasons`).
"""

from collections.abc import Iterator

from models.base import Condition, find_condition
from models.kinds import POD
from models.observed import Pod
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner
from models.status import DaskClusterStatus, DaskJobStatus, DaskWorkerGroupStatus, JobStatus, Phase, Status
from reconciler.passes.report.acceptance import refusals
from reconciler.passes.report.at_stake import with_stake
from reconciler.passes.report.autoscaler import rescaled
from reconciler.passes.report.conditions import is_true
from reconciler.passes.report.event_objects import Event, Subject, event_action
from reconciler.passes.report.retirements import events_of_retiring
from reconciler.passes.report.scheduler import in_words, replacement_begun
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.passes.values import Action, Result, Verb
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.labels import OWNER_TIMEOUT_SECONDS
from reconciler.rules.parts import ClusterParts, is_live
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reason_sets import BLOCKING
from reconciler.rules.reasons import Reason

_TOLD = (
    ConditionType.READY,
    ConditionType.SCHEDULER_READY,
    ConditionType.ACCEPTED,
    ConditionType.RUNNER_UP_TO_DATE,
    ConditionType.IDLE,
)
"""The conditions of which some reasons make an Event."""
ASKED_BY = {
    EventReason.OWNER_GONE: f"the annotation {OWNER_TIMEOUT_SECONDS}",
    EventReason.IDLE_TOO_LONG: "spec.idleTimeout",
    EventReason.TTL_OVER: "spec.ttlSeconds",
}
"""What asks for the end of a cluster, by the reason of its last Event."""


def events_of(view: View, resource: Owner, status: Status) -> Iterator[Action]:
    """The Events about one resource.

    Args:
        view: The world.
        resource: The resource.
        status: Its status as it is being reported.
    """
    subject = Subject.of(resource)
    for event in _events(view, resource, status):
        yield event_action(subject, event, view.now)


def events_of_scaling(view: View, group: DaskWorkerGroup) -> Iterator[Action]:
    """The Event about a group whose number of workers was changed by this pass."""
    for event in _scaled(view, group):
        yield event_action(Subject.of(group), event, view.now)


def events_of_deleted_clusters(view: View) -> Iterator[Action]:
    """The Events about clusters that this pass deleted because their time was up.

    They come after the deletion, since a sign of life, or a right that is missing, may yet have prevented it.
    """
    for response in view.responses:
        action = response.action
        if action.event is not None and response.result is Result.DONE:
            message = sentence(f"{action.reason}: it is deleted, as {ASKED_BY[action.event]} asks")
            subject = Subject(action.key, action.uid, action.resource_version)
            yield event_action(subject, _event(action.event, message), view.now)


def _events(view: View, resource: Owner, status: Status) -> Iterator[Event]:
    observed = view.status_before(resource)
    yield from _changes(view, resource, observed, status)
    match resource, observed, status:
        case DaskCluster(), DaskClusterStatus(), DaskClusterStatus():
            yield from _of_cluster(view, resource, observed, status)
        case DaskWorkerGroup(), DaskWorkerGroupStatus(), DaskWorkerGroupStatus():
            yield from _of_group(view, resource, observed, status)
        case DaskJob(), DaskJobStatus(), DaskJobStatus():
            yield from _of_job(observed, status)
        case DaskAutoscaler(), _, _:
            how = rescaled(view, resource)
            yield from [_event(EventReason.SUCCESSFUL_RESCALE, f"Scaled {how} workers.")] if how else []


def _changes(view: View, resource: Owner, observed: Status, status: Status) -> Iterator[Event]:
    """Events for the conditions that have changed."""
    for type_ in _TOLD:
        changed = _changed(type_, observed, status)
        if changed is None:
            continue
        if type_ is ConditionType.ACCEPTED and changed.status == "False":
            yield _event(_failed(view, resource), changed.message)
        else:
            event_type = Reason(changed.reason).use(type_).event
            yield from [Event(event_type, changed.reason, changed.message)] if event_type else []


def _failed(view: View, resource: Owner) -> EventReason:
    """What could not be done, as Kubernetes' own controllers name it."""
    refused = refusals(view, resource)
    is_update = bool(refused) and refused[0].action.verb is Verb.UPDATE
    return EventReason.FAILED_UPDATE if is_update else EventReason.FAILED_CREATE


def _event(reason: EventReason, message: str) -> Event:
    return Event(reason.type, reason, message)


def _changed(type_: ConditionType, observed: Status, status: Status) -> Condition | None:
    """The condition if it says something that it did not say before."""
    now = find_condition(status.conditions, type_)
    before = find_condition(observed.conditions, type_)
    if now is None or (before is not None and (before.reason, before.message) == (now.reason, now.message)):
        return None
    return now


def _of_cluster(
    view: View, cluster: DaskCluster, observed: DaskClusterStatus, status: DaskClusterStatus
) -> Iterator[Event]:
    replacement = replacement_begun(view, ClusterParts(cluster, view.snapshot))
    recreated = in_words(replacement) if replacement else _recreated(view, cluster, observed)
    if recreated is not None:
        recreated = with_stake(recreated, view, ClusterParts(cluster, view.snapshot))
        yield _event(EventReason.SCHEDULER_RECREATED, recreated)
    before, now = (find_condition(one.conditions, ConditionType.READY) for one in (observed, status))
    if before is None or now is None:
        return
    if is_true(now) and not is_true(before):
        yield _event(EventReason.CLUSTER_READY, now.message)
    replaced = view.previous.get(Pod, replacement.key) if replacement else None
    is_meant = replaced is not None and is_live(replaced)
    if is_true(before) and not is_meant and _has_lost_something(now, observed, status):
        yield _event(EventReason.CLUSTER_NOT_READY, now.message)


def _has_lost_something(ready: Condition, observed: DaskClusterStatus, status: DaskClusterStatus) -> bool:
    """Whether a cluster that was ready is not because of a loss, not because it is being scaled or rolled.

    Both statuses say how many ready workers were let go until then. So it does not matter which pass did that, and
    whether its status was written.
    """
    if is_true(ready) or ready.status == "Unknown" or ready.reason in BLOCKING:
        return False
    if ready.reason != Reason.WORKERS_NOT_READY:
        return True
    let_go = (status.retired_workers or 0) - (observed.retired_workers or 0)
    if let_go < 0:  # a group is gone, with all that is known of it
        return False
    with_a_group = max(0, (observed.desired_workers or 0) - (status.desired_workers or 0) - let_go)
    return (status.ready_workers or 0) + let_go + with_a_group < (observed.ready_workers or 0)


def _recreated(view: View, cluster: DaskCluster, observed: DaskClusterStatus) -> str | None:
    """A scheduler that was created in place of one that went by itself; `None` if none was."""
    pod = ClusterParts(cluster, view.snapshot).scheduler
    before = find_condition(observed.conditions, ConditionType.SCHEDULER_READY)
    if pod is None or pod.key not in view.done(cluster, Verb.CREATE, POD) or before is None:
        return None
    had_one = observed.phase in (Phase.PENDING, Phase.RUNNING)
    if not had_one or before.reason not in (Reason.READY, Reason.SCHEDULER_NOT_READY):
        return None
    return f"The scheduler Pod {pod.metadata.name} was created, since the one before it is gone."


def _of_group(
    view: View, group: DaskWorkerGroup, observed: DaskWorkerGroupStatus, status: DaskWorkerGroupStatus
) -> Iterator[Event]:
    for response in view.responses_of(group, (Verb.RECORD,), (Result.DONE,)):
        if response.action.scales:
            asks = "it is scaled to 0, as spec.idleTimeout of its cluster asks. Scale it up to have workers again"
            yield _event(EventReason.SCALED_TO_ZERO, sentence(f"{response.action.reason}: {asks}"))
    before, now = (find_condition(one.conditions, ConditionType.PROGRESSING) for one in (observed, status))
    is_rolling = now is not None and now.reason == Reason.ROLLING_OUT
    yield from events_of_retiring(view, group, is_rolling=is_rolling)
    was_rolling = before is not None and before.reason == Reason.ROLLING_OUT
    if was_rolling and now is not None and now.reason == Reason.SETTLED:
        message = f"All {status.replicas} workers are from the present template."
        yield _event(EventReason.WORKERS_ROLLED_OUT, message)
    if not was_rolling and now is not None and not is_rolling:
        yield from _scaled(view, group)


def _scaled(view: View, group: DaskWorkerGroup) -> Iterator[Event]:
    """That the number of workers was changed by this pass; not that one was replaced."""
    live_before = {pod.key for pod in view.previous.children(group.metadata.uid, Pod) if is_live(pod)}
    created = set(view.done(group, Verb.CREATE, POD)) - live_before
    deleted = live_before.intersection(view.done(group, Verb.DELETE, POD))
    old, new = len(live_before), len(live_before) + len(created) - len(deleted)
    if new == old:
        return
    wanted = group.spec.worker.replicas
    more = "" if new == wanted else f"; {wanted} are wanted"
    reason = EventReason.SCALED_UP if new > old else EventReason.SCALED_DOWN
    yield _event(reason, f"Scaled from {old} to {new} workers{more}.")


def _of_job(observed: DaskJobStatus, status: DaskJobStatus) -> Iterator[Event]:
    started = status.job_status is JobStatus.RUNNING and observed.job_status is not JobStatus.RUNNING
    if started:
        yield _event(EventReason.JOB_STARTED, f"The runner Pod {status.job_runner_pod_name} is running.")
    outcomes = (
        (ConditionType.COMPLETE, EventReason.JOB_COMPLETE),
        (ConditionType.FAILED, EventReason.JOB_FAILED),
    )
    for type_, reason in outcomes:
        before, now = (find_condition(one.conditions, type_) for one in (observed, status))
        # Not for a job that had ended before its first status was written.
        if before is not None and not is_true(before) and now is not None and is_true(now):
            yield _event(reason, now.message)
