"""Waiting without hanging, and without giving up too early."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster.diagnosis import Sight, Verdict
from kubecluster.errors import NoOperator, NotAllowed, TimedOut, Unreachable
from kubecluster.progress import Progress
from kubecluster.resource import ClusterResource
from kubecluster.waiting import Patience, Waiting
from models.kinds import DASK_CLUSTER, POD, Key
from tests.kubecluster import sights
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld

LOOKS = st.lists(st.tuples(st.floats(0, 20), st.booleans()), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("looks", "is_over"),
    [
        ([(0, True)], False),
        ([(0, False)], False),
        ([(0, True), (99, True)], False),
        ([(0, True), (100, True)], True),
        ([(0, False), (9, False)], False),
        ([(0, False), (10, False)], True),
        ([(0, True), (50, False)], False),
        ([(0, False), (9, True), (18, False)], False),
        ([(0, False), (9, True), (18, False), (28, False)], True),
        ([(1000, True), (1099, True)], False),
    ],
)
def test_trouble_is_borne_with_for_ten_seconds_and_the_rest_for_a_hundred(
    looks: list[tuple[float, bool]], *, is_over: bool
) -> None:
    """Trouble counts from its beginning, and anew once it has passed; the whole counts from the first look."""
    patience = Patience(10, 100)
    assert [patience.is_over(at, passes=passes) for at, passes in looks] == [*[False] * (len(looks) - 1), is_over]


def test_what_is_of_no_use_is_over_at_once() -> None:
    """Whether it passes or not."""
    assert all(Patience(10, 100).is_over(0, passes=passes, is_final=True) for passes in (True, False))


def model(looks: Sequence[tuple[float, bool]], trouble: float, whole: float) -> bool:
    """Whether it is over after these looks, by looking at all of them."""
    times = [at for at, _ in looks]
    troubled = [at for at, passes in looks if passes]
    since = next((at for at, _ in looks if not troubled or at > troubled[-1]), None)
    lasts = 0.0 if looks[-1][1] or since is None else times[-1] - since
    return lasts >= trouble or times[-1] - times[0] >= whole


@given(LOOKS, st.floats(1, 30), st.floats(1, 60))
def test_patience_depends_on_nothing_but_the_looks(
    steps: list[tuple[float, bool]], trouble: float, whole: float
) -> None:
    """However often and whenever one looks."""
    at, looks = 0.0, []
    for step, passes in steps:
        at += step + 0.001
        looks.append((at, passes))
    patience = Patience(trouble, whole)
    answers = [patience.is_over(at, passes=passes) for at, passes in looks]
    assert answers == [model(looks[: count + 1], trouble, whole) for count in range(len(looks))]
    assert all(later >= earlier for (earlier, _), (later, _) in pairwise(looks))


async def ready(verdict: Verdict) -> bool:
    return verdict.scheduler_ready


async def never(_: Verdict) -> bool:
    return False


def wait(resource: ClusterResource, trouble: float = 1, whole: float = 30, **how: Any) -> Sight:
    waiting = Waiting(resource, Progress("", quiet=True), trouble)
    return asyncio.run(waiting.until(how.get("until", ready), whole, how.get("lack", "")))


@pytest.fixture
def begun(quiet_world: LivingWorld) -> LivingWorld:
    """A cluster that the reconciler has made everything for."""
    quiet_world.cluster("simple")
    quiet_world.reconcile()
    return quiet_world


def set_status(world: LivingWorld, status: dict[str, Any]) -> None:
    """Have the scheduler's Pod be in some state."""
    world.api.set_status(Key(POD, "default", "simple-scheduler"), status)


def test_a_ready_scheduler_is_seen_at_the_first_look(resource: ClusterResource, begun: LivingWorld) -> None:
    """Joining takes no time."""
    set_status(begun, sights.READY)
    assert wait(resource, whole=0.001).cluster is not None


def test_hopeless_trouble_ends_the_wait_at_once_with_the_containers_last_words(
    resource: ClusterResource, begun: LivingWorld
) -> None:
    """Neither of the two times is waited for."""
    set_status(begun, sights.crashes(1, restarts=5))
    begun.server.logs["simple-scheduler"] = "first\nModuleNotFoundError: No module named 'x'\n"
    with pytest.raises(TimeoutError) as raised:
        wait(resource, trouble=1000, whole=1000)
    assert "waiting longer is of no use" in str(raised.value)
    assert "  ModuleNotFoundError: No module named 'x'" in str(raised.value)
    assert "default/simple" in str(raised.value)


