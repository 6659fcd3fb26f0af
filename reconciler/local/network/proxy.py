"""Services on one machine: what kube-proxy and `kubectl port-forward` do.

    a Service's address ────┐                     ┌─► Pod
                            ├─► one that is ready ┤
    a forward on localhost ─┘                     └─► Pod

`routes` says which Pods are, `relay` passes the bytes on.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import structlog

from models.kinds import SERVICE, Key
from reconciler.local.network.addresses import Network, Place
from reconciler.local.network.forwards import Forwarded, Forwards
from reconciler.local.network.listeners import accepting
from reconciler.local.network.relay import Relay
from reconciler.local.network.routes import Port, Route, routes
from reconciler.wire.protocol import Body

log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


@dataclass(frozen=True, slots=True)
class Forward:
    """One port of a Service on localhost.

    Args:
        namespace: The Service's.
        service: Its name.
        port_name: The port's name; empty if it has none.
        port: The Service's port.
        local_port: Where it really listens on 127.0.0.1.
    """

    namespace: str
    service: str
    port_name: str
    port: int
    local_port: int


class Proxy:
    """The Services of one run.

    - A Service's name resolves to its address as long as it exists; that of a headless one to its first ready Pod.
    - A port of a Service's address is open while an endpoint is ready and, at first, listens; otherwise connections are
      refused, which clients try again, unlike what is broken off.
    - A forward keeps its port until `unforward` or `close`, but for ports that the Service no longer has when it is
      asked for again. It is open as the Service's own port is, and for some seconds longer; a connection that finds
      no endpoint for a second is ended then.
    - A connection lasts until one of its ends ends it, whatever `update` brings; ends of one direction and resets are
      passed on, and nobody can send faster than the other receives.
    - When `update` returns, what it was told is in force. What cannot be read of an object is not there.
    - After `close` there is no thread, no socket and no file left.
    - Threads may share an instance.

    Args:
        network: Where the Services and the Pods are.
        clock: The time in seconds; it never goes back.
    """

    def __init__(self, network: Network, clock: Callable[[], float] = time.monotonic) -> None:
        self._network = network
        self._clock = clock
        self._lock = threading.Lock()
        self._routes: Mapping[Key, Route] = {}
        self._addresses: dict[Key, tuple[str | None, str]] = {}
        self._names: dict[Key, str] = {}
        self._listeners: dict[Place, socket.socket] = {}
        self._refused: dict[Place, str] = {}
        self._followed = True
        self._closed = False
        self._accepting: frozenset[Place] = frozenset()
        self._relay = Relay(network.real)
        self._forwards = Forwards(self._relay, self._places)

    def update(self, services: Sequence[Body], pods: Sequence[Body]) -> None:
        """Follow what there is now.

        Args:
            services: Every Service, as JSON.
            pods: Every Pod, as JSON.
        """
        with self._lock:
            found = routes(services, pods)
            if not self._closed and (found != self._routes or self._is_behind):
                self._follow(found)

    def address(self, namespace: str, service: str) -> str:
        """A Service's address, the same for as long as that Service exists; it may be asked for before."""
        with self._lock:
            return self._address(Key(SERVICE, namespace, service), None)

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be done of the last update: another one, even of the same, tries it again.

        So it is while a ready endpoint does not listen yet.
        """
        with self._lock:
            return self._is_behind

    @property
    def _is_behind(self) -> bool:
        return not self._followed or self._forwards.is_behind

    def forward(self, namespace: str, service: str, *, same_ports: bool = True) -> tuple[Forward, ...]:
        """Every TCP port of a Service on 127.0.0.1.

        Nothing if there is no such Service. Asked again, what is forwarded already stays as it is.

        Args:
            namespace: The Service's.
            service: Its name.
            same_ports: Whether ports have the same number there, unless that is taken; else they have any.

        Raises:
            OSError: no port is to be had.
        """
        key = Key(SERVICE, namespace, service)
        with self._lock:
            if self._closed or key not in self._routes:
                return ()
            ports = self._routes[key].ports
            kept = {port.port for port in ports}
            self._forwards.close([one for one in self._forwards.of(key) if one.port not in kept])
            chosen = [Forwarded(key, port.port, same_ports) for port in ports]
            forwards = tuple(
                Forward(namespace, service, port.name, port.port, self._forwards.port(one))
                for port, one in zip(ports, chosen, strict=True)
            )
            self._tend()
            return forwards

    def unforward(self, namespace: str, service: str) -> None:
        """Close all ports of localhost that stand for a Service's; connections that are there go on."""
        key = Key(SERVICE, namespace, service)
        with self._lock:
            self._forwards.close(self._forwards.of(key))

    def close(self) -> None:
        """End every connection; nothing listens or resolves any more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._follow({})
                self._forwards.close()
            self._relay.close()

    def _follow(self, found: Mapping[Key, Route]) -> None:
        """Make addresses, listeners and names what the routes say."""
        self._routes, self._followed = found, False
        endpoints = {place for route in found.values() for port in route.ports for place in port.endpoints}
        self._accepting &= endpoints
        self._accepting |= accepting(endpoints - self._accepting, self._network.real)
        for key in [key for key, (uid, _) in self._addresses.items() if uid is not None and key not in found]:
            del self._addresses[key]
        addresses = {key: self._address(key, route.uid) for key, route in found.items()}
        self._listen(
            {
                (addresses[key], port.port): key
                for key, route in found.items()
                for port in route.ports
                if self._is_served(port) and not route.headless
            }
        )
        self._tend()
        self._name({key: route.first if route.headless else addresses[key] for key, route in found.items()})
        ports = [port for route in found.values() for port in route.ports if port.endpoints]
        self._followed = not self._refused and all(map(self._is_served, ports))

    def _is_served(self, port: Port) -> bool:
        """Whether somebody listens behind a port of a Service, or did when its Pod became ready."""
        return not self._accepting.isdisjoint(port.endpoints)

    def _address(self, key: Key, uid: str | None) -> str:
        """The address that was given to a Service, or a new one if it is another Service now."""
        known, address = self._addresses.get(key, (None, None))
        if address is None or (uid is not None and known not in (None, uid)):
            known, address = None, self._network.address()
        self._addresses[key] = (uid if known is None else known, address)
        return address

    def _name(self, wanted: Mapping[Key, str | None]) -> None:
        for key in [key for key in self._names if wanted.get(key) is None]:
            self._network.name(key.namespace, key.name, None)
            del self._names[key]
        for key, address in wanted.items():
            if address is not None and self._names.get(key) != address:
                self._network.name(key.namespace, key.name, address)
                self._names[key] = address

    def _listen(self, wanted: Mapping[Place, Key]) -> None:
        for place in [place for place in self._listeners if place not in wanted]:
            self._network.unlisten(*place)  # while the real port is nobody else's
            self._relay.shut(self._listeners.pop(place))
        refused: dict[Place, str] = {}
        for place, key in wanted.items():
            if place not in self._listeners:
                try:
                    self._listeners[place] = self._network.listen(*place)
                except OSError as error:
                    refused[place] = str(error)
                else:
                    self._relay.open(self._listeners[place], self._places(key, place[1]))
        self._tell(refused, wanted)

    def _tell(self, refused: dict[Place, str], wanted: Mapping[Place, Key]) -> None:
        """Say once of a place that it cannot be listened on, and once that it can."""
        for place, error in refused.items():
            if place not in self._refused:
                log.warning("service.unreachable", key=str(wanted[place]), port=place[1], error=error)
        for place in (self._refused.keys() - refused.keys()) & wanted.keys():
            log.info("service.reachable", key=str(wanted[place]), port=place[1])
        self._refused = refused

    def _places(self, key: Key, port: int) -> Callable[[], Sequence[Place]]:
        """Where a port of a Service leads when it is asked, each time another one first."""
        turns = count()

        def places() -> Sequence[Place]:
            route = self._routes.get(key)
            found = route.endpoints(port) if route else ()
            first = next(turns) % max(len(found), 1)
            return (*found[first:], *found[:first])

        return places

    def _tend(self) -> None:
        served = {
            (key, port.port) for key, route in self._routes.items() for port in route.ports if self._is_served(port)
        }
        self._forwards.tend(served, self._clock())
