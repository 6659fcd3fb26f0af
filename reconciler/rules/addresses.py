"""Where a cluster's scheduler and dashboard are reached from inside the Kubernetes cluster.

The Service's port is found by its name, then by its number, then by its targetPort: the name or number of the
container's port on which the scheduler listens, which its own options may say.
"""

from collections.abc import Sequence
from typing import Any

from models.resources import DaskCluster, PodSpec
from reconciler.rules import names
from reconciler.rules.dask_options import DaskOptions
from reconciler.rules.main_container import main_of_spec

COMM_PORT_NAMES = ("tcp-comm", "comm")
COMM_PORT = 8786
DASHBOARD_PORT_NAMES = ("http-dashboard", "dashboard")
DASHBOARD_PORT = 8787


def scheduler_address(cluster: DaskCluster) -> str | None:
    """The address that workers and clients use, such as `tcp://simple-scheduler.default.svc:8786`.

    The host stops at `.svc`, so it resolves whatever the Kubernetes cluster's domain is. `None` if no port of the
    Service is known to lead to the scheduler.
    """
    port = comm_port(cluster)
    return f"{scheme(cluster)}://{_host(cluster)}:{port}" if port else None


def dashboard_address(cluster: DaskCluster) -> str | None:
    """The dashboard's URL, or `None` if the Service has no port for it."""
    port = dashboard_port(cluster)
    return f"http://{_host(cluster)}:{port}" if port else None


def comm_port(cluster: DaskCluster) -> int | None:
    """The Service's port for Dask's own protocol; `None` if no port is known to lead there."""
    return _find_port(cluster, COMM_PORT_NAMES, COMM_PORT, _options(cluster).port)


def listening_port(cluster: DaskCluster) -> int:
    """The scheduler Pod's own port for Dask's protocol."""
    return _options(cluster).port or _target_of(cluster, comm_port(cluster)) or COMM_PORT


def dashboard_listening_port(cluster: DaskCluster) -> int:
    """The scheduler Pod's own port for the dashboard."""
    return _options(cluster).dashboard_port or _target_of(cluster, dashboard_port(cluster)) or DASHBOARD_PORT


def dashboard_port(cluster: DaskCluster) -> int | None:
    """The Service's port for the dashboard; `None` if no port is known to lead there."""
    return _find_port(cluster, DASHBOARD_PORT_NAMES, DASHBOARD_PORT, _options(cluster).dashboard_port)


def scheme(cluster: DaskCluster) -> str:
    """The protocol that the scheduler speaks: what its options or its environment say.

    Else it is `tls` where `spec.scheduler.tls` names certificates, and `tcp` where not.
    """
    return _options(cluster).scheme or ("tcp" if cluster.spec.scheduler.tls is None else "tls")


def service_ports(cluster: DaskCluster) -> Sequence[dict[str, Any]]:
    """The ports of the scheduler's Service: the user's, or else one for Dask and one for the dashboard."""
    written = cluster.spec.scheduler.service.get("ports")
    if written:
        return list(written)
    declared = _declared_ports(cluster.spec.scheduler.spec)
    options = _options(cluster)
    defaults = (
        (COMM_PORT_NAMES, COMM_PORT, options.port),
        (DASHBOARD_PORT_NAMES, DASHBOARD_PORT, options.dashboard_port),
    )
    return [
        {
            "name": port_names[0],
            "protocol": "TCP",
            "port": port,
            "targetPort": _target(declared, port_names, own or port, is_certain=own is not None),
        }
        for port_names, port, own in defaults
    ]


def _options(cluster: DaskCluster) -> DaskOptions:
    scheduler = cluster.spec.scheduler
    return DaskOptions(main_of_spec(scheduler.spec, {**cluster.metadata.annotations, **scheduler.metadata.annotations}))


def _host(cluster: DaskCluster) -> str:
    return f"{names.comm_service(cluster.metadata.name)}.{cluster.metadata.namespace}.svc"


def _declared_ports(spec: PodSpec) -> dict[str, Any]:
    """The numbers of the ports that containers give names to."""
    containers = spec.get("containers") or ()
    ports = (port for container in containers for port in container.get("ports") or () if "name" in port)
    return {port["name"]: port.get("containerPort") for port in ports}


def _target(declared: dict[str, Any], port_names: Sequence[str], number: int, *, is_certain: bool) -> str | int:
    """Where a Service's port leads: the container's port of a known name, unless the container listens on another."""
    named = next((name for name in port_names if name in declared), None)
    return named if named is not None and not (is_certain and declared[named] != number) else number


def _target_of(cluster: DaskCluster, number: int | None) -> int | None:
    """The Pod's port to which a port of the Service leads; `None` if that is not known."""
    declared = _declared_ports(cluster.spec.scheduler.spec)
    ports = (port for port in service_ports(cluster) if port.get("port") == number)
    target = next((port.get("targetPort", number) for port in ports), None)
    found = declared.get(target) if isinstance(target, str) else target
    return found if isinstance(found, int) else None


def _find_port(cluster: DaskCluster, port_names: Sequence[str], number: int, own: int | None) -> int | None:
    """The Service's port of a known name or number, or else the one that leads to where the scheduler listens.

    Args:
        cluster: The cluster.
        port_names: The known names, the likeliest first.
        number: The known number.
        own: The port on which the scheduler is told to listen, if that is known.
    """
    ports = service_ports(cluster)
    declared = _declared_ports(cluster.spec.scheduler.spec)
    listens = own or number
    aliases = {*port_names, *(name for name, declares in declared.items() if declares == listens)}
    found = (
        *(port for name in port_names for port in ports if port.get("name") == name),
        *(port for port in ports if port.get("port") == number),
        *(port for port in ports if _leads_to(port, aliases, listens)),
    )
    return next((int(port["port"]) for port in found if port.get("port") is not None), None)


def _leads_to(port: dict[str, Any], port_names: set[str], number: int) -> bool:
    target = port.get("targetPort") or port.get("port")
    return target in port_names or str(target) == str(number)
