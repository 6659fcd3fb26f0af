"""Two daemons that look after the same resources at the same time end as one would."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.apiserver.site import Site
from tests.apiserver.whole import settles
from tests.cli.daemon import Daemon
from tests.manifests import cluster, group, job, pod_spec
from tests.realcluster.eventually import eventually


@pytest.fixture
def twins(site: Site) -> Iterator[tuple[Daemon, Daemon]]:
    """Two daemons with the same scope, at work."""
    with ExitStack() as stack:
        first = stack.enter_context(site.daemon())
        second = stack.enter_context(site.daemon())
        eventually(lambda: [one.asked("/readyz")[0] for one in (first, second)] == [200, 200], "first passes")
        yield first, second


@pytest.mark.usefixtures("twins")
def test_two_daemons_make_what_one_would(site: Site) -> None:
    """Through creation, scaling and edits nobody who may stay is replaced, and no Pod goes that neither has deleted.

    A Pod too many is possible: one daemon lists a group, the other scales it down, and the first lists the Pods. It is
    the youngest, so that it is the first to go again.
    """
    mark = site.audit.from_now()
    site.apply(cluster(replicas=5), group(replicas=3), job(replicas=2))
    small = _pods_at_rest(site)
    site.apply(cluster(replicas=8), group(replicas=3))
    large = _pods_at_rest(site)
    assert small < large
    site.apply(cluster(replicas=2), group(replicas=1))
    left = _pods_at_rest(site)
    assert left < small
    site.apply(cluster(replicas=2, spec=pod_spec(image="dask:2")))
    assert _pods_at_rest(site) & left == {pod for pod in left if not pod.startswith("c-default-worker-group-")}
    writes = [write for write in mark.writes(site.namespace) if write.resource == "pods" and write.done]
    created = [write.name for write in writes if write.verb == "create"]
    deleted = {write.name for write in writes if write.verb == "delete"}
    assert len(created) == len(set(created))
    assert deleted == set(created) - set(site.names("pods"))


def _pods_at_rest(site: Site) -> set[str]:
    settles(site)
    return set(site.names("pods"))


@pytest.mark.usefixtures("twins")
def test_a_group_that_the_other_daemon_made_is_not_filled_twice(site: Site) -> None:
    """Both make each cluster's default group and its workers, and there is not one worker too many at any time."""
    mark = site.audit.from_now()
    site.apply(*(cluster(f"c{number}", replicas=5) for number in range(12)))
    settles(site)
    writes = [write for write in mark.writes(site.namespace) if write.resource == "pods" and write.done]
    assert [write.name for write in writes if write.verb == "delete"] == []
    assert len(writes) == len(site.names("pods")) == 12 * (1 + 5)


def test_both_daemons_work_and_neither_complains(site: Site, twins: tuple[Daemon, Daemon]) -> None:
    """What one loses to the other is a conflict at worst, told at info: no failure, no warning to the owner."""
    for number in range(6):
        site.apply(cluster(f"c{number}", replicas=2))
    settles(site)
    for number in range(6):
        site.apply(cluster(f"c{number}", replicas=1))
    settles(site)
    assert site.warnings() == []
    for daemon in twins:
        assert [line for line in daemon.lines if line.get("level") in ("warning", "error")] == []
        assert daemon.process.poll() is None


@pytest.mark.usefixtures("twins")
def test_two_daemons_leave_nothing_of_what_is_deleted(site: Site) -> None:
    """What is deleted while both are busy with it goes with all its children, and does not come back."""
    for number in range(4):
        site.apply(cluster(f"c{number}", replicas=6), job(f"j{number}"))
    eventually(lambda: len(site.names("pods")) > 8, "some Pods")
    site.kubectl("delete", "daskclusters,daskjobs", "--all", "--wait=false")
    eventually(lambda: site.every("daskjobs,daskclusters,daskworkergroups,pods,services") == [], "an empty namespace")
