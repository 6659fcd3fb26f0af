"""How a cluster's scheduler and its dashboard are reached from here; the first of these that can be.

    its Service's name          in a Pod of the same Kubernetes cluster
    a load balancer's address   of a Service of type LoadBalancer
    a node's address            of a Service of type NodePort
    a forwarded local port      through the API server, to the scheduler's Pod

That a Service's name or address works elsewhere is no proof that it is the same Service: names and addresses within a
Kubernetes cluster are those of any other, too.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kubecluster.api import Body, path
from kubecluster.arguments import PortForward
from kubecluster.diagnosis.sight import items, name_of, read, text
from kubecluster.errors import ForwardFailed, KubeClusterError
from kubecluster.forward import Forward
from kubecluster.resource import ClusterResource

COMM_PORTS: tuple[str | int, ...] = ("tcp-comm", "comm", 8786)
"""What the scheduler's port is called, or else its number."""
DASHBOARD_PORTS: tuple[str | int, ...] = ("http-dashboard", "dashboard", 8787)
KNOCK_SECONDS = 2.0
"""How long a connection may take to be made."""
SETTLE_SECONDS = 5.0
"""How long a way may take to open: names and routes follow the readiness of a Pod a little later."""
PAUSE_SECONDS = 0.2
MOST_NODES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port.

    Args:
        host: A name or an address.
        port: The port there.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether somebody takes connections there; asked by making one."""
        with suppress(OSError), socket.create_connection((self.host, self.port), KNOCK_SECONDS):
            return True
        return False


class Access:
    """The way to a cluster's scheduler, and to its dashboard; open until it is closed.

    Args:
        resource: The cluster.
        cluster: It, as it was seen last.
        port_forward: Whether local ports are forwarded.
        dashboard_port: The dashboard's local port, where it is forwarded; 0 for any free one.

    Attributes:
        address: The scheduler's, such as `tcp://127.0.0.1:40123`.
        dashboard: The dashboard's place; `None` if the Service has no port for it.

    Raises:
        ForwardFailed: no way leads there.
        KubeClusterError: the Service cannot be read.
    """

    def __init__(
        self, resource: ClusterResource, cluster: Body, port_forward: PortForward, dashboard_port: int = 0
    ) -> None:
        self._resource = resource
        self._forwards: list[Forward] = []
        service = resource.service()
        comm, dashboard = service_port(service, COMM_PORTS), service_port(service, DASHBOARD_PORTS)
        if comm is None:
            raise ForwardFailed(
                f"The Service {name_of(service)} of {resource} has no port {' or '.join(map(str, COMM_PORTS))}."
            )
        try:
            place = self._place(service, comm, port_forward)
            self.dashboard = self._dashboard(service, place, dashboard, dashboard_port)
        except BaseException:
            self.close()
            raise
        self.address = f"{_scheme(cluster)}://{place}"

    def close(self) -> None:
        """Close the local ports."""
        for forward in self._forwards:
            forward.close()

    @property
    def last_error(self) -> str | None:
        """Why the last connection through a local port failed; `None` if none did."""
        return next(filter(None, (forward.last_error for forward in self._forwards)), None)

    def _place(self, service: Body, port: Body, port_forward: PortForward) -> Place:
        """The scheduler's place."""
        if port_forward is not PortForward.ALWAYS:
            places = tuple(self._direct(service, port))
            found = _first_open(places)
            if found is not None:
                return found
            if port_forward is PortForward.NEVER:
                tried = " and ".join(map(str, places))
                where = f"nobody answers at {tried}" if tried else "its Service is for the inside alone"
                raise ForwardFailed(
                    f"The scheduler of {self._resource} cannot be reached: {where}, and port_forward is 'never'. "
                    "Set it to 'auto', or set scheduler_service_type to 'LoadBalancer' or 'NodePort'."
                )
        return self._forwarded(port, 0)

    def _dashboard(self, service: Body, scheduler: Place, port: Body | None, local_port: int) -> Place | None:
        """The dashboard's place, reached the same way."""
        if port is None:
            return None
        if self._forwards:
            return self._forwarded(port, local_port)
        return Place(scheduler.host, int(port["nodePort" if _is_node_port(service, scheduler) else "port"]))

    def _forwarded(self, port: Body, local_port: int) -> Place:
        self._forwards.append(forward_to(self._resource, port, local_port=local_port))
        return Place(self._forwards[-1].local_address, self._forwards[-1].local_port)

    def _direct(self, service: Body, port: Body) -> Iterator[Place]:
        """The places where it may be reached without forwarding."""
        kind = text(service, "spec", "type")
        if self._resource.kubernetes.is_inside:
            yield Place(f"{name_of(service)}.{self._resource.namespace}.svc", int(port["port"]))
        if kind == "LoadBalancer":
            for ingress in items(service, "status", "loadBalancer", "ingress"):
                if host := text(ingress, "hostname") or text(ingress, "ip"):
                    yield Place(host, int(port["port"]))
        if kind in ("LoadBalancer", "NodePort") and port.get("nodePort"):
            yield from (Place(host, int(port["nodePort"])) for host in self._nodes())

    def _nodes(self) -> Sequence[str]:
        """Addresses of some nodes; none for who may not know them."""
        with suppress(KubeClusterError):
            nodes = self._resource.kubernetes.list(path("nodes", None, group=""))
            found = [_node_address(node) for node in nodes if not read(node, "spec", "unschedulable")]
            return [host for host in found if host][:MOST_NODES]
        return ()


def forward_to(
    resource: ClusterResource, port: Body, *, local_port: int = 0, local_address: str = "127.0.0.1"
) -> Forward:
    """A local port that leads to the scheduler's Pod, whichever that is.

    Args:
        resource: The cluster.
        port: The port of its Service.
        local_port: The local port; 0 for any free one.
        local_address: Where to listen.

    Raises:
        ForwardFailed: the local port cannot be opened.
    """
    return Forward(
        resource.kubernetes,
        resource.namespace,
        lambda: name_of(resource.scheduler_pod()),
        port.get("targetPort") or port["port"],
        local_port=local_port,
        local_address=local_address,
    )


def _first_open(places: Sequence[Place]) -> Place | None:
    """The first that takes connections; `None` if none of them does after a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while places:
        for place in places:
            if place.is_open:
                return place
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    return None


def service_port(service: Body, wanted: Sequence[str | int]) -> Body | None:
    """The port of a Service that has one of these names, or else that number; `None` if there is none."""
    ports = items(service, "spec", "ports")
    for one in wanted:
        for port in ports:
            if one in (port.get("name"), port.get("port")):
                return port
    return None


def _scheme(cluster: Body) -> str:
    """The protocol that the scheduler speaks, as the reconciler says."""
    scheme, found, _ = text(cluster, "status", "schedulerAddress").partition("://")
    return scheme if found else "tcp"


def _node_address(node: Body) -> str:
    """The address at which a node is reached from outside, or else from beside it."""
    by_type: dict[Any, str] = {one.get("type"): text(one, "address") for one in items(node, "status", "addresses")}
    return by_type.get("ExternalIP") or by_type.get("InternalIP") or ""


def _is_node_port(service: Body, place: Place) -> bool:
    return place.port in [port.get("nodePort") for port in items(service, "spec", "ports")]
