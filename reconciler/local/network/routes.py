"""Where the ports of Services lead: which Pods answer for them, as Kubernetes' endpoints controller has it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Any, TypeGuard, TypeVar

from models.kinds import SERVICE, Key
from reconciler.local.network.addresses import Place
from reconciler.wire.protocol import Body

T = TypeVar("T")
_ENDED = ("Succeeded", "Failed")
_NAME = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}")


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of a Service.

    Args:
        name: Its name; empty if it has none.
        port: Its number.
        endpoints: The ports of ready Pods that answer for it.
    """

    name: str
    port: int
    endpoints: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a Service leads.

    Args:
        key: The Service.
        uid: Its uid: another one is another Service.
        headless: Whether it has no address of its own.
        pods: The addresses of the ready Pods that it selects.
        ports: Its TCP ports.
    """

    key: Key
    uid: str
    headless: bool
    pods: tuple[str, ...]
    ports: tuple[Port, ...]

    @property
    def first(self) -> str | None:
        """The address of the first ready Pod."""
        return next(iter(self.pods), None)

    def endpoints(self, port: int) -> tuple[Place, ...]:
        """What answers for a port; nothing if the Service has no such port."""
        return next((each.endpoints for each in self.ports if each.port == port), ())


def routes(services: Iterable[Body], pods: Iterable[Body]) -> Mapping[Key, Route]:
    """Where every Service leads.

    - A Pod answers if the Service's selector matches, it is ready or the Service does not ask, and it is not ending.
    - A Service without a selector leads nowhere; one of type ExternalName is left out, and so are ports of UDP and
      SCTP.
    - What cannot be read of the objects is as if it were not there.
    """
    known = tuple(_read(_pod, pods))
    return {route.key: route for route in _read(partial(_route, known), services)}


def dead_ends(services: Iterable[Body], pods: Iterable[Body]) -> tuple[str, ...]:
    """What is to be said of ports that lead nowhere: their `targetPort` is a name that no container has.

    Nothing of a Service that selects no Pods yet.
    """
    known = tuple(_read(_pod, pods))
    return tuple(words for found in _read(partial(_dead_ends, known), services) for words in found)


@dataclass(frozen=True, slots=True)
class _Pod:
    namespace: str
    labels: Mapping[str, str]
    address: str
    ready: bool
    ports: Mapping[str, int]

    def place(self, target: Any) -> Place | None:
        """Where a target port is, given as a number or by name."""
        port = self.ports.get(target) if isinstance(target, str) else target
        return (self.address, port) if _is_port(port) else None


def _read(read: Callable[[Body], T | None], objects: Iterable[Body]) -> Iterator[T]:
    for each in objects:
        try:
            found = read(each)
        except (AttributeError, KeyError, TypeError, ValueError):  # some field is of a type it cannot have
            continue
        if found is not None:
            yield found


def _pod(body: Body) -> _Pod | None:
    """A Pod, if it may answer for a Service now."""
    meta, status = body["metadata"], body.get("status") or {}
    address = status.get("podIP")
    if not address or meta.get("deletionTimestamp") or status.get("phase") in _ENDED:
        return None
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return _Pod(
        namespace=meta["namespace"],
        labels=dict(meta.get("labels") or {}),
        address=str(IPv4Address(address)),
        ready=conditions.get("Ready") == "True",
        ports=_named_ports(body["spec"].get("containers") or ()),
    )


def _named_ports(containers: Sequence[Body]) -> Mapping[str, int]:
    """The containers' TCP ports that have a name; where two have the same, the first counts."""
    named: dict[str, int] = {}
    for container in containers:
        for port in container.get("ports") or ():
            if port.get("name") and _is_tcp(port):
                named.setdefault(port["name"], port["containerPort"])
    return named


def _route(pods: Sequence[_Pod], body: Body) -> Route | None:
    meta, spec = body["metadata"], body.get("spec") or {}
    key = Key(SERVICE, meta["namespace"], meta["name"])
    if spec.get("type") == "ExternalName" or not (_NAME.fullmatch(key.namespace) and _NAME.fullmatch(key.name)):
        return None
    chosen = [pod for pod in _selected(pods, body) if pod.ready or spec.get("publishNotReadyAddresses")]
    return Route(
        key=key,
        uid=str(meta.get("uid", "")),
        headless=spec.get("clusterIP") == "None",
        pods=tuple(pod.address for pod in chosen),
        ports=_ports(spec, chosen),
    )


def _selected(pods: Iterable[_Pod], body: Body) -> list[_Pod]:
    """The Pods that a Service selects, ready or not."""
    namespace, selector = body["metadata"]["namespace"], (body.get("spec") or {}).get("selector")
    return [pod for pod in pods if selector and pod.namespace == namespace and selector.items() <= pod.labels.items()]


def _ports(spec: Body, pods: Sequence[_Pod]) -> tuple[Port, ...]:
    """The TCP ports of a Service; of two with the same number, the first."""
    ports: dict[int, Port] = {}
    for written in spec.get("ports") or ():
        number = written.get("port")
        if _is_port(number) and _is_tcp(written) and number not in ports:
            target = written.get("targetPort") or number
            places = [pod.place(target) for pod in pods]
            ports[number] = Port(str(written.get("name") or ""), number, tuple(place for place in places if place))
    return tuple(ports.values())


def _dead_ends(pods: Sequence[_Pod], body: Body) -> tuple[str, ...]:
    selected = _selected(pods, body)
    names = {name for pod in selected for name in pod.ports}
    there = f"these names: {', '.join(sorted(names))}" if names else "no names"
    meta = body["metadata"]
    return tuple(
        f"Service {meta['namespace']}/{meta['name']}: port {port['port']} leads nowhere: its targetPort is "
        f'"{port["targetPort"]}", and the ports of its Pods\' containers have {there}; write another, or a number.'
        for port in (body.get("spec") or {}).get("ports") or ()
        if selected and _is_tcp(port) and isinstance(port.get("targetPort"), str) and port["targetPort"] not in names
    )


def _is_tcp(port: Body) -> bool:
    return (port.get("protocol") or "TCP") == "TCP"


def _is_port(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 < number < 1 << 16
