"""A new version of the reconciler takes over what an older one made, and restarts nothing."""

from collections.abc import Iterator

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from reconciler.rules.labels import (
    CLUSTER,
    COMPONENT,
    ISTIO,
    ROLE,
    SET_BY_OWNER,
    Role,
    formerly_set,
    set_by_owner,
)
from reconciler.wire.protocol import Body
from tests.builders import cluster, job
from tests.simulation.oracle import check_at_rest
from tests.simulation.world import World, key_of, settled

SECOND = "simple-scheduler"


def _children(world: World) -> Iterator[Body]:
    for kind in (POD, SERVICE, DASK_WORKER_GROUP, DASK_CLUSTER):
        yield from (one for one in world.api.objects(kind) if ROLE in one["metadata"].get("annotations", {}))


def test_labels_that_an_older_version_did_not_set_are_added_in_place() -> None:
    """Every object keeps its uid: the second Service keeps the user's labels, and loses the user's annotations."""
    metadata = {"labels": {"team": "x"}, "annotations": {"tailscale.com/expose": "true"}}
    world = settled(cluster(scheduler={"metadata": metadata}), job())
    before = {one["metadata"]["uid"] for one in _children(world)}
    for one in _children(world):
        old: Body = {"labels": {CLUSTER: None, ISTIO: None}}
        if one["metadata"]["annotations"][ROLE] == Role.COMM_SERVICE:
            spec = formerly_set(one["metadata"]["annotations"])["spec"]
            remembered = {SET_BY_OWNER: set_by_owner(metadata["labels"], metadata["annotations"], spec)}
            old = {
                "labels": {CLUSTER: None, COMPONENT: "scheduler", **metadata["labels"]},
                "annotations": {**metadata["annotations"], **remembered},
            }
        world.edit(key_of(one), {"metadata": old})
    world.restart()
    world.settle()
    assert {one["metadata"]["uid"] for one in _children(world)} == before
    check_at_rest(world)
    second = next(one["metadata"] for one in world.api.objects(SERVICE) if one["metadata"]["name"] == SECOND)
    assert second["labels"].keys() == {CLUSTER, COMPONENT, "team"}
    assert not second["annotations"].keys() & metadata["annotations"].keys()
