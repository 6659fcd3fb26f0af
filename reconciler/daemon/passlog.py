"""Which log lines a pass is worth.

event              level                        when
pass.done          info; debug if nothing       a pass wrote something
pass.planned       info; debug if as before     dry run: a pass would write something
workers.retired    info; warning if given up    workers that were to go are gone: how, and with what
list.failed        error                        a list failed, so its namespaces are left alone
write.failed       warning; info if a conflict  the server said no, or did not answer
object.unreadable  warning                      something is there that cannot be read
resource.finding   info or warning              a condition of a resource says what is wrong
….over             info                         one of the four above is no more
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from models.kinds import DASK_CLUSTER, Key
from models.snapshot import Unreadable
from reconciler.daemon.metrics_memory import ByTree
from reconciler.passes.retirement_ends import Outcome, retirement_ends
from reconciler.passes.values import PAST, Finding, PassResult, Response, Result


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong until it is not.

    Args:
        identity: The same in every pass that it lasts.
        tree: The tree that it belongs to.
        event: The event of its line.
        level: One of `logging`'s.
        fields: What it is, and of whom.
        words: What is said of it when it starts.
        owners: The custom resources that it belongs to.
    """

    identity: Hashable
    tree: Key
    event: str
    level: int
    fields: Mapping[str, str]
    words: str
    owners: frozenset[Key] = frozenset()


_OF_RETIREMENTS = ("moved_bytes", "lost_tasks", "lost_results", "lost_bytes")
_NO_TREE = Key(DASK_CLUSTER, "", "")
_Known = tuple[Problem, datetime]
"""A problem, and since when there is one."""


class PassLog:
    """Logs passes; called with each, in order.

    - A pass that did something gets one line at info; one that did nothing gets it at debug.
    - A problem gets a line when it starts and a line when it ends, however many passes it lasts.
    - A pass that could not read everything ends no problem, since it cannot know.

    Args:
        clock: What time it is.
        rehearsed: Whether passes are dry runs.
    """

    def __init__(self, clock: Callable[[], datetime], *, rehearsed: bool = False) -> None:
        self._clock = clock
        self._rehearsed = rehearsed
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")
        self._known = ByTree[_Known]()
        self._lists: dict[Hashable, _Known] = {}
        self._planned: list[tuple[str, str]] = []

    def __call__(self, result: PassResult) -> None:
        """Log one pass."""
        if result.coverage.trees is None:
            self._log_lists(result)
        now = {problem.identity: (problem.tree, self._seen(problem)) for problem in self._problems(result)}
        for known in self._known.update(result, now).values():
            self._log_over(known)
        if not self._rehearsed:
            self._log_done(result)
            self._log_retired(result)
        elif not result.errors and not (result.is_cut and self._planned):  # which is part of a plan
            self._log_plan(result)

    def _log_lists(self, result: PassResult) -> None:
        """Lists that fail, or fail no more, whether or not anything else of their namespaces is known."""
        failing = [_unlisted(what, why) for what, why in result.errors.items()]
        now = {problem.identity: self._seen(problem) for problem in failing}
        for identity, known in self._lists.items():
            if identity not in now:
                self._log_over(known)
        self._lists = now

    def _log_over(self, known: _Known) -> None:
        problem, since = known
        lasted = (self._clock() - since).total_seconds()
        self._log.info(f"{problem.event}.over", **problem.fields, lasted_seconds=round(lasted, 1))

    def _seen(self, problem: Problem) -> _Known:
        """The problem, and since when there is one; it is logged when it starts."""
        known = self._known.get(problem.identity) or self._lists.get(problem.identity)
        if known is None:
            self._log.log(problem.level, problem.event, **problem.fields, message=problem.words)
        return known or (problem, self._clock())

    def _log_done(self, result: PassResult) -> None:
        done = Counter(response.action.verb for response in result.responses if response.result is Result.DONE)
        reported = sum(response.result is Result.DONE for response in result.reports)
        log = self._log.info if done or reported else self._log.debug
        counts = {PAST[verb]: done[verb] for verb in PAST if done[verb]} | ({"reported": reported} if reported else {})
        log("pass.done", **counts, **_rest(result), rounds=result.rounds)

    def _log_retired(self, result: PassResult) -> None:
        """The workers that have gone, and could have handed something over: a line for each group, not for each."""
        found = retirement_ends(result.responses, result.snapshot) if result.snapshot is not None else {}
        for group, ends in found.items():
            outcomes = Counter(str(end.outcome) for end in ends if end.outcome is not Outcome.NOT_ASKED)
            sums = {name: sum(getattr(end, name) for end in ends) for name in _OF_RETIREMENTS}
            if outcomes:
                log = self._log.warning if outcomes[Outcome.GIVEN_UP] else self._log.info
                log("workers.retired", key=str(group), **outcomes, **{name: n for name, n in sums.items() if n})

    def _log_plan(self, result: PassResult) -> None:
        planned = [(action.verb.value, str(action.key)) for action in result.plan.actions]
        log = self._log.debug if planned == self._planned else self._log.info
        self._planned = planned
        log("pass.planned", **Counter(verb for verb, _ in planned), **_rest(result))

    def _problems(self, result: PassResult) -> tuple[Problem, ...]:
        """What is wrong now in the trees that the pass is about."""
        failures = [_failure(response) for response in result.failures]
        # A finding outlasts the failed write that it repeats, since not every pass tries the write again.
        echoed = {finding.about for finding in result.plan.findings if finding.reason.handling.echoes_write}
        before = [problem for problem, _ in self._known.values()]
        lasting = [each for each in before if each.event == "write.failed" and each.owners & echoed]
        logged = {owner for problem in (*failures, *lasting) for owner in problem.owners}
        findings = [
            _finding(each, result.trees.get(each.about, each.about))
            for each in result.plan.findings
            if not each.reason.handling.echoes_write or each.about not in logged
        ]
        unreadable = [_unreadable(each) for each in result.snapshot.unreadable.values()] if result.snapshot else []
        return (*failures, *lasting, *findings, *unreadable)


def _unlisted(what: str, why: str) -> Problem:
    """A failed list; the same as before if only numbers differ, such as how long was waited."""
    wording = re.sub(r"\d+", "#", why)
    return Problem(("list", what, wording), _NO_TREE, "list.failed", logging.ERROR, {"key": what}, why)


def _failure(response: Response) -> Problem:
    action = response.action
    level = logging.INFO if response.result is Result.CONFLICT else logging.WARNING
    reason = response.reason or response.result.value
    fields = {"key": str(action.key), "action": action.verb.value, "reason": reason, "owner": str(action.owner)}
    owners = frozenset({action.owner, action.tree})
    identity = ("write", action.key, reason)
    return Problem(identity, action.tree, "write.failed", level, fields, response.error, owners)


def _finding(finding: Finding, tree: Key) -> Problem:
    fields = {"key": str(finding.about), "reason": finding.reason.value}
    level = finding.reason.handling.log_level
    identity = ("finding", finding.about, finding.reason)
    return Problem(identity, tree, "resource.finding", level, fields, finding.message)


def _unreadable(found: Unreadable) -> Problem:
    fields = {"key": str(found.key)}
    return Problem(("unreadable", found.key), found.key, "object.unreadable", logging.WARNING, fields, found.error)


def _rest(result: PassResult) -> dict[str, int | float]:
    """The fields that say how it went, without those that are nothing."""
    counts = {"failed": len(result.failures), "postponed": len(result.plan.postponed)}
    return {name: count for name, count in counts.items() if count} | {
        "seconds": round(sum(result.seconds.values()), 2)
    }


__all__ = ["PassLog"]