def test_trouble_that_lasts_ends_the_wait(resource: ClusterResource, begun: LivingWorld) -> None:
    """Long before it would take too long in all; an Event about it is quoted."""
    set_status(begun, sights.waits("ErrImagePull", "no such image"))
    begun.event("simple-scheduler", "Failed to pull it: no such image of that name")
    with pytest.raises(TimeoutError, match="no such image"):
        wait(resource, trouble=0.1, whole=1000)


def test_what_only_takes_its_time_is_waited_for_until_the_end(resource: ClusterResource, begun: LivingWorld) -> None:
    """Then the error says so."""
    set_status(begun, sights.CREATING)
    with pytest.raises(TimedOut, match="must wait for the containers"):
        wait(resource, trouble=0.001, whole=0.8)


def test_what_is_lacking_although_all_is_ready_is_said(resource: ClusterResource, begun: LivingWorld) -> None:
    """That everything is ready explains nothing."""
    set_status(begun, sights.READY)
    with pytest.raises(TimedOut, match="But somebody is missing"):
        wait(resource, whole=0.001, until=never, lack="But somebody is missing.")


def test_a_server_that_is_away_for_a_moment_is_waited_for(resource: ClusterResource, begun: LivingWorld) -> None:
    """It may be updated just now."""
    set_status(begun, sights.READY)
    begun.server.troubles.append(Refusal(0, times=6))
    assert wait(resource, trouble=60).cluster is not None


def test_a_server_that_stays_away_is_an_error(resource: ClusterResource, begun: LivingWorld) -> None:
    """After as long as any trouble is borne with."""
    set_status(begun, sights.CREATING)
    begun.server.troubles.append(Refusal(0))
    with pytest.raises(Unreachable):
        wait(resource, trouble=0.1, whole=1000)


def test_missing_rights_are_an_error_at_once(resource: ClusterResource, begun: LivingWorld) -> None:
    """Nobody gets them by waiting."""
    begun.server.troubles.append(Refusal(403, resource="pods", message='User "eve" cannot list pods'))
    with pytest.raises(NotAllowed, match="eve"):
        wait(resource, trouble=1000, whole=1000)


def test_without_rights_on_events_it_waits_all_the_same(resource: ClusterResource, begun: LivingWorld) -> None:
    """They only say more."""
    set_status(begun, sights.READY)
    begun.server.troubles.append(Refusal(403, resource="events", message='User "eve" cannot list events'))
    assert wait(resource, whole=0.001).events == ()


def gone(resource: ClusterResource, trouble: float = 1, whole: float = 30) -> None:
    asyncio.run(Waiting(resource, Progress("", quiet=True), trouble).until_gone(whole))


def test_what_is_not_there_is_gone(resource: ClusterResource) -> None:
    """At the first look."""
    gone(resource, whole=0.001)


def test_what_a_finalizer_holds_is_waited_for_and_the_error_names_it(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Who set it has to take it away."""
    quiet_world.cluster("simple", finalizers=["example.com/mine"])
    resource.delete()
    with pytest.raises(TimeoutError, match=r"still exists after 0\.1 s\. Its finalizers are: example\.com/mine"):
        gone(resource, whole=0.1)


def test_a_new_cluster_of_the_same_name_is_not_the_one_that_was_deleted(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Somebody may have been waiting for the name."""
    quiet_world.cluster("simple")
    resource.delete()
    quiet_world.cluster("simple")
    gone(resource, whole=0.001)
    assert quiet_world.names(DASK_CLUSTER) == ["simple"]


def test_a_server_that_is_away_for_a_moment_is_waited_for_to_the_end(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """The cluster was asked to go already."""
    quiet_world.server.troubles.append(Refusal(0, times=6))
    gone(resource, trouble=60)
    quiet_world.server.troubles.append(Refusal(0))
    with pytest.raises(Unreachable):
        gone(resource, trouble=0.1)


def test_nobody_acting_is_an_error_of_its_own(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Where no reconciler runs, one would wait for ever."""
    quiet_world.cluster("simple")
    waiting = Waiting(resource, Progress("", quiet=True), 0.1)
    waiting._first = sights.NOON  # long ago
    with pytest.raises(NoOperator, match="Nobody acts on the DaskCluster"):
        asyncio.run(waiting.until(ready, 1000))
