"""What of a plan may be done now: pure filters from plan to plan.

Each filter moves actions from `actions` to `postponed` and says why in a finding where a person should know.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from models.kinds import Key
from reconciler.passes.values import Action, Finding, Plan, Verb
from reconciler.passes.write_backoff import Wait
from reconciler.rules.reasons import Reason


def without_stopped(plan: Plan, stopped: Collection[Key]) -> Plan:
    """Postpone what belongs to owners or trees that met an error earlier in this pass."""
    return _postpone(plan, lambda action: action.owner in stopped or action.tree in stopped)


def without_repeated(plan: Plan, done: Collection[Action]) -> Plan:
    """Postpone changes that were made in this pass already: someone undoes them, and would for ever.

    Args:
        plan: The plan.
        done: What was carried out in this pass.
    """
    made = {(action.verb, action.key, action.uid, repr(action.changes)) for action in done if action.changes}
    return _postpone(plan, lambda action: (action.verb, action.key, action.uid, repr(action.changes)) in made)


def without_waiting(plan: Plan, waits: Mapping[Key, Wait]) -> Plan:
    """Postpone what has to wait after an error; owners of whom nothing is postponed are told nothing.

    Args:
        plan: The plan.
        waits: The waits that are not over, by owner.
    """
    allowed = _postpone(plan, lambda action: action.owner in waits and waits[action.owner].postpones(action))
    waiting = dict.fromkeys(action.owner for action in allowed.postponed if action.owner in waits)
    return replace(allowed, findings=allowed.findings + tuple(waits[owner].finding(owner) for owner in waiting))


def without_deletes(plan: Plan) -> Plan:
    """Postpone every delete: the setting `no_delete`."""
    blocked = [action for action in plan.actions if action.verb is Verb.DELETE]
    allowed = _postpone(plan, lambda action: action.verb is Verb.DELETE)
    return _with_findings(allowed, blocked, Reason.NO_DELETE, "deletions are switched off (--no-delete)")


def within_deletion_cap(plan: Plan, cap: int, done: int) -> Plan:
    """Postpone the deletes of the trees that delete most, as far as together they would exceed the cap.

    Trees with few deletes go first, so that one large mistake does not hold up the others.

    Args:
        plan: The plan.
        cap: How many objects may be deleted in a pass; 0 means any number.
        done: How many have been deleted in this pass already.
    """
    if not cap:
        return plan
    counts = Counter(action.tree for action in plan.actions if action.verb is Verb.DELETE)
    trees: set[Key] = set()
    for tree, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if done + count <= cap:
            done += count
            trees.add(tree)
    blocked = [action for action in plan.actions if action.verb is Verb.DELETE and action.tree not in trees]
    allowed = _postpone(plan, lambda action: action.verb is Verb.DELETE and action.tree not in trees)
    what = f"more deletions in one pass than the cap of {cap} allows; raise --deletion-cap if they are meant"
    return _with_findings(allowed, blocked, Reason.DELETION_CAP, what)


def within_budget(plan: Plan, budget: int) -> Plan:
    """Postpone what exceeds a tree's share of writes in this round: no cluster waits for another's thousand Pods.

    Args:
        plan: The plan.
        budget: How many writes a tree may make in a round; 0 means any number.
    """
    spent: Counter[Key] = Counter()

    def exceeds(action: Action) -> bool:
        spent[action.tree] += 1
        return 0 < budget < spent[action.tree]

    return _postpone(plan, exceeds)


def _postpone(plan: Plan, postponed: Callable[[Action], bool]) -> Plan:
    verdicts = [(action, postponed(action)) for action in plan.actions]
    return Plan(
        tuple(action for action, is_postponed in verdicts if not is_postponed),
        plan.findings,
        plan.postponed + tuple(action for action, is_postponed in verdicts if is_postponed),
    )


def _with_findings(plan: Plan, blocked: Collection[Action], reason: Reason, what: str) -> Plan:
    counts = Counter(action.owner for action in blocked)
    told = tuple(
        Finding(owner, reason, f"{count} {'objects are' if count > 1 else 'object is'} not deleted: {what}")
        for owner, count in counts.items()
    )
    return replace(plan, findings=plan.findings + told)
