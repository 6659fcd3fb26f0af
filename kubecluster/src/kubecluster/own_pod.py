"""The Pod that a program runs in, which takes the clusters with it that the program made."""

import logging
import os
import socket
from collections.abc import Mapping

from kubecluster.api import Body, path
from kubecluster.diagnosis.sight import items, text
from kubecluster.errors import KubeClusterError
from kubecluster.resource import ClusterResource

log = logging.getLogger("kubecluster")


def reference(
    resource: ClusterResource, owner_timeout: int, environ: Mapping[str, str] = os.environ, host: str | None = None
) -> Body | None:
    """The owner reference by which a cluster goes with the Pod that this program runs in.

    `None` if it runs in no Pod, or in one of another namespace: owners are of one's own. If the Pod cannot be read,
    that is told, and there is none either.

    Args:
        resource: The cluster.
        owner_timeout: How long it outlives the program otherwise.
        environ: The environment, which has `POD_NAME` if the downward API gave it.
        host: The host's name, which is the Pod's unless its spec says otherwise.
    """
    kubernetes = resource.kubernetes
    if kubernetes.own_namespace != resource.namespace:
        return None
    name = environ.get("POD_NAME") or host or socket.gethostname()
    try:
        pod = kubernetes.get(path("pods", resource.namespace, name, group=""))
    except KubeClusterError as error:
        left = f"outlives this Pod by {owner_timeout} s" if owner_timeout else "stays when this Pod goes"
        log.warning("The DaskCluster %s %s (owner_timeout), since the Pod is not found: %s", resource, left, error)
        return None
    if "POD_NAME" not in environ and not _is_here(pod):
        return None
    return {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": text(pod, "metadata", "uid")}


def _is_here(pod: Body) -> bool:
    """Whether a Pod that has this host's name has its address, too."""
    theirs = {text(one, "ip") for one in items(pod, "status", "podIPs")}
    try:
        ours = {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return False
    return bool(ours & theirs)
