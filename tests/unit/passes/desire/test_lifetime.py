"""How long a cluster lives: with whom it goes, and what never deletes it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import wire_time
from models.kinds import POD
from models.resources import DaskCluster
from models.snapshot import Observed, Unreadable
from reconciler.passes.desire import desire
from reconciler.passes.plan import plan
from reconciler.passes.values import Desired, Unwanted, Verb
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.labels import KOPF_FINALIZER, OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    reasons,
    scheduler,
    unreadable,
    world,
)

TIMEOUT = timedelta(seconds=600)


def owned(seen: datetime | str | None = NOON, timeout: str | None = "600", **more: Any) -> DaskCluster:
    """A cluster whose owner was seen then, and is outlived by that long."""
    written = wire_time(seen) if isinstance(seen, datetime) else seen
    given_ = {OWNER_SEEN: written, OWNER_TIMEOUT_SECONDS: timeout}
    annotations = {name: value for name, value in given_.items() if value is not None}
    return cluster(annotations={**annotations, **more.pop("annotations", {})}, **more)


def desired(of: DaskCluster, *others: Observed | Unreadable, at: datetime = NOON) -> Desired:
    return desire(of, world(of, *others, at=at), Naming.CLASSIC)


def is_deleted(of: DaskCluster, *others: Observed | Unreadable, at: datetime = NOON) -> bool:
    return any(one.present is of for one in desired(of, *others, at=at).unwanted)


@pytest.mark.parametrize(
    ("silence", "deleted"),
    [
        (timedelta(0), False),
        (timedelta(seconds=599), False),
        (TIMEOUT, False),
        (timedelta(seconds=601), True),
        (timedelta(days=9), True),
    ],
    ids=str,
)
def test_a_cluster_goes_when_its_owner_was_not_seen_for_longer_than_it_asked_for(
    *, silence: timedelta, deleted: bool
) -> None:
    """The time is the snapshot's, and exactly the timeout is not longer."""
    one = owned(age=timedelta(days=30))
    assert is_deleted(one, at=NOON + silence) is deleted


def test_a_cluster_whose_owner_is_gone_asks_for_nothing_but_its_own_end() -> None:
    """Nothing is repaired that is about to go, nor decided; whatever has changed since saves it."""
    one = owned(NOON - timedelta(hours=2), naming=None, age=timedelta(hours=9))
    (only,) = desired(one, scheduler(one, phase="Failed")).unwanted
    why = "its owner was last seen at 2026-01-31T10:00:00Z, more than 600 s ago"
    assert only == Unwanted(one, why, True, EventReason.OWNER_GONE)
    assert desired(one) == Desired(one, unwanted=(only,))


def test_the_delete_is_for_the_cluster_as_it_was_seen() -> None:
    """A sign of life that comes between the list and the delete is another version; other deletes want only the uid."""
    one = owned(NOON - timedelta(hours=2), age=timedelta(hours=9), resourceVersion="41")
    (delete,) = plan(desired(one), world(one)).actions
    assert (delete.verb, delete.key, delete.owner, delete.tree) == (Verb.DELETE, one.key, one.key, one.key)
    assert (delete.uid, delete.resource_version) == (one.metadata.uid, "41")
    ended = pod("p")
    (usual,) = plan(Desired(one, unwanted=(Unwanted(ended, "it ended"),)), world(one, ended)).actions
    assert (usual.uid, usual.resource_version) == (ended.metadata.uid, "")


def test_a_cluster_lives_as_long_from_its_creation() -> None:
    """A sign of life from before, as a backup has it, does not count against it."""
    one = owned(NOON - timedelta(days=9), age=timedelta(seconds=600))
    assert not is_deleted(one)
    assert is_deleted(one, at=NOON + timedelta(seconds=1))


def test_no_worker_is_made_for_a_cluster_whose_owner_is_gone() -> None:
    """Its groups rest in the pass that deletes it."""
    one = owned(NOON - timedelta(hours=2), age=timedelta(hours=9))
    default = default_group(one)
    assert desire(default, world(one, default, scheduler(one)), Naming.CLASSIC) == Desired(default)
    alive = owned(NOON)
    default = default_group(alive)
    assert len(desire(default, world(alive, default, scheduler(alive)), Naming.CLASSIC).wanted) == 3


@pytest.mark.parametrize(
    ("seen", "understood"),
    [
        ("2026-01-31T11:49:59Z", True),
        ("2026-01-31T11:50:00Z", False),
        ("2026-01-31T11:49:59.999Z", True),
        ("2026-01-31T11:50:00.000001Z", False),
        ("2026-01-31T12:49:59+01:00", True),
        ("2026-01-31T06:20:00-05:30", False),
        ("2026-01-31T12:59:00Z", False),
        ("0001-01-02T00:00:00Z", True),
    ],
)
def test_a_time_is_read_as_rfc_3339_has_it(*, seen: str, understood: bool) -> None:
    """With fractions and offsets; a clock that is a little ahead of ours is no error."""
    one = owned(seen, age=timedelta(days=9))
    assert (is_deleted(one), desired(one).findings) == (understood, ())


