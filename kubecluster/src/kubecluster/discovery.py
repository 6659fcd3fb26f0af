"""The clusters that there are, for `dask-ctl` and the lab extension."""

import logging
from collections.abc import AsyncIterator
from functools import partial

from kubecluster.api import Kubernetes, connect
from kubecluster.cluster import KubeCluster
from kubecluster.errors import KubeClusterError, NotAllowed
from kubecluster.resource import ClusterResource, listed
from kubecluster.threads import in_thread

log = logging.getLogger("kubecluster")


async def discover() -> AsyncIterator[tuple[str, type[KubeCluster]]]:
    """The names of the Dask clusters that may be seen, each with the class whose `from_name` joins it.

    Those outside of the current namespace have their namespace before their name. Where no Kubernetes can be asked
    there are none: others discover clusters of other kinds.
    """
    try:
        kubernetes = await in_thread(connect)
        found = await _listed(kubernetes)
    except KubeClusterError as error:
        log.debug("No Dask clusters are found on Kubernetes: %s", error)
        return
    for resource in found:
        yield resource.name if resource.namespace == kubernetes.namespace else str(resource), KubeCluster


async def _listed(kubernetes: Kubernetes) -> list[ClusterResource]:
    """The clusters of all namespaces, or, for who may not see these, of the current one."""
    try:
        return await in_thread(partial(listed, kubernetes, None))
    except NotAllowed:
        return await in_thread(partial(listed, kubernetes, kubernetes.namespace))
    finally:
        kubernetes.close()
