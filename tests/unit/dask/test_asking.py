"""When schedulers are asked, and who is told of the answers. Time passes when the test says so."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from models.idle_state import IdleQuestion, IdleState, Stage
from models.kinds import DASK_CLUSTER, DASK_JOB, Key
from models.scheduler_answer import FRESH, HEARTBEATS, DaskWorker, SchedulerAnswer
from models.status import Idle
from reconciler.dask.asking import THREADS, Schedulers
from reconciler.dask.errors import Barred, Silent
from reconciler.dask.pauses import (
    LONGEST_PAUSE_SECONDS,
    LONGEST_UNCHANGED_SECONDS,
    LONGEST_URGENT_SECONDS,
    QUIET_SECONDS,
    SILENT_SECONDS,
)
from reconciler.rules.adapting import FRESH as WISH_FRESH
from reconciler.rules.questions import Question
from tests.builders import NOON

LONG = 20.0
"""More seconds than a test that passes waits for anything."""
BUSY, IDLE = IdleState(), IdleState(is_idle=True, mark="1.5")
ONE, TWO = (DaskWorker(name, "10.0.0.8") for name in ("one", "two"))


def question(
    name: str = "simple",
    uid: str = "first",
    *retire: str,
    urgent: bool = False,
    tree: str = "",
    idle: IdleQuestion | None = None,
) -> Question:
    cluster = Key(DASK_CLUSTER, "default", name)
    top = Key(DASK_JOB, "default", tree) if tree else cluster
    going = frozenset((pod, "") for pod in retire)
    return Question(cluster, top, uid, "10.0.0.7", 8786, going, urgent, idle=idle)


@dataclass
class Place:
    """Schedulers that are asked in threads, at a time that stands still unless it is moved."""

    told: tuple[DaskWorker, ...] | Exception = ()
    at: float = 0.0
    asked: list[Question] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    takes_seconds: float = 0.0
    idle: IdleState = BUSY
    targets: dict[int | None, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schedulers = Schedulers(self.ask, self.now, lambda: self.at, self.changed.append)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.at)

    def ask(self, question: Question, before: SchedulerAnswer) -> SchedulerAnswer:
        assert before.pod_uid == question.pod_uid
        self.asked.append(question)
        self.at += self.takes_seconds
        self.meanwhile()
        if isinstance(self.told, Exception):
            raise self.told
        if question.only_targets:
            return replace(before, targets=self.targets)
        idle = self.idle if question.idle is not None else None
        return SchedulerAnswer(
            question.pod_uid, workers=self.told, is_weighed=question.is_urgent, idle=idle, targets=self.targets
        )

    def want(self, *questions: Question) -> None:
        """These are all the questions there are."""
        self.schedulers.update(questions, lambda _: True)

    def tell(self, *workers: DaskWorker) -> None:
        """Answer with these from now on."""
        self.told = workers

    def answer(self, of: Question) -> SchedulerAnswer:
        return self.schedulers.answers()[of.cluster]

    def after(self, seconds: float) -> int:
        """How many are asked after so much more time."""
        self.at += seconds
        before = len(self.asked)
        self.schedulers.ask_due()
        return len(self.asked) - before

    def pauses(self, most: int) -> list[float]:
        """The next pauses between questions, to the second."""
        found = []
        for _ in range(most):
            begun = self.at
            while not self.after(1.0):
                pass
            found.append(self.at - begun)
        return found


def test_whoever_is_new_is_asked_at_once() -> None:
    """Urgent or not, and each once."""
    place = Place((ONE,))
    place.want(question(), question("other", urgent=True))
    assert place.answer(question()) == SchedulerAnswer("first")
    assert place.after(0.0) == 2
    assert place.answer(question()) == SchedulerAnswer("first", NOON, (ONE,))
    assert place.answer(question("other")) == SchedulerAnswer("first", NOON, (ONE,), is_weighed=True)


def test_whoever_something_waits_for_is_asked_every_second_and_others_seldom() -> None:
    """A question that becomes urgent is asked at once, and one that is no longer, seldom again."""
    place = Place()
    place.want(question(urgent=True), question("quiet"))
    place.after(0.0)
    assert [place.after(0.5), place.after(0.5), place.after(0.9), place.after(0.1)] == [0, 1, 0, 1]
    place.want(question(), question("quiet"))
    assert place.pauses(2) == [1.0, QUIET_SECONDS - 3.0]
    assert place.pauses(1) == [3.0]
    place.want(question(urgent=True), question("quiet"))
    assert place.after(0.0) == 1


ADAPTING = replace(question(), targets=frozenset({None}))


def test_whoever_adapts_is_asked_every_other_second_and_for_its_workers_seldom() -> None:
    """From the moment on from which it does; what it told of its workers is as old as it is."""
    place = Place((ONE,), targets={None: 3})
    place.want(question())
    place.after(0.0)
    place.want(ADAPTING)
    assert place.after(0.0) == 1
    assert place.pauses(3) == [2.0, 2.0, 2.0]
    assert [one.only_targets for one in place.asked] == [False, True, True, True, True]
    answer = place.answer(ADAPTING)
    assert (answer.at, answer.targets, answer.targets_at) == (NOON, {None: 3}, place.now())
    place.pauses(60)
    assert place.answer(ADAPTING).at == NOON + timedelta(seconds=QUIET_SECONDS)
    place.told = Silent("it did not answer in time")
    place.pauses(1)
    place.told = (TWO,)
    place.pauses(1)
    assert place.answer(ADAPTING).workers == (TWO,), "after a silence, who is there is asked again"


def test_what_becomes_urgent_while_it_is_asked_for_the_number_alone_is_asked_next() -> None:
    """Who is to go is told to hand over at once, not when all else would have been asked again."""
    place = Place((ONE,), targets={None: 3})
    place.want(ADAPTING)
    place.after(0.0)
    goes = replace(question("simple", "first", "one", urgent=True), targets=ADAPTING.targets)
    place.meanwhile = lambda: place.want(goes)
    place.after(2.0)
    assert [(one.only_targets, bool(one.retire)) for one in place.asked[1:]] == [(True, False), (False, True)]


def test_until_one_of_its_workers_has_joined_it_is_asked_all() -> None:
    """A scheduler without workers counts threads: the number says nothing without who has joined."""
    place = Place(targets={None: 8})
    starting = replace(ADAPTING, is_urgent=True, pods=frozenset({("one", "10.0.0.8")}))
    place.want(starting)
    place.after(0.0)
    place.pauses(60)
    assert not any(one.only_targets for one in place.asked)
    place.tell(ONE)
    place.pauses(60)
    assert place.asked[-1].only_targets


@pytest.mark.parametrize("takes_seconds", [1.0, 3.0, 5.0])
def test_what_a_busy_scheduler_would_like_is_known_all_along(takes_seconds: float) -> None:
    """The answer before is not too old yet when the next comes: else what is told of it would come and go."""
    place, ages = Place((ONE,), targets={None: 3}, takes_seconds=takes_seconds), list[timedelta]()
    place.want(ADAPTING)
    place.after(0.0)
    place.meanwhile = lambda: ages.append(place.now() - (place.answer(ADAPTING).targets_at or NOON))
    place.pauses(60)
    assert max(ages) < WISH_FRESH


def test_whoever_shares_what_it_would_like_is_asked_who_works() -> None:
    """Each time: that decides whose turn it is."""
    place = Place((ONE,))
    place.want(replace(ADAPTING, shares=True))
    place.after(0.0)
    place.pauses(2)
    assert not any(one.only_targets for one in place.asked)


def test_whoever_would_like_more_workers_is_news_and_fewer_are_in_no_hurry() -> None:
    """The first answer is, too: nobody knew how many it would like."""
    place = Place((ONE,))
    place.want(ADAPTING)
    for wanted, news in ((0, 1), (0, 0), (5, 1), (5, 0), (2, 0), (3, 1)):
        place.targets = {None: wanted}
        place.changed.clear()
        place.after(2.0)
        assert len(place.changed) == news, wanted


def test_who_takes_long_to_answer_is_asked_less_often() -> None:
    """A tenth of the time of a large scheduler at most, but every few seconds."""
    place = Place(takes_seconds=0.25)
    place.want(question(urgent=True))
    place.after(0.0)
    assert place.pauses(1) == [3.25]
    place.takes_seconds = 3.0
    place.pauses(1)
    assert place.pauses(1) == [5.0 + 3.0]


def test_who_never_changes_is_asked_less_and_less_often() -> None:
    """A tenth of the time for which nothing has changed, half a minute at most; whatever changes begins anew."""
    place = Place((ONE,))
    waiting = question(urgent=True)
    place.want(waiting)
    place.after(0.0)
    pauses = place.pauses(60)
    assert (pauses[:8], pauses[-3:]) == ([1.0] * 8, [LONGEST_UNCHANGED_SECONDS] * 3)
    assert pauses == sorted(pauses)
    assert len(place.changed) == 1
    changes: tuple[Callable[[], None], ...] = (
        lambda: place.want(replace(waiting, state=1)),
        lambda: place.want(replace(waiting, state=1, pods=frozenset({("one", "")}))),
        lambda: place.want(replace(waiting, tls_secret="dask-tls", pods=frozenset({("one", "")}))),
        lambda: place.tell(ONE, TWO),
    )
    for change in changes:
        change()
        assert place.pauses(3)[1:] == [1.0] * 2
        assert place.pauses(60)[-1] == LONGEST_UNCHANGED_SECONDS


def test_a_change_of_pods_is_asked_about_a_second_later() -> None:
    """A thousand that start are a thousand changes; a question that is another one is asked at once."""
    place = Place((ONE,))
    place.want(question(urgent=True))
    place.after(0.0)
    place.pauses(40)
    place.want(replace(question(urgent=True), state=1))
    place.want(replace(question(urgent=True), state=2))
    assert [place.after(0.0), place.after(0.9), place.after(0.1)] == [0, 0, 1]
    place.pauses(40)
    place.want(question("simple", "first", "one", urgent=True))
    assert place.after(0.0) == 1


def test_while_somebody_is_to_go_it_is_asked_every_few_seconds() -> None:
    """Nobody is chosen by what was told long ago."""
    place = Place((ONE,))
    place.want(replace(question(urgent=True), lets_go=True))
    place.after(0.0)
    assert place.pauses(60)[-1] == LONGEST_URGENT_SECONDS < FRESH.total_seconds()
    assert len(place.changed) == 1


def test_who_does_not_answer_is_asked_less_and_less_often() -> None:
    """Every second until it counts as silent, then after as long as that has lasted, up to 5 minutes."""
    place = Place(Silent("it did not answer in time"))
    place.want(question(urgent=True))
    place.after(0.0)
    assert place.pauses(8) == [1.0] * 8
    assert place.pauses(7) == [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, LONGEST_PAUSE_SECONDS]
    place.told = ()
    assert place.pauses(2) == [LONGEST_PAUSE_SECONDS, 1.0]


def test_whoever_may_not_be_asked_counts_as_silent_at_once() -> None:
    """A right that is lacking does not come with the next second; it is tried again less and less often."""
    place = Place(Barred("the Secret may not be read"))
    place.want(question(urgent=True))
    place.after(0.0)
    told = place.answer(question())
    assert told == SchedulerAnswer("first", error="the Secret may not be read", is_silent=True, is_barred=True)
    assert place.changed == [question().tree]
    assert place.pauses(6) == [1.0, 1.0, 2.0, 4.0, 8.0, 16.0]
    place.told = (ONE,)
    place.pauses(1)
    assert place.answer(question()).workers == (ONE,)
    assert (place.answer(question()).is_barred, place.answer(question()).error) == (False, "")


def test_what_was_told_stands_until_the_silence_lasts_long() -> None:
    """Then others decide without it, which its tree is told; and is told when it is back."""
    place = Place((ONE,))
    place.want(question())
    place.after(0.0)
    known = place.answer(question())
    place.told = Silent("it did not answer in time")
    place.changed.clear()
    begun = place.at + QUIET_SECONDS
    place.after(QUIET_SECONDS)
    while not place.answer(question()).is_silent:
        assert place.answer(question()) == replace(known, error="it did not answer in time")
        assert not place.changed
        place.pauses(1)
    assert SILENT_SECONDS <= place.at - begun < 2 * SILENT_SECONDS
    assert place.answer(question()) == replace(known, error="it did not answer in time", is_silent=True)
    assert place.changed == [question().tree]
    place.told = (ONE,)
    place.pauses(1)
    assert place.answer(question()) == replace(known, at=place.now())
    assert place.changed == [question().tree] * 2


@pytest.mark.parametrize(
    "then",
    [
        pytest.param((), id="one has left"),
        pytest.param((ONE, TWO), id="one has joined"),
        pytest.param((replace(ONE, host="10.0.0.9"),), id="one has joined from somewhere else"),
        pytest.param((replace(ONE, is_retiring=True, heartbeats=HEARTBEATS),), id="one is done"),
    ],
)
def test_an_answer_that_differs_tells_its_tree(then: tuple[DaskWorker, ...]) -> None:
    """Once, and the top of the tree, such as the job."""
    place = Place((ONE,))
    place.want(question(tree="train"))
    place.after(0.0)
    tree = question(tree="train").tree
    assert place.changed == [tree]
    place.told = then
    assert place.after(QUIET_SECONDS) == place.after(QUIET_SECONDS) == 1
    assert place.changed == [tree] * 2


@pytest.mark.parametrize("urgent", [True, False])
def test_an_answer_that_changes_nothing_tells_nobody(*, urgent: bool) -> None:
    """What workers do and hold changes all the time."""
    place = Place((ONE,))
    place.want(question(urgent=urgent))
    place.after(0.0)
    place.changed.clear()
    place.told = (replace(ONE, tasks=4, running=2, heard=5.0, unique_keys=3, unique_bytes=9, heartbeats=1),)
    assert place.after(1.0 if urgent else QUIET_SECONDS) == 1
    assert not place.changed


def test_weights_that_are_awaited_tell_their_tree() -> None:
    """Also after a while in which there were none; somebody may have waited for them."""
    place = Place((ONE,))
    place.want(question())
    place.after(0.0)
    place.changed.clear()
    place.want(question(urgent=True))
    assert (place.after(0.0), place.changed) == (1, [question().tree])
    place.told = Silent("it did not answer in time")
    place.pauses(3)
    assert place.changed == [question().tree]
    place.at += 10.0
    place.told = (ONE,)
    assert (place.after(0.0), place.changed) == (1, [question().tree] * 2)


def test_how_far_workers_are_that_go_tells_their_tree() -> None:
    """That one was asked to go at all, and that it has no more to do: without heirs, it may go then."""
    place = Place((replace(ONE, running=1), TWO))
    place.want(question(urgent=True))
    place.after(0.0)
    place.changed.clear()
    place.want(question("simple", "first", "one", urgent=True))
    assert (place.after(0.0), len(place.changed)) == (1, 1)
    assert (place.after(1.0), len(place.changed)) == (1, 1)
    place.told = (ONE, TWO)
    assert (place.after(1.0), len(place.changed)) == (1, 2)
    place.told = (replace(ONE, is_retiring=True, heartbeats=HEARTBEATS), TWO)
    assert (place.after(1.0), len(place.changed)) == (1, 3)
    assert (place.after(1.0), len(place.changed)) == (1, 3)


def test_who_may_be_idle_for_a_while_only_is_asked_as_often_as_that_needs() -> None:
    """And at each stage, which alone is news for its tree; who is busy is asked as often, and tells nothing new."""
    place = Place()
    place.want(question(idle=IdleQuestion(600)))
    place.after(0.0)
    place.changed.clear()
    assert place.pauses(3) == [60.0] * 3
    place.idle = IDLE
    assert (place.pauses(1), place.changed) == ([60.0], [])
    told = []
    for _ in range(11):
        before = len(place.changed)
        place.pauses(1)
        told.append((place.answer(question()).idle.stage, len(place.changed) - before))  # type: ignore[union-attr]
    stages = [stage for stage, news in told if news]
    assert stages == [Stage.IDLE, Stage.ENDING, Stage.OVER]
    assert place.pauses(2) == [5.0] * 2
    place.idle = BUSY
    place.changed.clear()
    place.pauses(2)
    assert place.changed == [question().tree]


def test_a_question_about_idleness_that_is_new_is_asked_at_once() -> None:
    """Not one that only knows more; when it counts no more, and then again, it counts from then on."""
    place = Place(idle=IDLE)
    place.want(question())
    place.after(0.0)
    place.want(question(idle=IdleQuestion(600)))
    assert place.after(0.0) == 1
    place.want(question(idle=IdleQuestion(600, known=Idle(since=NOON, mark="1.5"))))
    assert place.after(0.0) == 0
    place.want(question(idle=IdleQuestion(300)))
    assert place.after(9.0) == 1
    idle = place.answer(question()).idle
    assert idle == replace(IDLE, since=NOON, seen=place.now(), asked=IdleQuestion(300))
    place.want(question())
    assert place.answer(question()).idle is None
    place.want(question(idle=IdleQuestion(300)))
    assert place.after(9.0) == 1
    idle = place.answer(question()).idle
    assert idle is not None
    assert idle.since == place.now()


def test_an_answer_about_idleness_that_nobody_wants_any_more_is_forgotten() -> None:
    """It was under way when its cluster was scaled to 0."""
    place = Place(idle=IDLE)
    place.want(question(idle=IdleQuestion(300)))
    place.meanwhile = lambda: place.want(question())
    place.after(0.0)
    assert place.answer(question()).idle is None


def test_an_answer_that_did_not_come_brings_back_nothing_that_was_forgotten() -> None:
    """Its cluster was scaled to 0 meanwhile, and when somebody wakes it, it has all its time again."""
    place = Place(idle=IDLE)
    place.want(question(idle=IdleQuestion(60)))
    place.after(0.0)
    place.told, place.meanwhile = Silent("it did not answer in time"), lambda: place.want(question())
    place.after(60.0)
    assert place.answer(question()).idle is None


def test_an_answer_is_that_to_what_was_asked() -> None:
    """Not to what is wanted since: whether a Client is connected was not asked yet."""
    place, counted = Place(idle=IDLE), IdleQuestion(60, counts_clients=True)
    place.want(question(idle=IdleQuestion(600)))
    place.after(0.0)
    told = list[IdleState | None]()

    def edited() -> None:
        told.append(place.answer(question()).idle)
        place.want(question(idle=counted))

    place.meanwhile = edited
    place.after(60.0)
    assert [one is not None and counted.is_as(one.asked) for one in told] == [False, False]


def test_a_pod_with_another_uid_is_another_scheduler() -> None:
    """It is asked at once, whatever came of the one before, and what that told is not its answer."""
    place = Place(Silent("it did not answer in time"))
    place.want(question())
    place.after(0.0)
    place.pauses(6)
    place.told = (ONE,)
    place.want(question(uid="second"))
    assert place.answer(question()) == SchedulerAnswer("second")
    assert place.after(0.0) == 1
    assert place.answer(question()) == SchedulerAnswer("second", place.now(), (ONE,))


def test_what_an_update_is_not_about_stays() -> None:
    """Neither asked for nor forgotten; what it is about, and no longer asks, is forgotten."""
    place = Place((ONE,))
    mine, others = question(), question("other")
    place.want(mine, others)
    place.after(0.0)
    place.schedulers.update([question("foreign")], lambda tree: tree == mine.tree)
    assert place.schedulers.answers().keys() == {others.cluster}
    assert place.after(QUIET_SECONDS) == 1
    assert place.asked[-1] == others


def test_a_scheduler_that_is_gone_leaves_nothing() -> None:
    """Nobody asks it, an answer under way goes nowhere, and no tree is told."""
    place = Place((ONE,))
    place.want(question())
    place.meanwhile = place.want
    assert place.after(0.0) == 1
    assert not place.schedulers.answers()
    assert not place.changed
    assert place.after(QUIET_SECONDS) == 0


@pytest.mark.parametrize("failing", [False, True])
def test_a_question_that_changes_while_it_is_asked_is_asked_again_at_once(*, failing: bool) -> None:
    """Unless there was no answer: that is no reason to be asked more often."""
    place = Place(Silent("it did not answer in time") if failing else ())
    place.want(question())
    place.meanwhile = lambda: place.want(question("simple", "first", "one", urgent=True))
    assert place.after(0.0) == 1 + (not failing)
    assert place.after(1.0) == 1


def test_a_bug_is_logged_and_counts_as_no_answer() -> None:
    """Others are answered."""
    place = Place(KeyError("x"))
    place.want(question())
    with capture_logs() as logs:
        place.after(0.0)
    assert [(log["event"], log["cluster"]) for log in logs] == [("scheduler.crashed", str(question().cluster))]
    assert place.answer(question()) == SchedulerAnswer("first", error="KeyError: 'x'")
    place.told = (ONE,)
    place.want(question(), question("other"))
    place.after(0.0)
    assert place.answer(question("other")).workers == (ONE,)


def test_a_single_pass_asks_each_once_and_takes_silence_for_final() -> None:
    """It does not come back to hear more."""
    place = Place(Silent("it did not answer in time"))
    many = [question(f"of-{number}") for number in range(2 * THREADS)]
    place.want(*many)
    place.schedulers.ask_all()
    assert sorted(one.cluster.name for one in place.asked) == sorted(one.cluster.name for one in many)
    assert all(place.answer(one).is_silent for one in many)
    place.told = (ONE,)
    place.schedulers.ask_all()
    assert all(place.answer(one) == SchedulerAnswer("first", NOON, (ONE,)) for one in many)


@contextmanager
def running(schedulers: Schedulers) -> Iterator[Callable[[], list[threading.Thread]]]:
    """The threads that ask, which are all gone in the end."""
    before = set(threading.enumerate())
    schedulers.start()
    new = [thread for thread in threading.enumerate() if thread not in before]
    try:
        yield lambda: new
    finally:
        schedulers.close()
        for thread in new:
            thread.join(LONG)
        assert not any(thread.is_alive() for thread in new)


def test_in_the_end_nobody_is_asked_any_more() -> None:
    """Those that wait for a question end, and those that are asking as soon as they have an answer."""
    begun, go_on = threading.Event(), threading.Event()
    asked: list[str] = []

    def ask(question: Question, before: SchedulerAnswer) -> SchedulerAnswer:
        asked.append(question.cluster.name)
        begun.set()
        assert go_on.wait(LONG)
        return before

    schedulers = Schedulers(ask, lambda: NOON)
    with running(schedulers) as threads:
        schedulers.update([question(urgent=True)], lambda _: True)
        assert begun.wait(LONG)
        schedulers.close()
        schedulers.update([question("late")], lambda _: True)
        go_on.set()
        assert len(threads()) == THREADS
    assert asked == ["simple"]


def test_schedulers_that_hang_hold_up_neither_others_nor_passes() -> None:
    """Five hundred, of which a hundred hang: whoever hangs gives its thread back at the question's deadline."""
    hanging = {f"of-{number}" for number in range(0, 500, 5)}
    end, is_answered = threading.Event(), threading.Event()
    gives_up, lock = threading.Semaphore(0), threading.Lock()
    answered: set[str] = set()

    def ask(question: Question, _: SchedulerAnswer) -> SchedulerAnswer:
        name = question.cluster.name
        if name in hanging:
            while not (end.is_set() or gives_up.acquire(timeout=LONG)):
                pass
            raise Silent("it did not answer in time")
        with lock:
            answered.add(name)
            if len(answered) == 400:
                is_answered.set()
        return SchedulerAnswer(question.pod_uid, workers=(ONE,))

    schedulers = Schedulers(ask, lambda: NOON)
    questions = [question(f"of-{number}") for number in range(500)]
    with running(schedulers):
        schedulers.update(questions, lambda _: True)
        # All threads may hang now: none of these waits for them.
        schedulers.update(questions, lambda _: True)
        assert len(schedulers.answers()) == 500
        gives_up.release(100)
        assert is_answered.wait(LONG)
        end.set()
        gives_up.release(THREADS)
    assert not answered & hanging