BAD_TIMES = (
    "",
    "yesterday",
    "1769860800",
    "2026-01-31",
    "2026-01-31 10:00:00Z",
    "2026-01-31T10:00:00",
    "20260131T100000Z",
    "2026-02-30T10:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T10:00:60Z",
    "2026-01-31T10:00:00Z ",
    "\u0662\u0660\u0662\u0666-01-31T10:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "2026-01-31T13:00:06Z",
    "9999-12-31T23:59:59Z",
    "9" * 5000,
)
BAD_TIMEOUTS = (
    "",
    "0",
    "000",
    "-1",
    "+60",
    "60.0",
    "1e3",
    "60 s",
    "1h",
    " 60",
    "60\n",
    "\u0666\u0660",
    "1000000000",
    "9" * 5000,
)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        *((OWNER_SEEN, value) for value in BAD_TIMES),
        *((OWNER_TIMEOUT_SECONDS, value) for value in BAD_TIMEOUTS),
    ],
)
def test_what_cannot_be_read_deletes_nothing_and_is_told(annotation: str, value: str) -> None:
    """The finding names the annotation, its value and the remedy; the cluster is looked after as ever."""
    one = owned(NOON - timedelta(days=9), annotations={annotation: value}, age=timedelta(days=30))
    found = desired(one, scheduler(one))
    assert [wanted.key.name for wanted in found.wanted if wanted.key.kind == POD] == ["simple-scheduler"]
    assert found.unwanted == ()
    (told,) = found.findings
    assert (told.about, told.reason) == (one.key, Reason.INVALID_ANNOTATION)
    shown = value if len(value) <= 60 else f"{'9' * 59}…"
    assert told.message.startswith(f'its annotation {annotation} is "{shown}"; it must be ')
    assert told.message.endswith(", or be removed; until then the cluster outlives its owner")
    assert desired(one, scheduler(one), at=NOON + timedelta(seconds=5)).findings == (told,)


def test_a_limit_without_a_sign_of_life_deletes_nothing_and_is_told() -> None:
    """Nobody knows since when nobody was seen."""
    one = owned(None, age=timedelta(days=30))
    (told,) = desired(one).findings
    assert (desired(one).unwanted, told.reason) == ((), Reason.INVALID_ANNOTATION)
    assert f"it has the annotation {OWNER_TIMEOUT_SECONDS}, but not {OWNER_SEEN}: set that, too" in told.message


@pytest.mark.parametrize("seen", [NOON - timedelta(days=9), "nonsense"])
def test_without_a_limit_a_cluster_lives_for_ever(seen: Any) -> None:
    """Taking away one annotation keeps the cluster, though its owner may go on giving signs of life."""
    found = desired(owned(seen, None, age=timedelta(days=30)))
    assert (found.unwanted, found.findings) == ((), ())
    assert len(found.wanted) == 4


@pytest.mark.parametrize("seen", [NOON - timedelta(days=9), "nonsense"])
def test_a_jobs_cluster_is_the_jobs(seen: Any) -> None:
    """Whatever its annotations say: the job decides when it goes."""
    train = job()
    values = {OWNER_SEEN: wire_time(seen) if isinstance(seen, datetime) else seen, OWNER_TIMEOUT_SECONDS: "600"}
    one = job_cluster(train, annotations=values, age=timedelta(days=30))
    found = desired(one, train)
    assert (found.unwanted, found.findings) == ((), ())
    assert len(found.wanted) == 4


@pytest.mark.parametrize("name", ["simple", "a" * 54])
@pytest.mark.parametrize("seen", [NOON - timedelta(days=9), "nonsense"])
def test_a_cluster_that_another_operator_runs_is_left_alone(seen: Any, name: str) -> None:
    """It is not ours to delete, whatever else is wrong with it."""
    one = owned(seen, name=name, age=timedelta(days=30), naming=None, finalizers=[KOPF_FINALIZER])
    found = desired(one)
    assert found.unwanted == ()
    assert Reason.INVALID_ANNOTATION not in reasons(found.findings)


def test_a_cluster_that_cannot_be_built_goes_all_the_same() -> None:
    """Its name is too long for a scheduler, and nobody is left to choose another."""
    assert is_deleted(owned(NOON - timedelta(days=9), name="a" * 54, age=timedelta(days=30)))


def test_a_cluster_is_told_what_is_wrong_with_its_name_and_its_annotations() -> None:
    """One mistake does not hide the other."""
    found = desired(owned("nonsense", name="a" * 54))
    assert reasons(found.findings) == [Reason.NAME_TOO_LONG, Reason.INVALID_ANNOTATION]


def test_nothing_is_deleted_while_something_of_the_cluster_cannot_be_read() -> None:
    """As with all that is done for it."""
    one = owned(NOON - timedelta(days=9), age=timedelta(days=30))
    assert desired(one, unreadable(POD, "simple-scheduler-0a1b2", one)) == Desired(one)


def test_only_clusters_have_owners_that_are_missed() -> None:
    """The same annotations on other kinds mean nothing."""
    marks = {OWNER_SEEN: wire_time(NOON - timedelta(days=9)), OWNER_TIMEOUT_SECONDS: "600"}
    one = cluster()
    others = (group(one, annotations=marks), autoscaler(one, annotations=marks), job(annotations=marks))
    for resource in others:
        assert desire(resource, world(one, resource), Naming.CLASSIC).unwanted == ()


texts = st.text(max_size=30) | st.from_regex(r"\d{1,10}") | st.datetimes().map(lambda time: f"{time.isoformat()}Z")


@given(texts, texts)
def test_whatever_the_annotations_say_they_are_understood_or_told(seen: str, timeout: str) -> None:
    """No text makes the pass stumble; one that is told deletes nothing."""
    found = desired(owned(seen, timeout, age=timedelta(days=30)))
    assert len(found.findings) + len(found.unwanted) <= 1
    if not timeout.isdecimal():
        assert reasons(found.findings) == [Reason.INVALID_ANNOTATION]
