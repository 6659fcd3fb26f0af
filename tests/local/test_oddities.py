"""What is odd about one Pod, or about this machine, and what the others notice of it."""

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.local.node import USUAL_PORTS
from tests.local.command import local_with
from tests.local.smallpods import SLEEPER, TELLER, cluster, container, job, pod

LONGEST = 2**31 - 1
PROBE = {"tcpSocket": {"port": 1}}
NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold")


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"activeDeadlineSeconds": LONGEST}, "pod/odd Running"),
        ({"terminationGracePeriodSeconds": 2**62}, "pod/odd Running"),
        ({"containers": [{**SLEEPER, "workingDir": "/" + "x" * 300}]}, "pod/odd Running"),
        ({"containers": [{**SLEEPER, "readinessProbe": {"httpGet": {"port": 1, "host": "a..b"}}}]}, "pod/odd Running"),
        (
            {"containers": [{**SLEEPER, "livenessProbe": {**PROBE, **dict.fromkeys(NUMBERS, LONGEST)}}]},
            "pod/odd Running",
        ),
    ],
    ids=["deadline", "grace", "directory", "host", "probe"],
)
def test_what_is_odd_about_a_pod_is_its_own_affair(tmp_path: Path, odd: dict[str, Any], words: str) -> None:
    """Whatever its manifest says, it runs or fails with a reason, and the others run."""
    with local_with(
        tmp_path, cluster(), {**pod("odd", SLEEPER), "spec": {**pod("odd", SLEEPER)["spec"], **odd}}
    ) as run:
        run.says(words)
        run.says("pod/idle-scheduler Running")
        assert run.process.poll() is None


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"activeDeadlineSeconds": LONGEST + 1}, "must be between 1 and 2147483647, inclusive"),
        ({"terminationGracePeriodSeconds": 2**63}, "of type int64"),
        ({"initContainers": [SLEEPER]}, 'spec.initContainers[0].name: Duplicate value: "main"'),
    ],
    ids=["deadline", "grace", "name"],
)
def test_what_kubernetes_would_refuse_is_refused(tmp_path: Path, odd: dict[str, Any], words: str) -> None:
    """A Pod that no API server would take is a problem of the file, with Kubernetes' own words."""
    body = pod("odd", SLEEPER)
    with local_with(tmp_path, cluster(), {**body, "spec": {**body["spec"], **odd}}) as run:
        run.says("Pod default/odd: ", words)
        assert run.ended() == 1


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
