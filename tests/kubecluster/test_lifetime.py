"""The end of a cluster in its maker's hands, and its maker's signs of life."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster.api import connect
from kubecluster.errors import KubeClusterError, NotAllowed
from kubecluster.lifetime import LONGEST_PAUSE_SECONDS, SHARE, Lifetime, marks
from kubecluster.names import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from kubecluster.resource import ClusterResource
from models.kinds import DASK_CLUSTER
from reconciler.rules.labels import OWNER_SEEN as RECONCILERS_OWNER_SEEN
from reconciler.rules.labels import OWNER_TIMEOUT_SECONDS as RECONCILERS_OWNER_TIMEOUT_SECONDS
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld, now, still

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@contextmanager
def held(resource: ClusterResource, world: LivingWorld, timeout_seconds: int = 100) -> Iterator[Lifetime]:
    """The lifetime of the cluster `simple`, which is made now; it is not left to the end of the tests."""
    lifetime = Lifetime(resource, world.cluster("simple"), timeout_seconds)
    yield lifetime
    world.server.troubles.clear()
    lifetime.end()


def test_a_cluster_that_outlives_its_owner_says_when_that_was_seen_and_for_how_long() -> None:
    """The reconciler reads just these annotations."""
    assert marks(3600, NOON) == {
        RECONCILERS_OWNER_SEEN: "2026-01-31T12:00:00Z",
        RECONCILERS_OWNER_TIMEOUT_SECONDS: "3600",
    }
    assert (OWNER_SEEN, OWNER_TIMEOUT_SECONDS) == (RECONCILERS_OWNER_SEEN, RECONCILERS_OWNER_TIMEOUT_SECONDS)


def test_a_cluster_that_lives_for_ever_has_no_such_marks() -> None:
    """The reconciler deletes nothing without them."""
    assert marks(0, NOON) == {}


@given(st.integers(1, 10**6))
def test_several_signs_of_life_fit_into_the_time_that_a_cluster_outlives_its_owner(timeout_seconds: int) -> None:
    """One that is lost does no harm, and there is at least one a minute."""
    lifetime = object.__new__(Lifetime)
    lifetime._timeout_seconds = timeout_seconds
    pause = lifetime.pause_seconds
    assert pause is not None
    assert 0 < pause <= LONGEST_PAUSE_SECONDS
    assert pause * SHARE <= timeout_seconds


def test_nobody_gives_signs_of_life_for_a_cluster_that_lives_for_ever(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Each would be a request for nothing."""
    with held(resource, quiet_world, 0) as lifetime:
        assert lifetime.pause_seconds is None


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=2), -timedelta(hours=2)])
def test_a_sign_of_life_has_the_servers_time(tmp_path: Path, ahead: timedelta) -> None:
    """The clock of the machine may be hours wrong; the reconciler's is the server's."""
    with still(tmp_path, lambda: now() + ahead) as world:
        connected = connect(kubeconfig=str(world.kubeconfig))
        with held(ClusterResource(connected, "default", "simple"), world) as lifetime:
            assert lifetime.renew()
            seen = world.get(DASK_CLUSTER, "simple")["metadata"]["annotations"][OWNER_SEEN]
            wrong = datetime.fromisoformat(seen) - (now() + ahead)
            assert abs(wrong) < timedelta(seconds=30), wrong
        connected.close()


def test_a_sign_of_life_is_of_no_use_once_the_cluster_is_gone(
    resource: ClusterResource, quiet_world: LivingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """The user is told once, as somebody else must have deleted it."""
    with held(resource, quiet_world) as lifetime:
        resource.delete()
        assert not lifetime.renew()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "The DaskCluster default/simple is gone: somebody else deleted it."
    ]


def test_a_cluster_of_the_same_name_gets_no_sign_of_life(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """It has an owner of its own, or should go when it has none."""
    with held(resource, quiet_world) as lifetime:
        resource.delete()
        quiet_world.cluster("simple")
        assert not lifetime.renew()
        assert "annotations" not in quiet_world.get(DASK_CLUSTER, "simple")["metadata"]


def test_a_late_sign_of_life_does_not_blame_others_for_our_own_deletion(
    resource: ClusterResource, quiet_world: LivingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """A request may still be on its way while the cluster is closed."""
    with held(resource, quiet_world) as lifetime:
        lifetime.end()
        assert not lifetime.renew()
    assert caplog.records == []


@pytest.mark.parametrize("status", [0, 403, 500])
def test_a_sign_of_life_that_fails_is_given_again(
    resource: ClusterResource, quiet_world: LivingWorld, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Networks and servers fail for a while; nobody is bothered."""
    with held(resource, quiet_world) as lifetime:
        quiet_world.server.troubles.append(Refusal(status, "patch"))
        assert lifetime.renew()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_end_deletes_the_cluster(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """With all that belongs to it; twice is fine."""
    with held(resource, quiet_world) as lifetime:
        lifetime.end()
        assert quiet_world.is_empty()


def test_the_end_leaves_a_later_cluster_of_the_same_name_alone(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Somebody else made it after ours was gone."""
    with held(resource, quiet_world) as lifetime:
        resource.delete()
        quiet_world.cluster("simple")
        lifetime.end()
        lifetime._end_at_exit()
        assert quiet_world.names(DASK_CLUSTER) == ["simple"]


def test_an_end_that_fails_says_so_and_can_be_tried_again(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """A cluster may cost money: that it goes on must not go unnoticed."""
    with held(resource, quiet_world) as lifetime:
        quiet_world.server.troubles.append(Refusal(403, "delete", message='User "eve" cannot delete it'))
        with pytest.raises(NotAllowed):
            lifetime.end()
        assert quiet_world.names(DASK_CLUSTER) == ["simple"]
        quiet_world.server.troubles.clear()
        lifetime.end()
        assert quiet_world.is_empty()


@pytest.mark.parametrize("status", [0, 403, 500])
def test_at_exit_one_line_tells_what_is_left(
    resource: ClusterResource, quiet_world: LivingWorld, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads it can delete the cluster by hand."""
    with held(resource, quiet_world) as lifetime:
        quiet_world.server.troubles.append(Refusal(status, "delete"))
        lifetime._end_at_exit()
        quiet_world.server.troubles.clear()
        lifetime._end_at_exit()
        assert quiet_world.is_empty()
    out, error = capfd.readouterr()
    assert out == ""
    assert len(error.splitlines()) == 1
    assert "could not be deleted" in error


def test_what_cannot_be_deleted_is_a_kubeclustererror(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Users catch one class for all that can happen."""
    with held(resource, quiet_world) as lifetime:
        quiet_world.server.troubles.append(Refusal(0, "delete"))
        with pytest.raises(KubeClusterError):
            lifetime.end()
