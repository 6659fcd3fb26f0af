"""How much of the time goes into looking for changes; the time is told, never waited for."""

from collections.abc import Callable

import pytest

from reconciler.local.files.following import LONGEST_REST_SECONDS, REST
from tests.manifests import cluster
from tests.unit.local.followed import Followed

SCALED = ["changed: DaskCluster default/c: spec.worker.replicas 1 → 2"]
pytestmark = pytest.mark.usefixtures("own_folder")


class Time:
    """A clock, of which each look takes some seconds.

    Args:
        look_seconds: How long a look takes.
    """

    def __init__(self, look_seconds: float) -> None:
        self.now = 0.0
        self._look_seconds = look_seconds
        self._is_looking = False

    def __call__(self) -> float:
        """The time: asked for before and after a look."""
        self.now += self._look_seconds if self._is_looking else 0.0
        self._is_looking = not self._is_looking
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self._is_looking = False


def followed_from(time: Callable[[], float]) -> Followed:
    """A cluster that is followed, at which a look has found nothing new."""
    followed = Followed(clock=time)
    followed.says(cluster())
    return followed


@pytest.mark.parametrize("seconds", [0.01, 1.0, 5.0])
def test_a_look_that_took_long_is_followed_by_a_rest_nine_times_as_long(seconds: float) -> None:
    """Folders of thousands of files, and files beyond a network, leave the time to what runs."""
    time = Time(seconds)
    followed = followed_from(time)
    time.passes(0.5)
    assert followed.polled() == []
    time.passes(REST * seconds * 0.99)
    assert followed.says(cluster(replicas=2)) == []
    time.passes(REST * seconds * 0.02)
    assert followed.polled() == SCALED


def test_no_rest_is_longer_than_a_minute() -> None:
    """One look that hung does not make the files be forgotten."""
    time = Time(3600.0)
    followed = followed_from(time)
    time.passes(0.5)
    assert followed.polled() == []
    time.passes(LONGEST_REST_SECONDS)
    assert followed.says(cluster(replicas=2)) == SCALED


def test_what_has_changed_is_looked_at_again_at_once() -> None:
    """Who edits files waits for nothing: only looks in vain are spaced."""
    time = Time(5.0)
    followed = followed_from(time)
    time.passes(0.5)
    assert followed.says(cluster(replicas=2)) == SCALED
