"""Pods that end by their own fault, by their node's, or before they began: who is counted, and what comes again."""

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD
from reconciler.rules.labels import Role
from tests.builders import cluster, job
from tests.simulation.world import World, key, settled

TRAIN = key(DASK_JOB, "train")
GROUP = key(DASK_WORKER_GROUP, "simple-default-worker-group")
OVERFULL = {
    "reason": "Evicted",
    "message": "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
}
HOUR, EVERY = 3600, 10


def _starts(world: World, role: Role, how: dict[str, str], *, refused: bool) -> int:
    """How many Pods in a role are started within an hour in which each ends so, as soon as it runs or is bound."""
    seen: set[str] = set()
    for _ in range(HOUR // EVERY):
        for pod in world.pods(role):
            if pod["status"].get("phase") == "Running" or (refused and pod["spec"].get("nodeName")):
                seen.add(pod["metadata"]["uid"])
                if refused:
                    world.api.set_status(key(POD, pod["metadata"]["name"]), {"phase": "Failed", **how})
                else:
                    world.kubelet.end(pod, "Failed", **how)
        world.tick(EVERY)
    return len(seen)


def test_a_runner_that_overfills_its_disk_fails_its_job() -> None:
    """Its command runs once."""
    world = World(job(replicas=0))
    assert _starts(world, Role.JOB_RUNNER, OVERFULL, refused=False) == 1
    assert world.get(TRAIN)["status"]["jobStatus"] == "Failed"
    assert "failed: Evicted: Pod ephemeral local storage" in world.condition(TRAIN, "Failed")[2]


def test_a_worker_that_overfills_its_disk_is_waited_for() -> None:
    """As one that crashes."""
    world = World(cluster(replicas=1))
    assert _starts(world, Role.WORKER, OVERFULL, refused=False) <= 20
    assert world.get(GROUP)["status"]["decisions"]["failures"]["count"] > 5


@pytest.mark.parametrize("role", [Role.WORKER, Role.JOB_RUNNER, Role.SCHEDULER])
def test_a_node_that_refuses_pod_after_pod_makes_no_storm(role: Role) -> None:
    """None of them is an attempt, and each from the third on is waited for."""
    world = World(job(replicas=1) if role is Role.JOB_RUNNER else cluster(replicas=1))
    refusal = {"reason": "UnexpectedAdmissionError", "message": "Pod was rejected: no healthy GPU."}
    assert 5 < _starts(world, role, refusal, refused=True) <= 22
    if role is Role.JOB_RUNNER:
        assert world.get(TRAIN)["status"]["jobStatus"] in ("ClusterCreated", "Running")
        assert world.condition(TRAIN, "Progressing")[1] == "BackOff"
    else:
        assert world.condition(key(DASK_CLUSTER, "simple"), "Ready")[0] == "False"


def test_a_job_whose_cluster_cannot_be_named_after_it_is_named_as_it() -> None:
    """A job of Flyte's length runs from its first step to its last."""
    name = "rqab7cdefgh9i84j86kl-a0b1cdefghij5kl847mnopqrstu"
    world = settled(job(name, replicas=1))
    assert [pod["metadata"]["name"] for pod in world.schedulers(name)] == [f"{name}-scheduler"]
    world.kubelet.end(world.get(key(POD, f"{name}-runner")), "Succeeded")
    world.settle()
    assert world.get(key(DASK_JOB, name))["status"]["jobStatus"] == "Successful"


def test_a_job_whose_sidecar_never_ends_is_over_with_its_main_container() -> None:
    """Its cluster goes; its Pod stays for its log."""
    containers = [{"name": "vault-agent", "image": "vault:1"}, {"name": "main", "image": "dask:1"}]
    world = settled(job(runner={"restartPolicy": "Never", "containers": containers}))
    (runner,) = world.pods(Role.JOB_RUNNER)
    states = [
        {"name": "main", "ready": False, "state": {"terminated": {"exitCode": 0}}},
        {"name": "vault-agent", "ready": True, "state": {"running": {}}},
    ]
    world.api.set_status(key(POD, "train-runner"), {**runner["status"], "containerStatuses": states})
    world.settle()
    assert world.get(TRAIN)["status"]["jobStatus"] == "Successful"
    assert not world.has(key(DASK_CLUSTER, "train-cluster"))
    assert world.has(key(POD, "train-runner"))


def test_no_worker_is_made_until_a_port_leads_to_the_scheduler() -> None:
    """The cluster says so, and an edit of its Service puts it right."""
    ports = [{"name": "x", "port": 1, "targetPort": 2}]
    world = settled(cluster(replicas=2, scheduler={"service": {"ports": ports}}))
    simple = key(DASK_CLUSTER, "simple")
    assert world.condition(simple, "Ready")[:2] == ("False", "NoSchedulerPort")
    assert world.get(simple)["status"]["phase"] == "Error"
    assert not world.workers(GROUP.name)
    world.edit(simple, {"spec": {"scheduler": {"service": {"ports": [{**ports[0], "targetPort": 8786}]}}}})
    world.settle()
    assert world.condition(simple, "Ready")[:2] == ("True", "Ready")
    assert world.get(simple)["status"]["phase"] == "Running"
    env = {one["name"]: one["value"] for one in world.workers(GROUP.name)[0]["spec"]["containers"][0]["env"]}
    assert env["DASK_SCHEDULER_ADDRESS"] == "tcp://simple-scheduler.default.svc:1"
