"""After how many crashes a scheduler is given up."""

from kubecluster.diagnosis.events import moment
from kubecluster.diagnosis.sight import Body, has_ended, items, number, text

CRASHES_ENOUGH = 3
"""After how many crashes a scheduler is given up. A worker is not: it may have crashed for want of the scheduler."""
LONG_RUN_SECONDS = 600
"""Whatever ran longer than that is not in a crash loop: from then on, the kubelet too starts it again at once."""


def has_failed_enough(cluster: Body) -> bool:
    """Whether a cluster's schedulers have ended so often, as the reconciler counts."""
    return number(cluster, "status", "decisions", "failures", "count") >= CRASHES_ENOUGH


def is_given_up(cluster: Body, pod: Body) -> bool:
    """Whether the scheduler has crashed so often, one time shortly after the other, that it will again."""
    if has_ended(pod):
        return has_failed_enough(cluster)
    containers = [*items(pod, "status", "initContainerStatuses"), *items(pod, "status", "containerStatuses")]
    return any(
        text(one, "state", "waiting", "reason") == "CrashLoopBackOff"
        and number(one, "restartCount") >= CRASHES_ENOUGH
        and _ran_seconds(one) < LONG_RUN_SECONDS
        for one in containers
    )


def _ran_seconds(container: Body) -> float:
    """How long a container ran before it was started again."""
    if text(container, "lastState", "terminated", "reason") == "StartError":  # its time of start is 1970
        return 0
    times = (text(container, "lastState", "terminated", name) for name in ("startedAt", "finishedAt"))
    started, finished = map(moment, times)
    return (finished - started).total_seconds()
