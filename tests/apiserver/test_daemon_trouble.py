"""A daemon that lacks rights, CRDs or its API server says so, goes on with what it can do, and recovers."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apiserver.installing import install
from tests.apiserver.site import Installation, Site, install_rights, manifests_of_deployment
from tests.apiserver.whole import faults, settles
from tests.cli.daemon import Daemon, running
from tests.manifests import cluster, group
from tests.realcluster import ClusterError, RealCluster, start
from tests.realcluster.eventually import eventually

RULES: list[dict[str, Any]] = next(body for body in manifests_of_deployment() if body["kind"] == "ClusterRole")["rules"]


def rules_without(resource: str, verb: str) -> Iterator[dict[str, Any]]:
    """The daemon's rights, without one."""
    for rule in RULES:
        for name in rule["resources"]:
            verbs = [one for one in rule["verbs"] if (name, one) != (resource, verb)]
            if verbs:
                yield {"apiGroups": rule["apiGroups"], "resources": [name], "verbs": verbs}


def metric(daemon: Daemon, series: str) -> float:
    """The value of a series; 0 if there is none."""
    lines = daemon.asked("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(series))


@pytest.fixture(scope="module")
def bare() -> Iterator[RealCluster]:
    """An API server of its own, without our CRDs."""
    try:
        cluster = start()
    except ClusterError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    with cluster:
        yield cluster


@pytest.mark.parametrize(
    ("resource", "verb"),
    [("services", "create"), ("pods", "create"), ("daskworkergroups", "create"), ("daskclusters/status", "patch")],
)
def test_a_right_that_lacks_is_named(site: Site, resource: str, verb: str) -> None:
    """The log says which right lacks, once; the condition does, where it can be written; the daemon lives on."""
    limited = site.with_rights(list(rules_without(resource, verb)))
    site.apply(cluster())
    words = f'cannot {verb} resource "{resource}"'
    with limited.daemon() as daemon:
        daemon.line(lambda line: words in str(line.get("message", "")), words)
        assert [status for status, _ in map(daemon.asked, ("/healthz", "/readyz"))] == [200, 200]
        assert metric(daemon, "dask_reconciler_refused_writes_total") > 0
        if not resource.endswith("/status"):
            eventually(lambda: words in site.condition("daskcluster/c", "Accepted").get("message", ""), words)
        limited.with_rights(RULES)
        settles(site, deadline_seconds=60)


def test_without_a_right_what_needs_it_not_goes_on(site: Site) -> None:
    """A daemon that may not create Services still scales the clusters that have theirs."""
    site.apply(cluster("old"))
    with site.daemon():
        settles(site)
    limited = site.with_rights(list(rules_without("services", "create")))
    site.apply(cluster("new"), cluster("old", replicas=3))
    with limited.daemon():
        eventually(lambda: site.get("daskcluster/old")["status"].get("workers") == "3/3", "three workers")
        assert site.condition("daskcluster/new", "Ready")["status"] == "False"


def test_without_the_right_to_list_nothing_is_done(site: Site) -> None:
    """An incomplete picture is no picture: not ready, nothing written, the right named, and no second line of it."""
    limited = site.with_rights(list(rules_without("services", "list")))
    mark = site.audit.from_now()
    site.apply(cluster())
    with limited.daemon() as daemon:
        line = daemon.event("list.failed")
        assert 'cannot list resource "services"' in line["message"]
        eventually(lambda: metric(daemon, 'dask_reconciler_passes_total{result="unread"}') > 3, "more passes")
        assert [status for status, _ in map(daemon.asked, ("/healthz", "/readyz"))] == [200, 503]
        assert len([one for one in daemon.lines if one["event"] == "list.failed"]) == 1
        assert mark.writes(site.namespace, f"system:serviceaccount:{site.namespace}:limited") == []
        limited.with_rights(RULES)
        daemon.event("list.failed.over")
        settles(site)
        assert daemon.asked("/readyz")[0] == 200


@pytest.mark.apiserver
def test_without_crds_the_daemon_waits_for_them(bare: RealCluster) -> None:
    """In a cluster without our CRDs it says so, is not ready, and works as soon as they are installed."""
    installed = install_rights(bare)
    with running([f"--kubeconfig={installed.kubeconfig}", "--interval=200ms"]) as daemon:
        line = daemon.event("list.failed")
        assert "daskjobs" in line["key"] + line["message"]
        assert [status for status, _ in map(daemon.asked, ("/healthz", "/readyz"))] == [200, 503]
        install(bare)
        eventually(lambda: daemon.asked("/readyz")[0] == 200, "readiness")
        site = Site(Installation(bare, installed.kubeconfig), bare.create_namespace())
        site.apply(cluster())
        # Its Pods take half a minute more, until the API server's admission knows the new kinds as owners.
        eventually(lambda: site.condition("daskcluster/c", "Accepted") != {}, "a status")


@pytest.mark.parametrize("trouble", ["open", "answering"])
def test_an_api_server_out_of_reach_is_waited_for(site: Site, trouble: str) -> None:
    """Refused or silent, the daemon says so once, stays alive, and does what was asked meanwhile when it is back."""
    with site.gate() as (gated, gate), gated.daemon("--read-timeout=1s") as daemon:
        site.apply(cluster())
        settles(site)
        switch = getattr(gate, trouble)
        switch.clear()
        site.apply(cluster(replicas=3))
        daemon.event("list.failed")
        eventually(lambda: metric(daemon, 'dask_reconciler_passes_total{result="unread"}') > 1, "more passes")
        assert [status for status, _ in map(daemon.asked, ("/healthz", "/readyz"))] == [200, 200]
        # What is known of the world is still served: the alarm is last_success, not clusters that seem gone.
        assert metric(daemon, 'dask_reconciler_observed_objects{kind="DaskCluster"}') == 1
        switch.set()
        daemon.event("list.failed.over")
        settles(site)


def test_it_is_not_ready_before_it_has_reached_the_api_server(site: Site) -> None:
    """Started too early, the daemon is alive and not ready, and then is."""
    with site.gate() as (gated, gate):
        gate.open.clear()
        with gated.daemon() as daemon:
            daemon.event("list.failed")
            assert [status for status, _ in map(daemon.asked, ("/healthz", "/readyz"))] == [200, 503]
            gate.open.set()
            eventually(lambda: daemon.asked("/readyz")[0] == 200, "readiness")


def test_sigterm_ends_a_pass_in_order(site: Site) -> None:
    """In the midst of hundreds of writes it ends after the writes under way, with 0; the next start does the rest."""
    site.apply(cluster(replicas=150), group(replicas=150))
    mark = site.audit.from_now()
    with site.gate() as (gated, gate), gated.daemon("--parallel-writes=4") as daemon:
        eventually(lambda: gate.writes > 30, "a pass under way")
        assert daemon.ended(signal.SIGTERM) == 0
        daemon.event("daemon.stopped")
    assert 20 < len(site.names("pods")) < 250
    with site.daemon():
        settles(site, deadline_seconds=120)
    created = [
        write.name for write in mark.writes(site.namespace) if (write.verb, write.resource) == ("create", "pods")
    ]
    assert len(created) == len(set(created)) == 301


def test_sigterm_does_not_wait_for_ever(site: Site) -> None:
    """While the API server says nothing, the process ends when its time is up, with 1, and loses nothing by it."""
    site.apply(cluster(replicas=2))
    with site.gate() as (gated, gate), gated.daemon("--stop-timeout=1s") as daemon:
        gate.answered = lambda _method, _path: gate.answering.clear()
        eventually(lambda: gate.writes > 0, "a pass under way")
        assert daemon.ended(signal.SIGTERM) == 1
    assert faults(site) != []
    with site.daemon():
        settles(site)
