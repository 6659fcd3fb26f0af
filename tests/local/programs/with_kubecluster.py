"""What people do with KubeCluster, on a laptop as anywhere."""

from distributed import Client

from kubecluster import KubeCluster

with KubeCluster(name="notebook", n_workers=1, image="dask", quiet=True) as cluster, Client(cluster) as client:
    client.wait_for_workers(1, timeout=60)
    assert client.submit(sum, [1, 2, 3]).result(timeout=30) == 6
    cluster.scale(2)
    client.wait_for_workers(2, timeout=60)
    with KubeCluster.from_name("notebook", quiet=True) as same:
        assert same.scheduler_address
    logs = cluster.get_logs()
    assert any("Registered to" in text for name, text in logs.items() if "worker" in name), logs
    cluster.adapt(minimum=1, maximum=2)
