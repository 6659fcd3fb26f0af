"""Port-forwarding against an API server that is not there: ends, pressure, and what is left."""

import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from kubecluster.api import Kubernetes
from kubecluster.forward import Forward
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.kubecluster.sockets import answers, everything, exactly, local, serving
from tests.realcluster.eventually import eventually

MIB = 1 << 20


@pytest.mark.usefixtures("echoing")
def test_the_local_port_can_be_chosen_and_used_again(kubernetes: Kubernetes) -> None:
    """A port is free as soon as its forward is closed, though there were connections."""
    with Forward(kubernetes, "default", lambda: "a", 80) as first:
        assert answers(first)
        port = first.local_port
    with Forward(kubernetes, "default", lambda: "a", 80, local_port=port) as second:
        assert second.local_port == port
        assert answers(second)


def test_the_pods_last_bytes_come_after_our_last(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """A local side that has sent its last still gets an answer that takes less than a second."""

    def slow(connection: socket.socket) -> None:
        connection.recv(9)
        time.sleep(0.3)
        connection.sendall(b"late")

    with serving(slow) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward, local(forward) as connection:
            connection.sendall(b"question")
            connection.shutdown(socket.SHUT_WR)
            assert everything(connection) == b"late"


def test_the_pod_sees_our_end(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """A local side that closes ends the connection in the Pod too, after all its bytes."""
    received: list[bytes] = []
    with serving(lambda connection: received.append(everything(connection))) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward:
            with local(forward) as connection:
                connection.sendall(bytes(MIB))
            eventually(lambda: received == [bytes(MIB)], "the Pod's end of the connection")
            eventually(lambda: pods.connections == 0, "the WebSocket's end")


def test_who_uploads_while_the_pod_ends_is_not_reset_at_once(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """Bytes that the Pod no longer wants do not cost those that it has sent: for a moment they are taken, and lost."""
    with serving(lambda connection: connection.sendall(b"enough")) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward, local(forward) as connection:
            assert everything(connection) == b"enough"
            for _ in range(3):
                connection.sendall(bytes(1000))
                time.sleep(0.1)


def test_a_slow_local_reader_slows_down_the_pod(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """What nobody reads is not piled up: the Pod is stopped long before it has sent all."""
    with serving(lambda connection: connection.sendall(bytes(200 * MIB))) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward, local(forward) as connection:
            connection.recv(1)
            steady(lambda: pods.sent)
            assert pods.sent < 50 * MIB
            assert len(exactly(connection, 60 * MIB)) == 60 * MIB


def test_a_pod_that_reads_nothing_slows_down_the_local_side(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """What the Pod does not take stays with who sends it."""
    go_on = threading.Event()

    def lazy(connection: socket.socket) -> None:
        go_on.wait(20)
        connection.sendall(b"%d" % len(exactly(connection, 60 * MIB)))

    with serving(lazy) as port:
        pods.pods["a"] = {80: port}
        with Forward(kubernetes, "default", lambda: "a", 80) as forward, local(forward) as connection:
            connection.settimeout(1)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 60 * MIB:
                    sent += connection.send(bytes(MIB)[: 60 * MIB - sent])
            assert sent < 50 * MIB
            go_on.set()
            connection.settimeout(20)
            connection.sendall(bytes(60 * MIB - sent))
            assert everything(connection) == b"%d" % (60 * MIB)


def test_a_connection_that_is_stuck_does_not_hold_up_the_end(pods: FakeKubernetes, kubernetes: Kubernetes) -> None:
    """Neither a Pod that reads nothing nor a local side that reads nothing keeps `close` from leaving nothing."""
    over = threading.Event()

    def lazy(_: socket.socket) -> None:
        over.wait()

    with serving(lazy) as one, serving(lambda connection: connection.sendall(bytes(200 * MIB))) as another:
        pods.pods["a"] = {80: one, 81: another}
        up, down = (Forward(kubernetes, "default", lambda: "a", port) for port in (80, 81))
        with local(up) as sending, local(down) as receiving:
            sending.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                sending.sendall(bytes(200 * MIB))
            receiving.recv(1)
            steady(lambda: pods.sent)
            up.close()
            down.close()
            assert not [thread for thread in threading.enumerate() if "forward" in thread.name]
            assert not ours(pods)
        over.set()


def test_idle_costs_nothing(forward: Forward) -> None:
    """With open connections and nothing to do, its thread is not even woken."""
    with local(forward) as one, local(forward) as another:
        for connection in (one, another):
            connection.sendall(b"x")
            exactly(connection, 1)
        [thread] = [thread for thread in threading.enumerate() if "forward" in thread.name]
        assert thread.ident is not None
        spent = time.pthread_getcpuclockid(thread.ident)

        def rests() -> bool:
            before = time.clock_gettime(spent)
            time.sleep(1)
            return time.clock_gettime(spent) == before

        eventually(rests, "a second in which it does nothing")


@pytest.mark.usefixtures("echoing")
@pytest.mark.parametrize("closes", [True, False], ids=["close", "the last reference"])
def test_in_the_end_nothing_is_left(kubernetes: Kubernetes, pods: FakeKubernetes, *, closes: bool) -> None:
    """No thread, no file and no listening socket outlives it, though connections were open."""
    forward = Forward(kubernetes, "default", lambda: "a", 80)
    port = forward.local_port
    with local(forward) as connection:
        connection.sendall(b"x")
        exactly(connection, 1)
        if closes:
            forward.close()
        del forward
        gc.collect()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with contextlib.suppress(ConnectionResetError):
            assert everything(connection) == b""
    assert not [thread for thread in threading.enumerate() if "forward" in thread.name]
    eventually(lambda: not ours(pods), "the end of all sockets to the API server")


def ours(pods: FakeKubernetes) -> list[object]:
    """This process's WebSockets, as the one who opens them."""
    port = int(pods.url.rpartition(":")[2])
    return [one for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port]


def test_closing_again_does_nothing(forward: Forward) -> None:
    """`close` may be called twice, and says that it is closed."""
    forward.close()
    forward.close()
    assert "closed" in repr(forward)


def test_a_fork_does_not_end_the_forward_of_its_parent(forward: Forward) -> None:
    """A child that ends leaves the parent's local port and connections alone."""
    with local(forward) as connection:
        child = os.fork()
        if child == 0:
            forward.close()
            os._exit(0)
        os.waitpid(child, 0)
        connection.sendall(b"still")
        assert exactly(connection, 5) == b"still"


def steady(value: Callable[[], int]) -> None:
    """Wait until a value no longer changes."""
    last = [(value(), time.monotonic())]

    def is_steady() -> bool:
        if value() != last[0][0]:
            last[0] = (value(), time.monotonic())
        return time.monotonic() - last[0][1] > 0.5

    eventually(is_steady, "the end of changes")


PROGRAM = """
import logging, socket, sys, time
from kubecluster.api import connect
from kubecluster.forward import Forward

logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of whatever takes 0.1 s
kubernetes = connect(kubeconfig=sys.argv[1])
forward = Forward(kubernetes, "default", lambda: "a", 80)
connections = [socket.create_connection(("127.0.0.1", forward.local_port)) for _ in range(3)]
for connection in connections[1:]:
    connection.sendall(b"x")
    assert connection.recv(1) == b"x"
hanging = Forward(kubernetes, "default", lambda: time.sleep(600), 80)
connections.append(socket.create_connection(("127.0.0.1", hanging.local_port)))
time.sleep(0.2)
for connection in connections:
    connection.detach()
{end}
"""
ENDS = {
    "": (0, ""),
    "sys.exit(3)": (3, ""),
    "forward.close()": (0, ""),
    "1 / 0": (1, "ZeroDivisionError: division by zero"),
}


@pytest.mark.usefixtures("echoing", "kubernetes")
@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_process_is_silent(tmp_path: Path, end: str) -> None:
    """A process that just ends waits for nobody, without warnings and tracebacks of ours, whatever was under way."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM.format(end=end), str(tmp_path / "kubeconfig")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    code, last = ENDS[end]
    assert (done.returncode, done.stderr.strip().rpartition("\n")[2]) == (code, last), done.stderr
    assert done.stderr.count("Traceback") == bool(last), done.stderr
