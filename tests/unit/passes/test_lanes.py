"""Applying: the lanes of trees take turns, and an error leaves unsent what it says something about."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from models.kinds import DASK_CLUSTER, SERVICE, Key
from reconciler.passes.apply import Writers, apply
from reconciler.passes.lanes import TURN, Lanes, namespaces_in_turn
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.wire import errors
from reconciler.wire.protocol import Reply
from tests.unit.passes.answers import AT_ONCE, ONE_BY_ONE, THEIRS, Answer, Stub, pod_answer
from tests.unit.passes.planning import action


@pytest.fixture
def writers() -> Iterator[Writers]:
    with ThreadPoolExecutor(8) as pool:
        yield Writers(pool, 8)


def _worker(name: str, owner: str = "simple", tree: str | None = None) -> Action:
    """The create of a Pod of which one is as good as another."""
    return replace(action(Verb.CREATE, name, owner=owner, tree=tree), after_record=True)


def _workers(count: int, **more: str) -> list[Action]:
    return [_worker(f"{number}", **more) for number in range(count)]


def _failing(*names: str, error: Exception) -> Stub:
    return Stub(lambda _, key: error if key.name in names else Reply(pod_answer(key.name)))


def _results(responses: tuple[Response, ...]) -> dict[str, Result]:
    return {response.action.key.name: response.result for response in responses}


REFUSED = errors.Forbidden("exceeded quota", status=403)
EXISTS = errors.AlreadyExists("there is one", status=409)
CONFLICT = errors.Conflict("x", status=409)
UNREACHABLE = errors.Unreachable("x")


def test_one_trees_writes_begin_in_order_and_are_answered_in_it() -> None:
    """Deletes come before the creates that take their place; the responses are in the order of the actions."""
    stub = Stub()
    actions = [action(Verb.DELETE, "a"), action(Verb.UPDATE, "b"), action(Verb.CREATE, "c")]
    responses = apply(stub, actions, AT_ONCE)
    assert stub.writes == [(each.verb, each.key.name) for each in actions]
    assert [response.action for response in responses] == actions
    assert {response.result for response in responses} == {Result.DONE}


@pytest.mark.parametrize(("refused_from", "tried"), [(0, 1), (1, 3), (2, 3), (3, 7), (6, 7), (7, 15), (99, 100)])
def test_each_success_allows_one_more_write_at_a_time(refused_from: int, tried: int) -> None:
    """What is refused is refused a few times and not a thousand; the rest is skipped."""
    stub = Stub(lambda _, key: REFUSED if int(key.name) >= refused_from else Reply(pod_answer(key.name)))
    results = [response.result for response in apply(stub, _workers(100), AT_ONCE)]
    assert len(stub.writes) == tried
    assert results.count(Result.SKIPPED) == 100 - tried
    assert results.count(Result.DONE) == min(refused_from, 100)


def test_trees_take_turns() -> None:
    """A thousand Pods of one tree do not make another wait, which the plan names last."""
    stub = Stub()
    small = [action(Verb.CREATE, f"small-{number}", owner="small") for number in range(3)]
    apply(stub, [*_workers(1000, owner="big"), *small], AT_ONCE)
    places = [place for place, (_, name) in enumerate(stub.writes) if name.startswith("small")]
    assert len(stub.writes) == 1003
    assert max(places) <= 5


def test_trees_are_written_side_by_side(writers: Writers) -> None:
    """A slow write of one tree does not hold up another's."""
    barrier = Barrier(2, timeout=10)

    def meet(_: Verb, key: Key) -> Answer:
        barrier.wait()
        return Reply(pod_answer(key.name))

    actions = [action(Verb.CREATE, owner, owner=owner) for owner in ("one", "two")]
    assert [response.result for response in apply(Stub(meet), actions, writers)] == [Result.DONE] * 2


