"""Who connects to a cluster before it is there, or when it is gone, is refused: clients try that again."""

import socket
from functools import partial
from pathlib import Path

from tests.local.command import local_with
from tests.local.smallpods import TELLER, cluster, core, python, write
from tests.local.stage import free_port, local, refused, said
from tests.realcluster.eventually import eventually

LATE = python(
    """
    import socket, sys, time
    from pathlib import Path
    Path(sys.argv[2]).touch()
    while not Path(sys.argv[3]).exists():
        time.sleep(0.05)
    server = socket.create_server(("localhost", int(sys.argv[1])))
    while True:
        connection, _ = server.accept()
        connection.sendall(b"late")
        connection.close()
    """
)


def late(folder: Path) -> dict[str, object]:
    """A scheduler without probes, ready as soon as it runs, that listens only when there is a file `go`."""
    return {**LATE, "command": [*LATE["command"], "8786", str(folder / "runs"), str(folder / "go")]}


def answers_or_refuses(port: int) -> bool:
    """Whether somebody answers; anything but an answer and a refusal is an error."""
    try:
        connection = local(port)
    except ConnectionRefusedError:
        return False
    assert said(connection) == "late"
    return True


def test_a_client_that_comes_too_early_is_refused_until_it_is_served(tmp_path: Path) -> None:
    """Never let in and broken off: Dask's client gives up then."""
    port = free_port()
    with local_with(tmp_path, cluster("early", late(tmp_path), port=port)) as run:
        eventually((tmp_path / "runs").exists, "a scheduler that runs")
        run.says("daskcluster/early Running")
        assert not answers_or_refuses(port)
        (tmp_path / "go").touch()
        eventually(partial(answers_or_refuses, port), f"an answer at {port}")


def test_localhost_refuses_connections_when_the_cluster_is_gone(tmp_path: Path) -> None:
    """Some seconds later at most."""
    port = free_port()
    filler = core("ConfigMap", "filler", data={})
    with local_with(tmp_path, cluster("gone", TELLER, port=port), filler) as run:
        run.address("gone")
        write(tmp_path / "manifests.yaml", filler)
        run.says("DaskCluster default/gone: deleted")
        eventually(partial(refused, lambda: local(port)), "a refusal")


def test_a_service_whose_target_port_no_container_has_is_told(tmp_path: Path) -> None:
    """Otherwise people see a ready cluster that nobody can connect to."""
    port = free_port()
    odd = cluster("odd", {**TELLER, "ports": [{"name": "comm", "containerPort": 8786}]}, port=port)
    for each in odd["spec"]["scheduler"]["service"]["ports"]:
        each["targetPort"] = "com"
    with local_with(tmp_path, odd) as run:
        words = run.says("leads nowhere")
        assert f'port {port} leads nowhere: its targetPort is "com"' in words
        assert "these names: comm" in words
        assert refused(lambda: local(port))


def test_that_a_usual_port_is_taken_is_told_beside_the_one_there_is(tmp_path: Path) -> None:
    """In the line by which people connect."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with local_with(tmp_path, cluster("moved", TELLER, port=port)) as run:
            line = run.says("moved is ready: Client(")
            assert line.endswith(f"(another program has {port})")
