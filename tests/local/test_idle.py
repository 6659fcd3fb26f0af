"""Clusters of Dask on this machine that nobody uses."""

from pathlib import Path

from tests.local.command import local_with
from tests.local.smallpods import cluster, dask_scheduler, dask_worker
from tests.local.stage import free_port
from tests.node.clients import client_of, computes


def test_an_idle_cluster_goes_and_one_with_a_client_stays(tmp_path: Path) -> None:
    """Where clients count; how many there are, its scheduler's HTTP server tells."""
    one, two = (cluster(name, dask_scheduler(), dask_worker(), replicas=1, port=free_port()) for name in ("one", "two"))
    one["spec"] |= {"idleTimeout": 20}
    two["spec"] |= {"idleTimeout": 20, "idle": {"countClients": True}}
    with local_with(tmp_path, one, two, options=("--no-dask=false",)) as run:
        with client_of(run.address("two")) as client:
            assert computes(client, 1)
            run.says("DaskCluster default/one: Its scheduler has had nothing to do since")
            assert computes(client, 2)
        run.says("DaskCluster default/two: Its scheduler has had nothing to do and no Client since")
        run.says("daskcluster/two gone")