def test_one_tree_has_several_writes_under_way_when_the_first_have_succeeded(writers: Writers) -> None:
    """A large group is not built one Pod after the other."""
    barrier = Barrier(2, timeout=10)

    def meet(_: Verb, key: Key) -> Answer:
        if key.name != "0":
            barrier.wait()
        return Reply(pod_answer(key.name))

    assert {response.result for response in apply(Stub(meet), _workers(3), writers)} == {Result.DONE}


@pytest.mark.parametrize("verb", [Verb.RECORD, Verb.REPORT])
def test_a_decision_or_status_is_written_when_all_before_it_is_answered(verb: Verb) -> None:
    """The update under way beside it may end the tree, and then it is not written."""
    stub = _failing("b", error=CONFLICT)
    results = _results(apply(stub, [action(Verb.UPDATE, "a"), action(Verb.UPDATE, "b"), action(verb, "c")], AT_ONCE))
    assert results == {"a": Result.DONE, "b": Result.CONFLICT, "c": Result.SKIPPED}


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (None, Result.DONE),
        (REFUSED, Result.DONE),
        (CONFLICT, Result.SKIPPED),
        (UNREACHABLE, Result.SKIPPED),
        (errors.UnknownOutcome("x"), Result.SKIPPED),
    ],
    ids=["it stands", "refused", "conflict", "unreachable", "unknown"],
)
def test_what_follows_from_a_decision_is_sent_only_when_it_stands(error: Exception | None, rest: Result) -> None:
    """A refused one keeps its own owner's Pods from being made; what does not follow from it goes on."""
    stub = Stub() if error is None else _failing("record", error=error)
    actions = [
        action(Verb.UPDATE, "before"),
        action(Verb.RECORD, "record"),
        *_workers(9),
        action(Verb.CREATE, "service", kind=SERVICE),
        _worker("neighbour", owner="neighbour", tree="simple"),
        _worker("stranger", owner="stranger"),
    ]
    results = _results(apply(stub, actions, AT_ONCE))
    followed = Result.DONE if error is None else Result.SKIPPED
    assert {results[f"{number}"] for number in range(9)} == {followed}
    assert (results["service"], results["neighbour"]) == (rest, rest)
    assert (results["before"], results["stranger"]) == (Result.DONE, Result.DONE)


def test_a_refused_write_rests_only_what_it_says_something_about() -> None:
    """A quota that refuses Pods of one owner delays no Service, no other owner, and no delete."""
    stub = _failing("0", "1", "2", error=REFUSED)
    actions = [
        *_workers(3),
        action(Verb.CREATE, "service", kind=SERVICE),
        action(Verb.CREATE, "scheduler"),
        action(Verb.DELETE, "old"),
        _worker("neighbour", owner="neighbour", tree="simple"),
    ]
    results = _results(apply(stub, actions, AT_ONCE))
    assert [results.pop(name) for name in ("0", "1", "2")] == [Result.REFUSED, Result.SKIPPED, Result.SKIPPED]
    assert set(results.values()) == {Result.DONE}


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (REFUSED, Result.DONE),
        (errors.Invalid("x", status=422), Result.DONE),
        (CONFLICT, Result.SKIPPED),
        (UNREACHABLE, Result.SKIPPED),
        (errors.UnknownOutcome("x"), Result.SKIPPED),
    ],
    ids=lambda one: getattr(one, "reason", str(one)),
)
def test_anything_worse_than_a_refusal_ends_the_tree(error: errors.ApiError, rest: Result) -> None:
    """Whoever the owner; another tree goes on in any case."""
    trees = {"one": "top", "two": "top", "three": "other"}
    actions = [
        action(Verb.UPDATE, f"{owner}-{number}", owner=owner, tree=tree)
        for owner, tree in trees.items()
        for number in range(20)
    ]
    results = _results(apply(_failing("one-0", error=error), actions, ONE_BY_ONE))
    assert (results["one-19"], results["two-19"], results["three-19"]) == (rest, rest, Result.DONE)
    assert len(results) == len(actions)


