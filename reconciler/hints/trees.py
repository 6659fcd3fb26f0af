"""Which tree an event belongs to, as far as metadata tells."""

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Key, kind_of
from reconciler.rules.labels import CLUSTER
from reconciler.wire.protocol import WatchEvent


def tree_of(event: WatchEvent) -> Key | None:
    """The custom resource to whose tree the object belongs.

    That is, the first of these that there is:

    1. the DaskJob: the object itself, or its controller
    2. the DaskCluster: the object itself, its controller, or what its label names
    3. the DaskWorkerGroup that controls a Pod without that label
    4. the object itself, if it is a group or an autoscaler that no cluster has adopted yet: whoever looks finds its
       cluster in its spec

    Returns:
        `None` for a Pod or Service that is no part of a tree of ours.
    """
    own = {event.key.kind: event.key}
    if event.controller is not None:
        kind = kind_of(event.controller.api_version, event.controller.kind)
        if kind is not None:
            own.setdefault(kind, Key(kind, event.key.namespace, event.controller.name))
    if DASK_JOB in own:
        return own[DASK_JOB]
    if DASK_CLUSTER in own:
        return own[DASK_CLUSTER]
    if label := event.labels.get(CLUSTER):
        return Key(DASK_CLUSTER, event.key.namespace, label)
    return own.get(DASK_WORKER_GROUP) or (event.key if event.key.kind in CUSTOM_KINDS else None)
