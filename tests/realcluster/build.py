"""Builds the programs with Go, once per set of pins, into the cache."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.realcluster import assets, debian, kernel, pins
from tests.realcluster.errors import ClusterError
from tests.realcluster.pins import Program
from tests.realcluster.progress import say as say
from tests.realcluster.working import trouble

STAGES = ("node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml", "pod/fast")
SLOW = ("etcd", "kube-apiserver", "coredns", "kwok")


@contextmanager
def locked(path: Path, *, quiet: bool = False) -> Iterator[None]:
    """Hold a lock between processes, saying so (unless quiet) where it has to be waited for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not quiet:
                say(f"waiting for another process that holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(*, node: bool, kwok: bool) -> Path:
    """Find or build the programs of a level.

    Args:
        node: also what real Pods need.
        kwok: also what Pods without containers need.

    Returns:
        The folder that holds the programs.

    Raises:
        ClusterError: Go is missing or failed, a Debian package is missing and cannot be installed, or a node is asked
            for where none can run.
    """
    if (folder := assets.find()) is not None:
        if not node and not kwok:
            say(assets.LACKING)
            return folder
        say(f"{assets.VARIABLE} is ignored: it has no scheduler and no nodes.")
    if node:
        _ensure_node_can_run()
    folder = pins.cache() / "programs" / pins.key()
    wanted = pins.programs(node=node, kwok=kwok)
    if _missing(folder, wanted):
        with locked(folder.with_suffix(".lock")):
            folder.mkdir(parents=True, exist_ok=True)
            _build(_missing(folder, wanted), folder)
    return folder


def _missing(folder: Path, wanted: Sequence[Program]) -> Sequence[Program]:
    return [program for program in wanted if not (folder / program.name).exists()]


def _build(programs: Sequence[Program], folder: Path) -> None:
    _ensure_go_works(programs)
    for number, program in enumerate(programs, start=1):
        started = time.monotonic()
        patience = ": minutes, the first time" if program.name in SLOW else ""
        say(f"building {program.name} ({number} of {len(programs)}){patience}")
        if program.name == "kwok":
            _copy_stages(folder)
        _compile(program, folder)
        say(f"built {program.name} in {time.monotonic() - started:.0f} s")


def _ensure_node_can_run() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ClusterError(
            "A real node needs Linux and root: run this as root, or set KUBECONFIG to a kind, k3d or minikube cluster."
        )
    debian.ensure(debian.NODE)
    pins.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=pins.cache()) as folder:
        kernel.ensure(Path(folder))


def _compile(program: Program, folder: Path) -> None:
    unfinished = folder / f".{program.name}.unfinished"
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", _linker_flags(program), "-o", str(unfinished)]
    _go(program, "build", *flags, program.package)
    unfinished.rename(folder / program.name)


def _linker_flags(program: Program) -> str:
    """Strip symbols; Kubernetes' programs also get the version that they would otherwise not know."""
    flags = ["-s", "-w"]
    if program.package.startswith(pins.KUBERNETES_PACKAGE):
        version = _go(program, "list", "-m", "-f", "{{.Version}}", pins.KUBERNETES_PACKAGE).strip()
        major, minor, _ = version.removeprefix("v").split(".", 2)
        values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        values["buildDate"] = "1970-01-01T00:00:00Z"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            flags += [f"-X {package}.{name}={value}" for name, value in values.items()]
    return " ".join(flags)


def _copy_stages(folder: Path) -> None:
    """Kwok's own rules of how nodes and Pods come to life, from its module, joined into one file."""
    kwok = next(program for program in pins.FAKE_NODES if program.name == "kwok")
    module = kwok.package.removesuffix("/cmd/kwok")
    _go(kwok, "mod", "download", module)
    stages = Path(_go(kwok, "list", "-m", "-f", "{{.Dir}}", module).strip()) / "kustomize" / "stage"
    files: list[Path] = []
    for name in STAGES:
        found = sorted((stages / name).glob("*.yaml")) if (stages / name).is_dir() else [stages / name]
        files += [path for path in found if path.name != "kustomization.yaml"]
    (folder / "kwok-stages.yaml").write_text("\n---\n".join(path.read_text() for path in files))


def _go(program: Program, *arguments: str) -> str:
    """Run Go in a program's module."""
    done = subprocess.run(
        ["go", *arguments],
        cwd=pins.GO / program.module,
        env=_go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(f"`go {arguments[0]}` failed for {program.name}:\n{done.stderr[-4000:]}")
    return done.stdout


def _go_environment() -> dict[str, str]:
    """Nothing of the caller's Go settings may change the result."""
    return os.environ | {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}


def _ensure_go_works(programs: Sequence[Program]) -> None:
    """Ask Go to read each module, which it refuses if it is too old and cannot fetch a newer Go by itself."""
    for module in dict.fromkeys(program.module for program in programs):
        if words := trouble("go", "list", "-m", cwd=pins.GO / module, environment=_go_environment()):
            raise ClusterError(
                f"A real Kubernetes is built with Go 1.26 or newer, and no such `go` is in PATH: {words}\n"
                "Install it, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl, or "
                "KUBECONFIG to a kind cluster."
            )
