"""Since when a cluster is idle, and that its groups are scaled to 0 when that is too long.

    answer of its scheduler         status.decisions.idle      worker groups
    not known, or too old           stays                      stay
    busy, or idle for a moment      goes                       stay
    idle for a tenth of the time    since when, and the        stay
    or longer                       scheduler's mark
    idle for too long, ScaleToZero  goes first                 replicas: 0, once it is gone

So a group that somebody scales up again is counted anew, from that moment on: until then, nothing counts.
"""

from models.idle_state import Stage
from models.resources import DaskWorkerGroup
from models.status import Idle
from reconciler.passes.values import Record
from reconciler.rules.idleness import (
    idle_for_too_long,
    idle_in_words,
    idle_question,
    idle_state,
    is_to_sleep,
    scales_to_zero,
)
from reconciler.rules.parts import ClusterParts


def record_idle(parts: ClusterParts) -> tuple[Record, ...]:
    """The record of since when the cluster is idle, if it is to change."""
    cluster = parts.cluster
    recorded, state = cluster.status.decisions.idle, idle_state(parts)
    is_unknown = state is None or state.stage is Stage.UNKNOWN
    if is_unknown and idle_question(parts) is not None:
        return ()
    idle = None
    if state is not None and state.since is not None and state.stage in (Stage.IDLE, Stage.ENDING, Stage.OVER):
        idle = Idle(since=state.since.replace(microsecond=0), mark=state.mark)
    if scales_to_zero(cluster) and idle_for_too_long(parts) is not None:
        idle = None
    if idle == recorded:
        return ()
    reason = "the scheduler has something to do, or nobody minds any more"
    if idle is not None:
        reason = f"its scheduler {idle_in_words(cluster, idle.since)}"
    return (Record(cluster, {"status": {"decisions": {"idle": idle.wire() if idle is not None else None}}}, reason),)


def put_to_sleep(group: DaskWorkerGroup, parts: ClusterParts) -> tuple[Record, ...]:
    """That the group is scaled to 0, if its cluster has been idle for too long."""
    cluster = parts.cluster
    if not (cluster.spec.idle_timeout and scales_to_zero(cluster) and is_to_sleep(group, parts)):
        return ()
    why = idle_for_too_long(parts)
    if why is None or cluster.status.decisions.idle is not None:
        return ()
    return (Record(group, {"spec": {"worker": {"replicas": 0}}}, why),)
