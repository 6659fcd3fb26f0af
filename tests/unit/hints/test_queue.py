"""Trees that wait for a pass."""

from collections.abc import Callable, Iterable, Iterator
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds import DASK_CLUSTER, POD, SERVICE, Key
from reconciler.hints import queue as hint_queue
from reconciler.hints.queue import MOST_TREES, MOST_URGENT, HintQueue
from tests.unit.hints.watches import Clock

A, B = (Key(DASK_CLUSTER, "default", name) for name in "ab")
P, Q = (Key(POD, "default", name) for name in "pq")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> HintQueue:
    return HintQueue(clock, window_seconds=0.02)


def taken(queue: HintQueue, clock: Clock, after: float = 0.02) -> set[Key]:
    """What is given out after so many seconds."""
    clock.now += after
    return set(queue.take(0))


def test_many_events_of_one_tree_are_one_hint(queue: HintQueue, clock: Clock) -> None:
    """A tree is named once, and then not again."""
    for version in range(100):
        queue.put(A, P, str(version))
        queue.put(A, Q, str(version))
    assert taken(queue, clock) == {A}
    assert taken(queue, clock) == set()


def test_a_tree_is_given_out_when_the_window_is_over(queue: HintQueue, clock: Clock) -> None:
    """What comes within the window of the first event comes out with it; later events do not push it back."""
    queue.put(A, P, "1")
    assert taken(queue, clock, 0.0125) == set()
    queue.put(A, P, "2")
    queue.put(B, Q, "3")
    assert taken(queue, clock, 0.0125) == {A, B}


@pytest.mark.parametrize("first", ["the event", "the answer"])
def test_a_write_of_our_own_is_no_hint(queue: HintQueue, clock: Clock, first: str) -> None:
    """Whether its event or its answer comes first."""
    steps: list[Callable[[], None]] = [lambda: queue.put(A, P, "5"), lambda: queue.note_written(P, "5")]
    for step in steps if first == "the event" else reversed(steps):
        step()
    assert taken(queue, clock) == set()


def test_beside_a_write_of_our_own_the_changes_of_others_count(queue: HintQueue, clock: Clock) -> None:
    """An edit of the same object, just before or just after, is a hint."""
    for other in ("4", "6"):
        queue.put(A, P, "5")
        queue.put(A, P, other)
        queue.note_written(P, "5")
        assert taken(queue, clock) == {A}


def test_what_a_list_showed_is_no_hint(queue: HintQueue, clock: Clock) -> None:
    """Of each kind and namespace on its own, whether the event came before the list's answer or after it."""
    queue.put(A, P, "5")
    queue.put(B, Key(SERVICE, "default", "s"), "5")
    queue.put(B, Key(POD, "other", "p"), "5")
    queue.note_listed({(POD, "default"): "7"})
    queue.put(A, P, "7")
    assert taken(queue, clock) == {B}
    queue.note_listed({(SERVICE, None): "9"})
    queue.put(B, Key(SERVICE, "other", "s"), "9")
    assert taken(queue, clock) == set()
    queue.put(A, P, "8")
    assert taken(queue, clock) == {A}


def test_what_a_list_showed_is_a_hint_where_its_pass_does_not_act(queue: HintQueue, clock: Clock) -> None:
    """The tree is left to a pass that looked at it earlier, and may have missed the change."""
    queue.put(A, P, "5")
    queue.put(B, Q, "5")
    queue.note_listed({(POD, None): "7"}, {A})
    assert taken(queue, clock) == {A}
    queue.put(A, P, "6")
    queue.put(B, Q, "6")
    assert taken(queue, clock) == {A}
    queue.note_listed({(POD, None): "7"})
    queue.put(A, P, "7")
    assert taken(queue, clock) == set()


def test_a_version_that_is_no_number_is_a_hint(queue: HintQueue, clock: Clock) -> None:
    """What cannot be compared counts as new."""
    queue.note_listed({(POD, None): "7"})
    queue.put(A, P, "a-b-c")
    assert taken(queue, clock) == {A}


