"""What exists: one list a kind and namespace, whatever the number of clusters.

Parents are listed before their children, so that a snapshot never holds a parent's newer decision without the
children made before it. If a list fails, nothing of its namespace is in the snapshot.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.snapshot import Observed, Snapshot, Unreadable
from reconciler.rules.labels import COMPONENT
from reconciler.wire.errors import ApiError
from reconciler.wire.parse import NotAListError, parse_list
from reconciler.wire.protocol import API
from reconciler.wire.remedies import list_failed

_LISTED: Sequence[tuple[Kind, str]] = (
    (DASK_JOB, ""),
    (DASK_CLUSTER, ""),
    (DASK_WORKER_GROUP, ""),
    (DASK_AUTOSCALER, ""),
    (POD, COMPONENT),
    (SERVICE, COMPONENT),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look.

    Args:
        namespaces: The namespaces; empty for all.
    """

    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen.

    Args:
        snapshot: The world, without the namespaces in which a list failed.
        errors: Why lists failed, by what was listed, such as `pods in all namespaces`.
    """

    snapshot: Snapshot
    errors: Mapping[str, str] = field(default_factory=dict)


def observe(api: API, scope: Scope, now: datetime) -> Observation:
    """List everything in the scope.

    Args:
        api: The API to ask.
        scope: Where to look.
        now: The time at which observing begins.
    """
    objects: dict[Key, Observed] = {}
    unreadable: dict[Key, Unreadable] = {}
    errors: dict[str, str] = {}
    for namespace in scope.namespaces or (None,):
        try:
            found = list(_list_all(api, namespace))
        except _ListFailed as failure:
            errors[failure.what] = failure.why
            continue
        unreadable |= {item.key: item for item in found if isinstance(item, Unreadable)}
        objects |= {item.key: item for item in found if not isinstance(item, Unreadable)}
    return Observation(Snapshot(now, objects, unreadable), errors)


class _ListFailed(Exception):  # never leaves this module
    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what = what
        self.why = why


def _list_all(api: API, namespace: str | None) -> Iterator[Observed | Unreadable]:
    for kind, labels in _LISTED:
        try:
            payload = api.list(kind, namespace, labels=labels)
            with _no_garbage_collection():
                items = parse_list(kind, payload)
        except (ApiError, NotAListError) as error:
            where = f"in namespace {namespace}" if namespace else "in all namespaces"
            why = list_failed(kind, namespace, error) if isinstance(error, ApiError) else str(error)
            raise _ListFailed(f"{kind.plural} {where}", why) from error
        yield from items


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Parsing makes many objects and no cycles; collecting in between would take as long again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
