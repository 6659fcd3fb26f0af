"""When everything, or a tree, is looked at next."""

from collections.abc import Iterator

from models.kinds import Key
from reconciler.passes.lanes import is_occupied
from reconciler.passes.pass_memory import Memory
from reconciler.passes.values import PassResult, Response, Result

LONGEST_PAUSE_SECONDS = 60.0
"""The longest that the loop waits, by itself, while nothing can be listed."""
SHARE_WITH_HINTS, SHARE_WITHOUT_HINTS, SHARE_IF_CROWDED = 30, 4, 2
"""How many times what a pass over everything cost is waited before the next."""
TREES_REST = 3
"""How many times what a pass over a few trees cost they are left alone then."""
HELD_SECONDS = 2.0
"""How long a new tree, in a crowd, is left to start its Pods before it is looked at again and has its first status."""
RETRY_SECONDS = 1.0
"""After that a tree is looked at again that was cut short, or of which it is not known how it is."""


def pause(result: PassResult, interval: float, trouble: float, *, is_healthy: bool) -> float:
    """How long after a pass over everything began the next begins.

    Args:
        result: The pass.
        interval: The least number of seconds.
        trouble: How long the API server is left alone.
        is_healthy: Whether changes are told of meanwhile.
    """
    share = SHARE_WITH_HINTS if is_healthy and not result.responses else SHARE_WITHOUT_HINTS
    longer = 0.0 if result.is_cut or result.snapshot is None else share * cost(result)
    return max(interval, trouble, longer)


def growing(seconds: float, unread: int) -> float:
    """How long to wait after so many passes in a row that could read nothing."""
    return min(seconds * float(1 << min(unread, 10)), LONGEST_PAUSE_SECONDS)


def cost(result: PassResult) -> float:
    """What a pass cost, in seconds, without what it wrote."""
    return sum(result.seconds.get(stage, 0.0) for stage in ("observe", "desire", "plan", "policy"))


def to_look_at_again(
    result: PassResult, after: Memory, at_seconds: float, interval: float
) -> Iterator[tuple[Key, float]]:
    """The trees that are to be looked at again though nothing changes, and in how many seconds."""
    yield from ((tree, HELD_SECONDS) for tree in result.held)
    waits = ((wait.tree, wait.until_seconds - at_seconds) for wait in after.backoff.waits.values())
    yield from (wait for wait in waits if wait[1] > 0)
    yield from ((one.action.tree, RETRY_SECONDS) for one in result.failures if needs_another_look(one))
    skipped = {one.action.tree for one in result.responses if one.result is Result.SKIPPED}
    untried = skipped.difference(one.action.tree for one in result.failures)
    for tree in result.coverage.trees or ():
        if not result.coverage.covers(tree):
            yield tree, interval
        elif result.is_cut or tree in result.left_out or tree in untried:
            yield tree, RETRY_SECONDS


def needs_another_look(response: Response) -> bool:
    """Whether only another look tells how an object is."""
    return response.result in (Result.CONFLICT, Result.UNKNOWN) and not is_occupied(response)
