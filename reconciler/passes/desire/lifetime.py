"""How long a cluster lives: until its job has ended, or it is too old, idle for too long, or has lost its owner.

    spec.ttlSeconds                             28800                  after its creation
    spec.idleTimeout                            600                    after its scheduler has had something to do

    kubernetes.dask.org/owner-seen              2026-11-22T10:00:00Z   its owner's last sign of life
    kubernetes.dask.org/owner-timeout-seconds   3600                   for how long the cluster outlives that

The owner renews the first. If its program dies, nobody does, and the cluster is deleted. Annotations that cannot be
read delete nothing and add a finding. A job's cluster lives as long as its job, whatever its annotations say.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.base import wire_time
from models.kinds import Key
from models.resources import DaskCluster, DaskJob
from models.snapshot import Snapshot
from reconciler.passes.desire.obstacles import is_run_by_dask_kubernetes
from reconciler.passes.values import Finding
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.idleness import belongs_to_job, idle_for_too_long, scales_to_zero
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from reconciler.rules.parts import ClusterParts, JobParts
from reconciler.rules.pod_end import end_of
from reconciler.rules.reasons import Reason

MOST_AHEAD = timedelta(hours=1)
"""How far ahead of our clock a sign of life may be: clocks differ, but one from next year would keep a cluster."""
_LONGEST_SHOWN = 60
_TIME = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)  # RFC 3339
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_EFFECT = "until then the cluster outlives its owner"


class End(NamedTuple):
    """Why a cluster is to be deleted.

    Args:
        reason: As the end of the sentence "delete it, because …".
        event: The reason of its last Event.
    """

    reason: str
    event: EventReason


def is_over(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether its job has ended or its time is up: nothing is created for the cluster any more."""
    return _has_ended_job(cluster, snapshot) or end(cluster, snapshot) is not None


def end(cluster: DaskCluster, snapshot: Snapshot) -> End | None:
    """Why the cluster is to be deleted, if its time is up."""
    gone = owner_gone(cluster, snapshot)
    if gone is not None:
        return End(gone, EventReason.OWNER_GONE)
    if not _is_ours(cluster, snapshot):
        return None
    created, lives = cluster.metadata.creation_timestamp, cluster.spec.ttl_seconds
    if lives and created is not None and snapshot.taken_at - created > timedelta(seconds=lives):
        return End(f"it was created at {wire_time(created)}, more than {lives} s ago", EventReason.TTL_OVER)
    idle = None if scales_to_zero(cluster) else idle_for_too_long(ClusterParts(cluster, snapshot))
    return End(idle, EventReason.IDLE_TOO_LONG) if idle is not None else None


def owner_gone(cluster: DaskCluster, snapshot: Snapshot) -> str | None:
    """Why the cluster is to be deleted, if its owner has not been seen for too long."""
    if not _counts(cluster, snapshot):
        return None
    try:
        seen, timeout = _read(cluster.metadata.annotations, snapshot.taken_at)
    except _MisreadError:
        return None
    # A cluster restored from a backup has an old sign of life, and its owner needs time to find it.
    last = max(seen, cluster.metadata.creation_timestamp or seen)
    if snapshot.taken_at - last <= timeout:
        return None
    return f"its owner was last seen at {wire_time(last)}, more than {timeout.total_seconds():.0f} s ago"


def misread(cluster: DaskCluster, snapshot: Snapshot) -> tuple[Finding, ...]:
    """A finding for the annotations if they cannot be read."""
    if not _counts(cluster, snapshot):
        return ()
    try:
        _read(cluster.metadata.annotations, snapshot.taken_at)
    except _MisreadError as error:
        return (Finding(cluster.key, Reason.INVALID_ANNOTATION, str(error)),)
    return ()


def _has_ended_job(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether the job that the cluster belongs to has an outcome, written down or yet to be."""
    owner = cluster.metadata.controller
    if owner is None or owner.kind != DaskJob.kind().name:
        return False
    job = snapshot.get(DaskJob, Key(DaskJob.kind(), cluster.metadata.namespace, owner.name))
    if job is None or job.metadata.uid != owner.uid:
        return False
    if job.status.job_status is not None and job.status.job_status.is_outcome:
        return True
    runner = JobParts(job, snapshot).runner
    end = end_of(runner) if runner is not None else None
    return end is not None and not end.is_lost


def _counts(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether the cluster has a limit, and is ours to delete."""
    if OWNER_TIMEOUT_SECONDS not in cluster.metadata.annotations:
        return False
    return _is_ours(cluster, snapshot)


def _is_ours(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    """Whether it is neither its job's to end, nor dask-kubernetes'."""
    return not belongs_to_job(cluster) and not is_run_by_dask_kubernetes(cluster, snapshot)


class _MisreadError(Exception):  # never leaves this module
    pass


def _read(annotations: Mapping[str, str], now: datetime) -> tuple[datetime, timedelta]:
    """When the owner was last seen, and for how long its cluster outlives it."""
    text, written = annotations[OWNER_TIMEOUT_SECONDS], annotations.get(OWNER_SEEN)
    seconds = int(text) if _SECONDS.fullmatch(text) else 0
    if not seconds:
        raise _misread(OWNER_TIMEOUT_SECONDS, text, "a whole number of seconds from 1 to 999999999, such as 3600")
    if written is None:
        lacking = (
            f"it has the annotation {OWNER_TIMEOUT_SECONDS}, but not {OWNER_SEEN}: set that, too, or remove this one"
        )
        raise _MisreadError(f"{lacking}; {_EFFECT}")
    seen = _time(written)
    if seen is None:
        raise _misread(OWNER_SEEN, written, "a time such as 2026-11-22T10:00:00Z")
    if seen > now + MOST_AHEAD:
        # The message must not contain the present time: it would differ in each pass.
        raise _misread(OWNER_SEEN, written, "no later than the present time")
    return seen, timedelta(seconds=seconds)


def _misread(annotation: str, value: str, remedy: str) -> _MisreadError:
    shown = value if len(value) <= _LONGEST_SHOWN else f"{value[: _LONGEST_SHOWN - 1]}…"
    return _MisreadError(f'its annotation {annotation} is "{shown}"; it must be {remedy}, or be removed; {_EFFECT}')


def _time(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # a 30th of February; an hour before the year 1
        return None
