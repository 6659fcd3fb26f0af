"""The worker groups: their Pods, counted, and why fewer workers are ready than are wanted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubecluster.diagnosis import causes, events
from kubecluster.diagnosis.absence import Absence, absence
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.sight import (
    Body,
    Sight,
    clause,
    has_ended,
    is_going,
    is_live,
    is_ready,
    is_reconciled,
    name_of,
    number,
    present,
    read,
    text,
    workers_of,
)
from kubecluster.diagnosis.trouble import Trouble, trouble_of
from kubecluster.names import DEFAULT_GROUP_ROLE, NAMING, ROLE, ClusterNames, ConditionType, Naming

_UNJOINED = re.compile(r"\d+ runs?\b[^;]*? not joined(: [^;]*?)?(?=;|\.?$)")
"""How the reconciler says that workers run and have not joined their scheduler, which only that knows."""
KINDS_SHOWN = 3
"""How many kinds of trouble one sentence tells apart."""


@dataclass(frozen=True, slots=True)
class Group:
    """A worker group.

    Args:
        name: Its name.
        wanted: How many workers it asks for.
        ready: How many are ready.
        troubled: The Pods that should be ready and are not, and why.
        to_create: How many more must still be created.
        absence: Why they have not been.
        unjoined: How many run, and have not joined their scheduler, as the reconciler says, which asks it.
        told: What it says of these.
        has_joined: Whether it says that all have.
    """

    name: str
    wanted: int
    ready: int
    troubled: tuple[tuple[str, Trouble], ...]
    to_create: int
    absence: Absence
    unjoined: int = 0
    told: str = ""
    has_joined: bool = False


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why fewer workers are ready than are wanted.

    Args:
        sentence: The kinds of trouble, the most frequent first, each with a Pod that is in it.
        cause: What weighs most: what is wrong rather than what takes its time, and then what more workers are in. It
            is final only if all of them are past hope.
        pod: A Pod whose log would help; may be empty.
    """

    sentence: str
    cause: Cause
    pod: str


@dataclass(frozen=True, slots=True)
class _Lack:
    """Workers that are missing for one reason."""

    count: int
    words: str
    cause: Cause
    pod: str = ""


def groups_of(first: datetime, sight: Sight) -> tuple[Group, ...]:
    """The cluster's groups that stay; the default group also if it does not exist yet."""
    bodies = sorted((body for body in sight.groups if not is_going(body)), key=name_of)
    groups = tuple(_group(first, sight, body) for body in bodies)
    if sight.cluster is None or any(_is_default(body, name_of(sight.cluster)) for body in sight.groups):
        return groups
    return (_missing_group(first, sight, sight.cluster), *groups)


def shortage(groups: Sequence[Group]) -> Shortage | None:
    """Why fewer workers are ready than the groups want; `None` if as many are."""
    missing = sum(max(0, group.wanted - group.ready) for group in groups)
    if not missing:
        return None
    wanted = sum(group.wanted for group in groups)
    told = sorted((_told(same) for same in _by_kind(groups)), key=lambda lack: (-lack.count, lack.words))
    told += [_Lack(group.unjoined, group.told, causes.UNJOINED) for group in groups if group.unjoined]
    told += [_Lack(group.to_create, _uncreated(group), group.absence.cause) for group in groups if group.to_create]
    weightiest = min(told, key=lambda lack: lack.cause.passes)
    cause = replace(weightiest.cause, is_final=all(lack.cause.is_final for lack in told))
    parts = [lack.words for lack in told[:KINDS_SHOWN]]
    others = sum(lack.count for lack in told[KINDS_SHOWN:])
    parts += [f"{others} for other reasons"] if others else []
    verb = "is" if missing == 1 else "are"
    return Shortage(f"{missing} of {wanted} workers {verb} not ready: {'; '.join(parts)}.", cause, weightiest.pod)


def _group(first: datetime, sight: Sight, body: Body) -> Group:
    wanted, pods = number(body, "spec", "worker", "replicas"), workers_of(body, sight.pods)
    retiring = read(body, "status", "decisions", "retiring")
    leaving = [one.get("name") for one in retiring if isinstance(one, dict)] if isinstance(retiring, list) else []
    up, told = sum(map(is_ready, pods)), text(present(body, ConditionType.READY), "message")
    away = _UNJOINED.search(told) if is_reconciled(body) else None
    ready = min(up, number(body, "status", "readyReplicas")) if away else up
    missing = max(0, wanted - ready)
    unready = [pod for pod in pods if is_live(pod) and not is_ready(pod) and name_of(pod) not in leaving]
    ended = [pod for pod in pods if has_ended(pod) and not is_going(pod)]
    found = [(name_of(pod), trouble_of(pod, events.of(sight, pod))) for pod in (*unready, *ended)[:missing]]
    troubled = tuple((name, trouble) for name, trouble in found if trouble is not None)
    why = absence(first, sight, body, f"{name_of(body)}-worker")
    unjoined = min(up - ready, missing - len(troubled))
    to_create, has_joined = missing - len(troubled) - unjoined, told.endswith("joined.") and not away
    return Group(name_of(body), wanted, ready, troubled, to_create, why, unjoined, away[0] if away else "", has_joined)


def _missing_group(first: datetime, sight: Sight, cluster: Body) -> Group:
    """The default group of a cluster that has none."""
    is_classic = read(cluster, "metadata", "annotations", NAMING) == Naming.CLASSIC
    name = ClusterNames(Naming.CLASSIC if is_classic else Naming.CURRENT, name_of(cluster)).default_group
    wanted = number(cluster, "spec", "worker", "replicas")
    why = absence(first, sight, cluster)
    words = f"the worker group {name} has not been created yet{': ' if why.words else ''}{why.words}"
    return Group(name, wanted, 0, (), wanted, replace(why, words=words))


def _is_default(group: Body, cluster: str) -> bool:
    is_called_so = name_of(group) in [ClusterNames(naming, cluster).default_group for naming in Naming]
    return is_called_so or read(group, "metadata", "annotations", ROLE) == DEFAULT_GROUP_ROLE


def _by_kind(groups: Sequence[Group]) -> Iterator[list[tuple[str, Trouble]]]:
    kinds: dict[str, list[tuple[str, Trouble]]] = {}
    for pod, trouble in sorted((one for group in groups for one in group.troubled), key=lambda one: one[0]):
        kinds.setdefault(trouble.kind, []).append((pod, trouble))
    yield from kinds.values()


def _told(same: Sequence[tuple[str, Trouble]]) -> _Lack:
    """Workers in the same trouble, with one of them named."""
    pod, trouble = same[0]
    words = f"{len(same)} {trouble} (Pod {pod}{', …' * (len(same) > 1)})"
    cause = replace(trouble.cause, is_final=all(one.cause.is_final for _, one in same))
    return _Lack(len(same), words, cause, pod if trouble.wants_log else "")


def _uncreated(group: Group) -> str:
    words = clause(group.absence.words)
    return f"{group.to_create} to create{': ' if words else ''}{words}"
