"""The loop's edge: the only place where whatever goes wrong is caught, and what is made of it.

    around     what was caught                    what follows
    resource   a bug that this resource brings    its owner is told, the pass counts as failed, the others go on
               to light in a pure stage
    a pass     anything else                      the next pass sees the world anew

Only pure stages run inside the inner edge: an exception leaves nothing half done there, and no answer of the API is
lost. What the API answers is no exception for the loop at all; `apply` sorts it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from models.kinds import Key
from reconciler.passes.values import Finding
from reconciler.rules.reasons import Reason

T = TypeVar("T")

LONGEST_SHOWN = 200
"""How much of an exception a resource's owner is told; the log has the rest."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


class Edge:
    """The inner edge, of one pass.

    Attributes:
        bugs: What was caught, by resource.

    Args:
        findings: What owners are told; what is caught is added to it.
        known: What earlier passes caught already; its traceback is not logged again.
    """

    def __init__(self, findings: dict[Key, tuple[Finding, ...]], known: Collection[Finding]) -> None:
        self.bugs: dict[Key, Finding] = {}
        self._findings = findings
        self._known = known

    @contextmanager
    def __call__(self, key: Key) -> Iterator[None]:
        """Around what is worked out of one resource."""
        try:
            yield
        except Exception as bug:  # ours, whatever the resource holds
            what = " ".join(f"{type(bug).__name__}: {bug}".split())[:LONGEST_SHOWN]
            told = Finding(key, Reason.INTERNAL_ERROR, f"a bug in the reconciler keeps it from going on: {what}")
            if told not in self._known:
                log.exception("resource.failed", key=str(key))
            self.bugs[key] = told
            self._findings[key] = (*self._findings.get(key, ()), told)

    def each(self, steps: Iterable[tuple[Key, Callable[[], T]]]) -> list[T]:
        """What becomes of several resources, without those at which something was caught."""
        done: list[T] = []
        for key, step in steps:
            with self(key):
                done.append(step())
        return done


@contextmanager
def outer_edge() -> Iterator[None]:
    """Around one pass."""
    try:
        yield
    except Exception:  # or one bug would end all passes
        log.exception("pass.crashed")
