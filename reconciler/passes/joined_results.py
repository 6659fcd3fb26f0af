"""Several passes as one: what `--once` tells after it had to look again."""

from dataclasses import replace

from reconciler.passes.values import PassResult, Result


def joined(earlier: PassResult, last: PassResult) -> PassResult:
    """The last pass, with what an earlier one got done, and what that one failed at and the last one left to later."""
    left = {(action.verb, action.key) for action in last.plan.postponed}
    kept = tuple(
        one
        for one in earlier.responses
        if one.result is Result.DONE or (one.result is not Result.SKIPPED and (one.action.verb, one.action.key) in left)
    )
    tried = {(response.action.verb, response.action.key) for response in kept}
    postponed = tuple(action for action in last.plan.postponed if (action.verb, action.key) not in tried)
    actions = (*(response.action for response in kept), *last.plan.actions)
    return replace(
        last,
        plan=replace(last.plan, actions=actions, postponed=postponed),
        responses=(*kept, *last.responses),
        rounds=earlier.rounds + last.rounds,
        costs=(*earlier.costs, *last.costs),
    )
