"""What of a plan may be done now: pure filters from plan to plan.

Each filter moves actions from `actions` to `held` and says why in a finding where a person should know.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from models.kinds import Key
from reconciler.passes.values import Action, Finding, Plan, Verb
from reconciler.passes.write_backoff import Wait
from reconciler.rules.reasons import Reason


def without_stopped(plan: Plan, stopped: Collection[Key]) -> Plan:
    """Hold what belongs to owners or chains that met an error earlier in this pass."""
    return _hold(plan, lambda action: action.owner in stopped or action.chain in stopped)


def without_repeated(plan: Plan, done: Collection[Action]) -> Plan:
    """Hold changes that were made in this pass already: someone undoes them, and would for ever.

    Args:
        plan: The plan.
        done: What was carried out in this pass.
    """
    made = {(action.verb, action.key, action.uid, repr(action.changes)) for action in done if action.changes}
    return _hold(plan, lambda action: (action.verb, action.key, action.uid, repr(action.changes)) in made)


def without_waiting(plan: Plan, waits: Mapping[Key, Wait]) -> Plan:
    """Hold what has to wait after an error; owners of whom nothing is held are told nothing.

    Args:
        plan: The plan.
        waits: The waits that are not over, by owner.
    """
    held = _hold(plan, lambda action: action.owner in waits and waits[action.owner].holds(action))
    waiting = dict.fromkeys(action.owner for action in held.held if action.owner in waits)
    return replace(held, findings=held.findings + tuple(waits[owner].finding(owner) for owner in waiting))


def without_deletes(plan: Plan) -> Plan:
    """Hold every delete: the setting `no_delete`."""
    blocked = [action for action in plan.actions if action.verb is Verb.DELETE]
    held = _hold(plan, lambda action: action.verb is Verb.DELETE)
    return _tell(held, blocked, Reason.NO_DELETE, "deletions are switched off (--no-delete)")


def within_deletion_cap(plan: Plan, cap: int, done: int) -> Plan:
    """Hold the deletes of the chains that delete most, as far as together they would exceed the cap.

    Chains with few deletes go first, so that one large mistake does not hold up the others.

    Args:
        plan: The plan.
        cap: How many objects may be deleted in a pass; 0 means any number.
        done: How many have been deleted in this pass already.
    """
    if not cap:
        return plan
    counts = Counter(action.chain for action in plan.actions if action.verb is Verb.DELETE)
    allowed: set[Key] = set()
    for chain, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if done + count <= cap:
            done += count
            allowed.add(chain)
    blocked = [action for action in plan.actions if action.verb is Verb.DELETE and action.chain not in allowed]
    held = _hold(plan, lambda action: action.verb is Verb.DELETE and action.chain not in allowed)
    what = f"more deletions in one pass than the cap of {cap} allows; raise --deletion-cap if they are meant"
    return _tell(held, blocked, Reason.DELETION_CAP, what)


def within_budget(plan: Plan, budget: int) -> Plan:
    """Hold what exceeds a chain's share of writes in this round, so that no cluster waits for another's thousand Pods.

    Args:
        plan: The plan.
        budget: How many writes a chain may make in a round; 0 means any number.
    """
    spent: Counter[Key] = Counter()

    def exceeds(action: Action) -> bool:
        spent[action.chain] += 1
        return 0 < budget < spent[action.chain]

    return _hold(plan, exceeds)


def _hold(plan: Plan, held: Callable[[Action], bool]) -> Plan:
    verdicts = [(action, held(action)) for action in plan.actions]
    return Plan(
        tuple(action for action, is_held in verdicts if not is_held),
        plan.findings,
        plan.held + tuple(action for action, is_held in verdicts if is_held),
    )


def _tell(plan: Plan, blocked: Collection[Action], reason: Reason, what: str) -> Plan:
    counts = Counter(action.owner for action in blocked)
    told = tuple(
        Finding(owner, reason, f"{count} {'objects are' if count > 1 else 'object is'} not deleted: {what}")
        for owner, count in counts.items()
    )
    return replace(plan, findings=plan.findings + told)
