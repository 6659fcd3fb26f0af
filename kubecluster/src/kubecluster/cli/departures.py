"""Clusters that the reconciler has deleted since their time was up, as long as Kubernetes keeps their last Events."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from kubecluster.api import Kubernetes, path
from kubecluster.diagnosis.events import message, time_of
from kubecluster.diagnosis.sight import text
from kubecluster.errors import NotAllowed
from kubecluster.names import DASK_CLUSTER, EVENT, EndReason
from kubecluster.resource import now

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Departure:
    """A cluster that is gone.

    Args:
        namespace: Where it was.
        name: What it was called.
        seconds: How long ago that is.
        why: Why, in a sentence.
    """

    namespace: str
    name: str
    seconds: float
    why: str


def departures(
    kubernetes: Kubernetes,
    namespace: str | None,
    there: Collection[tuple[str, str]],
    clock: Callable[[], datetime] = now,
) -> Sequence[Departure]:
    """The last of them, the newest at the end; none if one may not see Events.

    Args:
        kubernetes: Where to look.
        namespace: In which; `None` for all.
        there: The clusters that are there, or there again, by namespace and name.
        clock: The time.
    """
    events = []
    with suppress(NotAllowed):
        events = kubernetes.list(
            path(EVENT.plural, namespace, group=EVENT.group, version=EVENT.version),
            fields=f"involvedObject.kind={DASK_CLUSTER.name}",
        )
    last = {
        (text(one, "involvedObject", "namespace"), text(one, "involvedObject", "name")): one
        for one in sorted(events, key=time_of)
        if text(one, "reason") in frozenset(EndReason)
    }
    at = clock()
    return [
        Departure(*key, (at - time_of(event)).total_seconds(), message(event))
        for key, event in sorted(last.items(), key=lambda item: time_of(item[1]))
        if key not in there
    ][-MOST_SHOWN:]
