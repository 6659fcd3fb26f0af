"""Edited templates, on real Pods: what is rolled out, and what goes on meanwhile."""

import itertools
import os

import pytest

from tests.node.clients import MISMATCH, computes, connected, workers_seen
from tests.node.place import CLUSTER, GROUP, Place, is_ready
from tests.node.samples import SCHEDULER, WORKER, cluster, cluster_spec, pod_spec

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]

VERSION = "DATA_VERSION"


@pytest.fixture(scope="module")
def clusters(shared: Place) -> Place:
    """Where a cluster `rolling` and a cluster `restarting` of two workers each are ready."""
    shared.create(cluster("rolling", workers=2), cluster("restarting", workers=2))
    shared.wait("daskcluster/rolling daskcluster/restarting", "condition=Ready")
    return shared


def test_workers_are_replaced_one_by_one_while_a_client_computes(clusters: Place) -> None:
    """After an edit of their environment all workers are new; the scheduler, the client and its tasks go on."""
    workers, scheduler = f"{GROUP}=rolling-default-worker-group", f"{CLUSTER}=rolling,dask.org/component=scheduler"
    before, old = clusters.uids(workers), clusters.uids(scheduler)
    edited = pod_spec(*WORKER, env=[{"name": VERSION, "value": "2"}])
    with connected(clusters, "rolling-service") as client:
        client.wait_for_workers(2, timeout=60)
        clusters.merge("daskcluster", "rolling", {"spec": {"worker": {"spec": edited}}})
        numbers = itertools.count()

        def rolled() -> bool:
            assert computes(client, next(numbers))
            there = clusters.pods(workers)
            assert len([pod for pod in there if is_ready(pod)]) >= 1
            names = {pod["metadata"]["name"] for pod in there}
            return len(names) == 2 and not names & before.keys() and workers_seen(client) == names

        clusters.eventually(rolled, "two new workers")
        assert set(client.run(os.getenv, VERSION).values()) == {"2"}
    assert clusters.uids(scheduler) == old
    clusters.wait("daskworkergroup/rolling-default-worker-group", "jsonpath={.status.updatedReplicas}=2")


def test_an_edited_scheduler_is_recreated_with_its_workers(clusters: Place) -> None:
    """The new scheduler has the old one's name and Services, and workers of its own that compute."""
    selector = f"{CLUSTER}=restarting"
    before = clusters.uids(selector)
    probe = cluster_spec()["scheduler"]["spec"]["containers"][0]["readinessProbe"]
    edited = pod_spec(*SCHEDULER, readinessProbe=probe, env=[{"name": VERSION, "value": "2"}])
    clusters.merge("daskcluster", "restarting", {"spec": {"scheduler": {"spec": edited}}})

    def recreated() -> bool:
        after = clusters.uids(selector)
        return len(after) == 3 and not set(after.values()) & set(before.values())

    clusters.eventually(recreated, "three new Pods")
    assert before.keys() & clusters.uids(selector).keys() == {"restarting-scheduler"}
    clusters.wait("daskcluster/restarting", "condition=Ready")
    with connected(clusters, "restarting-service") as client:
        client.wait_for_workers(2, timeout=60)
        assert client.run_on_scheduler(os.getenv, VERSION) == "2"
        assert computes(client, 7)
