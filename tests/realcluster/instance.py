"""The folder of one running cluster: everything it is lives in there, and goes with it."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from tests.realcluster import cgroups, pins
from tests.realcluster.build import locked
from tests.realcluster.errors import ClusterError

# A supervisor's first line, if all went well.
READY = "ready"


@dataclass(frozen=True)
class Instance:
    """What a cluster was asked to be, and where its files are.

    Attributes:
        name: unique among the clusters of this cache folder.
        programs: the folder of etcd, kube-apiserver, ….
        node: whether it runs real Pods.
        kwok: whether it has nodes that only pretend.
    """

    name: str
    programs: str
    node: bool
    kwok: bool

    @property
    def folder(self) -> Path:
        return clusters() / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def sandbox_pid(self) -> Path:
        """Holds the process id, as this machine sees it, of the node's first process."""
        return self.folder / "sandbox.pid"

    @property
    def supervisor_pid(self) -> Path:
        return self.folder / "supervisor.pid"

    @property
    def controllers(self) -> bool:
        """Whether there is a controller manager; KUBEBUILDER_ASSETS has none."""
        return Path(self.program("kube-controller-manager")).exists()

    @property
    def cgroup(self) -> str:
        return _cgroup(self.name)

    def program(self, name: str) -> str:
        return str(Path(self.programs) / name)

    def save(self) -> None:
        (self.folder / "instance.json").write_text(json.dumps(asdict(self)))


def _cgroup(name: str) -> str:
    return f"realcluster-{name}"


def clusters() -> Path:
    """The folder of all running clusters."""
    return pins.cache() / "clusters"


def create(*, name: str | None, programs: Path, node: bool, kwok: bool) -> tuple[Instance, IO[str]]:
    """Make a cluster's folder, and lock it: who holds the lock owns the cluster.

    Raises:
        ClusterError: a cluster of this name runs already.
    """
    with locked(clusters() / ".lock", quiet=True):
        _sweep()
        instance = Instance(name or f"test-{secrets.token_hex(4)}", str(programs), node, kwok)
        try:
            instance.folder.mkdir()
        except FileExistsError:
            raise ClusterError(
                f"The cluster {instance.name} runs already: `python -m tests.realcluster kubeconfig --name "
                f"{instance.name}` says where, `down` stops it, `--name` starts another."
            ) from None
        instance.logs.mkdir()
        instance.pki.mkdir(mode=0o700)
        instance.save()
        lock = _lock_file(instance.folder).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return instance, lock


def every() -> Iterator[Instance]:
    """All clusters there are, dead ones too."""
    for path in sorted(clusters().glob("*/instance.json")):
        with contextlib.suppress(FileNotFoundError):  # it was going down
            yield Instance(**json.loads(path.read_text()))


def find(name: str) -> Instance:
    """The cluster of this name.

    Raises:
        ClusterError: there is none.
    """
    for instance in every():
        if instance.name == name:
            return instance
    raise ClusterError(f"There is no cluster {name}; `python -m tests.realcluster up --name {name}` starts one.")


def alive(instance: Instance) -> bool:
    """Whether its supervisor lives."""
    return _locked(instance.folder)


def stop(instance: Instance, *, deadline_seconds: float = 60) -> None:
    """Have the supervisor take the cluster down, and remove what a dead one left.

    Raises:
        ClusterError: it did not go in time.
    """
    deadline = time.monotonic() + deadline_seconds
    asked = False
    while alive(instance):
        if not asked and instance.supervisor_pid.exists():
            os.kill(int(instance.supervisor_pid.read_text()), signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            raise ClusterError(f"The cluster {instance.name} did not stop within {deadline_seconds:.0f} s.")
        time.sleep(0.02)
    discard(instance)


def discard(instance: Instance) -> None:
    """Remove what outlives a cluster's processes: cgroups and files."""
    _discard(instance.folder)


def _discard(folder: Path) -> None:
    cgroups.remove(_cgroup(folder.name))
    shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Clusters whose supervisor was killed left a folder and perhaps cgroups."""
    for folder in clusters().iterdir():
        if folder.is_dir() and not _locked(folder):
            _discard(folder)


def _lock_file(folder: Path) -> Path:
    return folder / "lock"


def _locked(folder: Path) -> bool:
    """Whether somebody owns a cluster's folder."""
    try:
        with _lock_file(folder).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
