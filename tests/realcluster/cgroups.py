"""The cgroups below which a node's Pods run, in each hierarchy that this machine mounts (v1 and v2)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")


def create(name: str) -> None:
    """Make the group that kubelet is given as its root."""
    for hierarchy, kind in _hierarchies():
        if kind == "cgroup2":
            _delegate(hierarchy)
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        if kind == "cgroup2":
            _delegate(group)
        if (group / "cpuset.cpus").exists() and kind == "cgroup":
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy / file).read_text())


def remove(name: str, *, deadline_seconds: float = 5) -> None:
    """Remove the group and all below it, once the kernel has seen its processes end."""
    deadline = time.monotonic() + deadline_seconds
    while left := list(groups(name)):
        for group in left:
            try:
                group.rmdir()
            except OSError:  # busy for a moment after its last process was killed
                time.sleep(0.02)
        if time.monotonic() > deadline:
            return


def groups(name: str) -> Iterator[Path]:
    """The group and all below it, the deepest first."""
    for hierarchy, _ in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            yield Path(folder)


def _hierarchies() -> Iterator[tuple[Path, str]]:
    for line in MOUNTS.read_text().splitlines() if MOUNTS.exists() else []:
        _, mount, kind, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            yield Path(mount), kind


def _delegate(group: Path) -> None:
    """Let children have the controllers that this group has."""
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:  # a controller that the machine's init keeps for itself
            continue
