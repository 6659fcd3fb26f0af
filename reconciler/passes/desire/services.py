"""The Services in front of a scheduler."""

from models.resources import DaskCluster
from reconciler.passes.values import Body
from reconciler.rules.addresses import service_ports
from reconciler.rules.labels import CLUSTER_NAME, COMPONENT, Component


def user_service_spec(cluster: DaskCluster) -> Body:
    """The user's ServiceSpec, with what it leaves out filled in.

    The selector's `dask.org/*` keys are always the truth, so that a manifest written for one naming set works under
    the other.
    """
    written = cluster.spec.scheduler.service
    spec = {"type": "ClusterIP", **{name: value for name, value in written.items() if value is not None}}
    spec["selector"] = {**(written.get("selector") or {}), **scheduler_labels(cluster)}
    spec["ports"] = [{"protocol": "TCP", **port} for port in service_ports(cluster)]
    return spec


def comm_service_spec(cluster: DaskCluster) -> Body:
    """A plain ClusterIP Service with the same ports, for `Client("<cluster>-scheduler:8786")`."""
    ports = [
        {name: value for name, value in {"protocol": "TCP", **port}.items() if name != "nodePort"}
        for port in service_ports(cluster)
    ]
    return {"type": "ClusterIP", "selector": scheduler_labels(cluster), "ports": ports}


def scheduler_labels(cluster: DaskCluster) -> dict[str, str]:
    """The labels by which the scheduler Pod is found."""
    return {CLUSTER_NAME: cluster.metadata.name, COMPONENT: str(Component.SCHEDULER)}
