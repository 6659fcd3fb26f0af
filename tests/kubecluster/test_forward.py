"""Port-forwarding against an API server that is not there: the way to the Pod, and what happens when it breaks."""

import logging
import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from kubecluster.api import Kubernetes, connect
from kubecluster.errors import ForwardFailed
from kubecluster.forward import Forward
from tests.http.connection import TOKEN, kubeconfig
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.kubecluster.sockets import answers, cut_under_load, everything, exactly, local, serving
from tests.realcluster.eventually import eventually

MIB = 1 << 20


@pytest.mark.parametrize("size", [1, 2, 125, 126, 65535, 65536, 3 * MIB])
def test_what_is_sent_comes_back_whole(forward: Forward, size: int) -> None:
    """Bytes go there and back unchanged and in order, at the sizes where frames change and far above."""
    data = random.Random(size).randbytes(size)
    with local(forward) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        assert exactly(connection, size) == data
        sender.join()


def test_a_server_that_speaks_first_is_heard(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """Nothing has to be sent before the Pod's bytes come."""
    with serving(lambda connection: connection.sendall(b"hello")) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward, local(forward) as connection:
            assert everything(connection) == b"hello"


@pytest.mark.usefixtures("echoing")
def test_a_port_can_be_named(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """The name of a container's port is looked up in the Pod of each connection."""
    with Forward(kubernetes, "default", lambda: "a", "port-80") as forward:
        assert answers(forward)
    assert pods.asked == [
        "/api/v1/namespaces/default/pods/a",
        "/api/v1/namespaces/default/pods/a/portforward?ports=80",
    ]


def test_each_connection_goes_to_the_pod_of_its_time(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """`find_pod` is asked anew, so that a Pod that was replaced is not asked for again."""
    with ExitStack() as stack:
        pods.pods["a"] = {80: stack.enter_context(serving(lambda connection: connection.sendall(b"a")))}
        pods.pods["b"] = {80: stack.enter_context(serving(lambda connection: connection.sendall(b"b")))}
        names = iter("ab")
        forward = stack.enter_context(Forward(kubernetes, "default", lambda: next(names), 80))
        for expected in (b"a", b"b"):
            with local(forward) as connection:
                assert everything(connection) == expected


def test_a_cut_ends_its_connections_and_nothing_else(forward: Forward, pods: FakeKubernetes) -> None:
    """The connections see a reset, the local port stays, and the next connection goes through."""
    with local(forward) as one, local(forward) as another:
        for connection in (one, another):
            connection.sendall(b"x")
            exactly(connection, 1)
        pods.cut()
        for connection in (one, another):
            with pytest.raises(ConnectionResetError):
                everything(connection)
    assert forward.last_error is not None
    assert "broke" in forward.last_error
    assert answers(forward)
    assert forward.last_error is None


def test_many_cuts_under_load_lose_only_what_was_under_way(forward: Forward, pods: FakeKubernetes) -> None:
    """Whatever comes back is a beginning of what was sent; between cuts all of it does."""
    cut_under_load(forward, random.Random(0).randbytes(MIB // 4), pods.cut)
    assert answers(forward)
    eventually(lambda: pods.connections == 0, "the end of all connections")


@pytest.mark.usefixtures("echoing")
def test_a_connection_waits_while_its_pod_is_replaced(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """While there is no Pod, or none that takes it, the connection is held and then goes through."""
    missing = iter([True, True, False, False, False])

    def find_pod() -> str:
        if next(missing):
            raise LookupError("no scheduler")
        return "a"

    pods.refusals = [(404, 'pods "a" not found'), (500, "container not running")]
    with Forward(kubernetes, "default", find_pod, 80) as forward:
        assert answers(forward)


def test_who_leaves_while_waiting_is_not_waited_for(kubernetes: Kubernetes) -> None:
    """When the local side ends before there is a Pod, nobody looks for one any longer."""
    asked: list[float] = []

    def find_pod() -> str:
        asked.append(time.monotonic())
        raise LookupError("no scheduler")

    with Forward(kubernetes, "default", find_pod, 80) as forward:
        local(forward).close()
        eventually(lambda: bool(asked) and time.monotonic() - asked[-1] > 2.5, "the end of the search")


@pytest.mark.usefixtures("echoing")
def test_an_error_in_the_pod_is_told(kubernetes: Kubernetes) -> None:
    """A port on which nothing listens ends the connection by a reset, and the error is there to be read."""
    with Forward(kubernetes, "default", lambda: "a", 81) as forward:
        with local(forward) as connection, pytest.raises(ConnectionResetError):
            everything(connection)
        assert str(forward.last_error).startswith("error forwarding port 81 to pod ")
        assert str(forward.last_error).endswith(": connection refused")


@pytest.mark.usefixtures("echoing")
def test_missing_rights_are_told_at_once(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """Without the right to forward ports nothing is tried again, and the error names the right."""
    pods.refusals = [(403, 'pods "a" is forbidden: User "u" cannot get resource "pods/portforward"')]
    with Forward(kubernetes, "default", lambda: "a", 80) as forward:
        with local(forward) as connection, pytest.raises(ConnectionResetError):
            everything(connection)
        assert '"resources": ["pods/portforward"], "verbs": ["get", "create"]' in str(forward.last_error)
    assert len(pods.asked) == 1


def test_a_port_that_no_container_has_is_told_with_those_there_are(
    pods: FakeKubernetes, kubernetes: Kubernetes
) -> None:
    """The error names the ports that could be meant."""
    pods.pods["a"] = {80: 1, 81: 1}
    with Forward(kubernetes, "default", lambda: "a", "comm") as forward:
        with local(forward) as connection, pytest.raises(ConnectionResetError):
            everything(connection)
        assert forward.last_error == "Pod a has no port 'comm'. Name one that it has: port-80, port-81."


@pytest.mark.usefixtures("echoing")
def test_a_token_that_was_replaced_is_used(pods: FakeKubernetes, tmp_path: Path) -> None:
    """A token that the server no longer knows is looked for anew where it came from."""
    path = kubeconfig(tmp_path / "kubeconfig", pods.url, {"token": "old"})
    kubernetes = connect(kubeconfig=str(path))
    kubeconfig(path, pods.url, {"token": "new"})
    pods.refusals = [(401, "Unauthorized")]
    with Forward(kubernetes, "default", lambda: "a", 80) as forward:
        assert answers(forward)
    assert pods.tokens == ["old", "new"]
    kubernetes.close()


def test_a_log_tells_no_token(pods: FakeKubernetes, forward: Forward, caplog: pytest.LogCaptureFixture) -> None:
    """Even with all that can be logged, nobody finds credentials there; errors are logged at debug."""
    caplog.set_level(logging.DEBUG)
    pods.refusals = [(500, "container not running")]
    assert answers(forward)
    assert "container not running" in caplog.text
    assert pods.tokens[-1] == TOKEN
    assert TOKEN not in caplog.text


def test_a_local_port_that_is_taken_is_told(forward: Forward, kubernetes: Kubernetes) -> None:
    """Nothing is opened, and the error names the port and the way out."""
    with pytest.raises(ForwardFailed, match=rf"local port {forward.local_port} .* in use.*Choose another, or 0"):
        Forward(kubernetes, "default", lambda: "a", 80, local_port=forward.local_port)


def test_hundreds_of_connections_go_through_at_once(forward: Forward, pods: FakeKubernetes) -> None:
    """All are open at the same time, each with its own bytes."""
    with ExitStack() as stack:
        connections = [stack.enter_context(local(forward)) for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%03d" % number)
        assert [exactly(connection, 3) for connection in connections] == [b"%03d" % number for number in range(200)]
        assert pods.connections == 200
