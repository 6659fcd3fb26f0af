"""The container runtime of a node, and the image that each of its Pods begins with."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

from tests.realcluster import sandbox
from tests.realcluster.errors import ClusterError
from tests.realcluster.instance import Instance
from tests.realcluster.network import Network
from tests.realcluster.processes import Processes

SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "localhost/realcluster-pause:1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# restrict_oom_score_adj: without CAP_SYS_RESOURCE, which some virtual machines lack, no Pod would start.
# disable_apparmor: a profile would be the whole machine's.
CONFIG = f"""
version = 2
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{sandbox.STATE}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def start(instance: Instance, processes: Processes, pid: int, network: Network) -> None:
    """Start containerd in a sandbox, without waiting for it."""
    (instance.folder / "containerd.toml").write_text(CONFIG)
    (instance.folder / "cni").mkdir()
    (instance.folder / "cni" / "pods.conflist").write_text(json.dumps(_pod_network(network)))
    command = ["containerd", f"--config={sandbox.STATE}/containerd.toml"]
    processes.start("containerd", [*sandbox.inside(pid), *command], sandbox.ENVIRONMENT)


def answers(pid: int) -> bool:
    """Whether containerd is up."""
    command = [*_ctr(pid), "version"]
    return subprocess.run(command, env=sandbox.ENVIRONMENT, capture_output=True, check=False).returncode == 0


def load_image(pid: int, tar: Path) -> None:
    """Load a docker-archive, under the names that it gives itself.

    Raises:
        ClusterError: containerd did not take it.
    """
    with tar.open("rb") as archive:
        command = [*_ctr(pid), "images", "import", "-"]
        done = subprocess.run(command, env=sandbox.ENVIRONMENT, stdin=archive, capture_output=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"The image {tar} could not be loaded: {done.stderr.decode()}")


def pause_image(instance: Instance) -> Path:
    """A docker-archive with nothing but the program that holds a Pod's namespaces open."""
    layer = _tar({"pause": Path(instance.program("pause")).read_bytes()})
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest), "config.json": json.dumps(config)}
    path = instance.folder / "pause.tar"
    path.write_bytes(_tar({"layer.tar": layer, **{name: text.encode() for name, text in files.items()}}))
    return path


def _ctr(pid: int) -> list[str]:
    return [*sandbox.inside(pid), "ctr", f"--address={SOCKET}", "--namespace=k8s.io"]


def _pod_network(network: Network) -> object:
    """Each Pod has a link of its own to the node: no bridge, so none of a bridge's quirks with Services."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": network.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
