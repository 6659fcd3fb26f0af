"""Namespaces in which a node lives: its network, mounts and processes are its own, and end with its first process.

Inside, all files are where every Kubernetes node has them, and this machine's own are out of reach of a mistake:

    /run                       empty, in memory: sockets, network namespaces, locks
    /run/realcluster/state     the cluster's folder
    /run/realcluster/programs  kubelet, …
    /var                       the cluster's folder var: kubelet, containerd, Pods' logs
    /proc/sys/…                what kubelet wants to set for the whole machine is a file of the cluster
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.realcluster.debian import SYSTEM_PATH
from tests.realcluster.instance import Instance
from tests.realcluster.processes import Processes

STATE = Path("/run/realcluster/state")
PROGRAMS = Path("/run/realcluster/programs")
ENVIRONMENT: Mapping[str, str] = {"PATH": SYSTEM_PATH}
# kubelet wants these values, and would set them.
KERNEL_SETTINGS: Mapping[str, str] = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
SETUP = """
set -eu
folder=$1 programs=$2
shift 2
mount -t tmpfs -o mode=755 tmpfs "$folder/run"
mkdir -p "$folder/run/realcluster/state" "$folder/run/realcluster/programs" "$folder/run/lock"
mount --bind "$folder" "$folder/run/realcluster/state"
mount --bind "$programs" "$folder/run/realcluster/programs"
mount --rbind "$folder/run" /run
mount --bind /run/realcluster/state/var /var
for setting in "$@"; do
    mount --bind "/run/realcluster/state/sys/$setting" "/proc/sys/$setting"
done
hostname node
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link set lo up
exec /run/realcluster/programs/pause
"""


def start(instance: Instance, processes: Processes) -> int:
    """Make the namespaces.

    Returns:
        The process id, as this machine sees it, of their first process, for `inside`.

    Raises:
        ClusterError: they could not be made.
    """
    folder = instance.folder
    for name in ("run", "var/lib", "var/log", "var/tmp", "var/cache"):
        (folder / name).mkdir(parents=True)
    (folder / "var/run").symlink_to("/run")
    (folder / "var/lock").symlink_to("/run/lock")
    for name, value in KERNEL_SETTINGS.items():
        path = folder / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    unshare = ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
    setup = ["sh", "-c", SETUP, "sandbox", str(folder), instance.programs, *KERNEL_SETTINGS]
    parent = processes.start("sandbox", [*unshare, "--", *setup], ENVIRONMENT)
    processes.wait_until(lambda: _first_process(parent) is not None, "the sandbox")
    pid = _first_process(parent)
    assert pid is not None
    instance.sandbox_pid.write_text(str(pid))
    return pid


def end(instance: Instance, processes: Processes) -> None:
    """End the first process, and with it all others and the mounts; returns when they have ended."""
    if instance.sandbox_pid.exists() and processes.running["sandbox"].poll() is None:
        os.kill(int(instance.sandbox_pid.read_text()), signal.SIGKILL)
        processes.running["sandbox"].wait()


def inside(pid: int) -> list[str]:
    """What to put before a command so that it runs in the sandbox."""
    return ["nsenter", f"--target={pid}", "--net", "--mount", "--pid", "--ipc", "--uts", "--"]


def _first_process(parent: int) -> int | None:
    """The sandbox's first process, once its setup has become `pause`."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        ready = bool(children) and Path(f"/proc/{children[0]}/comm").read_text().strip() == "pause"
    except OSError:
        return None
    return int(children[0]) if ready else None
