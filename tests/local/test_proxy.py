"""Services: who is reached under which name, address and port, and when nobody is."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.local.network.proxy import Forward
from tests.local.stage import NAMESPACE, Stage, free_port, is_behind, local, only, refused, said, saying, staged

PORT = 7080


def test_a_service_is_reached_by_its_name_and_by_its_forward(stage: Stage) -> None:
    """The name resolves to the Service's address; the forward is told with all its fields."""
    port = free_port()
    stage.service("web", {"name": "http", "port": port})
    stage.pod("one", "web")
    stage.serve("one", port, saying("one"))
    stage.update()
    assert stage.resolved("web") == stage.proxy.address(NAMESPACE, "web")
    assert said(stage.connect("web", port)) == "one"
    assert only(stage.proxy.forward(NAMESPACE, "web")) == Forward(NAMESPACE, "web", "http", port, port)
    assert said(local(port)) == "one"


def test_without_a_ready_endpoint_a_connection_is_refused(stage: Stage) -> None:
    """The port is open exactly while a Pod is ready; the name resolves all the time."""
    stage.service("web", {"port": PORT})
    stage.pod("one", "web", ready=False)
    stage.serve("one", PORT, saying("one"))
    stage.update()
    address = stage.resolved("web")
    assert refused(lambda: stage.connect("web", PORT))
    for _ in range(2):
        stage.make_ready("one")
        stage.update()
        assert said(stage.connect("web", PORT)) == "one"
        stage.make_ready("one", ready=False)
        stage.update()
        assert refused(lambda: stage.connect("web", PORT))
    assert stage.resolved("web") == address


def test_services_with_the_same_ports_are_there_at_once(stage: Stage) -> None:
    """Each has an address of its own; on localhost the second gets other ports."""
    ports = free_port(), free_port()
    names = ("red", "blue")
    for name in names:
        stage.service(name, *({"name": f"p{port}", "port": port} for port in ports))
        stage.pod(name, name)
        stage.serve(name, ports[0], saying(name))
    stage.update()
    assert [said(stage.connect(name, ports[0])) for name in names] == ["red", "blue"]
    forwards = {name: stage.proxy.forward(NAMESPACE, name) for name in names}
    assert [forward.port for forward in forwards["blue"]] == [*ports]
    assert {name: said(local(forwards[name][0].local_port)) for name in names} == {"red": "red", "blue": "blue"}
    assert len({forward.local_port for each in forwards.values() for forward in each}) == 4


@pytest.mark.parametrize("target", [{"targetPort": 8786}, {"targetPort": "comm"}], ids=["number", "name"])
def test_a_target_port_is_a_number_or_the_name_of_a_containers_port(stage: Stage, target: dict[str, Any]) -> None:
    """The Service's own port says nothing about where a Pod listens."""
    stage.service("web", {"port": PORT, **target})
    stage.pod("one", "web", named="comm", number=8786)
    stage.serve("one", 8786, saying("one"))
    stage.update()
    assert said(stage.connect("web", PORT)) == "one"


def test_connections_go_round_the_ready_pods_that_accept_them(stage: Stage) -> None:
    """A Pod that says it is ready and does not listen is passed over."""
    stage.service("web", {"port": PORT})
    for name in ("one", "two", "deaf"):
        stage.pod(name, "web")
    stage.serve("one", PORT, saying("one"))
    stage.serve("two", PORT, saying("two"))
    stage.update()
    assert {said(stage.connect("web", PORT)) for _ in range(9)} == {"one", "two"}


def test_a_headless_services_name_is_its_first_ready_pods_address(stage: Stage) -> None:
    """Or nothing; a forward reaches it nonetheless, as `kubectl port-forward` does."""
    stage.service("web", {"port": PORT}, clusterIP="None")
    addresses = [stage.pod(name, "web", ready=False) for name in ("one", "two")]
    stage.update()
    assert stage.resolved("web") is None
    stage.make_ready("two")
    stage.serve("two", PORT, saying("two"))
    stage.update()
    assert stage.resolved("web") == addresses[1]
    assert said(stage.connect("web", PORT)) == "two"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(stage.network.real(stage.proxy.address(NAMESPACE, "web"), PORT))
    assert said(local(only(stage.proxy.forward(NAMESPACE, "web")).local_port)) == "two"


