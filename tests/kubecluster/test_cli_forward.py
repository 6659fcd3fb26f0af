"""Ports of this machine that lead to a cluster, held open by a process."""

import json
import signal
import socket
import urllib.request

import pytest
from distributed import Client

from models.kinds import DASK_CLUSTER, POD, Key
from tests.kubecluster.commands import done, refused, running
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually
from tests.signals import ignoring

SCHEDULER = "simple-cluster-scheduler"


@pytest.fixture
def cluster(world: LivingWorld) -> LivingWorld:
    """The world with a cluster of one worker."""
    done("create", "simple", "--workers", "1", "--wait-for-workers")
    return world


def test_forward_leads_to_the_scheduler_until_ctrl_c(cluster: LivingWorld) -> None:
    """A Client computes through the port that is printed; Ctrl-C ends it with 130, and the cluster stays."""
    arguments = ("forward", "simple", "--port", "0", "--dashboard-port", "0")
    with running(*arguments, kubeconfig=cluster.kubeconfig) as command:
        address = command.prints("The scheduler: ").split()[2]
        with Client(address, timeout="20s") as client:
            assert client.submit(sum, [1, 2]).result(timeout=30) == 3
        command.says("Ctrl-C ends it; the cluster stays.")
        assert command.ended(signal.SIGINT) == 130
        assert not [line for line in command.errors if "Traceback" in line]
    assert cluster.names(DASK_CLUSTER) == ["simple-cluster"]


def test_where_interrupts_are_ignored_forward_says_what_ends_it(cluster: LivingWorld) -> None:
    """Under nohup, or in a script's background, that is SIGTERM."""
    with ignoring(signal.SIGINT), running("forward", "simple", "--port", "0", kubeconfig=cluster.kubeconfig) as command:
        command.says(f"SIGTERM (kill {command.process.pid}) ends it; the cluster stays.")
        assert command.ended(signal.SIGINT, signal.SIGTERM) == -signal.SIGTERM


def test_forward_survives_its_scheduler_and_ends_with_its_cluster(cluster: LivingWorld) -> None:
    """It tells that the scheduler is another, leads to that at the same address, and says when the cluster is gone."""
    arguments = ("forward", "simple", "--port", "0", "--dashboard-port", "0")
    with running(*arguments, kubeconfig=cluster.kubeconfig) as command:
        address = command.prints("The scheduler: ").split()[2]
        command.says("Ctrl-C")
        pod = cluster.get(POD, SCHEDULER)
        cluster.api.remove(Key(POD, "default", SCHEDULER))
        eventually(
            lambda: any(
                body["metadata"]["uid"] != pod["metadata"]["uid"] and body["status"].get("phase") == "Running"
                for body in cluster.api.objects(POD)
                if body["metadata"]["name"].startswith(SCHEDULER)
            ),
            "another scheduler",
        )
        command.says("There is another scheduler now")
        with Client(address, timeout="20s") as client:
            assert client.scheduler_info()["address"]
        done("delete", "simple", "--yes", "--wait")
        command.says("Error: The Dask cluster default/simple-cluster was deleted")
        assert command.ended() == 1


def test_a_port_that_is_taken_is_told(cluster: LivingWorld) -> None:
    """One that was asked for is an error, which says by which option to give another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("forward", "simple", "--port", str(port))
    assert f"The local port {port} of 127.0.0.1 cannot be opened" in said
    assert "Give another --port, or 0 for any free one." in said
    assert cluster.names(DASK_CLUSTER) == ["simple-cluster"]


def test_the_dashboard_is_linked(cluster: LivingWorld) -> None:
    """Its address is all that stands on standard output, and somebody answers there."""
    with running("dashboard", "simple", "--port", "0", kubeconfig=cluster.kubeconfig) as command:
        link = command.prints("http://127.0.0.1:")
        assert link.endswith("/status")
        health = link.replace("/status", "/json/identity.json")
        with urllib.request.urlopen(health, timeout=20) as answer:
            assert json.load(answer)["type"] == "Scheduler"
        assert command.ended(signal.SIGINT) == 130
        assert command.output == [link]
