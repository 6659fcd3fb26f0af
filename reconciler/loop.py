"""When passes are made.

over everything    on an interval; that is the truth
over a few trees   as soon as a hint names them, side by side with the other, and never of the same tree

a pass ends        when nothing is left that needs no waiting, or at its deadline: the interval, 10 s at least, since it
                   began to look. The last of it is for statuses and Events
the next begins    an interval after the last began. While hints come, passes over everything take at most a
                   thirtieth of the time, else a fourth; what was cut off at a deadline goes on at once. Later,
                   whatever has changed, while the API server asks for it, or cannot be read
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from models.kinds import Key
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Snapshot
from reconciler.hints import Hints
from reconciler.next_look import (
    HELD_SECONDS,
    RETRY_SECONDS,
    SHARE_IF_CROWDED,
    TREES_REST,
    cost,
    growing,
    needs_another_look,
    pause,
    to_look_at_again,
)
from reconciler.passes.apply import Writers
from reconciler.passes.bulkhead import around_pass
from reconciler.passes.claims import Claims
from reconciler.passes.joined_results import joined
from reconciler.passes.observe import Observation, Scope, observe
from reconciler.passes.one_pass import make_pass
from reconciler.passes.pass_memory import Clock, Memory
from reconciler.passes.values import PassResult, Response, Result, Terms
from reconciler.passes.write_backoff import Backoff
from reconciler.rules.questions import Question, questions
from reconciler.wire.protocol import API

LEAST_DEADLINE_SECONDS = 10.0
"""A pass may always take so long."""
LEFT_FOR_REPORTS_SECONDS = 3.0
"""How much of that is left for what is still to be told when the writing ends."""
REPORT_SECONDS = 5.0
"""For how long it may be told at most, where the server is slow."""
LEAST_WRITING_SECONDS = 5.0
"""For how long a pass may plan and write however long its lists took."""
MOST_PASSES_OF_ONCE = 5
"""How often `once` begins anew after conflicts and unknown outcomes, which only another look resolves."""

PARALLEL_READS = 4
IDLE_SECONDS = 30.0
"""How often the loop gives a sign of life while it waits."""
BEAT_SECONDS = 0.25
"""How often it looks, while it waits, whether hints want it."""

Observer = Callable[[PassResult], None]
Twin = Callable[[Snapshot], API]


class LoopTerms(Terms, Protocol):
    """The settings that the loop reads."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to look after; empty for all."""

    @property
    def interval(self) -> float:
        """Seconds from the start of one pass to the start of the next."""


class Schedulers(Protocol):
    """Who asks Dask schedulers, outside of passes."""

    def answers(self) -> Mapping[Key, SchedulerAnswer]:
        """What they last told, by cluster."""

    def update(self, questions: Iterable[Question], is_about: Callable[[Key], bool]) -> None:
        """Take in what is to be asked from now on, of trees that these are all the questions of."""

    def ask_all(self) -> None:
        """Ask each once, and wait for the answers."""