def test_a_service_keeps_its_address_and_a_namesake_gets_another(stage: Stage) -> None:
    """An address that was asked for before the Service was seen is its own."""
    address = stage.proxy.address(NAMESPACE, "web")
    stage.service("web", {"port": PORT})
    stage.update()
    stage.service("web", {"port": 81})
    stage.update()
    assert (stage.resolved("web"), stage.proxy.address(NAMESPACE, "web")) == (address, address)
    stage.service("web", {"port": PORT}, uid="2")
    stage.update()
    other = stage.resolved("web")
    assert other == stage.proxy.address(NAMESPACE, "web") != address
    stage.services.clear()
    stage.update()
    assert stage.resolved("web") is None
    assert stage.proxy.address(NAMESPACE, "web") not in (address, other)


def test_a_port_that_somebody_else_has_is_told_once_and_opened_later(stage: Stage) -> None:
    """A server on all addresses of the machine keeps a port from every Service; nothing else suffers."""
    if stage.network.shifted:
        pytest.skip("nothing can be taken when shifted")
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    stage.serve("one", PORT, saying("one"))
    with stage.network.listen(stage.proxy.address(NAMESPACE, "web"), PORT), structlog.testing.capture_logs() as lines:
        stage.update()
        stage.update()
        assert is_behind(stage)
        assert [(line["event"], line["key"], line["port"]) for line in lines] == [
            ("service.unreachable", "Service default/web", PORT)
        ]
    stage.update()
    assert not is_behind(stage)
    assert said(stage.connect("web", PORT)) == "one"


def test_a_service_that_makes_no_sense_disturbs_no_other(stage: Stage) -> None:
    """Whatever is written in it, the others are followed."""
    for number, port in enumerate([{"port": "80"}, {"port": 0}, {"port": 70000}, {"port": True}, {}, None, "80"]):
        stage.service(f"odd{number}", port)  # type: ignore[arg-type]
    stage.service("listed", {"port": PORT}, selector=["app"])
    stage.service("lost", {"port": PORT, "targetPort": {}}, selector={"app": "web"})
    stage.services["bare"] = {}
    stage.service("../outside", {"port": PORT}, selector={"app": "web"})
    stage.service("web", {"port": PORT})
    stage.pods["bare"] = {"metadata": {}}
    stage.pod("one", "web")
    stage.serve("one", PORT, saying("one"))
    stage.update()
    assert said(stage.connect("web", PORT)) == "one"
    assert not [*stage.network.run.rglob("outside*")]
    assert stage.proxy.forward(NAMESPACE, "nobody") == ()


def test_an_update_that_changes_nothing_writes_nothing(stage: Stage) -> None:
    """It is called at every change of any object."""
    for number in range(10):
        stage.service(f"web{number}", {"port": PORT})
    for number in range(200):
        stage.pod(f"pod{number}", f"web{number % 10}")
    stage.update()
    before = {file: file.stat().st_mtime_ns for file in stage.network.run.rglob("*")}
    stage.update()
    assert {file: file.stat().st_mtime_ns for file in stage.network.run.rglob("*")} == before


def open_files() -> int:
    """How many this process has."""
    return len([*Path("/dev/fd").iterdir()])


def test_after_close_nothing_is_left(tmp_path: Path, *, shifted: bool) -> None:
    """No thread, no file, no socket: connections that are joined, those that wait, and listeners are all ended."""
    threads, files = threading.enumerate(), open_files()
    with staged(tmp_path, shifted=shifted) as stage:
        stage.service("web", {"port": PORT})
        stage.service("idle", {"port": PORT})
        stage.service("held", {"port": PORT})
        stage.pod("one", "web")
        stage.serve("one", PORT, lambda connection: connection.send(b"!") + len(connection.recv(1)))
        stage.pod("two", "idle")
        stage.serve("two", PORT, saying("two"))
        stage.update()
        stage.proxy.forward(NAMESPACE, "held")
        idle = only(stage.proxy.forward(NAMESPACE, "idle")).local_port
        stage.remove("two")
        stage.update()
        waiting = local(idle)
        joined = stage.connect("web", PORT)
        assert joined.recv(1) == b"!"
        stage.proxy.close()
        assert [said(joined), said(waiting)] == ["", ""]
        stage.update()
        stage.proxy.close()
        assert stage.resolved("web") is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert threading.enumerate() == threads
    assert open_files() == files
