"""What stands in a cluster's way: another operator, and a Service that leads nowhere."""

from typing import Any

import pytest

from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Observed
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import (
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    reasons,
    runner,
    scheduler,
    worker,
    world,
)
from tests.manifests import pod_spec

NEW = cluster(naming=None)


def _of_deployment(replica_set: str, component: str | None, **labels: str) -> Pod:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": "r", "controller": True}
    marks = {"dask.org/component": component} if component else {}
    return pod("theirs", labels={"dask.org/cluster-name": "simple", **marks, **labels}, ownerReferences=[owner])


GROUP = {"dask.org/workergroup-name": "simple-default"}


@pytest.mark.parametrize(
    ("theirs", "is_told"),
    [
        (_of_deployment("simple-scheduler-6f9d8c", "scheduler"), True),
        (_of_deployment("simple-default-worker-0a1b2c3d4e-5f6", "worker", **GROUP), True),
        (_of_deployment("notebook-5f7", "notebook"), False),
        (_of_deployment("notebook-5f7", "scheduler"), False),
        (_of_deployment("notebook-5f7", "worker", **GROUP), False),
        (_of_deployment("simple-default-worker-extra-5f6", "worker", **GROUP), False),
        (_of_deployment("simple-scheduler-6f9d8c", None), False),
        (_of_deployment("other-scheduler-6f9d8c", "scheduler"), False),
        (pod("theirs", labels={"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"}), False),
    ],
)
def test_only_dask_kubernetes_own_deployments_show_that_it_runs_a_cluster(theirs: Pod, *, is_told: bool) -> None:
    """Anyone may label Pods of their own with a cluster's name."""
    found = desire(NEW, world(NEW, theirs), Naming.CLASSIC)
    assert reasons(found.findings) == ([Reason.OTHER_OPERATOR] if is_told else [])
    assert bool(found.records) is not is_told


PORTLESS = {"service": {"ports": [{"name": "x", "port": 1}]}}
LOST = cluster(scheduler=PORTLESS)
OWN = {"spec": pod_spec(env=[{"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://mine:1"}])}


def _desired(of: DaskWorkerGroup | DaskCluster, *objects: Observed) -> Desired:
    return desire(of, world(*objects), Naming.CLASSIC)


def test_a_cluster_whose_service_leads_nowhere_is_built_and_says_so() -> None:
    """All but its workers: an edit of the Service puts it right."""
    found = _desired(LOST, LOST)
    assert reasons(found.findings) == [Reason.NO_SCHEDULER_PORT]
    assert "name that port tcp-comm" in found.findings[0].message
    assert len(found.wanted) == 4


def test_no_worker_is_sent_to_a_port_that_no_service_has() -> None:
    """Each group says so; workers that are there already stay, stale or not."""
    one = default_group(LOST)
    there = worker(one, LOST, 1)
    found = _desired(one, LOST, scheduler(LOST), one, there)
    assert (found.wanted, found.unwanted, found.records) == ((), (), ())
    assert reasons(found.findings) == [Reason.NO_SCHEDULER_PORT]


@pytest.mark.parametrize("of", [LOST, cluster(scheduler=PORTLESS, worker=OWN)])
def test_a_group_that_brings_its_address_needs_no_port(of: DaskCluster) -> None:
    """Its user knows better, and the address that is not known is not set."""
    one = group(of, worker=OWN)
    found = _desired(one, of, scheduler(of), one)
    assert found.findings == ()
    environment: list[dict[str, Any]] = found.wanted[0].body["spec"]["containers"][0]["env"]
    assert [one["name"] for one in environment] == ["DASK_WORKER_NAME", "DASK_SCHEDULER_ADDRESS"]
    assert reasons(_desired(of, of).findings) == ([Reason.NO_SCHEDULER_PORT] if of is LOST else [])


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
@pytest.mark.parametrize("is_written", [True, False], ids=["written down", "yet to be written down"])
def test_what_names_a_cluster_that_is_about_to_go_is_not_adopted(phase: str, *, is_written: bool) -> None:
    """It would go with it; it waits for the next cluster of that name. A job whose runner was lost goes on."""
    outcome = {"Succeeded": "Successful", "Failed": "Failed"}[phase]
    over = job(status={"jobStatus": outcome} if is_written else {})
    of = job_cluster(over)
    ended, lost = runner(over, phase=phase), runner(over, phase="Failed", disrupted=True)
    for free in (group(of.metadata.name, "mine"), autoscaler(of.metadata.name)):
        found = desire(free, world(over, of, free, ended), Naming.CLASSIC)
        assert (found.records, found.wanted) == ((), ())
        assert reasons(found.findings) == [Reason.TERMINATING]
        assert desire(free, world(job(), of, free, lost), Naming.CLASSIC).records
