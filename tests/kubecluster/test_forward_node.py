"""Port-forwarding and logs through a real Kubernetes to Pods on a real node, over a network that is cut."""

import contextlib
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from distributed import Client

from kubecluster.api import Kubernetes, connect, path
from kubecluster.forward import Forward
from tests.kubecluster import talk
from tests.kubecluster.rights import may
from tests.kubecluster.sockets import Proxy, cut_under_load, everything, exactly, local
from tests.node.clients import MISMATCH, client_of
from tests.node.images import DASK_IMAGE, dask_archive
from tests.node.place import Place, is_ready
from tests.realcluster import RealCluster, pins
from tests.realcluster.eventually import eventually

pytestmark = pytest.mark.node
MIB = 1 << 20
LINES = 300
WRITES = f"import time\nfor number in range({LINES}):\n    print('line', number, flush=True)\n    time.sleep(0.01)"


@pytest.fixture(scope="module")
def place(node: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A namespace on a node that has Dask's image."""
    archive = dask_archive(pins.cache(), tmp_path_factory.mktemp("images"))
    node.load_image(archive)
    archive.unlink()
    name = node.create_namespace()
    yield Place(node, name)
    node.delete_namespace(name)


@pytest.fixture(scope="module")
def proxy(node: RealCluster) -> Iterator[Proxy]:
    """A network before the API server that can be cut."""
    server = yaml.safe_load(node.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    host, _, port = server.removeprefix("https://").rpartition(":")
    with Proxy(host, int(port)) as proxy:
        yield proxy


@pytest.fixture
def kubernetes(node: RealCluster, proxy: Proxy, place: Place, tmp_path: Path) -> Iterator[Kubernetes]:
    """A connection over that network."""
    document = yaml.safe_load(node.kubeconfig.read_text())
    address = {"server": f"https://127.0.0.1:{proxy.port}", "tls-server-name": "kubernetes"}
    document["clusters"][0]["cluster"] |= address
    document["contexts"][0]["context"]["namespace"] = place.namespace
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    with closing(connect(kubeconfig=str(tmp_path / "kubeconfig"))) as connected:
        yield connected


def pod(name: str, *containers: dict[str, Any]) -> dict[str, Any]:
    """A Pod that ends at once."""
    metadata = {"name": name, "labels": {"app": name.partition("-")[0]}}
    spec = {"terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "containers": list(containers)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def container(name: str, *command: str, port: int | None = None) -> dict[str, Any]:
    """A container with Dask's image, ready as soon as its port is open."""
    found: dict[str, Any] = {"name": name, "image": DASK_IMAGE, "command": list(command)}
    if port:
        found["ports"] = [{"name": name, "containerPort": port}]
        found["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60}
    return found


def talking(name: str) -> dict[str, Any]:
    """A Pod that is talked to."""
    return pod(name, container("talk", "python", "-c", Path(talk.__file__).read_text(), port=talk.PORT))


@contextmanager
def running(place: Place, *bodies: dict[str, Any]) -> Iterator[None]:
    """Pods that are ready, while inside."""
    place.create(*bodies)
    names = [body["metadata"]["name"] for body in bodies]
    for name in names:
        place.wait(f"pod/{name}", "condition=Ready")
    yield
    place.kubectl("delete", "pods", "--ignore-not-found", *names)


@pytest.fixture(scope="module")
def talker(place: Place) -> Iterator[str]:
    """The name of a Pod that is talked to."""
    with running(place, talking("talker")):
        yield "talker"


@pytest.fixture
def forward(kubernetes: Kubernetes, talker: str) -> Iterator[Forward]:
    """A local port to it."""
    with Forward(kubernetes, kubernetes.namespace, lambda: talker, "talk") as forward:
        yield forward


def ask(forward: Forward, question: str) -> bytes:
    """What the Pod answers."""
    with local(forward) as connection:
        connection.sendall(f"{question}\n".encode())
        return everything(connection)


def test_many_cuts_under_load_lose_only_what_was_under_way(forward: Forward, proxy: Proxy) -> None:
    """Whatever comes back is a beginning of what was sent, whole answers come between cuts, and nothing is left."""
    cut_under_load(forward, random.Random(0).randbytes(MIB), proxy.cut, question=b"echo\n")
    assert ask(forward, "who") == b"talker"
    forward.close()
    assert not [thread for thread in threading.enumerate() if "forward" in thread.name]


@pytest.mark.filterwarnings(MISMATCH)
def test_a_dask_client_reconnects_by_itself(kubernetes: Kubernetes, proxy: Proxy, place: Place) -> None:
    """After each cut the same client computes again, without anybody's help; results that it held are cancelled."""
    scheduler = container("scheduler", "dask-scheduler", "--no-show", port=8786)
    address = "tcp://localhost:8786"
    worker = container("worker", "dask-worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    with running(place, pod("dask", scheduler, worker)):
        forward = Forward(kubernetes, place.namespace, lambda: "dask", "scheduler")
        with forward, client_of(f"tcp://127.0.0.1:{forward.local_port}") as client:
            for number in range(10):
                held = client.submit(pow, number, 2)
                assert held.result(timeout=60) == number**2
                proxy.cut()
                eventually(held.cancelled, "the end of what was held")
                eventually(partial(computes, client, number), "a result")
            assert client.status == "running"
            assert forward.last_error is None


def computes(client: Client, number: int) -> bool:
    """Whether the client gets a result now; what was sent over a connection that breaks is cancelled."""
    with contextlib.suppress(Exception):
        return bool(client.submit(pow, number, 3, pure=False).result(timeout=10) == number**3)
    return False


def test_a_pod_that_is_replaced_is_followed(kubernetes: Kubernetes, place: Place) -> None:
    """A connection made while the Pod is replaced waits for the new one and goes there."""
    pods = path("pods", place.namespace, group="")

    def find_pod() -> str:
        ready = [body for body in kubernetes.list(pods, labels="app=relay") if is_ready(body)]
        return str(ready[0]["metadata"]["name"])

    with running(place, talking("relay-1")), Forward(kubernetes, place.namespace, find_pod, "talk") as forward:
        assert ask(forward, "who") == b"relay-1"
        with local(forward) as old:
            old.sendall(b"echo\nx")
            assert exactly(old, 1) == b"x"
            place.kubectl("delete", "pod", "relay-1")
            place.create(talking("relay-2"))
            assert ask(forward, "who") == b"relay-2"
            with contextlib.suppress(ConnectionResetError):
                assert everything(old) == b""
    place.kubectl("delete", "pod", "relay-2")


def test_a_port_without_a_listener_is_told(kubernetes: Kubernetes, talker: str) -> None:
    """The container runtime's words reach the user."""
    with Forward(kubernetes, kubernetes.namespace, lambda: talker, 7001) as forward:
        with local(forward) as connection, pytest.raises(ConnectionResetError):
            everything(connection)
        assert "connection refused" in str(forward.last_error)


def test_missing_rights_are_told(node: RealCluster, place: Place, talker: str) -> None:
    """Who may not forward ports is told which right it takes, and with that right the port is forwarded."""
    config = node.kubeconfig_for(place.namespace, "default")
    right = ("get", "", "pods/portforward", place.namespace)
    with ExitStack() as stack:
        mine = stack.enter_context(closing(connect(kubeconfig=str(config))))
        forward = stack.enter_context(Forward(mine, place.namespace, lambda: talker, talk.PORT))
        with local(forward) as connection, pytest.raises(ConnectionResetError):
            everything(connection)
        told = f"'system:serviceaccount:{place.namespace}:default' may not get pods/portforward"
        assert told in str(forward.last_error)
        place.kubectl("create", "role", "forwarder", "--verb=get,create", "--resource=pods/portforward")
        who = f"--serviceaccount={place.namespace}:default"
        place.kubectl("create", "rolebinding", "forwarder", "--role=forwarder", who)
        eventually(lambda: may(mine, *right), "the right")
        assert ask(forward, "who") == b"talker"


def test_a_followed_log_is_whole_over_a_network_that_is_cut(kubernetes: Kubernetes, proxy: Proxy, place: Place) -> None:
    """Each line comes once and in order, however often the stream breaks."""
    place.create(pod("writer", container("writer", "python", "-c", WRITES)))
    place.wait("pod/writer", "jsonpath={.status.phase}=Running")
    lines = []
    for number, line in enumerate(kubernetes.follow_log(place.namespace, "writer")):
        lines.append(line)
        if number % 40 == 0:
            proxy.cut()
    assert lines == [f"line {number}" for number in range(LINES)]
    assert kubernetes.log(place.namespace, "writer", tail_lines=1) == f"line {LINES - 1}\n"


@pytest.mark.parametrize("what", ["source", "sink"])
def test_a_hundred_mebibytes_pass(forward: Forward, what: str) -> None:
    """Many bytes arrive, all of them, one way and the other."""
    with local(forward) as connection:
        connection.sendall(f"{what} {100 * MIB}\n".encode())
        if what == "source":
            buffer = bytearray(MIB)
            received = 0
            while size := connection.recv_into(buffer):
                received += size
            assert received == 100 * MIB
        else:
            for _ in range(100):
                connection.sendall(bytes(MIB))
            assert exactly(connection, 4) == b"done"
