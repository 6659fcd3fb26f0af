"""The number of workers follows real work on a real node: from none to as many as may be, and back to none."""

import time
from collections import Counter

import pytest
from distributed import get_worker

from models.kinds import DASK_AUTOSCALER
from tests.manifests import manifest
from tests.node.clients import MISMATCH, connected
from tests.node.place import CLUSTER, Object, Place
from tests.node.samples import cluster

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]

TASKS, MOST = 40, 3
GROUP = "auto-default-worker-group"


def _replicas(place: Place) -> int:
    group: Object = place.get("daskworkergroup", GROUP)
    replicas: int = group["spec"]["worker"]["replicas"]
    return replicas


def _workers(place: Place) -> int:
    return len(place.pods(f"{CLUSTER}=auto,dask.org/component=worker"))


def test_workers_come_with_the_work_and_go_when_it_is_done(shared: Place) -> None:
    """Each task runs once, and while a result is held there is somebody who holds it."""
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 15}}
    spec = {"cluster": "auto", "minimum": 0, "maximum": MOST, "targetDurationSeconds": 1, "behavior": behavior}
    shared.create(cluster("auto", workers=0), manifest(DASK_AUTOSCALER, "auto", spec))
    shared.wait("daskautoscaler/auto", "condition=ScalingActive")
    assert _replicas(shared) == _workers(shared) == 0

    def work(number: int) -> int:
        get_worker().log_event("ran", number)
        time.sleep(1)
        return number * number

    with connected(shared, "auto-service") as client:
        futures = client.map(work, range(TASKS), pure=False)
        shared.eventually(lambda: _replicas(shared) == MOST, f"{MOST} workers, as there is work")
        assert client.gather(futures) == [number * number for number in range(TASKS)]
        shared.eventually(lambda: _workers(shared) == 1, "one worker, which holds the results")
        assert client.gather(futures) == [number * number for number in range(TASKS)]
        assert Counter(number for _, number in client.get_events("ran")) == dict.fromkeys(range(TASKS), 1)
        del futures
        shared.eventually(lambda: _workers(shared) == 0, "no workers, where there is nothing to do")
        assert client.submit(work, 7, pure=False).result(timeout=120) == 49
    assert _replicas(shared) == 1
    assert shared.get("daskautoscaler", "auto")["status"]["lastScaleTime"]
