"""Starts a node in its sandbox: containerd, kubelet, kube-proxy and CoreDNS."""

import json
from collections.abc import Sequence

from tests.realcluster import cgroups, containerd, coredns, sandbox
from tests.realcluster.controlplane import ControlPlane
from tests.realcluster.kubectl import kubectl
from tests.realcluster.network import Network
from tests.realcluster.probe import resolves
from tests.realcluster.processes import Processes

NAME = "node"
# There is no GPU, but manifests that ask for one get scheduled.
EXTENDED_RESOURCES = {"nvidia.com/gpu": "8"}


def start(plane: ControlPlane, processes: Processes, pid: int, network: Network) -> None:
    """Start what makes a machine a node, and wait until Pods can run and find each other by name.

    Args:
        plane: a control plane that answers.
        processes: where its programs are started; containerd is there already.
        pid: of the sandbox.
        network: of the sandbox.

    Raises:
        ClusterError: something ended or did not come up.
    """
    instance = plane.instance
    admin = (instance.program("kubectl"), instance.kubeconfig)
    kubectl(*admin, "create", "--validate=false", "--filename=-", stdin=coredns.manifest(network))
    cgroups.create(instance.cgroup)
    (instance.folder / "resolv.conf").write_text("")
    (instance.folder / "kubelet.json").write_text(json.dumps(_kubelet(plane, network)))
    (instance.folder / "Corefile").write_text(coredns.corefile(network, _kubeconfig("coredns")))
    for name, arguments in _arguments(network).items():
        plane.kubeconfig(name)
        command = [*sandbox.inside(pid), str(sandbox.PROGRAMS / name), *arguments]
        processes.start(name, command, sandbox.ENVIRONMENT)
    processes.wait_until(lambda: containerd.answers(pid), "containerd")
    containerd.load_image(pid, containerd.pause_image(instance))
    processes.wait_until(lambda: plane.probe.ready(NAME), "the node's condition Ready")
    status = {"status": {"capacity": EXTENDED_RESOURCES, "allocatable": EXTENDED_RESOURCES}}
    kubectl(*admin, "patch", "node", NAME, "--subresource=status", f"--patch={json.dumps(status)}")
    known = f"kubernetes.default.svc.{coredns.DOMAIN}"
    processes.wait_until(lambda: resolves(known, network.dns_service), "an answer of CoreDNS through its Service")


def _arguments(network: Network) -> dict[str, Sequence[str]]:
    """What each program is told. kube-proxy may not set the machine's limit of connections."""
    return {
        "kubelet": [
            f"--kubeconfig={_kubeconfig('kubelet')}",
            f"--config={sandbox.STATE}/kubelet.json",
            f"--hostname-override={NAME}",
            f"--node-ip={network.node}",
        ],
        "kube-proxy": [
            f"--kubeconfig={_kubeconfig('kube-proxy')}",
            f"--hostname-override={NAME}",
            f"--cluster-cidr={network.pods}",
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        ],
        "coredns": [f"-conf={sandbox.STATE}/Corefile"],
    }


def _kubeconfig(user: str) -> str:
    return f"{sandbox.STATE}/{user}.kubeconfig"


def _kubelet(plane: ControlPlane, network: Network) -> object:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{sandbox.STATE}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{plane.instance.cgroup}",
        "clusterDNS": [network.dns_service],
        "clusterDomain": coredns.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        # A full disk or little memory is no reason to evict a test's Pods, nor to remove the images it loaded.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "maxPods": 250,
        "oomScoreAdj": 0,
        "resolvConf": f"{sandbox.STATE}/resolv.conf",
        "serializeImagePulls": False,
        "volumePluginDir": "/var/lib/kubelet/plugins/volume",
    }
