"""One look at the API, and how to read what it shows.

Everything is read with care: any field may be missing or null, and what someone else wrote may be of another type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from kubecluster.names import COMPONENT, WORKER_GROUP_NAME, Component, ConditionType, Reason, label_value

Body: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at everything that belongs to a cluster.

    Args:
        at: When it was taken.
        cluster: The DaskCluster; `None` if there is none.
        groups: Its DaskWorkerGroups.
        pods: The Pods that carry its name in the label `dask.org/cluster-name`.
        services: The Services that do.
        events: The Events of all of these, and of what made the Pods; others among them do no harm. Empty if the user
            has no right to list them.
    """

    at: datetime
    cluster: Body | None
    groups: tuple[Body, ...]
    pods: tuple[Body, ...]
    services: tuple[Body, ...]
    events: tuple[Body, ...] = ()


def read(body: Any, *path: str) -> Any:
    """What stands at a path of an object; `None` if there is nothing."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def text(body: Any, *path: str) -> str:
    """The text at a path of an object; empty if there is none."""
    found = read(body, *path)
    return found if isinstance(found, str) else ""


def number(body: Any, *path: str) -> int:
    """The whole number at a path of an object; 0 if there is none."""
    found = read(body, *path)
    return found if isinstance(found, int) else 0


def items(body: Any, *path: str) -> list[Body]:
    """The objects in the list at a path of an object."""
    found = read(body, *path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def name_of(body: Any) -> str:
    """The object's name."""
    return text(body, "metadata", "name")


def label(body: Any, name: str) -> str:
    """The value of one of the object's labels; empty if it has none of that name."""
    return text(body, "metadata", "labels", name)


def is_going(body: Any) -> bool:
    """Whether someone has asked for the object to be deleted."""
    return bool(text(body, "metadata", "deletionTimestamp"))


def condition(body: Any, type_: str) -> Body:
    """A condition of the object; an empty one if it has none of that type."""
    return next((one for one in items(body, "status", "conditions") if one.get("type") == type_), {})


def present(body: Any, type_: str) -> Body:
    """A condition of the object as it is now; an empty one if the object was edited since."""
    found = condition(body, type_)
    of, now = found.get("observedGeneration"), read(body, "metadata", "generation")
    return found if of is None or now is None or of == now else {}


def is_reconciled(resource: Body) -> bool:
    """Whether the reconciler looks after the resource and reports on it; dask-kubernetes writes no conditions."""
    ready = condition(resource, ConditionType.READY)
    return bool(ready) and ready.get("reason") != Reason.OTHER_OPERATOR


def has_ended(pod: Body) -> bool:
    """Whether the Pod's containers have ended for good."""
    return text(pod, "status", "phase") in ("Succeeded", "Failed")


def is_live(pod: Body) -> bool:
    """Whether the Pod is there to stay: neither on its way out nor at its end."""
    return not is_going(pod) and not has_ended(pod)


def is_ready(pod: Body) -> bool:
    """Whether the Pod is ready and stays."""
    return is_live(pod) and condition(pod, ConditionType.READY).get("status") == "True"


def scheduler_pods(sight: Sight) -> list[Body]:
    """The cluster's scheduler Pods, the one that counts first: one that stays, and a ready one rather than another."""
    found = [pod for pod in sight.pods if label(pod, COMPONENT) == Component.SCHEDULER]
    return sorted(found, key=lambda pod: (not is_live(pod), not is_ready(pod), is_going(pod), name_of(pod)))


def workers_of(group: Body, pods: Sequence[Body]) -> list[Body]:
    """A group's worker Pods, by its name in their label: dask-kubernetes' Pods are owned by others."""
    name = label_value(name_of(group))
    workers = [pod for pod in pods if label(pod, COMPONENT) == Component.WORKER]
    return sorted((pod for pod in workers if label(pod, WORKER_GROUP_NAME) == name), key=name_of)


def one_line(words: str, limit: int = 400) -> str:
    """A text from elsewhere on one line, without control characters, and not longer than that."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def clause(words: str) -> str:
    """A text from elsewhere as a part of a sentence: short, and without its full stop."""
    return one_line(words).rstrip(". ")


def sentence(words: str) -> str:
    """A text as one sentence: with a capital letter, unless it begins with a name, and a full stop."""
    line = one_line(words, 2000).rstrip(".")
    first = line.partition(" ")[0].rstrip(",:;")
    return f"{line[:1].upper()}{line[1:]}." if first.isalpha() else f"{line}."
