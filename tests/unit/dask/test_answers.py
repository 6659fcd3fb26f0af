"""Answers as values: each part has its type, or the whole is refused."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.dask import Holding, Worker
from reconciler.dask.answers import (
    LONGEST_NAME,
    MOST_KEYS,
    counts_of,
    holdings_of,
    identity_of,
    idle_since_of,
    keys_of,
    sizes_of,
    target_of,
    workers_of,
)
from reconciler.dask.errors import Excess, Nonsense
from reconciler.dask.plain import OPAQUE, Plain

ADDRESS = "tcp://10.0.0.7:40123"
WORKER: dict[str, Plain] = {
    "type": "Worker",
    "id": 0,
    "name": "group-worker-1",
    "host": "10.0.0.7",
    "status": "running",
    "nthreads": 2,
    "memory_limit": 1000,
    "last_seen": 7.5,
    "metrics": {
        "memory": 300,
        "managed_bytes": 100,
        "task_counts": {"executing": 1, "long-running": 2, "ready": 4, "memory": 8},
        "mine": OPAQUE,
    },
    "resources": {"GPU": 1, "half": 0.5},
}
READ = Worker(
    address=ADDRESS,
    name="group-worker-1",
    host="10.0.0.7",
    status="running",
    nthreads=2,
    managed_bytes=100,
    running=3,
    last_seen=7.5,
)
READERS: list[Callable[[Plain], object]] = [
    identity_of, target_of, counts_of, keys_of, sizes_of, idle_since_of, workers_of,
]  # fmt: skip

NO_NAMES: list[Plain] = [None, True, 1.5, b"x", OPAQUE, (), {}, "x" * (LONGEST_NAME + 1), "\x1b[31mred", "two\nlines"]
NO_NUMBERS: list[Plain] = [None, True, "1", b"x", OPAQUE, (), {}, -1, math.nan, math.inf, -math.inf]
NO_WHOLE_NUMBERS: list[Plain] = [*NO_NUMBERS, 1.5]
NO_MAPS: list[Plain] = [None, True, 1, "x", b"x", OPAQUE, ()]
NO_LISTS: list[Plain] = [None, True, 1, "x", b"x", OPAQUE, {}]

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
    | st.just(OPAQUE),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


def answer(worker: Plain) -> Plain:
    return {"type": "Scheduler", "id": "Scheduler-1", "started": 1.5, "workers": {ADDRESS: worker}}


def test_an_identity_has_the_workers_by_address() -> None:
    """What is not asked for is left out."""
    assert identity_of(answer(WORKER)) == {ADDRESS: READ}


def test_a_worker_whose_name_is_a_number_has_it_as_text() -> None:
    assert identity_of(answer({**WORKER, "name": 3}))[ADDRESS].name == "3"


def test_a_worker_that_has_not_said_what_it_uses_is_known() -> None:
    """Metrics come with the first heartbeat; releases differ in them."""
    worker = identity_of(answer({**WORKER, "metrics": {}}))[ADDRESS]
    assert worker == replace(READ, managed_bytes=None, running=None)


def test_how_many_tasks_run_is_told_in_either_of_two_ways() -> None:
    """Until 2022 there was a number for it; what waits, and what is held, does not run."""
    worker = identity_of(answer({**WORKER, "metrics": {"executing": 2, "ready": 5}}))[ADDRESS]
    assert worker.running == 2


def test_a_worker_of_a_release_that_tells_no_status_is_known() -> None:
    fields = {name: value for name, value in WORKER.items() if name != "status"}
    assert identity_of(answer(fields))[ADDRESS] == replace(READ, status=None)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *[(field, value) for field in ("name", "host", "status") for value in NO_NAMES],
        *[("nthreads", value) for value in NO_WHOLE_NUMBERS],
        *[("metrics", value) for value in NO_MAPS],
        *[("last_seen", value) for value in NO_NUMBERS],
        *[("metrics", {"executing": value}) for value in NO_WHOLE_NUMBERS],
        *[("metrics", {"task_counts": value}) for value in NO_MAPS],
        *[("metrics", {"task_counts": {"executing": value}}) for value in NO_WHOLE_NUMBERS],
        *[("metrics", {"managed_bytes": value}) for value in NO_NUMBERS if value is not None],
    ],
)
def test_a_worker_with_a_wrong_field_refuses_the_identity(field: str, wrong: Any) -> None:
    """Half of what a scheduler says is not believed."""
    with pytest.raises(Nonsense):
        identity_of(answer({**WORKER, field: wrong}))


@pytest.mark.parametrize(
    "wrong",
    [
        *NO_MAPS,
        *[{"workers": value} for value in NO_MAPS],
        *[{"workers": {ADDRESS: value}} for value in NO_MAPS],
        {"workers": {"two\nlines": WORKER}},
    ],
)
def test_an_identity_with_a_wrong_field_is_refused(wrong: Any) -> None:
    with pytest.raises(Nonsense):
        identity_of(wrong)


def test_counts_are_those_of_lists() -> None:
    """Keys are of any type, tuples above all."""
    assert counts_of({"a": ("x", ("y", 1), 2), "b": ()}) == {"a": 3, "b": 0}


@pytest.mark.parametrize("read", [counts_of, keys_of])
@pytest.mark.parametrize("wrong", [*NO_MAPS, *[{"a": value} for value in NO_LISTS], {"two\nlines": ()}])
def test_lists_of_keys_are_maps_of_lists(read: Callable[[Plain], object], wrong: Any) -> None:
    with pytest.raises(Nonsense):
        read(wrong)


@pytest.mark.parametrize("wrong", [*NO_MAPS, *[{"a": value} for value in NO_NUMBERS]])
def test_sizes_are_a_map_of_numbers(wrong: Any) -> None:
    with pytest.raises(Nonsense):
        sizes_of(wrong)


@pytest.mark.parametrize("wrong", NO_WHOLE_NUMBERS)
def test_a_target_is_a_whole_number(wrong: Any) -> None:
    assert target_of(3) == 3
    with pytest.raises(Nonsense):
        target_of(wrong)


@pytest.mark.parametrize("wrong", NO_NUMBERS[1:])
def test_a_scheduler_is_idle_since_a_time(wrong: Any) -> None:
    assert idle_since_of(1.5) == 1.5
    assert idle_since_of(None) is None
    with pytest.raises(Nonsense):
        idle_since_of(wrong)


@pytest.mark.parametrize("wrong", [*NO_MAPS, *[{"a": value} for value in NO_MAPS], {"two\nlines": {}}])
def test_retired_workers_are_the_keys_of_a_map(wrong: Any) -> None:
    assert workers_of({"a": WORKER}) == {"a"}
    with pytest.raises(Nonsense):
        workers_of(wrong)


def test_more_keys_than_are_compared_are_refused() -> None:
    """Counting them is no trouble."""
    answer: Plain = {"a": (1,) * MOST_KEYS, "b": (1,)}
    assert counts_of(answer) == {"a": MOST_KEYS, "b": 1}
    with pytest.raises(Excess, match="300,000 keys"):
        keys_of(answer)


def test_what_only_one_worker_holds_is_unique() -> None:
    """A key whose size is unknown counts as a key, and not in bytes; one that is named twice counts once."""
    held = {"a": ("x", "y", "both"), "b": ("both", "z", "z"), "c": ()}
    assert holdings_of(held, {"x": 10, "both": 100, "z": 1000}) == {
        "a": Holding(unique_keys=2, unique_bytes=10),
        "b": Holding(unique_keys=1, unique_bytes=1000),
        "c": Holding(unique_keys=0, unique_bytes=0),
    }


@given(st.sampled_from(READERS), plain)
def test_any_answer_is_read_or_nonsense(read: Callable[[Plain], object], value: Any) -> None:
    """Nothing else is raised, whatever is answered."""
    try:
        result = read(value)
    except Nonsense:
        return
    assert result is not OPAQUE


def test_nothing_that_was_read_can_be_changed() -> None:
    for mapping in (identity_of(answer(WORKER)), counts_of({}), holdings_of({}, {})):
        assert not hasattr(mapping, "__setitem__")