def test_a_tree_that_rests_is_given_out_later(queue: HintQueue, clock: Clock) -> None:
    """Its hints are kept, and hold up no other tree."""
    queue.rest([A], 10)
    queue.put(A, P, "1")
    queue.put(B, Q, "2")
    assert taken(queue, clock) == {B}
    assert taken(queue, clock, 9) == set()
    assert taken(queue, clock, 1) == {A}


def test_nothing_is_given_out_at_the_timeout() -> None:
    """Without changes, waiting ends at the timeout, which may be any number."""
    assert HintQueue(Clock()).take(0) == frozenset()


@pytest.mark.parametrize(
    ("act", "expected"),
    [(lambda queue: queue.put(A, P, "1"), {A}), (lambda queue: queue.close(), set())],
    ids=["event", "close"],
)
def test_whoever_waits_is_woken(act: Callable[[HintQueue], None], expected: set[Key]) -> None:
    """By an event, or by the end."""
    queue = HintQueue(Clock(), window_seconds=0)
    found: list[frozenset[Key]] = []
    waiter = Thread(target=lambda: found.append(queue.take(600)))
    waiter.start()
    act(queue)
    waiter.join(10)
    assert found == [expected]
    assert queue.take(0) == frozenset()


TREES = {
    Key(POD, "default", f"{tree}-{number}"): Key(DASK_CLUSTER, "default", tree) for tree in "abc" for number in "12"
}
EVENTS = st.tuples(st.sampled_from(sorted(TREES)), st.integers(1, 5))


@given(st.lists(EVENTS | st.none()))
def test_lost_repeated_and_reordered_events_name_no_wrong_tree(arrivals: list[tuple[Key, int] | None]) -> None:
    """Whatever arrives, however often and in whatever order, and whenever is taken: its trees are named, no others."""
    clock = Clock()
    queue = HintQueue(clock)
    named: set[Key] = set()
    for arrival in arrivals:
        if arrival is None:
            named |= taken(queue, clock)
        else:
            key, version = arrival
            queue.put(TREES[key], key, str(version))
    named |= taken(queue, clock)
    assert named == {TREES[arrival[0]] for arrival in arrivals if arrival is not None}
    assert taken(queue, clock) == set()


def test_a_tree_on_which_another_pass_works_stays_with_its_events(queue: HintQueue, clock: Clock) -> None:
    """It is given out when it is free, unless a list of everything has shown its changes by then."""
    queue.put(A, P, "1")
    queue.put(B, Q, "2")
    clock.now += 1
    assert queue.take(0, lambda trees: (tree for tree in trees if tree != A)) == {B}
    assert queue.take(0, lambda _: ()) == frozenset()
    assert queue.take(0) == {A}
    queue.put(A, P, "3")
    clock.now += 1
    assert queue.take(0, lambda _: ()) == frozenset()
    queue.note_listed({(POD, None): "3"})
    assert queue.take(0) == frozenset()


def test_in_a_crowd_the_newest_are_given_out_a_few_at_a_time(clock: Clock) -> None:
    """The others are in the next pass over everything; whoever comes now waits for none of them."""
    queue = HintQueue(clock, window_seconds=0.0)
    keys = [Key(DASK_CLUSTER, "default", f"c{number:02}") for number in range(MOST_TREES + 1)]
    for number, key in enumerate(keys):
        queue.put(key, key, str(number + 1))
        clock.now += 1
    claimed: list[Key] = []

    def claim(trees: Iterable[Key]) -> Iterator[Key]:
        for tree in trees:
            claimed.append(tree)
            yield tree

    assert queue.take(0, claim) == set(keys[-MOST_URGENT:])
    assert claimed == keys[: -MOST_URGENT - 1 : -1]


