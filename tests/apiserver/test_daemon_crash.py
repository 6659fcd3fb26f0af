"""A daemon that is killed at any moment leaves nothing that the next one does not put right."""

import pytest

from tests.apiserver.audit import Audit
from tests.apiserver.gate import Gate
from tests.apiserver.site import Site
from tests.apiserver.whole import faults, settles
from tests.manifests import cluster, group, job, pod_spec
from tests.realcluster.eventually import eventually
from tests.cli.daemon import running

MOST_STARTS = 60


def killed_at_every_write(site: Site) -> int:
    """Kill one daemon after the other, each when its first write was carried out, until there is nothing to write.

    Returns:
        How many were killed.
    """
    with site.gate() as (gated, gate):
        for killed in range(MOST_STARTS):
            if not _is_killed(gated, gate):
                return killed
    raise AssertionError(f"{MOST_STARTS} daemons were killed, and still there is something to write: {faults(site)}")


def _is_killed(site: Site, gate: Gate) -> bool:
    """Whether a daemon had anything to write before everything was as it should be."""
    with running(site.arguments("--interval=100ms", "--parallel-writes=1")) as daemon:
        gate.kill_at_answer(daemon.process.pid)
        eventually(lambda: daemon.process.poll() is not None or not faults(site), "a write, or rest")
        return daemon.process.poll() is not None


@pytest.fixture
def world(site: Site) -> Site:
    """A cluster with three workers, and a group of two beside them."""
    site.apply(cluster(replicas=3), group(replicas=2))
    with site.daemon():
        settles(site)
    return site


def test_a_job_a_cluster_and_a_group_are_created_once(site: Site) -> None:
    """Killed after every single write of their creation, they are there in the end, and nothing is twice."""
    mark = site.audit.from_now()
    site.apply(cluster(replicas=2), group(replicas=1), job(replicas=1))
    killed = killed_at_every_write(site)
    with site.daemon():
        settles(site)
    created = done(mark, site, "create")
    assert killed >= len(created)
    assert len(created) == len(set(created)) == 14


def test_scaling_down_lets_no_worker_go_too_many(world: Site) -> None:
    """Killed after every single write while scaling down, as many workers go as should, and none comes."""
    mark = world.audit.from_now()
    world.apply(cluster(replicas=1), group(replicas=0))
    assert killed_at_every_write(world) >= 4
    assert faults(world) == []
    assert (len(done(mark, world, "delete")), done(mark, world, "create")) == (4, [])


def test_a_rolling_update_replaces_each_worker_once(world: Site) -> None:
    """Killed after every single write of a rolling update, each worker is replaced by one, the scheduler by none."""
    mark = world.audit.from_now()
    world.apply(cluster(replicas=3, spec=pod_spec(image="dask:2")))
    assert killed_at_every_write(world) >= 6
    with world.daemon():
        settles(world)
    deleted, created = done(mark, world, "delete"), done(mark, world, "create")
    assert (len(deleted), len(created)) == (3, 3)
    assert all("-worker-" in name for name in deleted + created)


def test_a_scheduler_is_replaced_with_its_workers_once(world: Site) -> None:
    """Killed after every single write that follows from a new scheduler template, each Pod is replaced by one."""
    mark = world.audit.from_now()
    edited = cluster(replicas=3)
    edited["spec"]["scheduler"]["spec"] = pod_spec(image="dask:2")
    world.apply(edited)
    assert killed_at_every_write(world) >= 12
    with world.daemon():
        settles(world)
    assert (len(done(mark, world, "delete")), len(done(mark, world, "create"))) == (6, 6)


def done(mark: Audit, site: Site, verb: str) -> list[str]:
    """The objects, Events aside, on which daemons have done something."""
    found = [write for write in mark.writes(site.namespace) if write.verb == verb and write.done]
    return [f"{write.resource}/{write.name}" for write in found if write.resource != "events"]
