"""Row g: how soon one create, or one edit, is answered beside 10,000 other Pods."""

import random
import time
from collections.abc import Callable

from models.kinds import DASK_CLUSTER, Key
from tests.bench.stage import Stage, cluster_of
from tests.bench.table import Row, percentiles
from tests.realcluster.eventually import eventually

_PATIENCE_SECONDS = 120
_TARGET = "p50 ≤ 100 ms, p99 ≤ 300 ms"


def rows(place: Stage, samples: int) -> list[Row]:
    """From a create to the scheduler Pod, and from an edit to the new worker Pod, one after another."""
    namespace = place.cluster.create_namespace()
    names = [f"one{number}" for number in range(samples)]
    creates = [_seconds_to_pod(place, namespace, name, _create) for name in names]
    edits = [_seconds_to_pod(place, namespace, name, _edit) for name in names]
    return [
        Row("g. one create to its scheduler Pod", "-", percentiles(creates), "-", _TARGET),
        Row("g. one edit to its new worker Pod", "-", percentiles(edits), "-", _TARGET),
    ]


def _create(place: Stage, namespace: str, name: str) -> None:
    place.create([cluster_of(namespace, name, 1)])


def _edit(place: Stage, namespace: str, name: str) -> None:
    place.api.patch(Key(DASK_CLUSTER, namespace, name), {"spec": {"worker": {"replicas": 2}}})


def _seconds_to_pod(place: Stage, namespace: str, name: str, write: Callable[[Stage, str, str], None]) -> float:
    """From our write's answer to the next Pod of that cluster; at a time that no interval is in step with."""
    time.sleep(random.uniform(0.2, 1.2))
    known = set(_pods(place, namespace, name))
    write(place, namespace, name)
    written = time.time()
    eventually(
        lambda: bool(set(_pods(place, namespace, name)) - known), f"a Pod of {name}", deadline_seconds=_PATIENCE_SECONDS
    )
    pods = _pods(place, namespace, name)
    return min(pods[pod] for pod in set(pods) - known) - written


def _pods(place: Stage, namespace: str, name: str) -> dict[str, float]:
    return {pod: at for pod, at in place.trail.created_pods(namespace).items() if pod.startswith(f"{name}-")}
