"""How a status becomes an action: only where it differs from the observed one, and then as a whole.

Server-side apply removes what a field manager leaves out, so the body holds every field that is reported. It is
guarded by the resource's version: a status worked out from an older one must not take back what was decided since.
An API server whose definitions are older keeps less of it: it is written again when it, or its resource, is another.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.kinds import Key
from models.snapshot import Observed, Owner
from models.status import Status
from reconciler.passes.report.sentences import shorten
from reconciler.passes.values import Action, Body, Response, Result, Verb

DECISIONS = frozenset({"decisions"})
"""Fields that are written elsewhere, when they are decided."""


def status_action(resource: Owner, status: Status) -> Action | None:
    """The action that writes a resource's status; `None` if the resource has it already.

    Args:
        resource: The resource as it is now.
        status: The status that it should have.
    """
    if status == resource.status:
        return None
    meta = resource.metadata
    guard = {"resourceVersion": meta.resource_version} if meta.resource_version else {}
    return applied(resource.key, meta.uid, reported(resource.status), reported(status), guard)


def applied(
    key: Key, uid: str, observed: Mapping[str, Any], status: Mapping[str, Any], guard: Mapping[str, str]
) -> Action | None:
    """The action that writes a status given as plain data; `None` if nothing changes but times.

    Args:
        key: The resource.
        uid: Its uid.
        observed: The status that it has.
        status: The status that it should have.
        guard: What must be true of the resource's metadata for the status to be written.
    """
    changed = _changes(observed, status)
    if not changed:
        return None
    body: Body = {
        "apiVersion": key.kind.api_version,
        "kind": key.kind.name,
        "metadata": {"name": key.name, "namespace": key.namespace, **guard},
        "status": dict(status),
    }
    return Action(Verb.REPORT, key, key, key, shorten("; ".join(changed)), body, uid, to_status=True)


def shortened(reports: Iterable[Response]) -> Mapping[Key, str]:
    """What was written of statuses of which the server has kept less, as `as_written` has it.

    Args:
        reports: What came of the writes of statuses.
    """
    found = {}
    for one in reports:
        key = one.action.key
        kept = one.objects.get(key)
        if one.result is Result.DONE and isinstance(kept, Owner) and reported(kept.status) != one.action.body["status"]:
            found[key] = as_written(one.action, kept)
    return found


def as_written(action: Action, resource: Observed | None) -> str:
    """Stands for a status that is written, and for the resource that has what is kept of it."""
    return f"{resource.metadata.resource_version if resource is not None else ''} {action.body.get('status')}"


def reported(status: Status) -> dict[str, Any]:
    """A status as it is written: without what is written elsewhere."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(DECISIONS))


def _changes(observed: Mapping[str, Any], status: Mapping[str, Any]) -> list[str]:
    """What the write changes, in words. Conditions of types that are not ours do not count."""
    names = dict.fromkeys(name for name in (*status, *observed) if name != "conditions")
    changed = [f"{name} is {status.get(name, 'unset')}" for name in names if status.get(name) != observed.get(name)]
    before = {one["type"]: one for one in observed.get("conditions") or ()}
    pairs = [(before.get(one["type"], {}), one) for one in status.get("conditions") or ()]
    said = [_in_words(new) for old, new in pairs if _differ(old, new, "status", "reason", "message")]
    if not changed and not said and any(_differ(old, new, "observedGeneration") for old, new in pairs):
        return ["the conditions are of the present generation"]
    return changed + said


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], *names: str) -> bool:
    return any(old.get(name) != new.get(name) for name in names)


def _in_words(condition: Mapping[str, Any]) -> str:
    return f"{condition['type']} is {condition['status']} ({condition['reason']})"
