"""Whether a cluster that has an idle timeout is idle, and when it ends: the condition `Idle`."""

from collections.abc import Iterator
from datetime import timedelta

from models.base import Condition, find_condition, wire_time
from models.idle_state import IdleState, Stage
from reconciler.passes.report.conditions import condition
from reconciler.passes.report.sentences import sentence
from reconciler.rules.dask_workers import DaskWorkers, Knowledge
from reconciler.rules.idleness import belongs_to_job, idle_in_words, idle_question, idle_state, scales_to_zero
from reconciler.rules.parts import ClusterParts
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

REASONS = {Stage.BUSY: Reason.BUSY, Stage.IDLE: Reason.IDLE, Stage.ENDING: Reason.ENDING, Stage.OVER: Reason.ENDING}


def idle_conditions(parts: ClusterParts) -> Iterator[Condition]:
    """The condition, of a cluster whose idleness counts; while an answer is awaited, what was known still stands."""
    cluster = parts.cluster
    if not cluster.spec.idle_timeout or belongs_to_job(cluster):
        return
    known = find_condition(cluster.status.conditions, ConditionType.IDLE)
    if known is not None and DaskWorkers(parts).knowledge is Knowledge.AWAITED:
        yield known
        return
    reason, message = _known(parts)
    yield condition(ConditionType.IDLE, reason, sentence(message))


def _known(parts: ClusterParts) -> tuple[Reason, str]:
    if idle_question(parts) is None:
        return Reason.ASLEEP, "no worker group wants workers that could be taken away"
    state = idle_state(parts)
    if state is None or state.stage is Stage.UNKNOWN:
        why = state.error if state is not None and state.error else "nobody asks the scheduler, or it has not answered"
        return Reason.IDLENESS_UNKNOWN, f"whether the scheduler is idle is not known, so the cluster stays: {why}"
    reason = REASONS[state.stage]
    if reason is Reason.BUSY:
        clients = ", or a Client" if parts.cluster.spec.idle.count_clients else ""
        return reason, f"the scheduler has something to do{clients}, or had until a moment ago"
    return reason, _outlook(parts, state)


def _outlook(parts: ClusterParts, state: IdleState) -> str:
    assert state.since is not None
    cluster, until = parts.cluster, state.since + timedelta(seconds=parts.cluster.spec.idle_timeout)
    what = "its worker groups are scaled to 0" if scales_to_zero(cluster) else "the cluster is deleted"
    since = idle_in_words(cluster, state.since)
    return f"the scheduler {since}; unless that changes, {what} at {wire_time(until)}"
