"""Services in front of Pods that are threads of the test: what the proxy's tests need around it."""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.local.network.addresses import LOOPBACK, Network
from reconciler.local.network.proxy import Forward, Proxy
from reconciler.wire.protocol import Body

NAMESPACE = "default"
SECONDS = 20.0
"""How long a socket of a test waits before the test fails."""

Answer = Callable[[socket.socket], object]


class Server:
    """Answers connections in threads, as a Pod's process would.

    Args:
        listener: Where.
        answer: What it does with a connection, which is closed afterwards.
    """

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._listener = listener
        self._answer = answer
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = False
        listener.settimeout(0.05)
        self._start(self._accept)

    def end(self) -> None:
        """End as a killed process does: listener and connections are closed at once."""
        self._ended = True
        self._threads[0].join()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while not self._ended:
                with suppress(TimeoutError):
                    connection, _ = self._listener.accept()
                    connection.settimeout(SECONDS)
                    self._connections.append(connection)
                    self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._answer(connection)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments))
        self._threads[-1].start()


class Stage:
    """A proxy, and what it is told; `update` tells it.

    Attributes:
        services: The Services by name.
        pods: The Pods by name.
        seconds: The time.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.seconds = 0.0
        self.proxy = Proxy(network, lambda: self.seconds)
        self.services: dict[str, Body] = {}
        self.pods: dict[str, Body] = {}
        self._servers: dict[str, tuple[Server, str, int]] = {}

    def service(self, name: str, *ports: Body, uid: str = "1", **spec: Any) -> None:
        """A Service that selects the Pods whose label `app` is its name."""
        self.services[name] = {
            "metadata": {"namespace": NAMESPACE, "name": name, "uid": uid},
            "spec": {"selector": {"app": name}, "ports": [*ports], **spec},
        }

    def pod(self, name: str, app: str, *, ready: bool = True, named: str = "web", number: int = 7080) -> str:
        """A Pod with a named port; its address."""
        address = self.network.address()
        self.pods[name] = {
            "metadata": {"namespace": NAMESPACE, "name": name, "labels": {"app": app}},
            "spec": {"containers": [{"name": "main", "ports": [{"name": named, "containerPort": number}]}]},
            "status": {"podIP": address},
        }
        self.make_ready(name, ready=ready)
        return address

    def serve(self, pod: str, port: int, answer: Answer) -> None:
        """Let a Pod answer on a port."""
        address = self.pods[pod]["status"]["podIP"]
        self._servers[pod] = Server(self.network.listen(address, port), answer), address, port

    def make_ready(self, pod: str, *, ready: bool = True) -> None:
        """Let a Pod be ready, or not."""
        self.pods[pod]["status"]["conditions"] = [{"type": "Ready", "status": str(ready)}]

    def remove(self, pod: str) -> None:
        """Let a Pod die and be gone."""
        del self.pods[pod]
        server, address, port = self._servers.pop(pod)
        server.end()
        self.network.unlisten(address, port)

    def update(self) -> None:
        """Tell the proxy what there is."""
        self.proxy.update([*self.services.values()], [*self.pods.values()])

    def resolved(self, service: str) -> str | None:
        """What a Service's name resolves to."""
        try:
            return (self.network.run / "services" / NAMESPACE / service).read_text()
        except FileNotFoundError:
            return None

    def connect(self, service: str, port: int) -> socket.socket:
        """A connection to a Service by its name."""
        address = self.resolved(service)
        assert address is not None, f"the Service {service} has no address"
        return socket.create_connection(self.network.real(address, port), SECONDS)

    def end(self) -> None:
        """Let all Pods that answer die."""
        for pod in [*self._servers]:
            self.remove(pod)


@contextmanager
def staged(run: Path, *, shifted: bool) -> Iterator[Stage]:
    """A stage in a run's directory."""
    with closing(Network(run, shifted=shifted)) as network:
        stage = Stage(network)
        try:
            yield stage
        finally:
            stage.end()
            stage.proxy.close()


def only(forwards: tuple[Forward, ...]) -> Forward:
    """The one forward."""
    assert len(forwards) == 1, forwards
    return forwards[0]


def refused(connect: Callable[[], socket.socket]) -> bool:
    """Whether a connection is refused."""
    try:
        connect().close()
    except ConnectionRefusedError:
        return True
    return False


def is_behind(stage: Stage) -> bool:
    """Whether the proxy has something to do still."""
    return stage.proxy.is_behind


def is_kept(port: int) -> bool:
    """Whether nobody else could listen on a port of localhost."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return True
    return False


def local(port: int) -> socket.socket:
    """A connection to localhost."""
    return socket.create_connection((LOOPBACK, port), SECONDS)


def said(connection: socket.socket) -> str:
    """All that comes until the other side ends it; the connection is closed then."""
    with connection:
        return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()


def saying(words: str) -> Answer:
    """An answer of a few words."""
    return lambda connection: connection.sendall(words.encode())


def free_port() -> int:
    """A port of localhost that nobody has, and that no connection gets meanwhile: systems give higher ones."""
    while True:
        port = random.randrange(10_000, 30_000)
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
