"""What passes remember for those after them, and the time by which they do."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from models.kinds import Key
from reconciler.passes.at_rest import Rest
from reconciler.passes.values import Finding
from reconciler.passes.write_backoff import Backoff, merged_repeats


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is.

    Args:
        now: The time of day, in UTC; someone may set it.
        seconds: The time on the monotonic clock, for waits.
    """

    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Memory:
    """What a pass remembers for the next one; nothing is lost for good with it.

    Args:
        backoff: What waits after errors.
        rest: The trees that need no planning until something of them changes.
        bugs: Bugs whose traceback was logged.
        served: The trees that had a turn in passes that were cut off; in the next one the others come first.
        shortened: The statuses of which the server has kept less than was written.
    """

    backoff: Backoff = field(default_factory=Backoff)
    rest: Mapping[Key, Rest] = field(default_factory=dict)
    bugs: tuple[Finding, ...] = ()
    served: frozenset[Key] = frozenset()
    shortened: Mapping[Key, str] = field(default_factory=dict)

    def merged(self, newer: "Memory", is_of_pass: Callable[[Key], bool]) -> "Memory":
        """This memory, with what a pass has to say of its trees.

        Args:
            newer: What the pass remembers; it began with an older state of this memory.
            is_of_pass: Whether a tree, or a resource's tree, is one of the pass.
        """
        waits = {subject: wait for subject, wait in self.backoff.waits.items() if not is_of_pass(wait.tree)}
        waits |= {subject: wait for subject, wait in newer.backoff.waits.items() if is_of_pass(wait.tree)}
        rest = {tree: rest for tree, rest in self.rest.items() if not is_of_pass(tree)}
        rest |= {tree: rest for tree, rest in newer.rest.items() if is_of_pass(tree)}
        served = {tree for tree in self.served if not is_of_pass(tree)}
        served |= {tree for tree in newer.served if is_of_pass(tree)}
        repeats = merged_repeats(self.backoff.repeats, newer.backoff.repeats)
        bugs = (*(bug for bug in self.bugs if not is_of_pass(bug.about)), *newer.bugs)
        shortened = {key: written for key, written in self.shortened.items() if not is_of_pass(key)}
        shortened |= {key: written for key, written in newer.shortened.items() if is_of_pass(key)}
        return Memory(Backoff(waits, repeats), rest, tuple(dict.fromkeys(bugs)), frozenset(served), shortened)
