"""What changes behind forwarded ports, in words: the scheduler goes or is replaced, Kubernetes cannot be asked."""

from dataclasses import dataclass

from kubecluster.diagnosis.sight import Body, is_live, items, number, text
from kubecluster.errors import ClusterGone, RequestFailed, Unreachable
from kubecluster.names import Component
from kubecluster.resource import ClusterResource

NONE = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is behind the ports.

    Args:
        scheduler: Which scheduler, in which of its lives; empty if there is none at the moment.
        trouble: Why Kubernetes cannot be asked; empty if it can.
    """

    scheduler: str
    trouble: str = ""


def look(resource: ClusterResource) -> Seen:
    """Look at what is behind the ports.

    Raises:
        ClusterGone: the cluster was deleted.
    """
    try:
        live = [pod for pod in resource.pods(Component.SCHEDULER) if is_live(pod)]
        if not live and resource.find() is None:
            raise ClusterGone(
                f"The Dask cluster {resource} was deleted: nothing is behind these ports any more, and they are closed."
            )
    except (RequestFailed, Unreachable) as error:
        return Seen(NONE, str(error))
    return Seen(_life(live[0]) if live else NONE)


class SchedulerChanges:
    """What changes behind the ports, each change said once.

    Args:
        scheduler: The scheduler that is there, as `look` names it.
    """

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler
        self._last = Seen(scheduler)

    def news(self, seen: Seen) -> str:
        """What has changed; empty if nothing has.

        Args:
            seen: What is behind the ports now.
        """
        last, self._last = self._last, seen
        if seen.trouble:
            return "" if last.trouble else f"Kubernetes cannot be asked; the ports stay open. {seen.trouble}"
        if not seen.scheduler:
            return "" if not last.scheduler and not last.trouble else "The scheduler is gone; the next is waited for."
        if seen.scheduler != self._scheduler:
            self._scheduler = seen.scheduler
            return "There is another scheduler now, and what the last one held is lost. The addresses are the same."
        return "" if last.scheduler else "The scheduler is reached again."


def _life(pod: Body) -> str:
    """A Pod and how often its containers were started again."""
    restarts = sum(number(one, "restartCount") for one in items(pod, "status", "containerStatuses"))
    return f"{text(pod, 'metadata', 'uid')} {restarts}"
