"""Debian packages that bring what a node and images take: installed where it does not work, whoever installed it."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.progress import say
from tests.realcluster.working import trouble, works

SCRIPTS = Path(__file__).parents[2] / "scripts"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a node looks for programs."""

NODE: Mapping[str, Sequence[str]] = {
    package: ("env", f"PATH={SYSTEM_PATH}", *proof)
    for package, proof in {
        "conntrack": ("conntrack", "--version"),
        "containerd": ("containerd", "--version"),
        "containernetworking-plugins": ("CNI_COMMAND=VERSION", "/usr/lib/cni/ptp"),
        "ethtool": ("ethtool", "--version"),
        "iproute2": ("ip", "-Version"),
        "iptables": ("iptables", "--version"),
        "kmod": ("modprobe", "--version"),
        "mount": ("mount", "--version"),
        "runc": ("runc", "--version"),
        "socat": ("socat", "-V"),
        "util-linux": ("unshare", "--version"),
    }.items()
}
"""What a node needs: packages, each with a command that succeeds where its programs work."""

DEBOOTSTRAP: Mapping[str, Sequence[str]] = {"debootstrap": ("debootstrap", "--version")}
"""What makes an image without any registry."""

BUILDER: Mapping[str, Sequence[str]] = {"buildah": (str(SCRIPTS / "image-engine"),)}
"""What builds an image from a Dockerfile; any engine that works will do."""


def ensure(packages: Mapping[str, Sequence[str]]) -> None:
    """Install the packages whose programs do not work, without starting any service.

    Args:
        packages: Their names, each with the command that succeeds where they work.

    Raises:
        ClusterError: one cannot be installed (not root, not Debian, no mirror), or does not work then either.
    """
    missing = [package for package, proof in packages.items() if not works(*proof)]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    install = [str(SCRIPTS / "install"), *missing]
    done = subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(done.stderr.strip())
    if "containerd" in missing and Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "disable", "containerd.service"], check=False, capture_output=True)
    if broken := [words for package in missing if (words := trouble(*packages[package]))]:
        raise ClusterError(f"apt-get has installed {' '.join(missing)}, but:\n" + "\n".join(broken))
