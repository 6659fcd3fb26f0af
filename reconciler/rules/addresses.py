"""Where a cluster's scheduler and dashboard are reached from inside the Kubernetes cluster."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from models.resources import DaskCluster, PodSpec
from reconciler.rules import names

COMM_PORT_NAMES = ("tcp-comm", "comm")
COMM_PORT = 8786
DASHBOARD_PORT_NAMES = ("http-dashboard", "dashboard")
DASHBOARD_PORT = 8787

_SCHEME_VARIABLE = "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME"


def scheduler_address(cluster: DaskCluster) -> str:
    """The address that workers and clients use, such as `tcp://simple-scheduler.default.svc:8786`.

    The host stops at `.svc`, so it resolves whatever the Kubernetes cluster's domain is.
    """
    return f"{scheme(cluster)}://{_host(cluster)}:{comm_port(cluster)}"


def dashboard_address(cluster: DaskCluster) -> str | None:
    """The dashboard's URL, or `None` if the Service has no port for it."""
    port = dashboard_port(cluster)
    return f"http://{_host(cluster)}:{port}" if port else None


def comm_port(cluster: DaskCluster) -> int:
    """The Service's port for Dask's own protocol, found by name, then by number."""
    return _find_port(service_ports(cluster), COMM_PORT_NAMES, COMM_PORT) or COMM_PORT


def dashboard_port(cluster: DaskCluster) -> int | None:
    """The Service's port for the dashboard, found by name, then by number; `None` if there is none."""
    return _find_port(service_ports(cluster), DASHBOARD_PORT_NAMES, DASHBOARD_PORT)


def scheme(cluster: DaskCluster) -> str:
    """The protocol that the scheduler speaks: what its `--protocol` or environment says, else `tcp`."""
    containers = cluster.spec.scheduler.spec.get("containers") or [{}]
    scheduler = next((one for one in containers if one.get("name") == "scheduler"), containers[0])
    words = [str(word) for word in (*(scheduler.get("command") or ()), *(scheduler.get("args") or ()))]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        flag, _, value = word.partition("=")
        if flag == "--protocol" and (value or following):
            return (value or following).removesuffix("://")
    variables = {one.get("name"): one.get("value") for one in scheduler.get("env") or ()}
    return str(variables.get(_SCHEME_VARIABLE) or "tcp")


def service_ports(cluster: DaskCluster) -> Sequence[dict[str, Any]]:
    """The ports of the scheduler's Service: the user's, or else one for Dask and one for the dashboard."""
    written = cluster.spec.scheduler.service.get("ports")
    if written:
        return list(written)
    declared = set(_declared_ports(cluster.spec.scheduler.spec))
    defaults = ((COMM_PORT_NAMES, COMM_PORT), (DASHBOARD_PORT_NAMES, DASHBOARD_PORT))
    return [
        {
            "name": port_names[0],
            "protocol": "TCP",
            "port": port,
            "targetPort": next((name for name in port_names if name in declared), port),
        }
        for port_names, port in defaults
    ]


def _host(cluster: DaskCluster) -> str:
    return f"{names.comm_service(cluster.metadata.name)}.{cluster.metadata.namespace}.svc"


def _declared_ports(spec: PodSpec) -> Iterator[str]:
    for container in spec.get("containers") or ():
        yield from (port["name"] for port in container.get("ports") or () if "name" in port)


def _find_port(ports: Sequence[dict[str, Any]], port_names: Sequence[str], number: int) -> int | None:
    by_name = (port.get("port") for name in port_names for port in ports if port.get("name") == name)
    by_number = (port.get("port") for port in ports if port.get("port") == number)
    found = next((port for port in (*by_name, *by_number) if port is not None), None)
    return int(found) if found is not None else None
