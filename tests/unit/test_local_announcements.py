"""What is said of a run: each thing once."""

from datetime import UTC, datetime

import pytest

from models.kinds import DASK_CLUSTER, EVENT, Key
from reconciler.local.announcements import Announcements
from reconciler.local.network.doors import Door
from reconciler.memory import MemoryAPI
from tests.manifests import cluster

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = Key(DASK_CLUSTER, "default", "simple")
DOOR = Door(KEY, "localhost:8786", "http://localhost:8787/status")
WORDS = 'simple: Client("localhost:8786"), dashboard http://localhost:8787/status'


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
    crier.announcements.doors({"1": DOOR})
    assert crier.said == []
    for ready in (True, False, True):
        crier.make_ready(ready=ready)
        crier.announcements.doors({"1": DOOR})
        crier.announcements.doors({})
    assert crier.said == [WORDS]


def test_a_way_is_told_again_when_it_is_another_or_leads_to_another_cluster(crier: Crier) -> None:
    """Another uid is another cluster; a way that is as it was before is news too."""
    crier.make_ready()
    moved = Door(KEY, "127.100.0.2:8786", "")
    for uid, door in (("1", DOOR), ("1", moved), ("1", DOOR), ("2", DOOR)):
        crier.announcements.doors({uid: door})
    assert crier.said == [WORDS, 'simple: Client("127.100.0.2:8786")', WORDS, WORDS]


def test_what_cannot_be_done_here_is_said_once_for_each_feature(crier: Crier) -> None:
    """However many Pods ask for it."""
    pod = {"spec": {"containers": [{"name": "main"}], "nodeSelector": {"disk": "fast"}}}
    crier.announcements.caveats([pod, pod], has_gpu=False)
    crier.announcements.caveats([pod], has_gpu=False)
    assert crier.said == [
        "Images are not pulled: programs of this Python environment run instead.",
        "nodeSelector chooses nothing: everything runs on this machine.",
    ]


def test_a_warning_of_the_reconciler_is_said_once(crier: Crier) -> None:
    """What it only tells is not."""
    about = {"kind": "DaskCluster", "namespace": "default", "name": "simple"}
    for name, kind, message in (("a", "Warning", "No."), ("b", "Warning", "No."), ("c", "Normal", "Yes.")):
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}}
        crier.api.create(EVENT, {**event, "type": kind, "message": message, "involvedObject": about})
        crier.announcements.warnings()
    assert crier.said == ["DaskCluster default/simple: No."]
