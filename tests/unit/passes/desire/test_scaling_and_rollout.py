"""Rollout arithmetic: scaling and rolling updates, as Deployments do them, and who goes first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.templates import WorkerSpec
from reconciler.passes.desire.scaling_and_rollout import Turn, Worker, next_turn
from tests.builders import NOON
from tests.manifests import pod_spec


def _spec(replicas: int, surge: int | str = 0, unavailable: int | str = 1, kind: str = "RollingUpdate") -> WorkerSpec:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    strategy: dict[str, Any] = {"type": kind, "rollingUpdate": rolling}
    return WorkerSpec.model_validate({"spec": pod_spec(), "replicas": replicas, "updateStrategy": strategy})


def _workers(text: str) -> list[Worker]:
    """Workers in one word, oldest first: `a`vailable, `b`roken and `c`ongested ones; the fresh ones in capitals.

    A congested one is not ready, and its scheduler has it.
    """
    return [
        Worker(
            f"{letter}{number}",
            number,
            NOON + timedelta(seconds=number),
            ready=letter in "aA",
            present=letter in "cC",
            available=letter in "aA",
            stale=letter.islower(),
        )
        for number, letter in enumerate(text)
    ]


def _names(turn: Turn) -> list[str]:
    return [name for name, _ in turn.remove]


@pytest.mark.parametrize(
    ("text", "replicas", "create", "remove"),
    [
        ("", 0, 0, []),
        ("", 3, 3, []),
        ("AA", 3, 1, []),
        ("AAA", 3, 0, []),
        ("AAA", 2, 0, ["A2"]),
        ("AAA", 0, 0, ["A2", "A1", "A0"]),
        ("ABA", 2, 0, ["B1"]),
        ("ABAB", 1, 0, ["B3", "B1", "A2"]),
    ],
)
def test_scaling_goes_to_the_number_that_is_asked_for(text: str, replicas: int, create: int, remove: list[str]) -> None:
    """Missing workers are created, surplus ones go, those that are not ready first and then the youngest."""
    for kind in ("RollingUpdate", "Recreate", "OnDelete"):
        turn = next_turn(_workers(text), _spec(replicas, kind=kind))
        assert (turn.create, _names(turn)) == (create, remove)


def test_the_cheapest_go_first() -> None:
    """Unscheduled before unready, unready before ready; then from an older template, the youngest, the latest."""
    order = [
        Worker("unscheduled-stale", 1, NOON, scheduled=False, ready=False, available=False, stale=True),
        Worker("unscheduled-young", 3, NOON + timedelta(1), scheduled=False, ready=False, available=False),
        Worker("unscheduled-old", 2, NOON, scheduled=False, ready=False, available=False),
        Worker("unready-young", 5, NOON + timedelta(1), ready=False, available=False),
        Worker("unready-old", 4, NOON, ready=False, available=False),
        Worker("ready-stale", 6, NOON, stale=True),
        Worker("ready-young", 9, NOON + timedelta(1)),
        Worker("ready-old-second", 8, NOON),
        Worker("ready-old-first", 7, NOON),
    ]
    for workers in (order, order[::-1], [*order[4:], *order[:4]]):
        for count in range(len(order) + 1):
            turn = next_turn(workers, _spec(len(order) - count, kind="OnDelete"))
            assert _names(turn) == [worker.name for worker in order[:count]]


@pytest.mark.parametrize(
    ("text", "surge", "unavailable", "create", "remove"),
    [
        # maxUnavailable 1, maxSurge 0: one goes, one comes, and the next only when that is available
        ("aaa", 0, 1, 0, ["a2"]),
        ("aa", 0, 1, 1, []),
        ("aaB", 0, 1, 0, []),
        ("aaA", 0, 1, 0, ["a1"]),
        ("aAA", 0, 1, 0, ["a0"]),
        ("AAA", 0, 1, 0, []),
        # maxSurge 1, maxUnavailable 0: one comes, and when it is available one goes
        ("aaa", 1, 0, 1, []),
        ("aaaB", 1, 0, 0, []),
        ("aaaA", 1, 0, 0, ["a2"]),
        ("aaA", 1, 0, 1, []),
        ("aaAB", 1, 0, 0, []),
        ("aAA", 1, 0, 1, []),
        ("aAAA", 1, 0, 0, ["a0"]),
        # both
        ("aaa", 1, 1, 1, ["a2"]),
        ("aaa", 3, 0, 3, []),
        ("aaa", 0, 3, 0, ["a2", "a1", "a0"]),
        # stale workers that are of no use go at once, beyond maxUnavailable
        ("abb", 0, 1, 0, ["b1", "b2"]),
        ("bbb", 1, 0, 1, ["b0", "b1", "b2"]),
        # but not those that their scheduler has: they work
        ("ccc", 0, 1, 0, ["c2"]),
        ("cac", 0, 1, 0, ["c2"]),
        ("acb", 0, 1, 0, ["b2"]),
        ("ccA", 0, 1, 0, ["c1"]),
        ("ccB", 0, 1, 0, []),
        ("ccC", 0, 1, 0, []),
        ("ccc", 1, 0, 1, []),
        # more than asked for: the surplus goes first
        ("aaaaa", 0, 1, 0, ["a4", "a3", "a2"]),
        ("aaaBA", 1, 0, 0, ["B3", "a2"]),
    ],
)
def test_workers_roll_within_their_bounds(
    text: str, surge: int, unavailable: int, create: int, remove: list[str]
) -> None:
    """Of three workers, never fewer than 3 - maxUnavailable are available, nor are there more than 3 + maxSurge.

    Those that are let go in the turn are still there while it is carried out.
    """
    turn = next_turn(_workers(text), _spec(3, surge, unavailable))
    assert (turn.create, _names(turn)) == (create, remove)
    assert len(text) + turn.create <= max(3 + surge, len(text))


@pytest.mark.parametrize(
    ("value", "replicas", "surge", "unavailable"),
    [
        ("25%", 10, 3, 2),
        ("25%", 4, 1, 1),
        ("25%", 3, 1, 0),
        ("50%", 1, 1, 0),
        ("100%", 3, 3, 3),
        ("150%", 2, 3, 3),
        (2, 1, 2, 2),
    ],
)
def test_percentages_round_as_in_deployments(value: int | str, replicas: int, surge: int, unavailable: int) -> None:
    """Surge is rounded up, unavailability down."""
    stale = _workers("a" * replicas)
    assert next_turn(stale, _spec(replicas, value, 0)).create == min(surge, replicas)
    gone = len(next_turn(stale, _spec(replicas, 0, value)).remove)
    assert gone == max(min(unavailable, replicas), 1)


def test_bounds_that_both_round_to_nothing_let_one_go() -> None:
    """As in Deployments: or no worker could ever be replaced."""
    turn = next_turn(_workers("aaa"), _spec(3, 0, "1%"))
    assert _names(turn) == ["a2"]
    assert next_turn(_workers("aaa"), _spec(3, "1%", 0)).create == 1


def test_a_rollout_whose_new_workers_do_not_become_available_stops() -> None:
    """The old ones that work are left."""
    assert next_turn(_workers("aaB"), _spec(3)) == Turn(0)
    assert next_turn(_workers("aaaB"), _spec(3, 1, 0)) == Turn(0)


def _roll(text: str, spec: WorkerSpec) -> list[str]:
    """How a group changes turn by turn, its new workers becoming available one turn after they are created."""
    seen = [text]
    while len(seen) < 50:
        workers = _workers(text)
        turn = next_turn(workers, spec)
        gone = set(_names(turn))
        left = "".join(letter.upper() if letter == "B" else letter for letter in text)
        left = "".join(letter for worker, letter in zip(workers, left, strict=True) if worker.name not in gone)
        left = left.replace("B", "A")
        text = left if gone else left + "B" * turn.create
        if text == seen[-1]:
            return seen
        seen.append(text)
    raise AssertionError(seen)


@pytest.mark.parametrize("surge", [0, 1, "34%", 3])
@pytest.mark.parametrize("unavailable", [1, "67%", 5])
@pytest.mark.parametrize("start", ["aaa", "aab", "bbb", "a", "", "aaaaaa", "aAB", "ccc", "abc", "cccc"])
def test_every_rollout_ends_in_fresh_workers(start: str, surge: int | str, unavailable: int | str) -> None:
    """Whatever it begins with and however it is bounded."""
    assert _roll(start, _spec(3, surge, unavailable))[-1] == "AAA"


def test_recreate_lets_all_go_and_waits_until_they_are_gone() -> None:
    """Old and new never run side by side."""
    spec = _spec(3, kind="Recreate")
    turn = next_turn(_workers("aab"), spec)
    assert (turn.create, _names(turn)) == (0, ["a0", "a1", "b2"])
    assert next_turn([], spec, stale_ending=True) == Turn(0)
    assert next_turn([], spec) == Turn(3)
    assert next_turn(_workers("A"), spec) == Turn(2)


def test_on_delete_leaves_stale_workers_to_someone() -> None:
    """What is missing is made from the present template."""
    spec = _spec(3, kind="OnDelete")
    assert next_turn(_workers("aaa"), spec) == Turn(0)
    assert next_turn(_workers("ab"), spec) == Turn(1)


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate", "OnDelete"])
def test_workers_of_another_scheduler_go_at_once(kind: str) -> None:
    """Their state is gone with it, so nothing is kept available; new ones come for the new scheduler."""
    orphans = [Worker(f"o{number}", number, NOON, orphaned=True) for number in range(3)]
    turn = next_turn([*orphans, *_workers("A")], _spec(3, 0, 1, kind))
    assert _names(turn) == ["o0", "o1", "o2"]
    assert turn.create == 0
    assert next_turn(_workers("A"), _spec(3, 0, 1, kind)).create == 2


@pytest.mark.parametrize(("going", "create"), [(0, 2), (1, 1), (2, 0), (5, 0)])
def test_who_was_chosen_to_go_takes_up_room_until_its_deletion_begins(going: int, create: int) -> None:
    """Where deletions are held back, workers do not pile up."""
    stale = [Worker(f"g{number}", number, NOON, stale=True) for number in range(going)]
    assert next_turn(_workers("A"), _spec(3), going=stale).create == create
    assert next_turn(_workers("aA"), _spec(3, 1, 1), going=stale).create == max(0, 2 - going)
    orphans = [Worker(f"g{number}", number, NOON, orphaned=True) for number in range(going)]
    assert next_turn(_workers("A"), _spec(3), going=orphans) == Turn(create)


@pytest.mark.parametrize(
    ("staying", "going", "replicas", "keep", "create"),
    [
        ("AA", "A", 3, ["A0"], 0),
        ("AA", "AA", 3, ["A0"], 0),
        ("AA", "AA", 5, ["A0", "A1"], 1),
        ("AAA", "AA", 3, [], 0),
        ("", "AB", 1, ["A0"], 0),
        ("", "BA", 1, ["A1"], 0),
        ("", "AAA", 0, [], 0),
        ("A", "aA", 3, ["A1"], 0),
        ("A", "aa", 3, [], 0),
    ],
)
def test_who_was_chosen_to_go_is_taken_back_when_it_is_wanted_again(
    staying: str, going: str, replicas: int, keep: list[str], create: int
) -> None:
    """As many as are missing, those that it would cost most to let go; none from an older template."""
    here = [replace(worker, name=f"here-{worker.name}") for worker in _workers(staying)]
    for kind in ("RollingUpdate", "Recreate"):
        turn = next_turn(here, _spec(replicas, kind=kind), going=_workers(going))
        assert (sorted(turn.keep), turn.remove) == (keep, ())
        assert turn.create == (0 if kind == "Recreate" and "a" in going else create)


def test_on_delete_takes_back_workers_of_an_older_template_too() -> None:
    """It would leave them, had they not been chosen."""
    assert next_turn([], _spec(2, kind="OnDelete"), going=_workers("aab")) == Turn(0, keep=("a0", "a1"))


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate", "OnDelete"])
def test_a_worker_of_another_scheduler_is_not_taken_back(kind: str) -> None:
    """It belongs to nobody any more."""
    orphan = Worker("o", 1, NOON, orphaned=True)
    assert next_turn([], _spec(1, kind=kind), going=[orphan]).keep == ()


def test_who_is_let_go_in_this_turn_takes_up_room_as_well() -> None:
    """Its successor comes with the turn after its deletion has begun."""
    turn = next_turn(_workers("aaa"), _spec(3))
    assert (turn.create, _names(turn)) == (0, ["a2"])
    assert next_turn(_workers("aa"), _spec(3), going=_workers("a")).create == 0
    assert next_turn(_workers("aa"), _spec(3)).create == 1


def test_thousands_of_workers_are_let_go_in_no_time() -> None:
    """The work grows with the number of workers, not with its square."""
    many = [Worker(f"w-{number}", number, NOON, stale=True) for number in range(20_000)]
    assert len(next_turn(many, _spec(10)).remove) >= 19_990


def test_of_ready_workers_those_go_first_that_lose_least() -> None:
    """Not joined, from an older template, idle, with little data; how much somebody does is not weighed."""
    order = [
        Worker("unjoined", 1, NOON, joined=False),
        Worker("awaited", 0, NOON, joined=None),
        Worker("idle-stale", 2, NOON, stale=True, unique_bytes=9),
        Worker("busy-stale", 3, NOON, stale=True, tasks=1),
        Worker("idle-with-nothing", 4, NOON),
        Worker("idle-with-little", 6, NOON + timedelta(1), unique_bytes=1),
        Worker("idle-with-much", 7, NOON + timedelta(1), unique_bytes=2),
        Worker("busy-young", 9, NOON + timedelta(1), tasks=2),
        Worker("busy-old", 8, NOON, tasks=1),
    ]
    for workers in (order, order[::-1]):
        turn = next_turn(workers, _spec(0, kind="OnDelete"))
        assert _names(turn) == [worker.name for worker in order]


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate", "OnDelete"])
@pytest.mark.parametrize("joined", [True, None])
def test_no_worker_is_chosen_before_it_is_known_what_that_costs(kind: str, *, joined: bool | None) -> None:
    """Neither as one too many nor as one from an older template; one whose Pod has no address has nothing to lose."""
    blind = [replace(one, weighed=False, joined=joined, available=joined is True) for one in _workers("aAA")]
    unready = replace(_workers("b")[0], name="unready", weighed=False)
    pending = replace(unready, name="pending", started=False)
    assert next_turn([*blind, unready], _spec(4, kind=kind)) == Turn(0)
    turn = next_turn([*blind, unready, pending], _spec(1, kind=kind))
    assert (turn.create, _names(turn)) == (0, ["pending"])


def test_a_worker_that_has_not_joined_keeps_no_other_from_going_nor_lets_one_go() -> None:
    """A new one of an older template is of no use; of the present one, the rollout waits for it."""
    young = Worker("young", 9, NOON, joined=False, available=False)
    assert _names(next_turn([*_workers("aa"), young], _spec(3))) == []
    assert _names(next_turn([*_workers("aa"), replace(young, stale=True)], _spec(3))) == ["young"]


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate", "OnDelete"])
def test_who_gets_nothing_more_to_do_is_replaced(kind: str) -> None:
    """Whoever had its scheduler let it go, it is not taken back; it takes up room until it is gone."""
    retired = Worker("retired", 9, NOON, retired=True)
    turn = next_turn([*_workers("AA"), retired], _spec(3, kind=kind))
    assert (turn.create, turn.remove) == (0, (("retired", "its scheduler gives it nothing more to do"),))
    assert next_turn(_workers("AA"), _spec(3, kind=kind), going=[retired]) == Turn(0)
    assert next_turn(_workers("AA"), _spec(3, kind=kind)).create == 1


def test_every_removal_has_its_reason() -> None:
    """A person can read why a worker goes."""
    (reason,) = {why for _, why in next_turn(_workers("AAA"), _spec(2)).remove}
    assert reason == "the group has 3 workers and wants 2"
    (reason,) = {why for _, why in next_turn(_workers("aaa"), _spec(3)).remove}
    assert reason == "its template changed"


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate", "OnDelete"])
def test_who_is_about_to_be_taken_away_is_replaced_at_once(kind: str) -> None:
    """Above `maxSurge`, before and after it was chosen; it is not taken back, nor counts as available."""
    doomed = Worker("doomed", 9, NOON, disrupted=True, weighed=False)
    turn = next_turn([*_workers("AA"), doomed], _spec(3, kind=kind))
    assert (turn.create, turn.remove) == (1, (("doomed", "it is about to be taken away"),))
    assert next_turn(_workers("AA"), _spec(3, kind=kind), going=[doomed]) == Turn(1)
    assert next_turn(_workers("AAA"), _spec(3, kind=kind), going=[doomed]) == Turn(0)
    assert next_turn([*_workers("AA"), doomed], _spec(2, kind=kind)).create == 0


def test_no_other_is_rolled_while_one_is_taken_away() -> None:
    """What something else takes is unavailable, as in Deployments."""
    doomed = Worker("doomed", 9, NOON, disrupted=True)
    assert _names(next_turn([*_workers("aa"), doomed], _spec(3))) == ["doomed"]
