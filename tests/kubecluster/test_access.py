"""How a scheduler is reached: the ways, and which of them is taken."""

import gc
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from kubecluster.access import COMM_PORTS, DASHBOARD_PORTS, Access, Place, service_port
from kubecluster.arguments import PortForward
from kubecluster.errors import ForwardFailed, RequestFailed
from kubecluster.resource import ClusterResource
from models.kinds import SERVICE, Key
from reconciler.wire.protocol import Body
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.kubecluster.sockets import echo, serving

HERE = "127.0.0.1"
NOBODY = "192.0.2.1"
"""An address of the range that is for documentation."""


def port(name: str = "tcp-comm", number: int = 8786, **more: Any) -> Body:
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP", **more}


DASHBOARD = port("http-dashboard", 8787)


def serve(world: LivingWorld, *ports: Body, type_: str = "ClusterIP", ingress: tuple[Body, ...] = ()) -> None:
    """Have the Service that clients use."""
    meta = {"name": "simple-scheduler", "namespace": "default"}
    spec = {"type": type_, "ports": list(ports), "selector": {"a": "b"}}
    world.api.create(SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    if ingress:
        world.api.set_status(Key(SERVICE, "default", "simple-scheduler"), {"loadBalancer": {"ingress": list(ingress)}})


def node(address: str, type_: str = "InternalIP", **spec: Any) -> Body:
    return {
        "spec": spec,
        "status": {"addresses": [{"type": "Hostname", "address": "n"}, {"type": type_, "address": address}]},
    }


@contextmanager
def opened(resource: ClusterResource, ways: PortForward = PortForward.AUTO, **more: Any) -> Iterator[Access]:
    with closing(Access(resource, more.pop("cluster", {}), ways, **more)) as access:
        yield access


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of this machine at which somebody answers."""
    with serving(echo) as number:
        yield number


def free_port() -> int:
    """A port of this machine at which nobody answers."""
    with socket.create_server((HERE, 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([port(), DASHBOARD], 0),
        ([DASHBOARD, port()], 1),
        ([port("comm", 1), port("tcp-comm", 2)], 1),
        ([port("other", 8786), port("comm", 1)], 1),
        ([port("other", 1), port("another", 8786)], 1),
        ([port("other", 1)], None),
        ([{"port": 8786}], 0),
        ([], None),
    ],
)
def test_a_port_is_found_by_its_name_or_else_by_its_number(ports: list[Body], expected: int | None) -> None:
    """A name says what it is; a number only what it usually is."""
    found = service_port({"spec": {"ports": ports}}, COMM_PORTS)
    assert found is (None if expected is None else ports[expected])


@pytest.mark.parametrize("service", [{}, {"spec": None}, {"spec": {"ports": None}}, {"spec": {"ports": ["x"]}}])
def test_a_service_without_ports_has_none(service: Body) -> None:
    """Whatever stands in their place."""
    assert service_port(service, DASHBOARD_PORTS) is None


@pytest.mark.parametrize(("host", "expected"), [(HERE, "127.0.0.1:80"), ("a.b", "a.b:80"), ("::1", "[::1]:80")])
def test_a_place_is_written_as_in_an_address(host: str, expected: str) -> None:
    """An IPv6 address has colons of its own."""
    assert str(Place(host, 80)) == expected


def test_a_place_is_open_if_somebody_takes_connections(listening: int) -> None:
    """It is not, if nobody does or there is no such host."""
    assert Place(HERE, listening).is_open
    assert not Place(HERE, free_port()).is_open
    assert not Place("no-such-host.invalid", 80).is_open


def test_from_outside_ports_are_forwarded_to_the_usual_service(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """A Service of type ClusterIP is reached from within alone."""
    serve(quiet_world, port(), DASHBOARD)
    with opened(resource) as access:
        host, _, number = access.address.removeprefix("tcp://").partition(":")
        assert (host, bool(access._forwards)) == (HERE, True)
        assert access.dashboard is not None
        assert access.dashboard.is_open
        assert Place(host, int(number)).is_open
        assert access.dashboard != Place(host, int(number))
    assert not Place(host, int(number)).is_open


def test_the_dashboards_local_port_can_be_chosen(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Bookmarks stay valid."""
    serve(quiet_world, port(), DASHBOARD)
    number = free_port()
    with opened(resource, dashboard_port=number) as access:
        assert access.dashboard == Place(HERE, number)


def test_a_chosen_port_that_is_taken_is_an_error_that_leaves_no_port_open(
    resource: ClusterResource, quiet_world: LivingWorld, listening: int
) -> None:
    """The message says which."""
    serve(quiet_world, port(), DASHBOARD)
    with pytest.raises(ForwardFailed, match=str(listening)):
        Access(resource, {}, PortForward.AUTO, listening)


def test_a_service_without_a_dashboard_has_none(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """People may have written the Service themselves."""
    serve(quiet_world, port())
    with opened(resource) as access:
        assert access.dashboard is None


def test_a_service_without_a_port_for_clients_is_an_error(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """The message says how it should be called."""
    serve(quiet_world, port("web", 80))
    with pytest.raises(ForwardFailed, match="has no port tcp-comm or comm or 8786"):
        Access(resource, {}, PortForward.AUTO)


def test_no_service_is_an_error(resource: ClusterResource) -> None:
    """It was there when the cluster was ready, and has been deleted since."""
    with pytest.raises(RequestFailed, match="simple-scheduler"):
        Access(resource, {}, PortForward.AUTO)


@pytest.mark.parametrize("field", ["ip", "hostname"])
def test_a_load_balancer_is_used_where_it_answers(
    resource: ClusterResource, quiet_world: LivingWorld, listening: int, field: str
) -> None:
    """No byte goes through the API server then; the dashboard is beside it."""
    ingress = {field: HERE if field == "ip" else "localhost"}
    serve(quiet_world, port(number=listening), DASHBOARD, type_="LoadBalancer", ingress=(ingress,))
    with opened(resource) as access:
        assert access.address == f"tcp://{ingress[field]}:{listening}"
        assert access.dashboard == Place(ingress[field], 8787)
        assert not access._forwards


def test_a_load_balancer_that_does_not_answer_is_gone_around(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Its address may be one of another network."""
    dead = free_port()
    serve(quiet_world, port(number=dead), DASHBOARD, type_="LoadBalancer", ingress=({"ip": HERE}, {"ports": []}))
    with opened(resource) as access:
        assert access._forwards


def test_a_nodes_port_is_used_where_it_answers(
    resource: ClusterResource, quiet_world: LivingWorld, listening: int
) -> None:
    """The dashboard has a port of the node, too; nodes that take no Pods are left out."""
    quiet_world.server.nodes = [node("localhost", unschedulable=True), node(HERE)]
    comm, dashboard = port(nodePort=listening), {**DASHBOARD, "nodePort": 31000}
    serve(quiet_world, comm, dashboard, type_="NodePort")
    with opened(resource) as access:
        assert access.address == f"tcp://{HERE}:{listening}"
        assert access.dashboard == Place(HERE, 31000)


def test_a_nodes_outer_address_goes_before_its_inner_one(
    resource: ClusterResource, quiet_world: LivingWorld, listening: int
) -> None:
    """The inner one is that of another network, most often."""
    addresses = [{"type": "InternalIP", "address": NOBODY}, {"type": "ExternalIP", "address": HERE}]
    quiet_world.server.nodes = [{"status": {"addresses": addresses}}]
    serve(quiet_world, port(nodePort=listening), type_="NodePort")
    with opened(resource) as access:
        assert access.address == f"tcp://{HERE}:{listening}"


def test_who_may_not_know_the_nodes_gets_a_forwarded_port(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Few users may."""
    quiet_world.server.troubles.append(Refusal(403, resource="nodes", message='User "eve" cannot list nodes'))
    serve(quiet_world, port(nodePort=31001), type_="NodePort")
    with opened(resource) as access:
        assert access._forwards


def test_always_forwards_even_what_answers(resource: ClusterResource, quiet_world: LivingWorld, listening: int) -> None:
    """People may want all through one door."""
    serve(quiet_world, port(number=listening), type_="LoadBalancer", ingress=({"ip": HERE},))
    with opened(resource, PortForward.ALWAYS) as access:
        assert access._forwards


@pytest.mark.parametrize("type_", ["ClusterIP", "LoadBalancer"])
def test_never_says_where_nobody_answered_and_what_to_do(
    resource: ClusterResource, quiet_world: LivingWorld, type_: str
) -> None:
    """No port is opened."""
    dead = free_port()
    serve(quiet_world, port(number=dead), type_=type_, ingress=({"ip": HERE}, {}) if type_ == "LoadBalancer" else ())
    where = f"nobody answers at {HERE}:{dead}" if type_ == "LoadBalancer" else "its Service is for the inside alone"
    with pytest.raises(ForwardFailed, match=f"{where}, and port_forward is 'never'. Set it to 'auto'"):
        Access(resource, {}, PortForward.NEVER)


def test_inside_of_a_pod_the_services_name_comes_first(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """With its namespace, since a Pod may be in another; where it does not answer, as behind a policy, others do."""
    resource.kubernetes.is_inside = True
    serve(quiet_world, port(), DASHBOARD)
    with pytest.raises(ForwardFailed, match=r"nobody answers at simple-scheduler\.default\.svc:8786"):
        Access(resource, {}, PortForward.NEVER)
    with opened(resource) as access:
        assert access._forwards


@pytest.mark.parametrize(
    ("said", "scheme"), [("tls://simple-scheduler.ns:8786", "tls"), ("tcp://x:1", "tcp"), ("", "tcp"), ("x", "tcp")]
)
def test_the_protocol_is_what_the_reconciler_says(
    resource: ClusterResource, quiet_world: LivingWorld, said: str, scheme: str
) -> None:
    """dask-kubernetes says nothing, and knows one alone."""
    serve(quiet_world, port())
    with opened(resource, cluster={"status": {"schedulerAddress": said}}) as access:
        assert access.address.startswith(f"{scheme}://{HERE}:")


def test_why_a_connection_failed_is_told(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Whoever connects to the local port sees a reset alone."""
    quiet_world.server.troubles.append(Refusal(403, resource="pods", message='User "eve" cannot list pods'))
    serve(quiet_world, port())
    with opened(resource) as access:
        before = access.last_error
        host, _, number = access.address.removeprefix("tcp://").partition(":")
        with socket.create_connection((host, int(number))) as connection, pytest.raises(ConnectionResetError):
            connection.recv(1)
        assert before is None
        assert "eve" in (access.last_error or "")


def test_connections_that_come_at_the_very_end_leave_no_socket(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Whoever closes a cluster does not ask first whether somebody is about to connect."""
    serve(quiet_world, port())
    for _ in range(10):
        with opened(resource) as access:
            number = int(access.address.rpartition(":")[2])
            for connection in [socket.create_connection((HERE, number)) for _ in range(3)]:
                connection.close()
    gc.collect()  # a socket that was forgotten is an error now
