"""What the API server does to Services: what it gives out, keeps and takes back."""

import pytest

from models.kinds import SERVICE
from reconciler.wire.errors import Invalid
from reconciler.wire.protocol import Body
from tests.contract.world import World, key_of, service, version
from tests.manifests import Manifest

PORT = {"name": "comm", "port": 8786}


def node_ports(body: Body) -> dict[str, int]:
    return {port["name"]: port["nodePort"] for port in body["spec"]["ports"] if "nodePort" in port}


def test_defaults_of_a_service(world: World) -> None:
    """A Service without a type is a ClusterIP with an address; ports are TCP and lead to the same number."""
    created = world.create(service(ports=[PORT]))
    address = created["spec"].pop("clusterIP")
    assert address.count(".") == 3
    assert created["spec"] == {
        "selector": {"app": "dask"},
        "ports": [{"name": "comm", "protocol": "TCP", "port": 8786, "targetPort": 8786}],
        "clusterIPs": [address],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    assert created["status"] == {"loadBalancer": {}}


def test_sessions_have_a_length_while_there_are_any(world: World) -> None:
    """Session affinity by client lasts three hours unless the Service says otherwise; without it no length is kept."""
    created = world.create(service(sessionAffinity="ClientIP"))
    assert created["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    without = world.api.patch(key_of(created), {"spec": {"sessionAffinity": "None"}}).body
    assert "sessionAffinityConfig" not in without["spec"]


def test_every_service_has_its_own_address(world: World) -> None:
    """No two Services share a cluster IP."""
    first, second = (world.create(service(name))["spec"]["clusterIP"] for name in "ab")
    assert first != second


@pytest.mark.parametrize("type_", ["NodePort", "LoadBalancer"])
def test_a_service_that_is_reached_from_outside_has_node_ports(world: World, type_: str) -> None:
    """NodePort and LoadBalancer give each port a node port of its own."""
    created = world.create(service(type=type_))
    ports = node_ports(created)
    assert ports.keys() == {"comm", "dashboard"}
    assert all(30000 <= port < 32768 for port in ports.values())
    assert len(set(ports.values())) == 2
    assert created["spec"]["externalTrafficPolicy"] == "Cluster"
    assert created["spec"].get("allocateLoadBalancerNodePorts") is (True if type_ == "LoadBalancer" else None)


def test_a_headless_service_has_no_address(world: World) -> None:
    """A cluster IP of None is kept; such a Service needs no ports."""
    created = world.create(service(clusterIP="None", ports=[]))
    assert (created["spec"]["clusterIP"], created["spec"]["clusterIPs"]) == ("None", ["None"])
    assert "ports" not in created["spec"]


def test_an_external_name_has_nothing_allocated(world: World) -> None:
    """A Service of type ExternalName has no address."""
    created = world.create(service(type="ExternalName", externalName="example.com", ports=[PORT]))
    assert created["spec"].keys() == {"selector", "ports", "type", "sessionAffinity", "externalName"}


def test_the_user_may_choose_a_node_port(world: World) -> None:
    """A node port in the manifest is kept."""
    created = world.create(service(type="NodePort", ports=[{**PORT, "nodePort": 30123}]))
    assert node_ports(created) == {"comm": 30123}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (service(ports=[]), r"spec.ports: Required value"),
        (service(ports=[{"port": 1}, {"port": 2}]), r"spec.ports\[0\].name: Required value"),
        (service(ports=[{"name": "a", "port": 1}, {"name": "a", "port": 2}]), r"spec.ports.*: Duplicate value"),
        (service(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 1}]), r"spec.ports.*: Duplicate value"),
        (service(ports=[{"port": 0}]), r"spec.ports\[0\].port: Invalid value: 0"),
        (service(ports=[{"port": 70000}]), r"spec.ports\[0\].port: Invalid value: 70000"),
        (service(ports=[{"port": 1, "targetPort": 70000}]), r"spec.ports\[0\].targetPort: Invalid value: 70000"),
        (service(ports=[{"name": "Upper", "port": 1}]), r'spec.ports\[0\].name: Invalid value: "Upper"'),
        (service(type="Outside"), r'spec.type: Unsupported value: "Outside"'),
    ],
)
def test_a_service_that_makes_no_sense_is_refused(world: World, body: Manifest, field: str) -> None:
    """Ports have numbers and names of their own, types are known; the message names the field."""
    with pytest.raises(Invalid, match=rf'Service "s" is invalid: .*{field}'):
        world.create(body)


