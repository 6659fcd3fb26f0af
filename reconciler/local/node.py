"""This machine as a node: what a kubelet, a kube-proxy and a port-forward do together."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from models.kinds import CONFIG_MAP, POD, SECRET, SERVICE, Key
from reconciler.local.containers.logfile import log_file
from reconciler.local.containers.logs import Line, Logs
from reconciler.local.containers.preparation import Surroundings
from reconciler.local.containers.processes import Processes
from reconciler.local.containers.programs import has_gpu
from reconciler.local.exception_barrier import ExceptionBarrier
from reconciler.local.files.supplies import Supplies, supplies
from reconciler.local.network.addresses import LOOPBACK, Network
from reconciler.local.network.cluster_addresses import ClusterAddress, ClusterAddresses
from reconciler.local.network.proxy import Proxy
from reconciler.local.openfiles import raise_open_files
from reconciler.local.pods.kubelet import Kubelet
from reconciler.memory import MemoryAPI
from reconciler.rules.addresses import COMM_PORT, DASHBOARD_PORT
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body

USUAL_PORTS = (COMM_PORT, DASHBOARD_PORT)
RETRY_AFTER = timedelta(seconds=1)
"""When what could not be connected is tried again: another program may have let go of a port."""


class Node:
    """Runs the Pods of an API and connects its Services.

    Attributes:
        notes: What is to be said of this machine.
        has_gpu: Whether it has a GPU.
        cluster_addresses: Where each cluster is reached, by the clusters' uids.

    Args:
        api: The API.
        folder: The run's directory; but for the logs, it is removed in the end.
        shifted: Whether Pods share one loopback address; by default only where there is but one.
    """

    def __init__(self, api: MemoryAPI, folder: Path, *, shifted: bool | None = None) -> None:
        self._api = api
        self._stack = ExitStack()
        with ExitStack() as stack:
            network, self.notes = _network(folder, shifted=shifted)
            stack.callback(network.close)
            self._network = network
            processes = stack.enter_context(Processes(folder))
            raise_open_files()  # only now: the guard runs already, so containers have the limit that the user has
            self._proxy = Proxy(network)
            stack.callback(self._proxy.close)
            self._logs = Logs()
            self.has_gpu = has_gpu()
            self._kubelet = Kubelet(api, processes, network, self._logs, has_gpu=self.has_gpu)
            self._addresses = ClusterAddresses(api, self._proxy, network)
            self._stack = stack.pop_all()
        self.cluster_addresses: Mapping[str, ClusterAddress] = {}
        self._services: tuple[Body, ...] = ()
        self._supplies: Supplies = {}
        self._barrier = ExceptionBarrier("network")
        self._connected: tuple[int, tuple[Key, ...]] | None = None
        self._retry_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def exit_codes(self) -> Mapping[Key, int]:
        """What each Pod's last process ended with."""
        return self._kubelet.exit_codes

    def step(self, now: datetime, order: tuple[Key, ...]) -> tuple[Body, ...]:
        """Take what has happened and do what is due; the Pods that were taken in.

        Args:
            now: The time.
            order: Which clusters come first; the first of all gets the usual ports of localhost.
        """
        wanted = (self._api.revision, order)
        if wanted != self._connected or (self._retry_at is not None and now >= self._retry_at):
            self._connected, self._retry_at = wanted, now + RETRY_AFTER
            self._supplies = supplies((*self._api.objects(CONFIG_MAP), *self._api.objects(SECRET)))
            with self._barrier():
                self._connect()
                self.cluster_addresses = self._addresses.open(order)
                self._retry_at = now + RETRY_AFTER if self._proxy.is_behind else None
        return self._kubelet.step(now, Surroundings(self._supplies, self._services))

    def log(self, pod: Body, container: str, number: int) -> Path:
        """The file that a container writes, or wrote; see `reconciler.local.server.node.Node`."""
        meta = pod["metadata"]
        return log_file(self._network.run, Key(POD, meta["namespace"], meta["name"]), container, number)

    def place(self, pod: Body, port: int) -> tuple[str, int]:
        """Where to connect to reach a Pod's port; see `reconciler.local.server.node.Node`."""
        address = pod.get("status", {}).get("podIP")
        if not address:
            raise ConnectionRefusedError("the Pod has no address yet")
        return self._network.real(address, port)

    def lines(self) -> Iterator[Line]:
        """What containers have written since the last call."""
        return self._logs.lines()

    @property
    def is_behind(self) -> bool:
        """Whether the last call of `lines` left something unread."""
        return self._logs.is_behind

    def last_lines(self) -> Iterator[Line]:
        """What the commands of jobs have written since the last call; what all others write as they end is left out."""
        runners = self._kubelet.runners
        return (line for line in self._logs.lines() if line.pod in runners)

    def end_all(self, now: datetime, longest: timedelta) -> bool:
        """End all that runs, runners and workers first; whether nothing runs any more.

        What is written meanwhile must be read by `last_lines`, or logs would grow.

        Args:
            now: The time.
            longest: How long each process may take.
        """
        return self._kubelet.end_all(now, longest)

    def _connect(self) -> None:
        """Let the proxy know what there is, and Services their addresses."""
        services = self._api.objects(SERVICE)
        self._proxy.update(services, self._api.objects(POD))
        self._services = tuple(self._addressed(service) for service in services)
        for service in services:
            if service["spec"].get("type") == "LoadBalancer" and not service.get("status", {}).get("loadBalancer"):
                key = Key(SERVICE, service["metadata"]["namespace"], service["metadata"]["name"])
                with suppress(ApiError):  # it may be gone again
                    self._api.set_status(key, {"loadBalancer": {"ingress": [{"ip": LOOPBACK}]}})

    def _addressed(self, service: Body) -> Body:
        if service["spec"].get("clusterIP") == "None":
            return service
        address = self._proxy.address(service["metadata"]["namespace"], service["metadata"]["name"])
        return {**service, "spec": {**service["spec"], "clusterIP": address}}


def _network(folder: Path, *, shifted: bool | None) -> tuple[Network, tuple[str, ...]]:
    """The addresses, and what is to be said of them."""
    network = Network(folder, shifted=shifted)
    taken = network.taken(USUAL_PORTS)
    if not taken or shifted is not None:
        return network, ()
    network.close()
    ports = " and ".join(map(str, taken))
    words = (
        f"Another program listens on port {ports} of all addresses, so Pods share one address and ports are shifted."
    )
    return Network(folder, shifted=True), (words,)
