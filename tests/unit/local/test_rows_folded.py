from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.display.rows import FEW, MOST_ALIKE, Row, folded
from tests.builders import NOON

GROUP = Row("daskworkergroup/g", 0, "Ready", "12/12", None, NOON, "", "good")
WORKER = Row("pod/w", 1, "Running", "1/1", 0, NOON, "", "good")


def workers(count: int, **different: Any) -> list[Row]:
    return [replace(WORKER, resource=f"pod/w{number}", **different) for number in range(count)]


def test_many_workers_alike_are_a_few_and_a_number() -> None:
    """As many as there is room for are shown as they are; those that differ always are."""
    few = [GROUP, *workers(MOST_ALIKE)]
    assert folded(few) == tuple(few)
    crashing = replace(WORKER, resource="pod/x", phase="CrashLoopBackOff", restarts=3, state="bad")
    shown = folded([GROUP, *workers(MOST_ALIKE + 4), crashing])
    assert [row.resource for row in shown] == [
        "daskworkergroup/g",
        "pod/w0",
        "pod/w1",
        "pod/w2",
        "… 9 more, all ready",
        "pod/x",
    ]
    assert shown[4] == replace(WORKER, resource=shown[4].resource, since=None)
    (*_, last) = folded([GROUP, *workers(20, phase="Pending", ready="0/1", state="busy")])
    assert last.resource == "… 17 more, all Pending"


def test_workers_of_two_groups_are_not_alike() -> None:
    """Each group's are counted by themselves."""
    few = [GROUP, *workers(5), replace(GROUP, resource="daskworkergroup/h"), *workers(5)]
    assert folded(few) == tuple(few)


LOOKS: Mapping[str, dict[str, Any]] = {
    "ready": {},
    "pending": {"phase": "Pending", "ready": "0/1", "state": "busy"},
    "restarted": {"restarts": 1},
}


@given(st.lists(st.sampled_from([*LOOKS, "group"]), max_size=60))
def test_folding_loses_none(kinds: list[str]) -> None:
    """Shown and counted rows come to as many as there are, in order; nothing is hidden without need."""
    all_rows = [
        GROUP if kind == "group" else replace(WORKER, resource=f"pod/w{number}", **LOOKS[kind])
        for number, kind in enumerate(kinds)
    ]
    shown = folded(all_rows)
    hidden = [int(row.resource.split()[1]) for row in shown if row.resource.startswith("…")]
    kept = [row for row in shown if not row.resource.startswith("…")]
    assert len(kept) + sum(hidden) == len(all_rows)
    assert kept == [row for row in all_rows if row in kept]
    assert all(count > MOST_ALIKE - FEW for count in hidden)
    for position, row in enumerate(shown):
        pods = list(takewhile(lambda one: one.restarts is not None, shown[position:]))
        if row == GROUP or position == 0:
            looks = Counter(replace(one, resource="", since=None) for one in pods)
            assert all(count <= MOST_ALIKE for count in looks.values())
