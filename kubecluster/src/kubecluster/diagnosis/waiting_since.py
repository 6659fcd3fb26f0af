"""Since when people wait for a cluster or a job that somebody else has made: since it was last changed by people."""

from datetime import datetime

from kubecluster.diagnosis.events import moment
from kubecluster.diagnosis.sight import Body, Sight, items, text


def waiting_since(sight: Sight) -> datetime:
    """When a cluster was last changed by people: since then they wait for it."""
    return max((edited(body) for body in (sight.cluster, *sight.groups) if body), default=sight.at)


def edited(body: Body) -> datetime:
    """When somebody else than who keeps its status has written an object last."""
    fields = items(body, "metadata", "managedFields")
    times = [text(one, "time") for one in fields if not text(one, "subresource")]
    return max(map(moment, (text(body, "metadata", "creationTimestamp"), *times)))
