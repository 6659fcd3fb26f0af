"""What to do about the difference between what should exist and what does.

    wanted   observed under its owner   observed under its name   action
    yes      no                         no                        create
    yes      no                         yes                       none: wait, and say whose it is
    yes      yes, equal                 -                         none
    yes      yes, different             -                         update
    no       yes                        -                         delete
    no       yes, Terminating           -                         none

Pure and idempotent: planning after the actions were carried out gives no actions. Whole live objects are never
compared, since servers and webhooks add fields to them: of Pods only labels, annotations and scheduling gates are
compared, of Services the fields that were set, of child resources the spec.
"""

from collections.abc import Mapping

from models.kinds import CUSTOM_KINDS, Key, kind_of
from models.observed import Pod, PodDisruptionBudget, Service
from models.resources import DaskAutoscaler
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.merge_patch import changes, covers, fields, merge_patch
from reconciler.passes.values import Action, Body, Change, Desired, Finding, Plan, Record, Unwanted, Verb, Wanted
from reconciler.rules.labels import SET_BY_OWNER, formerly_set
from reconciler.rules.parts import tree_of
from reconciler.rules.reasons import Reason

_COMPLETED = ("clusterIPs", "ipFamilies")
"""Lists of a Service that the API server completes, if it has both IP families and only the first is given."""


def plan(desired: Desired, snapshot: Snapshot) -> Plan:
    """The actions that take one resource's children from what was observed to what should exist.

    Decisions are recorded first; what follows from them is planned on the world in which they stand.
    """
    owner, tree = desired.owner, tree_of(desired.owner, snapshot)
    records = tuple(_record(record, owner, tree) for record in desired.records)
    deletes = tuple(
        _delete(one, owner, tree) for one in desired.unwanted if one.present.metadata.deletion_timestamp is None
    )
    updates: list[Action] = []
    creates: list[Action] = []
    findings = list(desired.findings)
    for wanted in desired.wanted:
        if wanted.present is not None:
            updates += _update(wanted, wanted.present, owner, tree)
        elif wanted.key in snapshot.objects or wanted.key in snapshot.unreadable:
            findings.append(_occupied(wanted.key, owner, snapshot))
        else:
            creates.append(_create(wanted, owner, tree))
    return Plan((*records, *deletes, *updates, *creates), tuple(findings))


def _create(wanted: Wanted, owner: Owner, tree: Key) -> Action:
    after = wanted.after_record
    return Action(Verb.CREATE, wanted.key, owner.key, tree, wanted.reason, wanted.body, after_record=after)


def _delete(unwanted: Unwanted, owner: Owner, tree: Key) -> Action:
    meta = unwanted.present.metadata
    version = meta.resource_version if unwanted.only_as_seen else ""
    key = unwanted.present.key
    return Action(
        Verb.DELETE,
        key,
        owner.key,
        tree,
        unwanted.reason,
        uid=meta.uid,
        resource_version=version,
        event=unwanted.event,
    )


def _record(record: Record, owner: Owner, tree: Key) -> Action:
    observed = record.resource.wire()
    guard = {"metadata": {"resourceVersion": record.resource.metadata.resource_version}}
    return Action(
        Verb.RECORD,
        record.resource.key,
        owner.key,
        tree,
        record.reason,
        _merged(record.body, guard),
        record.resource.metadata.uid,
        tuple(changes(observed, record.body)),
        to_status="status" in record.body,
        doomed=record.doomed,
    )


def _update(wanted: Wanted, present: Observed, owner: Owner, tree: Key) -> list[Action]:
    patch = _difference(wanted.body, present)
    if not patch:
        return []
    what = tuple(changes(present.wire(), patch))
    guard = {"uid": present.metadata.uid}
    if not isinstance(present, Pod):
        guard["resourceVersion"] = present.metadata.resource_version
    body = _merged(patch, {"metadata": guard})
    why = wanted.reason if isinstance(owner, DaskAutoscaler) else _why(what, wanted)
    return [Action(Verb.UPDATE, present.key, owner.key, tree, why, body, present.metadata.uid, what)]


