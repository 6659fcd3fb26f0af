"""Which log lines a pass is worth.

event              level                        when
pass.done          info; debug if nothing       a pass wrote something
pass.planned       info; debug if as before     dry run: a pass would write something
list.failed        error                        a list failed, so its namespaces are left alone
write.failed       warning; info if a conflict  the server said no, or did not answer
object.unreadable  warning                      something is there that cannot be read
owner.told         info or warning              a resource's owner is told something, in a condition
….over             info                         one of the four above is no more
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from models.kinds import Key
from models.snapshot import Unreadable
from reconciler.passes.values import PAST, Finding, PassResult, Response, Result, Topic

ECHOES = frozenset({Topic.REFUSED, Topic.BACK_OFF, Topic.UNAVAILABLE})
"""Findings that tell an owner of a failed write, and outlast it, since not every pass tries it again."""
SERIOUS = frozenset(
    {
        Topic.INVALID,
        Topic.NAME_CONFLICT,
        Topic.NAME_TOO_LONG,
        Topic.INVALID_ANNOTATION,
        Topic.REFUSED,
        Topic.DELETION_CAP,
        Topic.INTERNAL_ERROR,
    }
)
"""Findings that stay until someone does something."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong until it is not.

    Args:
        identity: The same in every pass that it lasts.
        event: The event of its line.
        level: One of `logging`'s.
        fields: What it is, and of whom.
        words: What is said of it when it starts.
        owners: The custom resources that it belongs to.
    """

    identity: Hashable
    event: str
    level: int
    fields: Mapping[str, str]
    words: str
    owners: frozenset[Key] = frozenset()


class PassLog:
    """Logs passes; told of each, in order.

    - A pass that did something gets one line at info; one that did nothing gets it at debug.
    - A trouble gets a line when it starts and a line when it ends, however many passes it lasts.
    - A pass that could not read everything, or ended before it looked, ends no trouble, since it cannot know.

    Args:
        clock: What time it is.
        rehearsed: Whether passes are dry runs.
    """

    def __init__(self, clock: Callable[[], datetime], *, rehearsed: bool = False) -> None:
        self._clock = clock
        self._rehearsed = rehearsed
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")
        self._since: dict[Hashable, tuple[Trouble, datetime]] = {}
        self._planned: list[tuple[str, str]] = []

    def __call__(self, result: PassResult) -> None:
        """Log one pass."""
        now = {trouble.identity: trouble for trouble in self._troubles(result)}
        self._tell_started(now)
        self._tell_ended(now)
        if not self._rehearsed:
            self._tell_done(result)
        elif not result.errors and not (result.is_cut and self._planned):  # which is part of a plan
            self._tell_plan(result)

    def _tell_done(self, result: PassResult) -> None:
        done = Counter(response.action.verb for response in result.responses if response.result is Result.DONE)
        reported = sum(response.result is Result.DONE for response in result.reports)
        tell = self._log.info if done or reported else self._log.debug
        counts = {PAST[verb]: done[verb] for verb in PAST if done[verb]} | ({"reported": reported} if reported else {})
        tell("pass.done", **counts, **_rest(result), rounds=result.rounds)

    def _tell_plan(self, result: PassResult) -> None:
        planned = [(action.verb.value, str(action.key)) for action in result.plan.actions]
        tell = self._log.debug if planned == self._planned else self._log.info
        self._planned = planned
        tell("pass.planned", **Counter(verb for verb, _ in planned), **_rest(result))

    def _tell_started(self, now: Mapping[Hashable, Trouble]) -> None:
        for identity, trouble in now.items():
            if identity not in self._since:
                self._log.log(trouble.level, trouble.event, **trouble.fields, message=trouble.words)
                self._since[identity] = (trouble, self._clock())

    def _tell_ended(self, now: Mapping[Hashable, Trouble]) -> None:
        for identity in [each for each in self._since if each not in now]:
            trouble, since = self._since.pop(identity)
            lasted = (self._clock() - since).total_seconds()
            self._log.info(f"{trouble.event}.over", **trouble.fields, lasted_seconds=round(lasted, 1))

    def _troubles(self, result: PassResult) -> tuple[Trouble, ...]:
        """What is wrong now, or was before and may still be."""
        before = [trouble for trouble, _ in self._since.values()]
        lists = [_unlisted(what, why) for what, why in result.errors.items()]
        failures = [_failure(response) for response in result.failures]
        echoed = {finding.about for finding in result.plan.findings if finding.topic in ECHOES}
        lasting = [each for each in before if each.event == "write.failed" and each.owners & echoed]
        told = {owner for trouble in (*failures, *lasting) for owner in trouble.owners}
        findings = [
            _finding(each) for each in result.plan.findings if each.topic not in ECHOES or each.about not in told
        ]
        unreadable = [_unreadable(each) for each in result.snapshot.unreadable.values()] if result.snapshot else []
        is_known = not result.errors and (result.rounds > 0 or not result.is_cut)
        unknown = [] if is_known else [each for each in before if each.event != "list.failed"]
        return (*unknown, *lists, *failures, *lasting, *findings, *unreadable)


def _unlisted(what: str, why: str) -> Trouble:
    """A failed list; the same as before if only numbers differ, such as how long was waited."""
    wording = re.sub(r"\d+", "#", why)
    return Trouble(("list", what, wording), "list.failed", logging.ERROR, {"key": what}, why)


def _failure(response: Response) -> Trouble:
    action = response.action
    level = logging.INFO if response.result is Result.CONFLICT else logging.WARNING
    reason = response.reason or response.result.value
    fields = {"key": str(action.key), "action": action.verb.value, "reason": reason, "owner": str(action.owner)}
    owners = frozenset({action.owner, action.chain})
    return Trouble(("write", action.key, reason), "write.failed", level, fields, response.error, owners)


def _finding(finding: Finding) -> Trouble:
    level = logging.WARNING if finding.topic in SERIOUS else logging.INFO
    fields = {"key": str(finding.about), "reason": finding.topic.value}
    return Trouble(("finding", finding.about, finding.topic), "owner.told", level, fields, finding.message)


def _unreadable(found: Unreadable) -> Trouble:
    fields = {"key": str(found.key)}
    return Trouble(("unreadable", found.key), "object.unreadable", logging.WARNING, fields, found.error)


def _rest(result: PassResult) -> dict[str, int | float]:
    """The fields that say how it went, without those that are nothing."""
    counts = {"failed": len(result.failures), "held": len(result.plan.held)}
    return {name: count for name, count in counts.items() if count} | {
        "seconds": round(sum(result.seconds.values()), 2)
    }


__all__ = ["PassLog"]
