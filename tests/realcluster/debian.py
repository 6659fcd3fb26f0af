"""Debian packages that a node needs: containerd, runc, the CNI plugins and tools of the network."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.progress import say

POLICY = Path("/usr/sbin/policy-rc.d")


def ensure(packages: Sequence[str]) -> None:
    """Install the packages that are missing, without starting any service.

    Raises:
        ClusterError: a package is missing and cannot be installed: not root, not Debian, no mirror.
    """
    missing = [package for package in packages if not _installed(package)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(
            f"A node needs the Debian packages {' '.join(missing)}. Install them, or run this as root on Debian 12."
        )
    say(f"installing {' '.join(missing)}")
    with _no_service_starts():
        install = ["install", "--yes", "--no-install-recommends", *missing]
        done = _apt_get(*install)
        if done.returncode != 0:
            _apt_get("update")
            done = _apt_get(*install)
    if done.returncode != 0:
        raise ClusterError(f"apt-get could not install {' '.join(missing)}:\n{done.stderr[-2000:]}")
    if "containerd" in missing and Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "disable", "containerd.service"], check=False, capture_output=True)


def _installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
    except FileNotFoundError:
        return False


def _apt_get(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "--option", "DPkg::Lock::Timeout=600", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian asks this file before it starts a service: a second containerd is not wanted."""
    if POLICY.exists():
        yield
        return
    with tempfile.NamedTemporaryFile("w", dir=POLICY.parent, delete=False) as file:
        file.write("#!/bin/sh\nexit 101\n")
    Path(file.name).chmod(0o755)
    Path(file.name).rename(POLICY)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
