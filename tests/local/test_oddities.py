"""What is odd about one Pod, or about this machine, and what the others notice of it."""

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.local.node import USUAL_PORTS
from tests.local.command import local_with
from tests.local.smallpods import SLEEPER, TELLER, cluster, container, job, pod

ENDLESS = 10**12


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"activeDeadlineSeconds": ENDLESS}, "pod/odd Failed"),
        ({"containers": [{**SLEEPER, "workingDir": "/" + "x" * 300}]}, "pod/odd Running"),
        ({"containers": [{**SLEEPER, "readinessProbe": {"httpGet": {"port": 1, "host": "a..b"}}}]}, "pod/odd Running"),
        (
            {"containers": [{**SLEEPER, "readinessProbe": {"tcpSocket": {"port": 1}, "timeoutSeconds": ENDLESS}}]},
            "pod/odd Running",
        ),
    ],
    ids=["deadline", "directory", "host", "timeout"],
)
def test_what_is_odd_about_a_pod_is_its_own_affair(tmp_path: Path, odd: dict[str, Any], words: str) -> None:
    """Whatever its manifest says, it runs or fails with a reason, and the others run."""
    with local_with(
        tmp_path, cluster(), {**pod("odd", SLEEPER), "spec": {**pod("odd", SLEEPER)["spec"], **odd}}
    ) as run:
        run.says(words)
        run.says("pod/idle-scheduler Running")
        assert run.process.poll() is None


def test_a_job_ends_with_the_code_of_the_container_that_failed_first(tmp_path: Path) -> None:
    """Not with that of one that merely ended later, nor with that of a sidecar."""
    runner = [container("sh", "-c", "exit 3"), container("sh", "-c", "sleep 1; exit 5", name="later")]
    manifest = job("j", runner[0])
    spec = manifest["spec"]["job"]["spec"]
    spec |= {"containers": runner, "restartPolicy": "Never"}
    spec["initContainers"] = [{**container("sleep", "600", name="beside"), "restartPolicy": "Always"}]
    with local_with(tmp_path, manifest) as run:
        assert run.ended() == 3


def test_a_port_that_another_program_has_everywhere_is_shifted(tmp_path: Path) -> None:
    """Pods would not get it, and would find the other program there; so they share one address, and it is said why."""
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("0.0.0.0", USUAL_PORTS[1]))
        other.listen()
        with local_with(tmp_path, cluster("c", TELLER)) as run:
            run.says(f"Another program listens on port {USUAL_PORTS[1]} of all addresses")
            run.says("pod/c-scheduler Running, ready 1/1")
