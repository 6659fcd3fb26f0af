"""Schedulers are asked outside of passes: a pass plans with what they last told, and waits for none.

A few threads ask; each question has a deadline, so that one that hangs holds one thread for a moment. Whoever does not
answer is asked less and less often. What a scheduler is asked to do is asked again with each question until it is done.
"""

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

import structlog

from models.kinds import Key
from models.scheduler_answer import SchedulerAnswer
from reconciler.dask.errors import Barred, DaskError
from reconciler.dask.pauses import URGENT_SECONDS, patience, pause_for_all, pause_for_targets, pause_of_silence
from reconciler.rules.questions import Question

THREADS = 32
"""How many are asked at a time. Most of the time of one that does not answer is waiting."""

Ask = Callable[[Question, SchedulerAnswer], SchedulerAnswer]
"""Asks a scheduler that has told something before, and tells it which workers to let go. It raises `DaskError` if there
is no answer."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


_Going = tuple[str, tuple[tuple[bool, bool], ...]]
"""Of a worker Pod that is to go: of each of its processes, whether it has something to do, and whether it is done."""


@dataclass
class _Asked:
    """One scheduler.

    Attributes:
        question: What it is asked.
        answer: What it last told.
        due: When it is asked next; `None` while it is being asked.
        failing_since: Since when questions are not answered; `None` if the last one was.
        progress: How far those were that are to go.
        unchanged_since: Since when neither the question nor the answer has changed.
        whole_due: When it is asked all that there is to ask; until then, how many workers it would like at most.
    """

    question: Question
    answer: SchedulerAnswer
    due: float | None = None
    failing_since: float | None = None
    progress: frozenset[_Going] = frozenset()
    unchanged_since: float = 0.0
    whole_due: float = 0.0


@dataclass
class Schedulers:
    """The schedulers, and what they last told.

    Args:
        ask: Asks one of them.
        now: What time of day it is, in UTC.
        seconds: A count of seconds that nobody sets.
        changed: Told of the tree of a cluster whose answer lets it go on.
    """

    ask: Ask
    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic
    changed: Callable[[Key], None] = lambda _: None
    _asked: dict[Key, _Asked] = field(default_factory=dict)
    _due: list[tuple[float, int, Key]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _is_closed: bool = False

    def answers(self) -> Mapping[Key, SchedulerAnswer]:
        """What they last told, by cluster."""
        with self._news:
            return {key: asked.answer for key, asked in self._asked.items()}

    def update(self, questions: Iterable[Question], is_about: Callable[[Key], bool]) -> None:
        """Take in what is to be asked from now on.

        Args:
            questions: The questions.
            is_about: Of which trees these are all the questions there are.
        """
        given = {question.cluster: question for question in questions if is_about(question.tree)}
        with self._news:
            for key, asked in list(self._asked.items()):
                if key not in given and is_about(asked.question.tree):
                    del self._asked[key]
            for key, question in given.items():
                self._take(key, question)
            self._news.notify_all()

    def _take(self, key: Key, question: Question) -> None:
        known = self._asked.get(key)
        if known is None or known.question.pod_uid != question.pod_uid:
            known = self._asked[key] = _Asked(question, SchedulerAnswer(question.pod_uid))
            known.unchanged_since = self.seconds()
            self._put(key, known, 0.0)
            return
        before, known.question = known.question, question
        if question.idle is None and known.answer.idle is not None:
            known.answer = replace(known.answer, idle=None)  # when it counts again, it counts from then on
        is_another = before != question
        if question.targets != before.targets and known.failing_since is None and known.due is not None:
            self._put(key, known, 0.0)
        if not is_another and (before.state, before.pods) == (question.state, question.pods):
            return
        known.unchanged_since = self.seconds()
        is_new = question.idle is not None and not question.idle.is_as(before.idle)
        if question.is_urgent or is_new:
            in_seconds = 0.0 if is_another else URGENT_SECONDS
            known.whole_due = min(known.whole_due, self.seconds() + in_seconds)
            is_late = known.due is not None and known.due - self.seconds() > in_seconds
            if is_late and known.failing_since is None:
                self._put(key, known, in_seconds)

    def _put(self, key: Key, asked: _Asked, in_seconds: float) -> None:
        asked.due = self.seconds() + in_seconds
        heapq.heappush(self._due, (asked.due, next(self._numbers), key))

    def start(self) -> None:
        """Begin to ask."""
        for _ in range(THREADS):
            threading.Thread(target=self._run, name="asks schedulers", daemon=True).start()

    def close(self) -> None:
        """Ask no more; questions under way come to their end by themselves."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    def ask_all(self) -> None:
        """Ask each once, side by side, and wait for the answers: for a single pass."""
        one_by_one = iter(list(self._asked.items()))

        def run() -> None:
            for one in one_by_one:
                self._ask(*one, is_last=True)

        threads = [threading.Thread(target=run, daemon=True) for _ in range(min(THREADS, len(self._asked)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def ask_due(self) -> None:
        """Ask each that is due, one after the other."""
        while (found := self._next()) is not None:
            self._ask(*found)

    def _run(self) -> None:
        while self._is_due_before_end():
            self.ask_due()

    def _is_due_before_end(self) -> bool:
        """Wait until somebody is due; false if nobody is asked any more."""
        with self._news:
            while not self._is_closed:
                now = self.seconds()
                if self._due and self._due[0][0] <= now:
                    return True
                self._news.wait(self._due[0][0] - now if self._due else None)
        return False

    def _next(self) -> tuple[Key, _Asked] | None:
        """The next scheduler that is due, if one is."""
        with self._news:
            while self._due and self._due[0][0] <= self.seconds() and not self._is_closed:
                due, _, key = heapq.heappop(self._due)
                asked = self._asked.get(key)
                if asked is not None and asked.due == due:
                    asked.due = None
                    return key, asked
        return None

    def _ask(self, key: Key, asked: _Asked, *, is_last: bool = False) -> None:
        question, error, is_barred = asked.question, "", False
        before, began, began_seconds = asked.answer, self.now(), self.seconds()
        told, is_brief = before, self._is_brief(asked)
        try:
            told = self.ask(replace(question, only_targets=is_brief), before)
        except DaskError as silence:
            error, is_barred = silence.message, isinstance(silence, Barred)
        except Exception as bug:  # it is this scheduler's question alone that is lost
            log.exception("scheduler.crashed", cluster=str(key))
            error = f"{type(bug).__name__}: {bug}"[:200]
        is_news = False
        with self._news:
            if error:
                asked.failing_since = self.seconds() if asked.failing_since is None else asked.failing_since
                is_silent = is_last or is_barred or self.seconds() - asked.failing_since >= patience(before)
                asked.answer = replace(asked.answer, error=error, is_silent=is_silent, is_barred=is_barred)
            else:
                asked.failing_since = None
                full = _dated(told, began, asked, question).after(before)
                whole = replace(asked.answer, targets=told.targets) if is_brief else full
                asked.answer = replace(whole, targets_at=began if question.targets else None)
                progress = frozenset(_going(asked.answer, pod, ip) for pod, ip in question.retire)
                was_awaited = not is_brief and _was_awaited(question, before, began)
                is_news = was_awaited or progress != asked.progress or _wants_more(asked.answer, before)
                asked.progress = progress
            if self._asked.get(key) is asked:
                changed_meanwhile = asked.question != question and not error
                took = self.seconds() - began_seconds
                is_news |= asked.answer.roll != before.roll
                if is_news:
                    asked.unchanged_since = self.seconds()
                self._put(key, asked, 0.0 if changed_meanwhile else self._pause(asked, took, is_brief=is_brief))
                self._news.notify()
            else:
                is_news = False
        if is_news:
            self.changed(question.tree)

    def _is_brief(self, asked: _Asked) -> bool:
        """Whether a scheduler is only asked how many workers it would like to have."""
        question, answer = asked.question, asked.answer
        # Without workers it counts threads: how many have joined since is to be known then.
        is_known = asked.failing_since is None and answer.at is not None and bool(answer.workers or not question.pods)
        return is_known and bool(question.targets) and not question.shares and self.seconds() < asked.whole_due

    def _pause(self, asked: _Asked, took: float, *, is_brief: bool) -> float:
        """How long until a scheduler is asked again that took so long to answer."""
        now = self.seconds()
        if asked.failing_since is not None:
            return pause_of_silence(now - asked.failing_since, is_silent=asked.answer.is_silent)
        if not is_brief:
            asked.whole_due = now + pause_for_all(asked.question, asked.answer.idle, took, now - asked.unchanged_since)
        whole = asked.whole_due - now
        return min(whole, pause_for_targets(took)) if asked.question.targets else whole


@contextmanager
def asking(schedulers: Schedulers | None) -> Iterator[None]:
    """Have schedulers asked for a while, if any are to be asked."""
    if schedulers is None:
        yield
        return
    schedulers.start()
    try:
        yield
    finally:
        schedulers.close()


def _dated(told: SchedulerAnswer, at: datetime, asked: _Asked, question: Question) -> SchedulerAnswer:
    """What a scheduler told, with the time, and since when it is idle if that is still to be known."""
    idle = None
    if told.idle is not None and question.idle is not None and asked.question.idle is not None:
        idle = told.idle.at(at, asked.answer.idle, question.idle)
    return replace(told, at=at, idle=idle)


def _going(answer: SchedulerAnswer, pod: str, ip: str) -> _Going:
    inside = answer.workers_in(pod, ip)
    return pod, tuple((one.is_busy, one.is_retiring and one.is_empty) for one in inside)


def _wants_more(answer: SchedulerAnswer, before: SchedulerAnswer) -> bool:
    """Whether a scheduler would like to have more workers than before; fewer are in no hurry."""
    is_first = bool(answer.targets) and before.targets_at is None
    return is_first or any(wanted > before.targets.get(seconds, 0) for seconds, wanted in answer.targets.items())


def _was_awaited(question: Question, before: SchedulerAnswer, began: datetime) -> bool:
    """Whether somebody may have waited to be told what workers do and hold."""
    is_fresh, was_told = before.is_weighed_at(began), before.is_weighed and not before.error
    return question.is_urgent and not is_fresh and (question.lets_go or not was_told)
