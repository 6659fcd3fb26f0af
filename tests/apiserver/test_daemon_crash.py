"""A daemon that is killed at any moment leaves nothing that the next one does not put right."""

from tests.apiserver.audit import Audit
from tests.apiserver.gate import Gate
from tests.apiserver.site import Site
from tests.apiserver.whole import faults, settles
from tests.cli.daemon import running
from tests.manifests import Manifest, cluster, group, job, pod_spec
from tests.realcluster.eventually import eventually

MOST_STARTS = 60
LISTS_IN_A_PASS = 6
QUIET_PASSES = 2


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
        looked = gate.reads + QUIET_PASSES * LISTS_IN_A_PASS

        def is_over() -> bool:
            return daemon.process.poll() is not None or (gate.reads > looked and not faults(site))

        eventually(is_over, "a write, or rest")
        return daemon.process.poll() is not None


def at_rest(site: Site, body: Manifest) -> Audit:
    """A site on which that is as it should be, and its audit log from then on."""
    site.apply(body)
    with site.daemon():
        settles(site)
    return site.audit.from_now()


def test_a_job_a_cluster_and_a_group_are_created_once(site: Site) -> None:
    """Killed after every single write of their creation, they are there in the end, and nothing is twice."""
    mark = site.audit.from_now()
    site.apply(cluster(replicas=1), group(replicas=1), job(replicas=1))
    killed = killed_at_every_write(site)
    with site.daemon():
        settles(site)
    created = done(mark, site, "create")
    assert killed >= len(created)
    assert len(created) == len(set(created)) == 13


def test_scaling_down_lets_no_worker_go_too_many(site: Site) -> None:
    """Killed after every single write while scaling down, as many workers go as should, and none comes."""
    mark = at_rest(site, cluster(replicas=3))
    site.apply(cluster(replicas=1))
    assert killed_at_every_write(site) >= 4
    assert faults(site) == []
    assert (len(done(mark, site, "delete")), done(mark, site, "create")) == (2, [])


def test_a_rolling_update_replaces_each_worker_once(site: Site) -> None:
    """Killed after every single write of a rolling update, each worker is replaced by one, the scheduler by none."""
    mark = at_rest(site, cluster(replicas=2))
    site.apply(cluster(replicas=2, spec=pod_spec(image="dask:2")))
    assert killed_at_every_write(site) >= 7
    with site.daemon():
        settles(site)
    deleted, created = done(mark, site, "delete"), done(mark, site, "create")
    assert (len(deleted), len(created)) == (2, 2)
    assert all("-worker-" in name for name in deleted + created)


def test_a_scheduler_is_replaced_with_its_workers_once(site: Site) -> None:
    """Killed after every single write that follows from a new scheduler template, each Pod is replaced by one."""
    mark = at_rest(site, cluster(replicas=1))
    edited = cluster(replicas=1)
    edited["spec"]["scheduler"]["spec"] = pod_spec(image="dask:2")
    site.apply(edited)
    assert killed_at_every_write(site) >= 5
    with site.daemon():
        settles(site)
    assert (len(done(mark, site, "delete")), len(done(mark, site, "create"))) == (2, 2)


def done(mark: Audit, site: Site, verb: str) -> list[str]:
    """The objects, Events aside, on which daemons have done something."""
    found = [write for write in mark.writes(site.namespace) if write.verb == verb and write.done]
    return [f"{write.resource}/{write.name}" for write in found if write.resource != "events"]
