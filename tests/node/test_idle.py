"""Clusters that nobody uses go, on a real node, with real schedulers."""

import pytest

from models.kinds import DASK_WORKER_GROUP
from tests.node.clients import MISMATCH, computes, connected
from tests.node.conftest import await_daemon, container, kill
from tests.node.place import Object, Place
from tests.node.samples import cluster

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]


def lasting(name: str, **lifetime: object) -> Object:
    """A cluster of one worker with a lifetime."""
    made = cluster(name, workers=1)
    made["spec"] |= lifetime
    return made


def test_idle_clusters_go_and_those_in_use_stay(place: Place, home: Place) -> None:
    """One is deleted, one is scaled to 0, and one has a Client; the daemon is killed in the middle of it."""
    timeout = 40
    place.create(
        lasting("unused", idleTimeout=timeout),
        lasting("asleep", idleTimeout=timeout, idle={"action": "ScaleToZero"}),
        lasting("used", idleTimeout=timeout, idle={"countClients": True}),
        lasting("old", ttlSeconds=2 * timeout),
    )
    for name in ("unused", "asleep", "used"):
        place.wait(f"daskcluster/{name}", "condition=Ready")
    with connected(place, "used-service") as client:
        place.wait("daskcluster/unused", "condition=Idle")
        kill(container(home)["containerID"])
        await_daemon(home)
        place.wait("daskcluster/unused", "delete", seconds=2 * timeout)
        place.wait("daskworkergroup/asleep-default-worker-group", "jsonpath={.spec.worker.replicas}=0")
        place.wait("daskcluster/old", "delete", seconds=2 * timeout)
        assert computes(client, 7)
        assert place.get(DASK_WORKER_GROUP.name, "used-default-worker-group")["spec"]["worker"]["replicas"] == 1
    place.wait("daskcluster/used", "delete", seconds=2 * timeout)
    told = {(one["involvedObject"]["name"], one["reason"]) for one in place.all("event")}
    assert told >= {
        ("unused", "IdleTimeout"),
        ("used", "IdleTimeout"),
        ("old", "TTLExpired"),
        ("asleep-default-worker-group", "ScaledToZero"),
    }