def _why(what: tuple[Change, ...], wanted: Wanted) -> str:
    if any(change.path == "spec.schedulingGates" for change in what):
        return wanted.reason
    return "it differs from what its owner asks for"


def _difference(body: Body, present: Observed) -> Body:
    """The merge patch that puts an observed child right; empty if it is right."""
    patch: Body = {}
    metadata = _metadata_patch(body["metadata"], present)
    if metadata:
        patch["metadata"] = metadata
    spec = _spec_patch(body["spec"], present) if "spec" in body else {}
    if spec:
        patch["spec"] = spec
    return patch


def _metadata_patch(wanted: Body, present: Observed) -> Body:
    """Labels and annotations to set, and those to take away that the owner had set and no longer has."""
    former = formerly_set(present.metadata.annotations)
    patch: Body = {}
    for part, observed in (("labels", present.metadata.labels), ("annotations", present.metadata.annotations)):
        gone = {*former.get(part, ()), SET_BY_OWNER}
        target = {name: value for name, value in observed.items() if name not in gone}
        inner = merge_patch(observed, {**target, **wanted[part]})
        if inner:
            patch[part] = inner
    return patch


def _spec_patch(wanted: Body, present: Observed) -> Body:
    match present:
        case Pod():
            observed_gates = [{"name": gate.name} for gate in present.spec.scheduling_gates]
            # null, since the API server keeps an empty list as it was
            return (
                {}
                if observed_gates == wanted["schedulingGates"]
                else {"schedulingGates": wanted["schedulingGates"] or None}
            )
        case Service():
            return _service_patch(wanted, present)
        case PodDisruptionBudget():
            return merge_patch(present.spec, wanted)
        case _:
            return merge_patch(present.spec.written(), wanted)


def _service_patch(wanted: Body, present: Service) -> Body:
    """Fields that differ, as a whole, and those of which the user has taken something out of the manifest.

    A selector is held to exactly what is wanted: one key more and the scheduler is no longer found.
    """
    former = formerly_set(present.metadata.annotations).get("spec", ())
    lessened = {path.partition(".")[0] for path in set(former).difference(fields(wanted))}
    patch: Body = {name: None for name in lessened if name not in wanted and name in present.spec}
    for name, value in wanted.items():
        observed = present.spec.get(name)
        if name == "selector" or name in lessened:
            patch.update(merge_patch({name: observed}, {name: value}))
        elif name in _COMPLETED and isinstance(observed, list):
            patch.update({} if observed[: len(value)] == value else {name: value})
        elif not covers(observed, value):
            patch[name] = value
    return patch


def _occupied(key: Key, owner: Owner, snapshot: Snapshot) -> Finding:
    occupant = snapshot.objects.get(key)
    if occupant is None:
        message = f"{key} is there but cannot be read: {snapshot.unreadable[key].error}"
        return Finding(owner.key, Reason.NAME_CONFLICT, message)
    other = occupant.metadata.controller
    if occupant.metadata.deletion_timestamp is not None:
        return Finding(owner.key, Reason.TERMINATING, f"waiting for {key}, which is being deleted")
    kind = kind_of(other.api_version, other.kind) if other else None
    if other and kind in CUSTOM_KINDS and snapshot.is_gone(Key(kind, key.namespace, other.name), other.uid):
        message = f"waiting for {key}, whose owner is gone, to be deleted by garbage collection"
        return Finding(owner.key, Reason.TERMINATING, message)
    whose = f"belongs to {other.kind} {other.name}" if other else "belongs to nobody that is known here"
    message = f"{key} is needed, but an object of that name {whose}; delete or rename it"
    return Finding(owner.key, Reason.NAME_CONFLICT, message)


def _merged(one: Mapping[str, object], other: Mapping[str, object]) -> Body:
    """Both objects in one; `other` wins."""
    merged: Body = dict(one)
    for name, value in other.items():
        inner = merged.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]  # checked a line above
    return merged
