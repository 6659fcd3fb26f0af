"""dask-kubernetes' own KubeCluster against the daemon: one namespace, that namespace's rights, `naming: current`.

KubeCluster leaves connections open, so programs of their own use it. Meanwhile the daemon for all namespaces is away.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.conftest import DAEMON, OVERLAYS, await_daemon
from tests.node.images import DASK_IMAGE
from tests.node.place import CLUSTER, Place
from tests.realcluster import RealCluster
from tests.realcluster.processes import environment

pytestmark = pytest.mark.node

NAMESPACE = "dask"
"""As in deploy/one-namespace."""
PROGRAM_SECONDS = 300


@pytest.fixture(scope="module")
def current(unattended: RealCluster) -> Iterator[Place]:
    """The namespace of a daemon that looks after nothing else."""
    here = Place(unattended, NAMESPACE)
    unattended.kubectl("create", "namespace", NAMESPACE)
    unattended.kubectl("apply", f"--kustomize={OVERLAYS / 'one-namespace'}")
    await_daemon(here)
    yield here
    unattended.delete_namespace(NAMESPACE)
    here.eventually(lambda: not here.pods(f"app.kubernetes.io/name={DAEMON}"), "the end of this daemon")


def test_kubecluster_makes_a_cluster_and_another_program_scales_and_closes_it(current: Place) -> None:
    """What RAPIDS' document does with it works, under the names that it knows, and in the end nothing is left."""
    run("make_cluster", current)
    listed = current.kubectl("get", "all", f"--selector={CLUSTER}=rapids-dask", "--output=name").split()
    worker = "pod/rapids-dask-default-worker-[0-9a-f]{10}"
    expected = [worker, worker, "pod/rapids-dask-scheduler", "service/rapids-dask-scheduler"]
    for name, pattern in zip(listed, expected, strict=True):
        assert re.fullmatch(pattern, name)
    assert current.get("daskworkergroup", "rapids-dask-default")["spec"]["worker"]["replicas"] == 2
    run("close_cluster", current)
    current.leaves_nothing({"rapids-dask"})


def run(program: str, place: Place) -> None:
    """Run a program of tests/node/programs to its end, as the administrator.

    Raises:
        AssertionError: it failed; the message shows what it said, and the namespace.
    """
    command = [sys.executable, "-m", f"tests.node.programs.{program}", place.namespace, DASK_IMAGE]
    variables = environment() | {"KUBECONFIG": str(place.node.kubeconfig)}
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{error}\n{error.stdout!r}\n{place.world()}") from None
    assert done.returncode == 0, f"{done.stdout}\n{place.world()}"