def test_a_rest_is_never_shortened(queue: HintQueue, clock: Clock) -> None:
    """Who was asked to wait for long is not asked sooner by someone else's short rest."""
    queue.put(A, P, "1")
    queue.rest([A], 10)
    queue.rest([A], 1)
    assert taken(queue, clock, after=5) == set()
    assert taken(queue, clock, after=5) == {A}


def test_trees_that_rest_are_no_crowd(clock: Clock) -> None:
    """A pass over everything would look at what is to be left alone."""
    queue = HintQueue(clock, most=1)
    queue.put(A, P, "1")
    queue.put(B, Q, "2")
    assert queue.is_crowded
    queue.rest([A], 10)
    assert not queue.is_crowded


def test_a_reminder_gives_a_tree_out_though_nothing_has_happened_to_it(queue: HintQueue, clock: Clock) -> None:
    """Once, and at its time: what waits after an error is looked at when the wait is over."""
    queue.remind([A], 2)
    queue.remind([A], 9)
    queue.note_listed({(DASK_CLUSTER, None): "9"})
    queue.put(B, Q, "10")
    assert taken(queue, clock, after=1) == {B}
    assert taken(queue, clock, after=1) == {A}
    assert taken(queue, clock, after=9) == set()


def test_a_reminder_holds_no_hint_back_and_ends_with_it(queue: HintQueue, clock: Clock) -> None:
    """Whoever edits what waits is served at once."""
    queue.remind([A], 60)
    queue.put(A, P, "1")
    assert taken(queue, clock) == {A}
    assert taken(queue, clock, after=60) == set()


def test_a_reminder_that_is_due_outlasts_a_full_pass_that_could_read_nothing(queue: HintQueue, clock: Clock) -> None:
    """Nobody has looked at its tree."""
    queue.remind([A], 5)
    clock.now += 5
    queue.note_listed({})
    assert taken(queue, clock) == {A}
    queue.remind([A], 5)
    clock.now += 5
    queue.note_listed({(POD, None): "7"})
    assert taken(queue, clock) == set()


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda queue: queue.put(A, A, "3"), {A}),
        (lambda queue: queue.note_listed({(POD, "default"): "1"}), {B}),
    ],
    ids=["someone edits it", "it is over"],
)
def test_whoever_waits_in_a_crowd_is_woken(act: Callable[[HintQueue], None], expected: set[Key]) -> None:
    """Though all trees were known before."""
    asked = list[float]()

    def seconds() -> float:
        asked.append(1000.0)
        return 1000.0

    queue = HintQueue(seconds, window_seconds=0, most=1)
    queue.put(A, P, "1")
    queue.put(B, Q, "2")
    before, found = len(asked), list[frozenset[Key]]()
    waiter = Thread(target=lambda: found.append(queue.take(600)))
    waiter.start()
    any(len(asked) >= before + 4 or Event().wait(0.001) for _ in range(1000))  # until it waits
    act(queue)
    waiter.join(10)
    queue.close()
    assert found == [expected]


def test_events_take_no_more_memory_than_so_much(
    queue: HintQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may be watched and not be listed for a day; what it told last is in the next list."""
    monkeypatch.setattr(hint_queue, "MOST_EVENTS", 2)
    queue.put(A, P, "1")
    queue.put(A, P, "2")
    queue.put(B, Q, "3")
    assert taken(queue, clock) == {A}
    queue.put(B, Q, "4")
    assert taken(queue, clock) == {B}


def test_reminders_that_are_due_are_a_crowd_and_a_full_pass_sees_to_them(clock: Clock) -> None:
    """A thousand that wait are not looked at one by one."""
    queue = HintQueue(clock, most=1)
    queue.remind([A, B], 1)
    crowded = [queue.is_crowded]
    clock.now += 1
    assert [*crowded, queue.is_crowded] == [False, True]
    assert taken(queue, clock, after=0) == set()
    queue.note_listed({(DASK_CLUSTER, None): "9"})
    assert taken(queue, clock, after=60) == set()
