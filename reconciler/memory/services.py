"""What the API server does to Services: defaults, addresses and ports it gives out and takes back, validation."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from models.kinds import SERVICE
from reconciler.memory.metadata import DNS_LABEL
from reconciler.memory.refusals import invalid
from reconciler.wire.protocol import Body

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
OUTSIDE = ("NodePort", "LoadBalancer")
ADDRESS_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
HIGHEST_PORT = 65535
SESSION_SECONDS = 3 * 60 * 60


@dataclass(frozen=True, slots=True)
class Pool:
    """Where addresses and ports come from.

    Args:
        address: Gives out a cluster IP that no other Service has.
        node_port: Gives out a node port that no other Service has.
    """

    address: Callable[[], str]
    node_port: Callable[[], int]


def created(body: Body, pool: Pool) -> Body:
    """A new Service with defaults, addresses and an empty status.

    Raises:
        Invalid: the Service is wrong.
    """
    spec = _with_defaults(body.get("spec") or {})
    _refuse(body, _violations(spec))
    return {**body, "spec": _allocated(spec, pool), "status": {"loadBalancer": {}}}


def updated(old: Body, new: Body, pool: Pool) -> Body:
    """A changed Service: it keeps what it was given as long as its type needs it.

    Raises:
        Invalid: the Service is wrong, or its cluster IP changed.
    """
    before = old["spec"]
    spec = _with_defaults(new.get("spec") or {})
    if spec == before:
        return {**new, "spec": before}
    spec = _kept(before, _released(before, spec))
    _refuse(new, [*_violations(spec), *_forbidden_changes(before, spec)])
    status = new.get("status", {}) if spec["type"] == "LoadBalancer" else {"loadBalancer": {}}
    return {**new, "spec": _allocated(spec, pool), "status": status}


def _with_defaults(spec: Body) -> Body:
    said = {key: value for key, value in spec.items() if value not in (None, [], {})}
    result: Body = {"type": "ClusterIP", "sessionAffinity": "None", **said}
    if result["type"] != "ExternalName":
        result.setdefault("internalTrafficPolicy", "Cluster")
    if result["sessionAffinity"] == "ClientIP":
        result.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": SESSION_SECONDS}})
    else:
        result.pop("sessionAffinityConfig", None)
    if result["type"] in OUTSIDE:
        result.setdefault("externalTrafficPolicy", "Cluster")
    if result["type"] == "LoadBalancer":
        result.setdefault("allocateLoadBalancerNodePorts", True)
    if isinstance(result.get("ports"), list):
        result["ports"] = [_port_with_defaults(port) for port in result["ports"]]
    return result


def _port_with_defaults(port: Any) -> Any:
    if not isinstance(port, dict):
        return port
    result: Body = {"protocol": "TCP", **port}
    if result.get("targetPort") in (None, "", 0):
        result["targetPort"] = result.get("port")
    return result


def _allocated(spec: Body, pool: Pool) -> Body:
    """The spec with the addresses and ports that its type needs and the user left open."""
    result = dict(spec)
    if _has_address(spec):
        if not spec.get("clusterIP"):
            result["clusterIP"] = pool.address()
        result["clusterIPs"] = [result["clusterIP"]]
        result.setdefault("ipFamilies", ["IPv4"])
        result.setdefault("ipFamilyPolicy", "SingleStack")
    if _has_node_ports(spec):
        result["ports"] = [
            port if port.get("nodePort") else {**port, "nodePort": pool.node_port()} for port in spec["ports"]
        ]
    return result


def _released(before: Body, spec: Body) -> Body:
    """The spec without what its new type does not need, unless the user set just that."""
    result = dict(spec)
    if _has_address(before) and not _has_address(spec):
        unchanged = (field for field in ADDRESS_FIELDS if before.get(field) == spec.get(field))
        for field in list(unchanged):
            result.pop(field, None)
    if _has_node_ports(before) and not _has_node_ports(spec) and _node_ports(spec) <= _node_ports(before):
        ports = spec.get("ports", [])
        result["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
    outside = [("externalTrafficPolicy", OUTSIDE)]
    balanced = [("allocateLoadBalancerNodePorts", ("LoadBalancer",)), ("loadBalancerClass", ("LoadBalancer",))]
    for field, types in outside + balanced:
        if before["type"] in types and spec["type"] not in types and before.get(field) == spec.get(field):
            result.pop(field, None)
    return result


def _kept(before: Body, spec: Body) -> Body:
    """The spec with what the Service had and a change left out: its address, and its node ports by port name."""
    result = dict(spec)
    if _has_address(before) and _has_address(spec):
        for field in ADDRESS_FIELDS:
            if field in before:
                result.setdefault(field, before[field])
    if _has_node_ports(before) and _has_node_ports(spec):
        named = {port.get("name"): port.get("nodePort") for port in before["ports"]}
        taken = _node_ports(spec) & _node_ports(before)
        result["ports"] = [
            port
            if port.get("nodePort") or not (known := named.get(port.get("name"))) or known in taken
            else {**port, "nodePort": known}
            for port in spec.get("ports", [])
        ]
    return result


def _violations(spec: Body) -> Iterator[str]:
    if spec["type"] not in TYPES:
        supported = ", ".join(f'"{name}"' for name in TYPES)
        yield f'spec.type: Unsupported value: "{spec["type"]}": supported values: {supported}'
    ports = spec.get("ports", [])
    if not ports and _has_address(spec) and spec.get("clusterIP") != "None":
        yield "spec.ports: Required value"
    for index, port in enumerate(ports if isinstance(ports, list) else [None]):
        where = f"spec.ports[{index}]"
        if not isinstance(port, dict):
            yield f"{where}: Invalid value: must be an object"
        else:
            yield from _port_violations(where, port, alone=len(ports) == 1)
    good = [port for port in ports if isinstance(port, dict)] if isinstance(ports, list) else []
    names = Counter(port["name"] for port in good if port.get("name"))
    yield from (f'spec.ports.name: Duplicate value: "{name}"' for name, times in names.items() if times > 1)
    numbers = Counter((str(port.get("port")), port.get("protocol")) for port in good)
    yield from (f"spec.ports: Duplicate value: {number}" for number, times in numbers.items() if times > 1)


def _port_violations(where: str, port: Body, *, alone: bool) -> Iterator[str]:
    number, name, target = port.get("port"), port.get("name"), port.get("targetPort")
    if not isinstance(number, int) or not 1 <= number <= HIGHEST_PORT:
        yield f"{where}.port: Invalid value: {number}: must be between 1 and {HIGHEST_PORT}, inclusive"
    if isinstance(target, int) and not 1 <= target <= HIGHEST_PORT:
        yield f"{where}.targetPort: Invalid value: {target}: must be between 1 and {HIGHEST_PORT}, inclusive"
    if not name and not alone:
        yield f"{where}.name: Required value"
    if name and (not isinstance(name, str) or not DNS_LABEL(name)):
        yield f'{where}.name: Invalid value: "{name}": must be a lowercase RFC 1123 label'


def _forbidden_changes(before: Body, spec: Body) -> Iterator[str]:
    if _has_address(before) and _has_address(spec) and before.get("clusterIP") != spec.get("clusterIP"):
        yield f'spec.clusterIPs[0]: Invalid value: ["{spec.get("clusterIP")}"]: may not change once set'


def _has_address(spec: Body) -> bool:
    return bool(spec["type"] != "ExternalName")


def _has_node_ports(spec: Body) -> bool:
    return spec["type"] in OUTSIDE and spec.get("allocateLoadBalancerNodePorts") is not False


def _node_ports(spec: Body) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", []) if port.get("nodePort")}


def _refuse(body: Body, causes: Any) -> None:
    if found := list(causes):
        raise invalid(SERVICE, body["metadata"]["name"], found)
