"""From a Pod that is to be found to a WebSocket that leads to its port."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from kubecluster.api import Body, Kubernetes, Stream, path
from kubecluster.api.no_answer import why
from kubecluster.errors import ClusterGone, ClusterNotFound, ForwardFailed, NoKubernetes, NotAllowed
from kubecluster.threads import in_thread

PROTOCOL = Subprotocol("v4.channel.k8s.io")
PATIENCE_SECONDS = 15.0
"""How long a connection waits for a Pod that takes it: about what it takes to replace one."""
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 2.0
PING_SECONDS = 20.0
"""Proxies between here and the Pod cut what is idle, some after 60 seconds."""
AT_ONCE = 16
"""How many are opened at a time: each takes a thread and a TLS handshake."""
LIMIT = 1 << 24
KEPT_ALIVE = {
    "TCP_KEEPIDLE": 20,
    "TCP_KEEPALIVE": 20,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 60_000,
}
"""Dead ends show within a minute. Pings cannot tell them: behind a Pod that reads nothing they remain unanswered."""
log = logging.getLogger("kubecluster.forward")
QUIET = log.getChild("websocket")
QUIET.setLevel(logging.INFO)  # at debug it would tell the headers, with the token, and every frame


class NoSuchPort(ForwardFailed):
    """No container of the Pod has a port of that name."""


HOPELESS = (NotAllowed, NoKubernetes, ClusterGone, ClusterNotFound, NoSuchPort)
"""What another try does not change."""


class Opening:
    """Opens WebSockets to a Pod's port.

    Args:
        kubernetes: where the Pod is.
        namespace: of the Pod.
        find_pod: names the Pod.
        port: its number, or the name of a container's port.
        patience_seconds: how long it is tried again.
        ping_seconds: how often a WebSocket says that it is there.
    """

    def __init__(  # noqa: PLR0913 -- what leads where, and how
        self,
        kubernetes: Kubernetes,
        namespace: str,
        find_pod: Callable[[], str],
        port: int | str,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._find_pod = find_pod
        self._port = port
        self._patience_seconds = patience_seconds
        self._ping_seconds = ping_seconds
        self._turn = asyncio.Semaphore(AT_ONCE)

    def __str__(self) -> str:
        return f"port {self._port} in namespace {self._namespace!r} of {self._kubernetes}"

    async def websocket(self) -> ClientConnection:
        """A WebSocket to the Pod of now; while there is none that takes it, it is tried again for some seconds.

        Raises:
            Exception: why the last try failed.
        """
        deadline = time.monotonic() + self._patience_seconds
        failures = 0
        while True:
            try:
                async with self._turn:
                    return await self._try()
            except Exception as error:
                pause = PAUSES[min(failures, len(PAUSES) - 1)]
                if isinstance(error, HOPELESS) or time.monotonic() + pause > deadline:
                    raise
                log.debug("%s: %s; trying again", self, error)
            failures += 1
            await asyncio.sleep(pause)

    async def _try(self, *, renew: bool = True) -> ClientConnection:
        where, stream = await in_thread(self._prepared)
        try:
            return await _opened(stream, self._ping_seconds)
        except InvalidStatus as refused:
            answer = refused.response
        except (InvalidHandshake, InvalidURI) as trouble:
            raise ForwardFailed(f"{self}: no WebSocket is opened: {trouble}") from trouble
        except OSError as trouble:
            raise ForwardFailed(f"{self}: the API server cannot be reached: {why(trouble)}") from trouble
        except ImportError as missing:
            raise NoKubernetes(f"{self}: {missing}. Install it.") from missing
        body = bytes(answer.body or b"")
        error, is_renewed = await in_thread(partial(self._kubernetes.refused, stream, where, answer.status_code, body))
        if not (is_renewed and renew):
            raise error
        return await self._try(renew=False)

    def _prepared(self) -> tuple[str, Stream]:
        """The path of the Pod's ports and how to get there; blocking."""
        pod = self._find_pod()
        port = self._port
        if isinstance(port, str):
            port = port_number(self._kubernetes.get(path("pods", self._namespace, pod, group="")), port)
        where = path("pods", self._namespace, pod, group="", subresource="portforward")
        return where, self._kubernetes.stream(where, ports=str(port))


def port_number(pod: Body, name: str) -> int:
    """The number of a container's port.

    Raises:
        NoSuchPort: no container of the Pod has a port of that name.
    """
    spec = pod["spec"]
    containers = (*spec.get("containers", ()), *spec.get("initContainers", ()))
    ports = {port.get("name"): int(port["containerPort"]) for one in containers for port in one.get("ports") or ()}
    if name not in ports:
        known = ", ".join(sorted(filter(None, ports))) or "none"
        raise NoSuchPort(f"Pod {pod['metadata']['name']} has no port {name!r}. Name one that it has: {known}.")
    return ports[name]


async def _opened(stream: Stream, ping_seconds: float) -> ClientConnection:
    more: dict[str, Any] = {"ssl": stream.tls, "ssl_shutdown_timeout": CLOSE_SECONDS} if stream.tls else {}
    if stream.server_name:
        more["server_hostname"] = stream.server_name
    websocket = await connect(
        stream.url,
        additional_headers=list(stream.headers),
        user_agent_header=None,
        subprotocols=[PROTOCOL],
        compression=None,
        proxy=stream.proxy,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        ping_interval=ping_seconds,
        ping_timeout=None,
        max_size=LIMIT,
        logger=QUIET,
        **more,
    )
    _keep_alive(websocket.transport.get_extra_info("socket"))
    return websocket


def _keep_alive(connection: Any) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEPT_ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
