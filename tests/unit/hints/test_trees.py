"""Which tree an event belongs to."""

from typing import Any

import pytest

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from reconciler.hints import tree_of
from reconciler.rules.labels import CLUSTER, CLUSTER_NAME
from reconciler.wire.protocol import EventType, WatchEvent
from tests.unit.hints.watches import controller

OURS = {CLUSTER: "c"}


@pytest.mark.parametrize(
    ("kind", "more", "tree"),
    [
        (DASK_JOB, {}, (DASK_JOB, "x")),
        (DASK_CLUSTER, {}, (DASK_CLUSTER, "x")),
        (DASK_CLUSTER, {"controller": controller("DaskJob", "j"), "labels": OURS}, (DASK_JOB, "j")),
        (POD, {"controller": controller("DaskJob", "j"), "labels": OURS}, (DASK_JOB, "j")),
        (POD, {"controller": controller("DaskWorkerGroup", "g"), "labels": OURS}, (DASK_CLUSTER, "c")),
        (POD, {"controller": controller("DaskWorkerGroup", "g")}, (DASK_WORKER_GROUP, "g")),
        (POD, {"controller": controller("DaskCluster", "d"), "labels": OURS}, (DASK_CLUSTER, "d")),
        (SERVICE, {"controller": controller("DaskCluster", "d")}, (DASK_CLUSTER, "d")),
        (SERVICE, {"labels": OURS}, (DASK_CLUSTER, "c")),
        (DASK_WORKER_GROUP, {"controller": controller("DaskCluster", "d")}, (DASK_CLUSTER, "d")),
        (DASK_WORKER_GROUP, {"labels": OURS}, (DASK_CLUSTER, "c")),
        (DASK_WORKER_GROUP, {"labels": {CLUSTER_NAME: "someone's word"}}, (DASK_WORKER_GROUP, "x")),
        (DASK_AUTOSCALER, {}, (DASK_AUTOSCALER, "x")),
        (DASK_AUTOSCALER, {"controller": controller("DaskCluster", "d")}, (DASK_CLUSTER, "d")),
        (POD, {"controller": controller("ReplicaSet", "r", "apps/v1"), "labels": {CLUSTER_NAME: "c"}}, None),
        (POD, {"controller": controller("DaskCluster", "d", "example.com/v1")}, None),
        (POD, {}, None),
    ],
)
def test_the_tree_of_an_event(kind: Kind, more: dict[str, Any], tree: tuple[Kind, str] | None) -> None:
    """The job comes before the cluster, the cluster before the group, and what is not ours belongs to no tree."""
    event = WatchEvent(EventType.ADDED, Key(kind, "here", "x"), "1", "u", **more)
    assert tree_of(event) == (tree and Key(tree[0], "here", tree[1]))