def test_a_port_of_the_wrong_type_is_refused(strict_world: World) -> None:
    """A port is a number."""
    with pytest.raises(Invalid, match="cannot be handled as a Service"):
        strict_world.create(service(ports=[{"name": "comm", "port": "8786"}]))


def test_an_unknown_field_of_a_service_comes_back_as_a_warning(strict_world: World) -> None:
    """What Kubernetes does not know in a Service is left out, with a warning."""
    reply = strict_world.api.create(SERVICE, strict_world.placed(service(unheard="of")))
    assert 'unknown field "spec.unheard"' in reply.warnings
    assert "unheard" not in reply.body["spec"]


def test_an_address_is_kept(world: World) -> None:
    """A patch that leaves the address out, or nulls it, keeps it; another address is refused."""
    created = world.create(service())
    key = key_of(created)
    cleared = {"clusterIP": None, "clusterIPs": None, "ipFamilies": None, "sessionAffinity": None, "type": None}
    assert version(world.api.patch(key, {"spec": cleared}).body) == version(created)
    with pytest.raises(Invalid, match="may not change once set"):
        world.api.patch(key, {"spec": {"clusterIP": "None"}})


def test_ports_keep_their_node_ports_by_name(world: World) -> None:
    """Ports that are replaced keep the node port of the port of their name, whatever their number."""
    created = world.create(service(type="NodePort"))
    before = node_ports(created)
    ports = [{"name": "comm", "port": 9999}, {"name": "new", "port": 8787}]
    after = node_ports(world.api.patch(key_of(created), {"spec": {"ports": ports}}).body)
    assert after["comm"] == before["comm"]
    assert after["new"] not in before.values()


def test_ports_that_are_sent_again_change_nothing(world: World) -> None:
    """Ports as the user wrote them, without what the server filled in, are the same ports."""
    body = service(type="NodePort")
    created = world.create(body)
    assert version(world.api.patch(key_of(created), {"spec": body["spec"]}).body) == version(created)


def test_a_service_may_change_its_type(world: World) -> None:
    """What a type needs comes with it, and what it does not need goes; the address stays."""
    created = world.create(service())
    key = key_of(created)
    node_port = world.api.patch(key, {"spec": {"type": "NodePort"}}).body
    assert len(node_ports(node_port)) == 2
    balanced = world.api.patch(key, {"spec": {"type": "LoadBalancer"}}).body
    assert node_ports(balanced) == node_ports(node_port)
    inside = world.api.patch(key, {"spec": {"type": "ClusterIP"}}).body
    assert inside["spec"] == created["spec"]
    by_default = world.api.patch(key, {"spec": {"type": "NodePort"}}).body
    assert len(node_ports(by_default)) == 2
    assert world.api.patch(key, {"spec": {"type": None}}).body["spec"] == created["spec"]


def test_an_external_name_gives_its_address_back(world: World) -> None:
    """A Service that becomes an ExternalName loses its cluster IP, and gets one when it turns back."""
    key = key_of(world.create(service()))
    outside = world.api.patch(key, {"spec": {"type": "ExternalName", "externalName": "example.com"}}).body
    assert outside["spec"].keys().isdisjoint({"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"})
    inside = world.api.patch(key, {"spec": {"type": "ClusterIP", "externalName": None}}).body
    assert inside["spec"]["clusterIP"]


def test_a_load_balancers_address_goes_with_its_type(world: World) -> None:
    """The status of a LoadBalancer is cleared when the Service becomes another type."""
    key = key_of(world.create(service(type="LoadBalancer")))
    ingress = {"loadBalancer": {"ingress": [{"hostname": "dask.example.com"}]}}
    assert world.api.patch(key, {"status": ingress}, "status").body["status"] == ingress
    assert world.api.patch(key, {"spec": {"sessionAffinity": "ClientIP"}}).body["status"] == ingress
    inside = world.api.patch(key, {"spec": {"type": "ClusterIP"}}).body
    assert inside["status"] == {"loadBalancer": {}}
