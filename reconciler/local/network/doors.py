"""How to reach the clusters from this machine: the first one at Dask's usual ports, the others where they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.kinds import DASK_CLUSTER, SERVICE, Key
from models.resources import DaskCluster
from reconciler.address import comm_port, dashboard_port, scheme
from reconciler.local.network.addresses import Network
from reconciler.local.network.proxy import Proxy
from reconciler.memory import MemoryAPI
from reconciler.protocol import Body


@dataclass(frozen=True, slots=True)
class Door:
    """Where a cluster is reached.

    Args:
        cluster: Which.
        comm: Its scheduler, as `Client` takes it.
        dashboard: Its dashboard's URL; empty if it has none.
    """

    cluster: Key
    comm: str
    dashboard: str

    def __str__(self) -> str:
        shown = f", dashboard {self.dashboard}" if self.dashboard else ""
        return f'Client("{self.comm}"){shown}'


class Doors:
    """Opens a way to each cluster, once its Service is there.

    Args:
        api: Where the Services are.
        proxy: What forwards.
        network: The addresses; where they are shared, every cluster gets ports of localhost.
    """

    def __init__(self, api: MemoryAPI, proxy: Proxy, network: Network) -> None:
        self._api = api
        self._proxy = proxy
        self._network = network
        self._open: dict[str, Door] = {}

    def new(self, order: Sequence[Key]) -> tuple[Door, ...]:
        """The ways that have opened since the last call.

        Args:
            order: Which clusters come first; those of jobs come last.
        """
        opened = []
        rank = {key: number for number, key in enumerate(order)}
        for cluster in sorted(self._api.objects(DASK_CLUSTER), key=lambda body: rank.get(_key(body), len(rank))):
            uid = cluster["metadata"]["uid"]
            service = None if uid in self._open else next(self._services(uid), None)
            door = service and self._opened(cluster, service, is_first=not self._open)
            if door:
                self._open[uid] = door
                opened.append(door)
        return tuple(opened)

    def _services(self, uid: str) -> Iterator[Body]:
        """The cluster's Services; the one that the user describes comes first where there are two."""
        owned = [
            service
            for service in self._api.objects(SERVICE)
            if any(owner["uid"] == uid for owner in service["metadata"].get("ownerReferences", ()))
        ]
        yield from sorted(owned, key=lambda service: not service["metadata"]["name"].endswith("-service"))

    def _opened(self, body: Body, service: Body, *, is_first: bool) -> Door | None:
        """The way to a cluster; `None` while the proxy does not know its Service yet."""
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        if is_first or self._network.shifted:
            forwards = self._proxy.forward(namespace, name)
            where = {forward.port: f"localhost:{forward.local_port}" for forward in forwards}
        else:
            address = self._proxy.address(namespace, name)
            where = {port["port"]: f"{address}:{port['port']}" for port in service["spec"].get("ports", ())}
        cluster = DaskCluster.model_validate(body)
        protocol = scheme(cluster)
        comm = where.get(comm_port(cluster))
        if comm is None:
            return None
        dashboard = where.get(dashboard_port(cluster) or 0)
        link = f"http://{dashboard}/status" if dashboard else ""
        return Door(cluster.key, comm if protocol == "tcp" else f"{protocol}://{comm}", link)


def _key(body: Body) -> Key:
    return Key(DASK_CLUSTER, body["metadata"]["namespace"], body["metadata"]["name"])
