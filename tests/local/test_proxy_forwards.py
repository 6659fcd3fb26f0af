"""Forwards: Services on localhost, for as long as somebody wants them there."""

import socket
import time
from pathlib import Path

import pytest

from reconciler.local.network.addresses import LOOPBACK
from reconciler.local.network.forwards import LINGER_SECONDS
from tests.local.stage import (
    NAMESPACE,
    Stage,
    free_port,
    is_behind,
    is_kept,
    local,
    only,
    refused,
    said,
    saying,
)

PORT = 7080


def test_a_replaced_pod_is_followed_and_the_forward_stays(stage: Stage) -> None:
    """What was printed for the user is true until it is taken back, whatever comes and goes behind it."""
    stage.service("web", {"port": PORT})
    stage.update()
    forward = only(stage.proxy.forward(NAMESPACE, "web"))
    for name in ("one", "two"):
        stage.pod(name, "web")
        stage.serve(name, PORT, saying(name))
        stage.update()
        assert [said(stage.connect("web", PORT)), said(local(forward.local_port))] == [name, name]
        assert only(stage.proxy.forward(NAMESPACE, "web")) == forward
        stage.remove(name)
        stage.update()
        assert refused(lambda: stage.connect("web", PORT))
    stage.services.clear()
    stage.update()
    assert said(local(forward.local_port)) == ""
    stage.service("web", {"port": PORT}, uid="2")
    stage.pod("three", "web")
    stage.serve("three", PORT, saying("three"))
    stage.update()
    assert said(local(forward.local_port)) == "three"


def test_a_forward_waits_a_moment_for_an_endpoint(stage: Stage) -> None:
    """A connection made while the scheduler is replaced reaches the new one; without one it is ended soon."""
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    stage.serve("one", PORT, saying("one"))
    stage.update()
    port = only(stage.proxy.forward(NAMESPACE, "web")).local_port
    stage.make_ready("one", ready=False)
    stage.update()
    started = time.monotonic()
    assert said(local(port)) == ""
    assert time.monotonic() - started > 0.5
    early = local(port)
    stage.make_ready("one")
    stage.update()
    assert said(early) == "one"


def test_a_forward_refuses_connections_until_there_is_an_endpoint(stage: Stage) -> None:
    """Clients try a refused connection again, and give up one that is broken off; nobody else gets the port."""
    stage.service("web", {"port": PORT})
    stage.update()
    port = only(stage.proxy.forward(NAMESPACE, "web")).local_port
    stage.pod("one", "web", ready=False)
    stage.serve("one", PORT, saying("one"))
    stage.update()
    assert refused(lambda: local(port))
    assert is_kept(port)
    stage.make_ready("one")
    stage.update()
    assert said(local(port)) == "one"


def test_a_forward_refuses_connections_when_there_has_been_no_endpoint_for_seconds(stage: Stage) -> None:
    """It opens on the same port again when there is one, although ended connections are left of before."""
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    stage.serve("one", PORT, saying("one"))
    stage.update()
    port = only(stage.proxy.forward(NAMESPACE, "web")).local_port
    for _ in range(2):
        assert said(local(port)) == "one"
        stage.make_ready("one", ready=False)
        stage.update()
        stage.seconds += LINGER_SECONDS / 2
        stage.update()
        assert is_behind(stage)
        local(port).close()
        stage.seconds += LINGER_SECONDS / 2
        stage.update()
        assert refused(lambda: local(port))
        assert is_kept(port)
        assert not is_behind(stage)
        stage.make_ready("one")
        stage.update()
    assert said(local(port)) == "one"


def test_a_pod_that_is_ready_and_does_not_listen_yet_is_no_endpoint(stage: Stage) -> None:
    """One without a readiness probe is ready as soon as its process exists; both ways to it are refused until then."""
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    stage.update()
    port = only(stage.proxy.forward(NAMESPACE, "web")).local_port
    assert refused(lambda: local(port))
    assert refused(lambda: stage.connect("web", PORT))
    assert is_behind(stage)
    stage.serve("one", PORT, saying("one"))
    stage.update()
    assert [said(stage.connect("web", PORT)), said(local(port))] == ["one", "one"]
    assert not is_behind(stage)


def test_whether_an_endpoint_listens_is_found_out_without_connecting_to_it(stage: Stage) -> None:
    """A scheduler logs each connection that says nothing."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("this system does not tell who listens")
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    seen: list[socket.socket] = []
    stage.serve("one", PORT, seen.append)
    stage.update()
    assert said(local(only(stage.proxy.forward(NAMESPACE, "web")).local_port)) == ""
    assert len(seen) == 1


def test_a_forward_that_is_taken_back_is_closed(stage: Stage) -> None:
    """Connections that are there go on; forwarded again, the Service has the same port again."""
    port = free_port()
    stage.service("web", {"port": port})
    stage.pod("one", "web")
    stage.serve("one", port, lambda connection: connection.sendall(connection.recv(9)))
    stage.update()
    for _ in range(2):
        forward = only(stage.proxy.forward(NAMESPACE, "web"))
        assert forward.local_port == port
        with local(port) as early:
            early.sendall(b"first")
            assert early.recv(5) == b"first"
        kept = local(port)
        kept.sendall(b"kept")
        stage.proxy.unforward(NAMESPACE, "web")
        assert refused(lambda: local(port))
        assert said(kept) == "kept"
    stage.proxy.unforward(NAMESPACE, "nobody")


def test_a_forward_may_have_any_port(stage: Stage) -> None:
    """The Service's own is left for another that needs it; asked for both, it has both."""
    port = free_port()
    stage.service("web", {"port": port})
    stage.pod("one", "web")
    stage.serve("one", port, saying("one"))
    stage.update()
    other = only(stage.proxy.forward(NAMESPACE, "web", same_ports=False))
    assert (other.port, other.local_port == port) == (port, False)
    assert refused(lambda: local(port))
    assert only(stage.proxy.forward(NAMESPACE, "web")).local_port == port
    assert said(local(other.local_port)) == "one"
    assert only(stage.proxy.forward(NAMESPACE, "web", same_ports=False)) == other


def test_a_forward_of_a_port_that_the_service_no_longer_has_is_closed(stage: Stage) -> None:
    """When it is asked for again, which tells the new one."""
    before, after = free_port(), free_port()
    for port in (before, after):
        stage.service("web", {"port": port})
        stage.update()
        assert only(stage.proxy.forward(NAMESPACE, "web")).local_port == port
    assert not is_kept(before)


def test_a_port_of_localhost_that_is_taken_is_replaced_by_a_free_one(stage: Stage) -> None:
    """The forward says which."""
    with socket.create_server((LOOPBACK, 0)) as other:
        taken = other.getsockname()[1]
        stage.service("web", {"port": taken})
        stage.pod("one", "web")
        stage.serve("one", taken, saying("one"))
        stage.update()
        forward = only(stage.proxy.forward(NAMESPACE, "web"))
        assert forward.port == taken != forward.local_port
        assert said(local(forward.local_port)) == "one"
