"""Kubernetes' Events: which of them tell something about an object, in which order, and how they read."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from kubecluster.diagnosis.sight import Body, Sight, name_of, number, one_line, text

MOST_SHOWN = 5
"""How many Events an exception quotes."""

_MAKERS = ("ReplicaSet", "Deployment")
_ADDING_NODES = ("TriggeredScaleUp", "Nominated")
_ADDING_NONE = ("NotTriggerScaleUp", "FailedScaleUp", "ScaleUpFailed")
"""Reasons of the cluster autoscaler, of GKE's and of Karpenter."""
_KARPENTERS = re.compile(r"nodepool|provisioner", re.IGNORECASE)
"""How Karpenter's FailedScheduling is told from that of the scheduler, which goes on while nodes are being added."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PREFIX = re.compile(r"^(\(combined from similar events\): |Error creating: )+")


def of(sight: Sight, body: Body) -> list[Body]:
    """The Events of an object, the newest last."""
    uid, name = text(body, "metadata", "uid"), name_of(body)
    return _sorted(
        event
        for event in sight.events
        if (_object(event, "uid") == uid if uid and _object(event, "uid") else _object(event, "name") == name)
    )


def of_makers(sight: Sight, prefix: str) -> list[Body]:
    """The Events of Deployments and ReplicaSets of that name, or whose names go on after it, the newest last.

    Those of an earlier cluster of the same name are left out.
    """
    since = moment(text(sight.cluster, "metadata", "creationTimestamp"))
    return _sorted(
        event
        for event in sight.events
        if _object(event, "kind") in _MAKERS and f"{_object(event, 'name')}-".startswith(f"{prefix}-")
        if time_of(event) >= since
    )


def words(events: Sequence[Body], *reasons: str) -> str:
    """What the newest of the Events says that has one of those reasons; empty if none has."""
    return next((message(event) for event in reversed(events) if text(event, "reason") in reasons), "")


def last_trouble(events: Sequence[Body]) -> str:
    """What the newest Event says that tells of trouble; empty if none does."""
    return next((message(event) for event in reversed(events) if is_trouble(event)), "")


def is_trouble(event: Body) -> bool:
    """Whether the Event tells of trouble: a warning, or, as dask-kubernetes writes, an error."""
    return text(event, "type") not in ("", "Normal")


def message(event: Body) -> str:
    """What an Event says, without what Kubernetes puts before it."""
    return one_line(_PREFIX.sub("", text(event, "message"), count=1))


def lines(events: Iterable[Body], cluster: str, besides: str = "") -> list[str]:
    """The last troubles of a cluster's objects, the newest last: of those alike, one line.

    Args:
        events: Events; those of other objects are left out.
        cluster: The cluster's name.
        besides: What has been told already.
    """
    told: dict[str, str] = {}
    for event in _sorted(filter(is_trouble, events)):
        name, words = _object(event, "name"), message(event)
        if f"{name}-".startswith(f"{cluster}-") and words.rstrip(".…") not in besides:
            what = f"{text(event, 'reason')} {_object(event, 'kind').lower()}/{name}"
            told.pop(what, None)
            times = max(number(event, "count"), number(event, "series", "count"))
            told[what] = f"{words} ({times} times)" if times > 1 else words
    return [f"{what}: {words}" for what, words in told.items()][-MOST_SHOWN:]


def is_adding_nodes(events: Sequence[Body]) -> bool:
    """Whether what adds nodes has said that it makes room for the Pod, and has not said since that it cannot."""
    said = [event for event in events if text(event, "reason") in _ADDING_NODES or _says_that_it_cannot(event)]
    return bool(said) and text(said[-1], "reason") in _ADDING_NODES


def _says_that_it_cannot(event: Body) -> bool:
    reason = text(event, "reason")
    is_karpenters = reason == "FailedScheduling" and _KARPENTERS.search(text(event, "message")) is not None
    return reason in _ADDING_NONE or is_karpenters


def time_of(event: Body) -> datetime:
    """When an Event happened last."""
    told = (
        text(event, "series", "lastObservedTime"),
        text(event, "lastTimestamp"),
        text(event, "eventTime"),
        text(event, "metadata", "creationTimestamp"),
    )
    return max(moment(time) for time in told)


def moment(time: str) -> datetime:
    """A time as Kubernetes writes it; long ago if it is none."""
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return _LONG_AGO
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _sorted(events: Iterable[Body]) -> list[Body]:
    return sorted(events, key=time_of)


def _object(event: Body, name: str) -> str:
    return text(event, "involvedObject", name)
