"""The numbers of workers: given once, and written down as soon as they were seen."""

import pytest

from reconciler.passes.values import Body
from reconciler.rules.labels import ORDINAL
from tests.builders import NOON, worker
from tests.unit.passes.desire.groups import ONE, chosen, created, decisions, desired, group_of_one, name_of, three


def test_a_worker_that_is_gone_or_going_is_replaced_under_a_new_name() -> None:
    """An ordinal is never used again, so Dask never sees an old name."""
    one = group_of_one(status=chosen())
    assert created(desired(one, worker(one, ONE, 1), worker(one, ONE, 2))) == [name_of(4)]
    leaving = worker(one, ONE, 3, deleting=NOON)
    after = group_of_one(status=chosen(leaving))
    assert created(desired(after, worker(one, ONE, 1), worker(one, ONE, 2), leaving)) == [name_of(4)]


@pytest.mark.parametrize(
    ("status", "first"),
    [
        ({}, 6),
        ({"decisions": {"highestOrdinal": 2}}, 6),
        ({"decisions": {"highestOrdinal": 9}}, 10),
        ({"highestOrdinal": 9}, 10),
        ({"highestOrdinal": 9, "decisions": {"highestOrdinal": 12}}, 13),
    ],
    ids=["new", "a low mark", "a high mark", "the mark of version 0.1", "both marks"],
)
def test_the_next_number_is_higher_than_any_that_was_given(status: Body, first: int) -> None:
    """To anyone here, to anyone who went, by this version or the one before."""
    one = group_of_one(replicas=4, status=status)
    found = desired(one, worker(one, ONE, 3), worker(one, ONE, 5))
    assert created(found) == [name_of(first), name_of(first + 1)]


def test_numbers_are_not_written_down_before_their_workers_were_seen() -> None:
    """A daemon that is killed in between, or one beside it, makes the same Pods, and as many."""
    found = desired(group_of_one())
    assert created(found) == [name_of(1), name_of(2), name_of(3)]
    assert found.records == ()
    assert [wanted.after_record for wanted in found.wanted] == [True] * 3


def test_workers_that_are_there_wait_for_no_record() -> None:
    """They are put right whether it can be written or not."""
    one = group_of_one()
    found = desired(one, worker(one, ONE, 1))
    assert [(wanted.present is None, wanted.after_record) for wanted in found.wanted] == [
        (False, False),
        (True, True),
        (True, True),
    ]


def test_numbers_that_are_seen_and_not_written_down_are_written_down() -> None:
    """Once their workers are gone, nobody would know."""
    one = group_of_one()
    found = desired(one, *three(one))
    assert decisions(found) == {"highestOrdinal": 3}
    (record,) = found.records
    assert (record.resource, record.reason, record.doomed) == (one, "numbers up to 3 are used", ())
    assert desired(group_of_one(status=chosen()), *three(one)).records == ()


def test_a_group_of_thousands_of_millions_is_worked_out_a_part_at_a_time() -> None:
    """A slip of the finger in `replicas` takes neither the memory nor the time of the others."""
    found = desired(group_of_one(replicas=2**31 - 1))
    assert len(set(created(found))) == 1000


def test_a_worker_whose_ordinal_was_damaged_does_not_block_the_group() -> None:
    """The number that was written down counts."""
    one = group_of_one(status={"decisions": {"highestOrdinal": 2}})
    damaged = worker(one, ONE, 2, annotations={ORDINAL: "x"})
    assert created(desired(one, worker(one, ONE, 1), damaged)) == [name_of(3)]
