"""Where the clusters are reached from this machine: the first one at Dask's usual ports, the others where they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.kinds import DASK_CLUSTER, SERVICE, Key
from models.resources import DaskCluster
from reconciler.local.network.addresses import Network
from reconciler.local.network.proxy import Proxy
from reconciler.memory import MemoryAPI
from reconciler.rules.addresses import comm_port, dashboard_port, scheme
from reconciler.wire.protocol import Body


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where a cluster is reached.

    Args:
        cluster: Which.
        comm: Its scheduler, as `Client` takes it.
        dashboard: Its dashboard's URL; empty if it has none.
        taken: The usual ports of localhost that another program has.
    """

    cluster: Key
    comm: str
    dashboard: str
    taken: tuple[int, ...] = ()

    def __str__(self) -> str:
        shown = f", dashboard {self.dashboard}" if self.dashboard else ""
        ports = " and ".join(map(str, self.taken))
        why = f" (another program has {ports})" if ports else ""
        return f'Client("{self.comm}"){shown}{why}'


class ClusterAddresses:
    """Keeps a way open to each cluster whose Service is there.

    - One cluster has localhost's usual ports for as long as it exists; then they are those of the first one there is.
    - What was forwarded for a cluster is closed when it is gone; one made again under its name is another.

    Args:
        api: Where the Services are.
        proxy: What forwards.
        network: The addresses; where they are shared, every cluster gets ports of localhost.
    """

    def __init__(self, api: MemoryAPI, proxy: Proxy, network: Network) -> None:
        self._api = api
        self._proxy = proxy
        self._network = network
        self._first: str | None = None
        self._forwarded: dict[str, Key] = {}

    def open(self, order: Sequence[Key]) -> Mapping[str, ClusterAddress]:
        """The ways there are now, by the clusters' uids. The proxy must know the Services already.

        Args:
            order: Which clusters come first; those of jobs come last.

        Raises:
            OSError: no port of localhost is to be had.
        """
        rank = {key: number for number, key in enumerate(order)}
        found = sorted(self._api.objects(DASK_CLUSTER), key=lambda body: rank.get(_key(body), len(rank)))
        clusters = {body["metadata"]["uid"]: body for body in found}
        for uid in self._forwarded.keys() - clusters.keys():
            self._close(uid)
        if self._first not in clusters:
            self._first = next(iter(clusters), None)
        services = self._api.objects(SERVICE)
        addresses = {uid: self._address(body, _services(services, uid)) for uid, body in clusters.items()}
        return {uid: address for uid, address in addresses.items() if address is not None}

    def _address(self, body: Body, services: Sequence[Body]) -> ClusterAddress | None:
        """The way to a cluster; `None` while the proxy does not know its Service yet."""
        if not services:
            return None
        cluster = DaskCluster.model_validate(body)
        where, taken = self._where(body["metadata"]["uid"], services[0])
        comm = where.get(comm_port(cluster) or 0)
        if comm is None:
            return None
        protocol = scheme(cluster)
        dashboard = where.get(dashboard_port(cluster) or 0)
        link = f"http://{dashboard}/status" if dashboard else ""
        return ClusterAddress(cluster.key, comm if protocol == "tcp" else f"{protocol}://{comm}", link, taken)

    def _where(self, uid: str, service: Body) -> tuple[Mapping[int, str], tuple[int, ...]]:
        """Where each port of a cluster's Service is reached, and which usual ports of localhost are another's."""
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        is_first, is_headless = uid == self._first, service["spec"].get("clusterIP") == "None"
        if not (is_first or is_headless or self._network.shifted):
            address = self._proxy.address(namespace, name)
            return {port["port"]: f"{address}:{port['port']}" for port in service["spec"].get("ports", ())}, ()
        key = Key(SERVICE, namespace, name)
        if self._forwarded.get(uid, key) != key:
            self._close(uid)
        self._forwarded[uid] = key
        forwards = self._proxy.forward(namespace, name, same_ports=is_first)
        taken = tuple(each.port for each in forwards if is_first and each.port != each.local_port)
        return {forward.port: f"localhost:{forward.local_port}" for forward in forwards}, taken

    def _close(self, uid: str) -> None:
        service = self._forwarded.pop(uid)
        self._proxy.unforward(service.namespace, service.name)


def _services(services: Iterable[Body], uid: str) -> Sequence[Body]:
    """A cluster's Services; the one that the user describes comes first where there are two."""
    owned = [
        service
        for service in services
        if any(owner["uid"] == uid for owner in service["metadata"].get("ownerReferences", ()))
    ]
    return sorted(owned, key=lambda service: not service["metadata"]["name"].endswith("-service"))


def _key(body: Body) -> Key:
    return Key(DASK_CLUSTER, body["metadata"]["namespace"], body["metadata"]["name"])