class Loop:
    """Makes passes.

    - A pass never raises for what the API answers: errors are in its result.
    - A bug that one resource brings to light stops neither the others nor the passes after this one.
    - Each pass has an end, and no two passes work on the same tree.
    - Whatever a pass leaves undone, the next one sees.
    - Observers are told of one pass at a time.

    Args:
        api: The API to read from and write to.
        settings: What to look after, and how carefully.
        clock: What time of day it is, in UTC.
        seconds: A count of seconds that nobody sets.
        observers: Told the result of each pass.
        twin: Makes the API to write to from what was observed, for a dry run; by default it is `api`.
        hints: Which trees have changed; without, there are only passes over everything.
        schedulers: Who asks Dask schedulers; without, their work is not looked at.
        crashed: Told of each pass that a bug has ended.
    """

    def __init__(  # noqa: PLR0913 - each has a name at the call
        self,
        api: API,
        settings: LoopTerms,
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
        observers: Sequence[Observer] = (),
        twin: Twin | None = None,
        hints: Hints | None = None,
        schedulers: Schedulers | None = None,
        crashed: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = Clock(clock, seconds)
        self._observers = observers
        self._twin = twin
        self._hints = hints
        self._schedulers = schedulers
        self._asks_first = False
        self._crashed = crashed
        self._memory = Memory()
        self._claims = Claims()
        self._observed: Snapshot | None = None
        self._has_seen_all = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._unread = 0
        self._is_partly_read = False
        self.last_attempt_seconds: float | None = None
        self.listed_once = False

    def once(self) -> PassResult:
        """One pass; after conflicts and unknown outcomes, more, until there are none or it is hopeless.

        A pass that ended at its deadline is followed by the next as long as it got something done.

        Returns:
            The last pass, with what those before it did.
        """
        self._asks_first = True
        result = last = self._over_everything()
        looks = 1
        while not self._stop.is_set() and self._twin is None:
            answers = (*last.responses, *last.reports)
            goes_on = last.is_cut and any(response.result is Result.DONE for response in answers)
            if not goes_on and (looks == MOST_PASSES_OF_ONCE or not any(map(needs_another_look, last.failures))):
                break
            looks += not goes_on
            last = self._over_everything()
            result = joined(result, last)
        return result

    def forever(self, stop: threading.Event) -> None:
        """Passes until `stop` is set; those in hand are ended between two writes."""
        self._stop = stop
        with self._following_hints():
            while not stop.is_set():
                begun = self._clock.seconds()
                paused = trouble = least = self._settings.interval
                spent = 0.0
                with around_pass(self._crashed):
                    result = self._over_everything()
                    trouble, spent = self._trouble(result), cost(result)
                    paused = pause(result, self._settings.interval, trouble, is_healthy=self._is_told)
                    least = HELD_SECONDS if result.held and not result.is_cut else 0.0
                self._claims.end_full()
                ended = self._clock.seconds()
                if_crowded = max(begun + trouble, ended + max(least, SHARE_IF_CROWDED * spent))
                self._wait(max(begun + paused, ended + least), if_crowded)

    @contextmanager
    def _following_hints(self) -> Iterator[None]:
        """Passes over trees that hints name, in a thread of their own."""
        hints = self._hints
        if hints is None:
            yield
            return
        thread = threading.Thread(target=self._follow, args=(hints,), name="hinted passes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            hints.close()
            thread.join()

    def _follow(self, hints: Hints) -> None:
        in_trouble = 0
        while not self._stop.is_set():
            if trees := hints.wait(1.0, self._claims.claim_small):
                asked, spent, unseen = 0.0, 0.0, trees
                in_trouble += 1
                with around_pass(self._crashed):
                    result = self._over(trees)
                    unseen = frozenset()
                    asked, spent = result.retry_after_seconds, cost(result)
                    # Nobody waits for the namespace of others that cannot be read.
                    in_trouble = in_trouble if result.snapshot is None and not self._is_partly_read else 0
                self._claims.end_small()
                hints.rest(trees, TREES_REST * spent)
                hints.remind(unseen, RETRY_SECONDS)
                self._stop.wait(max(asked, growing(RETRY_SECONDS, in_trouble) if in_trouble else 0.0))

    def _wait(self, until: float, if_crowded: float) -> None:
        """Wait for the next pass over everything, which comes sooner if too much has changed for small ones."""
        while not self._stop.is_set():
            self.last_attempt_seconds = self._clock.seconds()
            left = (min(until, if_crowded) if self._is_crowded else until) - self._clock.seconds()
            if left <= 0:
                return
            self._stop.wait(min(left, IDLE_SECONDS if self._hints is None else BEAT_SECONDS))

    def _trouble(self, result: PassResult) -> float:
        """How long after this pass over everything began the API server is left alone, whatever has changed."""
        self._unread = self._unread + 1 if result.snapshot is None else 0
        self._is_partly_read = bool(result.errors) and result.snapshot is not None
        unread = growing(self._settings.interval, self._unread) if result.errors else 0.0
        return max(unread, result.retry_after_seconds)

    def _over_everything(self) -> PassResult:
        self._claims.begin_full()
        begun = self._clock.seconds()
        observation = self._observe(frozenset())
        if self._hints is not None:
            self._hints.restart(observation.versions, self._claims.taken)
        result = self._pass(observation, begun, self._settings.parallel_writes, self._claims)
        self.listed_once = self.listed_once or result.snapshot is not None
        self._tell(result)
        return result

    def _over(self, trees: frozenset[Key]) -> PassResult:
        begun = self._clock.seconds()
        observation = self._observe(trees)
        # A cluster that was named may be a job's: then it is the job's tree, on which the other pass may be working.
        looked_at = observation.coverage.trees or frozenset()
        held = looked_at.difference(self._claims.claim_small(looked_at))
        parallel = min(PARALLEL_READS, self._settings.parallel_writes)
        result = self._pass(observation, begun, parallel, Claims(held))
        self._tell(result)
        return result

    def _observe(self, trees: frozenset[Key]) -> Observation:
        scope = Scope(self._settings.namespaces, trees, is_first=not self._has_seen_all)
        with ThreadPoolExecutor(PARALLEL_READS, "read") as readers:
            side_by_side = readers if self._settings.parallel_writes > 1 else None
            observation = observe(self._api, scope, self._clock.now(), side_by_side, self._observed)
        if not trees:
            self._observed, self._has_seen_all = observation.snapshot, observation.is_whole
        return observation if self._schedulers is None else self._with_answers(observation, self._schedulers)

    def _with_answers(self, observation: Observation, schedulers: Schedulers) -> Observation:
        """What was observed, with what schedulers last told; a single pass has to ask them first."""
        if self._asks_first:
            self._ask(schedulers, observation.snapshot, observation.coverage.covers)
            schedulers.ask_all()
        return replace(observation, snapshot=replace(observation.snapshot, schedulers=schedulers.answers()))

    def _ask(self, schedulers: Schedulers, snapshot: Snapshot, is_about: Callable[[Key], bool]) -> None:
        """Have asked what is to be asked now; in a rehearsal, no worker is let go."""
        asked = questions(snapshot)
        if self._twin is not None:
            asked = (replace(question, retire=frozenset()) for question in asked)
        schedulers.update(asked, is_about)

    def _pass(self, observation: Observation, begun: float, parallel: int, claims: Claims) -> PassResult:
        """One pass; what it learned is remembered of its trees alone, since another pass may work on others."""
        seconds = self._clock.seconds() - begun
        whole = max(self._settings.interval, LEAST_DEADLINE_SECONDS)
        deadline = max(begun + whole - LEFT_FOR_REPORTS_SECONDS, self._clock.seconds() + LEAST_WRITING_SECONDS)
        api = self._api if self._twin is None else self._twin(observation.snapshot)
        parallel = parallel if self._twin is None else 1
        with ThreadPoolExecutor(parallel, "write") as threads:
            writers = Writers(
                threads, parallel, lambda: not self._stop.is_set() and self._clock.seconds() < deadline, self._note
            )
            reporters = replace(writers, may_begin=lambda: self._clock.seconds() < deadline + REPORT_SECONDS)
            with self._lock:
                before = self._memory
            is_full = observation.coverage.trees is None
            may_hold = lambda: self._may_hold(is_full=is_full)  # noqa: E731 -- a name for the question
            result, after = make_pass(
                api, observation, self._settings, before, self._clock, writers, reporters, claims, may_hold
            )
        if self._twin is not None:  # nothing was written: nobody takes it back, and nothing has to wait
            after = replace(after, backoff=Backoff())
        with self._lock:
            self._memory = self._memory.merged(after, self._is_of(result, claims.taken))
        if self._schedulers is not None and result.snapshot is not None:
            self._ask(self._schedulers, result.snapshot, result.is_about)
        if self._hints is not None:
            self._hints.rest(result.held, HELD_SECONDS)
            for tree, in_seconds in to_look_at_again(result, after, self._clock.seconds(), self._settings.interval):
                self._hints.remind([tree], in_seconds)
        return replace(result, seconds={"observe": seconds, **result.seconds})

    def _may_hold(self, *, is_full: bool) -> bool:
        """Whether so much has changed that the first statuses of new trees wait for the next look at them.

        What a full pass finds new is more than small passes could take.
        """
        return self._is_told and (is_full or self._is_crowded)

    @property
    def _is_told(self) -> bool:
        """Whether changes are told of."""
        return self._hints is not None and self._hints.healthy

    @property
    def _is_crowded(self) -> bool:
        """Whether so many trees have changed that a pass over everything is due."""
        return self._hints is not None and self._hints.is_crowded

    def _is_of(self, result: PassResult, taken: frozenset[Key]) -> Callable[[Key], bool]:
        """Which trees, and resources of which trees, a pass has something to say of."""

        def is_of_pass(key: Key) -> bool:
            tree = result.trees.get(key, key)
            return result.coverage.covers(tree) and tree not in taken

        return is_of_pass

    def _note(self, response: Response) -> None:
        """Tell the watches of a write of our own, whose event says nothing new."""
        if self._hints is not None and response.result is Result.DONE:
            for key, observed in response.objects.items():
                if observed is not None:
                    self._hints.note_written(key, observed.metadata.resource_version)

    def _tell(self, result: PassResult) -> None:
        with self._lock:
            for observer in self._observers:
                observer(result)
