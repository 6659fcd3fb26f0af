"""What is said of a run: each thing once."""

from datetime import UTC, datetime

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, EVENT, POD, SERVICE, Key
from reconciler.local.announcements import Announcements
from reconciler.local.network.cluster_addresses import ClusterAddress
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.manifests import cluster, job

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = Key(DASK_CLUSTER, "default", "simple")
ADDRESS = ClusterAddress(KEY, "localhost:8786", "http://localhost:8787/status")
WORDS = 'simple is ready: Client("localhost:8786"), dashboard http://localhost:8787/status'


class Crier:
    """Announcements, and what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.api = MemoryAPI(lambda: NOON)
        self.announcements = Announcements(self.api, lambda words, _style: self.said.append(words))
        self.api.create(DASK_CLUSTER, {**cluster("simple"), "metadata": {"name": "simple", "namespace": "default"}})

    def make_ready(self, *, ready: bool = True) -> None:
        """Let the cluster be ready, or not."""
        condition = {"type": "Ready", "status": str(ready), "observedGeneration": 1}
        self.api.set_status(KEY, {"conditions": [condition]})


@pytest.fixture
def crier() -> Crier:
    """A cluster that nobody has looked at yet."""
    return Crier()


def test_a_way_is_told_when_its_cluster_is_ready(crier: Crier) -> None:
    """Once, even if the cluster is not ready for a while, or the way is gone for a moment."""
    crier.announcements.addresses({"1": ADDRESS})
    assert crier.said == []
    for ready in (True, False, True):
        crier.make_ready(ready=ready)
        crier.announcements.addresses({"1": ADDRESS})
        crier.announcements.addresses({})
    assert crier.said == [WORDS]


def test_a_way_is_told_again_when_it_is_another_or_leads_to_another_cluster(crier: Crier) -> None:
    """Another uid is another cluster; a way that is as it was before is news too."""
    crier.make_ready()
    moved = ClusterAddress(KEY, "127.100.0.2:8786", "")
    for uid, address in (("1", ADDRESS), ("1", moved), ("1", ADDRESS), ("2", ADDRESS)):
        crier.announcements.addresses({uid: address})
    assert crier.said == [WORDS, 'simple is ready: Client("127.100.0.2:8786")', WORDS, WORDS]


def test_what_cannot_be_done_here_is_said_once_for_each_feature(crier: Crier) -> None:
    """However many Pods ask for it."""
    pod = {"spec": {"containers": [{"name": "main"}], "nodeSelector": {"disk": "fast"}}}
    crier.announcements.caveats([pod, pod], has_gpu=False)
    crier.announcements.caveats([pod], has_gpu=False)
    assert crier.said == [
        "Images are not pulled: programs of this Python environment run instead.",
        "nodeSelector chooses nothing: everything runs on this machine.",
    ]


def test_unknown_fields_are_not_told_again(crier: Crier) -> None:
    """The reader of the files has told of them, with their remedies; other warnings of the reconciler's are said."""
    about = {"kind": "DaskCluster", "namespace": "default", "name": "simple"}
    event = {"apiVersion": "v1", "kind": "Event", "type": "Warning", "involvedObject": about}
    for name, reason in (("a", "UnknownField"), ("b", "NameConflict")):
        metadata = {"name": name, "namespace": "default"}
        crier.api.create(EVENT, {**event, "metadata": metadata, "reason": reason, "message": f"It is {reason}."})
    crier.announcements.warnings()
    assert crier.said == ["DaskCluster default/simple: It is NameConflict."]


def test_a_services_port_that_leads_nowhere_is_said_once(crier: Crier) -> None:
    """When its Pods are there, whose names it could be."""
    meta = {"name": "simple", "namespace": "default"}
    port = {"name": "comm", "port": 8786, "targetPort": "com"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": {"a": "b"}, "ports": [port]},
    }
    crier.api.create(SERVICE, service)
    crier.announcements.warnings()
    assert crier.said == []
    container = {"name": "main", "image": "i", "ports": [{"name": "comm", "containerPort": 8786}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**meta, "labels": {"a": "b"}},
        "spec": {"containers": [container]},
    }
    crier.api.create(POD, pod)
    crier.api.set_status(Key(POD, "default", "simple"), {"podIP": "127.100.0.2"})
    for _ in range(2):
        crier.announcements.warnings()
    [words] = crier.said
    assert words.startswith('Service default/simple: port 8786 leads nowhere: its targetPort is "com"')


def test_a_warning_of_the_reconciler_is_said_once(crier: Crier) -> None:
    """What it only tells is not."""
    about = {"kind": "DaskCluster", "namespace": "default", "name": "simple"}
    for name, kind, message in (("a", "Warning", "No."), ("b", "Warning", "No."), ("c", "Normal", "Yes.")):
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}}
        crier.api.create(EVENT, {**event, "type": kind, "message": message, "involvedObject": about})
        crier.announcements.warnings()
    assert crier.said == ["DaskCluster default/simple: No."]


def runner(name: str, policy: str, job_uid: str) -> Body:
    """The Pod of a job's command."""
    owner = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "name": "work", "uid": job_uid}
    spec = {"restartPolicy": policy, "containers": [{"name": "main", "image": "dask"}]}
    metadata = {"name": name, "namespace": "default", "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_a_command_that_is_run_again_is_told_once_with_the_remedy(crier: Crier) -> None:
    """Not one that succeeded, that is not run again, or whose Pod has ended or is gone."""
    codes = {Key(POD, "default", name): 3 for name in ("again", "never", "over", "gone")}
    work = crier.api.create(DASK_JOB, {**job("work"), "metadata": {"name": "work", "namespace": "default"}})
    for name, policy in (("again", "OnFailure"), ("never", "Never"), ("over", "OnFailure")):
        crier.api.create(POD, runner(name, policy, work.body["metadata"]["uid"]))
    crier.api.set_status(Key(POD, "default", "over"), {"phase": "Failed"})
    crier.announcements.retries(dict.fromkeys(codes, 0))
    assert crier.said == []
    for _ in range(2):
        crier.announcements.retries(codes)
    words = "its command failed with exit code 3 and is run again, since its restartPolicy is OnFailure; to end here,"
    assert crier.said == [
        f"DaskJob default/work: {words} set spec.job.spec.restartPolicy to Never, or give --no-retry."
    ]
