"""The exception barrier: the only place that catches every exception, so that one bug does not stop all clusters.

    around        on an exception
    a resource    the resource gets a finding and keeps its status, the pass counts as failed, other resources go on
    a pass        the log has it, and the next pass starts from new lists

Only pure stages run around a resource: an exception there leaves no write half done, and no answer of the API is lost.
The API's errors are no exceptions here; `apply` sorts them into results.
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
"""How many characters of an exception a finding has; the log has all of it."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


class Bulkhead:
    """Keeps the resources of one pass from stopping one another.

    Attributes:
        bugs: The finding about each resource at which an exception was caught.

    Args:
        findings: The findings of the pass, by resource; those about exceptions are added to it.
        known: The findings about exceptions of the pass before; their tracebacks are not logged again.
    """

    def __init__(self, findings: dict[Key, tuple[Finding, ...]], known: Collection[Finding]) -> None:
        self.bugs: dict[Key, Finding] = {}
        self._findings = findings
        self._known = known

    @contextmanager
    def isolate(self, key: Key) -> Iterator[None]:
        """Catch exceptions of one resource's stage."""
        try:
            yield
        except Exception as bug:  # ours, whatever the resource holds
            what = " ".join(f"{type(bug).__name__}: {bug}".split())[:LONGEST_SHOWN]
            finding = Finding(key, Reason.INTERNAL_ERROR, f"a bug in the reconciler keeps it from going on: {what}")
            if finding not in self._known:
                log.exception("resource.failed", key=str(key))
            self.bugs[key] = finding
            self._findings[key] = (*self._findings.get(key, ()), finding)

    def each(self, steps: Iterable[tuple[Key, Callable[[], T]]]) -> list[T]:
        """The results of several resources, without those at which an exception was caught."""
        done: list[T] = []
        for key, step in steps:
            with self.isolate(key):
                done.append(step())
        return done


@contextmanager
def around_pass(crashed: Callable[[], None]) -> Iterator[None]:
    """Catch exceptions of one pass.

    Args:
        crashed: Called if there was one.
    """
    try:
        yield
    except Exception:  # or one bug would end all passes
        log.exception("pass.crashed")
        crashed()
