"""When a Pod that is to go is waited for no longer: its node is lost, or a finalizer keeps it."""

from datetime import datetime, timedelta

from models.observed import Pod
from reconciler.rules.pod_end import is_kept_by_a_finalizer

STUCK_AFTER = timedelta(seconds=30)
"""How long past the end of its grace period a Pod counts as stuck: its node is gone."""


def is_stuck(pod: Pod, now: datetime) -> bool:
    """Whether a Pod holds its name in vain: nobody on its node confirms that it is gone, or a finalizer keeps it."""
    deadline = pod.metadata.deletion_timestamp
    return is_kept_by_a_finalizer(pod) or (deadline is not None and now > deadline + STUCK_AFTER)