def test_a_name_that_a_stranger_holds_stops_nothing_else() -> None:
    """What else the owner and its tree need is still done."""
    stub = Stub(
        lambda _, key: EXISTS if key.name == "p" else Reply(pod_answer(key.name)), there=pod_answer(owner=THEIRS)
    )
    actions = [action(Verb.CREATE, "p"), *[action(Verb.CREATE, f"{number}") for number in range(9)]]
    actions += [action(Verb.CREATE, f"n{number}", owner="neighbour", tree="simple") for number in range(9)]
    results = _results(apply(stub, actions, AT_ONCE))
    assert results.pop("p") is Result.CONFLICT
    assert set(results.values()) == {Result.DONE}


def test_a_bug_in_reading_an_answer_ends_only_that_tree(writers: Writers) -> None:
    """What came of the write is unknown; every other tree goes on."""
    stub = _failing("odd", error=KeyError("metadata"))
    actions = [action(Verb.CREATE, "odd"), *_workers(3), *_workers(3, owner="other")]
    odd, *rest = apply(stub, actions, writers)
    assert (odd.result, odd.reason) == (Result.UNKNOWN, "InternalError")
    assert "KeyError" in odd.error
    assert [response.result for response in rest] == [Result.SKIPPED] * 3 + [Result.DONE] * 3


def test_nothing_to_do_is_done_at_once(writers: Writers) -> None:
    """An empty plan has no responses."""
    assert apply(Stub(), [], writers) == ()


def test_a_tree_goes_on_as_soon_as_its_own_writes_are_answered() -> None:
    """Whoever planned them is asked once for each answer what follows, while other trees have writes left."""
    stub = Stub()
    asked: list[str] = []

    def follow(responses: Sequence[Response]) -> list[Action]:
        asked.extend(response.action.key.name for response in responses)
        return [action(Verb.UPDATE, "second", tree="small")] if asked == ["first"] else []

    big = _workers(100, owner="big", tree="big")
    responses = apply(stub, [action(Verb.CREATE, "first", tree="small"), *big], ONE_BY_ONE, follow)
    assert [name for _, name in stub.writes].index("second") <= TURN
    assert sorted(asked) == sorted(["first", "second", *(one.key.name for one in big)])
    assert [response.result for response in responses] == [Result.DONE] * 102


def test_what_follows_begins_with_one_write_at_a_time_and_knows_of_no_refusal() -> None:
    """The refusal was told to whoever planned it."""
    tries: list[int] = []

    def follow(_: Sequence[Response]) -> list[Action]:
        tries.append(len(stub.writes))
        return _workers(10) if len(tries) == 1 else []

    stub = _failing(*map(str, range(10)), error=REFUSED)
    responses = apply(stub, _workers(10), AT_ONCE, follow)
    assert tries == [1, 2]
    assert [response.result for response in responses].count(Result.SKIPPED) == 18


def test_the_first_of_each_namespace_comes_before_the_second_of_any() -> None:
    """Someone's thousand clusters hold up nobody elsewhere; within a namespace the order stays."""
    many = [Key(DASK_CLUSTER, "a", str(number)) for number in range(3)]
    one, two = (Key(DASK_CLUSTER, "b", name) for name in "xy")
    assert namespaces_in_turn([*many, one, two]) == [many[0], one, many[1], two, many[2]]


def test_a_tree_that_waits_for_an_answer_at_the_end_of_its_turn_gives_nothing_to_write() -> None:
    """It is asked for more after every answer; that there is nothing yet must be an answer, too."""
    lanes = Lanes()
    lanes.add(action(Verb.CREATE, f"{number}") for number in range(TURN + 1))
    for _ in range(TURN):
        under_way = lanes.next()
        assert under_way is not None
        assert lanes.next() is None
        lanes.note(Response(under_way, Result.REFUSED))
    assert lanes.next() is not None
