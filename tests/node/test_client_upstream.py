"""KubeCluster on clusters that dask-kubernetes' operator runs, while ours is away."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from kubecluster import KubeCluster
from tests.node.clients import MISMATCH, computes, workers_seen
from tests.node.images import DASK_IMAGE
from tests.node.place import Place
from tests.realcluster import ClusterError, RealCluster
from tests.realcluster.eventually import eventually
from tests.realcluster.processes import environment

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings(MISMATCH)]


@pytest.fixture(scope="module")
def upstream(unattended: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A namespace that dask-kubernetes' operator looks after."""
    name = unattended.create_namespace()
    log: Path = tmp_path_factory.mktemp("operator") / "log"
    module = "dask_kubernetes.operator.controller"
    command = [sys.executable, "-m", "kopf", "run", "--namespace", name, "--standalone", "-m", module]
    variables = environment() | {"KUBECONFIG": str(unattended.kubeconfig)}
    with log.open("w") as stream, subprocess.Popen(command, env=variables, stdout=stream, stderr=stream) as process:
        yield Place(unattended, name)
        unattended.kubectl("delete", "daskclusters", "--all", f"--namespace={name}", "--timeout=60s")
        process.terminate()
    unattended.delete_namespace(name)


def test_what_dask_kubernetes_runs_is_used_like_ours(upstream: Place) -> None:
    """Made, computed on, scaled, extended, joined by its name, closed; what its operator cannot do is said."""
    where: dict[str, Any] = {
        "kubeconfig": str(upstream.node.kubeconfig),
        "namespace": upstream.namespace,
        "quiet": True,
    }
    command = "dask-worker --nthreads 1 --no-nanny"
    theirs = KubeCluster(
        name="theirs", naming="current", image=DASK_IMAGE, worker_command=command, n_workers=1, **where
    )
    with theirs, Client(theirs) as client:
        client.wait_for_workers(1)
        assert computes(client, 3)
        theirs.scale(2)
        theirs.add_worker_group("more", n_workers=1)
        client.wait_for_workers(3)
        assert {name.rpartition("-worker-")[0] for name in workers_seen(client)} == {"theirs-default", "theirs-more"}
        theirs.scale(2, worker_group="more")
        client.wait_for_workers(4)
        with KubeCluster.from_name("theirs", **where) as other:
            assert len(other.get_logs()) == 6
        theirs.delete_worker_group("more")
        eventually(lambda: len(workers_seen(client)) == 2, "the end of the group", deadline_seconds=120)
    with suppress(ClusterError):
        upstream.get("daskcluster", "theirs")
        raise AssertionError("it is still there")
