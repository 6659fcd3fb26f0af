"""What of a plan may be done now: pure filters from plan to plan.

Each filter moves actions from `actions` to `postponed` and says why in a finding where a person should know. They are
asked before anything is decided for good: a record that lets Pods go is a deletion to come.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, Key
from reconciler.passes.values import Action, Body, Change, Finding, Plan, Subject, Verb
from reconciler.passes.write_backoff import Wait
from reconciler.rules.reasons import Reason

Dropped = Mapping[Subject, tuple[Change, ...]]
"""What records were to change and did not."""


def without_stopped(plan: Plan, trees: Collection[Key], refused: Collection[Subject]) -> Plan:
    """Postpone what met an error earlier in this pass.

    Args:
        plan: The plan.
        trees: Trees of which nothing more is written in this pass.
        refused: What was refused.
    """
    return _postpone(plan, lambda action: action.tree in trees or action.subject in refused)


def without_outdated(plan: Plan) -> Plan:
    """Postpone what follows from a spec that this plan is about to change: the next round plans it from the new one.

    Else a Pod made from the old spec would have to be replaced as soon as it is there. What a job's cluster is changed
    to concerns all of its tree.
    """
    changed = {
        action.key: action.tree
        for action in plan.actions
        if action.verb is Verb.UPDATE and action.key.kind in CUSTOM_KINDS and "spec" in action.body
    }
    trees = {tree for key, tree in changed.items() if key.kind == DASK_CLUSTER}
    if not changed:
        return plan
    return _postpone(
        plan,
        lambda one: (
            one.owner in changed or (one.tree in trees and (one.key not in changed or one.key.kind != DASK_CLUSTER))
        ),
    )


def without_undone(
    plan: Plan, undone: Collection[Subject], created: Collection[str], dropped: Dropped | None = None
) -> Plan:
    """Postpone what this pass has written already and someone took back, and the end of what it has created.

    Of a record, only the Pods that it lets go are postponed: the numbers that are used stay used.

    Args:
        plan: The plan.
        undone: The updates that were made in this pass already.
        created: The uids of what this pass has created.
        dropped: The records that were made in it and came to nothing, by what they change.
    """
    dropped = dropped or {}
    plan = _trimmed(plan, lambda action, uid: uid not in created and action.subject not in undone)
    return _postpone(
        plan,
        lambda action: (
            action.uid in created
            if action.verb is Verb.DELETE
            else dropped.get(action.subject) == action.changes
            if action.verb is Verb.RECORD
            else action.subject in undone
        ),
    )


def without_waiting(plan: Plan, waits: Mapping[Subject, Wait], undone: Mapping[Subject, Wait] | None = None) -> Plan:
    """Postpone what has to wait after an error; owners of whom nothing is postponed are told nothing.

    A record that was undone lets nobody go, and what it decides besides stands, but for what came to nothing.

    Args:
        plan: The plan.
        waits: The waits that are not over.
        undone: Those for what something else takes back, over or not: it is told as long as there is something to do.
    """
    undone = undone or {}
    letting_go = {
        key for key, wait in waits.items() if key.verb is Verb.RECORD and wait.finding.reason is Reason.UNDONE
    }
    allowed = _trimmed(plan, lambda action, _: action.subject not in letting_go)
    allowed = _postpone(
        allowed,
        lambda action: (
            action.subject in waits and (action.subject not in letting_go or _is_dropped(action, waits[action.subject]))
        ),
    )
    waits = {**undone, **waits}
    told = (*allowed.postponed, *(action for action in plan.actions if action.subject in undone))
    waiting = dict.fromkeys(action.subject for action in told if action.subject in waits)
    return replace(allowed, findings=allowed.findings + tuple(waits[subject].finding for subject in waiting))


def _is_dropped(record: Action, wait: Wait) -> bool:
    paths = {change.path for change in record.changes}
    return not record.doomed and bool(paths) and paths <= wait.dropped


def without_deletes(plan: Plan) -> Plan:
    """Postpone every deletion, and every decision to delete: the setting `no_delete`."""
    blocked = _deletions(plan.actions)
    allowed = _postpone(_trimmed(plan, lambda *_: False), lambda action: action.verb is Verb.DELETE or action.scales)
    told = tuple(
        Finding(owner, Reason.NO_DELETE, f"{_objects(count)} not deleted: deletions are switched off (--no-delete)")
        for owner, count in blocked.items()
    )
    return replace(allowed, findings=allowed.findings + told)


def within_deletion_cap(plan: Plan, cap: int, done: Collection[Action]) -> Plan:
    """Postpone the deletions, and the decisions to delete, past the cap; trees with few of them go first.

    Args:
        plan: The plan.
        cap: How many objects may be deleted in a pass, and of how many that may be decided; 0 means any number.
        done: What has been done in this pass already.
    """
    if not cap:
        return plan
    deletes = [(action, action.uid) for action in plan.actions if action.verb is Verb.DELETE]
    dooms = [(action, uid) for action in plan.actions for uid in action.doomed]
    deleted = Counter(action.owner for action in done if action.verb is Verb.DELETE)
    decided = sum(len(action.doomed) for action in done)
    may_go = {
        *_smallest_trees_first(deletes, cap - deleted.total()),
        *_smallest_trees_first(dooms, cap - decided),
    }
    if len(may_go) == len(deletes) + len(dooms):
        return plan
    allowed = _postpone(
        _trimmed(plan, lambda _, uid: uid in may_go),
        lambda action: action.verb is Verb.DELETE and action.uid not in may_go,
    )
    before, after = _deletions(plan.actions), _deletions(allowed.actions)
    findings = tuple(
        Finding(
            owner,
            Reason.DELETION_CAP,
            f"{deleted[owner] + after[owner]} of {deleted[owner] + count} deletions are made in this pass, "
            f"the others in the next ones (--deletion-cap {cap})",
        )
        for owner, count in before.items()
        if after[owner] < count
    )
    return replace(allowed, findings=allowed.findings + findings)


def _smallest_trees_first(deletions: Iterable[tuple[Action, str]], room: int) -> list[str]:
    """The uids that there is room for."""
    trees: dict[Key, list[str]] = {}
    for action, uid in deletions:
        trees.setdefault(action.tree, []).append(uid)
    ranked = sorted(trees.items(), key=lambda item: (len(item[1]), item[0]))
    return [uid for _, uids in ranked for uid in uids][: max(0, room)]


def _deletions(actions: Iterable[Action]) -> Counter[Key]:
    """How many objects are deleted, or decided to be, by owner."""
    counts: Counter[Key] = Counter()
    for action in actions:
        counts[action.owner] += action.deletions
    return +counts


def _objects(count: int) -> str:
    return f"{count} objects are" if count > 1 else "1 object is"


def _trimmed(plan: Plan, may_go: Callable[[Action, str], bool]) -> Plan:
    """The plan with records that let only those Pods go that may; what else a record decides stands."""
    actions: list[Action] = []
    postponed = list(plan.postponed)
    for action in plan.actions:
        doomed = tuple(uid for uid in action.doomed if may_go(action, uid))
        if doomed == action.doomed:
            actions.append(action)
        elif (less := _lessened(action, doomed)) is not None:
            actions.append(less)
        else:
            postponed.append(action)
    return replace(plan, actions=tuple(actions), postponed=tuple(postponed))


def _lessened(action: Action, doomed: tuple[str, ...]) -> Action | None:
    """The record with fewer Pods to go; `None` if nothing is left of it."""
    decisions: Body = action.body["status"]["decisions"]
    dropped = set(action.doomed).difference(doomed)
    retiring = [one for one in decisions["retiring"] if one["uid"] not in dropped]
    less = {**decisions, "retiring": retiring}
    if "released" in decisions:
        stay = (one for one in decisions["retiring"] if one["uid"] in dropped)
        less["released"] = decisions["released"] - sum(one.get("ready") is not False for one in stay)
    if not doomed and less.keys() <= {"retiring", "released"}:
        return None
    body = {**action.body, "status": {**action.body["status"], "decisions": less}}
    changes = tuple(replace(one, new=less.get(one.path.rpartition(".")[2], one.new)) for one in action.changes)
    return replace(action, body=body, doomed=doomed, changes=changes)


def _postpone(plan: Plan, postponed: Callable[[Action], bool]) -> Plan:
    """The plan without certain actions, and without those that follow from their owner's record if that is one."""
    verdicts = [(action, postponed(action)) for action in plan.actions]
    if not any(waits for _, waits in verdicts):
        return plan
    unrecorded = {action.owner for action, waits in verdicts if waits and action.verb is Verb.RECORD}
    verdicts = [(one, waits or (one.after_record and one.owner in unrecorded)) for one, waits in verdicts]
    return replace(
        plan,
        actions=tuple(action for action, waits in verdicts if not waits),
        postponed=plan.postponed + tuple(action for action, waits in verdicts if waits),
    )
