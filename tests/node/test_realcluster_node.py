"""The node that the tests run against runs Pods as a production node would, and leaves nothing behind."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.realcluster import ClusterError, RealCluster, existing, kernel, start
from tests.realcluster import instance as instances
from tests.realcluster.cgroups import groups
from tests.realcluster.containerd import PAUSE_IMAGE
from tests.realcluster.eventually import eventually
from tests.realcluster.instance import Instance
from tests.realcluster.network import Network
from tests.realcluster.probe import resolves
from tests.realcluster.sandbox import KERNEL_SETTINGS

LISTED = ("/etc", "/opt", "/run", "/usr/libexec", "/var/lib", "/var/log")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No existing cluster will do."""
    monkeypatch.setenv(existing.SETTING, "own")


@pytest.mark.node
def test_what_the_kernel_does_not_give_is_told() -> None:
    """A node is refused at once, rather than after a minute of waiting."""
    with pytest.raises(ClusterError, match=r"^No node can run here, .* layered file systems .* in /proc:"):
        kernel.ensure(Path("/proc"))


def test_a_pod_runs_behind_a_service_with_a_name(node: RealCluster, node_namespace: str) -> None:
    """A Pod that asks for a GPU and 2 GiB runs, and its headless Service's name leads to it."""
    node.kubectl("create", "--filename=-", f"--namespace={node_namespace}", stdin=_pod_and_service())
    node.kubectl("wait", "--for=condition=Ready", "pod/web", f"--namespace={node_namespace}", "--timeout=60s")
    address = "--output=jsonpath={.spec.clusterIP}"
    server = node.kubectl("get", "service", "kube-dns", "--namespace=kube-system", address)
    name = f"web.{node_namespace}.svc.cluster.local"
    eventually(lambda: resolves(name, server), f"the name {name}")
    assert not resolves(f"other.{node_namespace}.svc.cluster.local", server)


@pytest.mark.node
@pytest.mark.usefixtures("own")
def test_down_leaves_no_trace() -> None:
    """After down, no process, mount, link, rule, cgroup, setting or file is left, though Pods ran until the end."""
    before = _world()
    with start(node=True) as cluster:
        _run_a_pod(cluster)
        instance = instances.find(cluster.kubeconfig.parent.name)
        network = _network(cluster)
        processes = _descendants(int(instance.supervisor_pid.read_text()))
        assert len(processes) > len(["etcd", "kube-apiserver", "kubelet", "containerd", "shim", "pause"])
        assert list(groups(instance.cgroup))
        assert _linked(network)
    assert _world() == before
    assert not _linked(network)
    _assert_gone(instance, processes)


@pytest.mark.node
@pytest.mark.usefixtures("own")
def test_nothing_of_a_node_outlives_its_supervisor() -> None:
    """When even the supervisor is killed, the node's processes and network go, and `down` removes the rest."""
    before = _world()
    with start(node=True) as cluster:
        _run_a_pod(cluster)
        instance = instances.find(cluster.kubeconfig.parent.name)
        network = _network(cluster)
        supervisor = int(instance.supervisor_pid.read_text())
        processes = _descendants(supervisor)
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: not any(map(_runs, processes)), "the end of all processes")
        eventually(lambda: not _linked(network), "the end of the link")
    assert _world() == before
    _assert_gone(instance, processes)


def _run_a_pod(cluster: RealCluster) -> None:
    cluster.kubectl("run", "pod", f"--image={PAUSE_IMAGE}", "--image-pull-policy=Never")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/pod", "--timeout=60s")


def _world() -> dict[str, object]:
    """What a cluster could have changed outside its folder, but for its own link and cgroups."""
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        "mounts": sorted(mounts),
        "rules": [line for line in rules.splitlines() if not line.startswith("#")],
        "settings": {name: Path("/proc/sys", name).read_text() for name in KERNEL_SETTINGS},
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "files": {folder: sorted(map(str, Path(folder).iterdir())) for folder in LISTED if Path(folder).is_dir()},
    }


def _network(cluster: RealCluster) -> Network:
    server = cluster.kubectl("config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
    return Network(int(server.split(".")[1]))


def _linked(network: Network) -> bool:
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    return network.link in routes or Path("/sys/class/net", network.link).exists()


def _assert_gone(instance: Instance, processes: set[int]) -> None:
    assert [pid for pid in processes if _runs(pid)] == []
    assert list(groups(instance.cgroup)) == []
    assert not instance.folder.exists()


def _descendants(pid: int) -> set[int]:
    children: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        children |= {int(child) for child in path.read_text().split()}
    return children.union(*(_descendants(child) for child in children))


def _runs(pid: int) -> bool:
    """Whether a process lives; a zombie that waits for its parent's look does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _pod_and_service() -> str:
    container = {
        "name": "pause",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"memory": "2Gi"}, "limits": {"nvidia.com/gpu": "1"}},
    }
    metadata = {"name": "web", "labels": {"app": "web"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    spec = {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod, service]})
