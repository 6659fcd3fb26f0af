"""Which clusters' idleness counts, how often their schedulers are asked for it, and what comes of it.

Idle is who has told so itself, moments ago. One that is silent, or of which it is not known, is not idle. A job's
cluster is its runner's: as long as that lives, it may be about to ask for something.
"""

from datetime import datetime, timedelta
from math import inf

from models.base import wire_time
from models.idle_state import ENDING_SHARE, IDLE_SHARE, IdleQuestion, IdleState, Stage
from models.kinds import DASK_JOB
from models.resources import DaskCluster, DaskWorkerGroup
from reconciler.rules.adapting import acting
from reconciler.rules.addresses import dashboard_listening_port
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.parts import ClusterParts

QUESTIONS, LEAST_SECONDS, MOST_SECONDS = 10, 5.0, 120.0
"""How many times a scheduler is asked within its timeout, and within which bounds in seconds."""
FRESH = timedelta(seconds=30)
"""So old may an answer be on which a cluster is deleted or scaled to 0."""


def belongs_to_job(cluster: DaskCluster) -> bool:
    """Whether a job decides when the cluster goes."""
    return any(owner.kind == DASK_JOB.name for owner in cluster.metadata.owner_references)


def idle_question(parts: ClusterParts) -> IdleQuestion | None:
    """How the cluster's scheduler is to be asked whether it is idle; `None` if nothing would come of it."""
    cluster, spec = parts.cluster, parts.cluster.spec
    if not spec.idle_timeout or belongs_to_job(cluster) or cluster.metadata.deletion_timestamp is not None:
        return None
    if scales_to_zero(cluster) and not any(is_to_sleep(group, parts) for group in parts.groups):
        return None
    known = cluster.status.decisions.idle
    return IdleQuestion(spec.idle_timeout, spec.idle.count_clients, dashboard_listening_port(cluster), known)


def next_idle_question(state: IdleState | None) -> float:
    """In how many seconds a scheduler is asked again whether it is idle, after it told so: at each stage, too."""
    if state is None:
        return inf
    timeout = state.asked.timeout_seconds
    usual = min(max(timeout / QUESTIONS, LEAST_SECONDS), MOST_SECONDS)
    if state.since is None or state.seen is None:
        return usual
    passed = (state.seen - state.since).total_seconds()
    left = [share * timeout - passed for share in (IDLE_SHARE, ENDING_SHARE, 1.0)]
    to_come = [seconds for seconds in left if seconds > 0]
    return max(1.0, min(usual, *to_come)) if to_come else LEAST_SECONDS


def scales_to_zero(cluster: DaskCluster) -> bool:
    """Whether it is scaled to 0, not deleted."""
    return cluster.spec.idle.action == "ScaleToZero"


def is_to_sleep(group: DaskWorkerGroup, parts: ClusterParts) -> bool:
    """Whether a group has workers that idleness takes away: an autoscaler takes away its own."""
    return group.spec.worker.replicas > 0 and group.key not in acting(parts)


def idle_state(parts: ClusterParts) -> IdleState | None:
    """What the scheduler last told, if it answers, and was asked what is wanted now; else nothing is known."""
    question = idle_question(parts)
    answer = DaskWorkers(parts).answer if question is not None else None
    if question is None or answer is None or answer.is_silent or answer.idle is None:
        return None
    return answer.idle if question.is_as(answer.idle.asked) else None


def idle_for_too_long(parts: ClusterParts) -> str | None:
    """That the scheduler has been idle for longer than it may be, in words, if it has told so just now."""
    state = idle_state(parts)
    if state is None or state.stage is not Stage.OVER or state.since is None or state.seen is None:
        return None
    if parts.snapshot.taken_at - state.seen > FRESH:
        return None
    return (
        f"its scheduler {idle_in_words(parts.cluster, state.since)}, for at least {parts.cluster.spec.idle_timeout} s"
    )


def idle_in_words(cluster: DaskCluster, since: datetime) -> str:
    """That a scheduler is idle, as the end of a sentence that begins with it."""
    counted = " and no Client" if cluster.spec.idle.count_clients else ""
    return f"has had nothing to do{counted} since {wire_time(since)}"
