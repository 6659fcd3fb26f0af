"""What is built: programs by level. Their versions stand in go/*/go.mod, their sums in go/*/go.sum."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

GO = Path(__file__).parent / "go"
KUBERNETES_PACKAGE = "k8s.io/kubernetes"


@dataclass(frozen=True)
class Program:
    """A program that Go builds.

    Attributes:
        name: the file it becomes.
        module: the folder below go/ whose go.mod pins it.
        package: its Go package.
    """

    name: str
    module: str
    package: str


def _kubernetes(name: str) -> Program:
    return Program(name, "kubernetes", f"{KUBERNETES_PACKAGE}/cmd/{name}")


API_SERVER = (
    Program("etcd", "kubernetes", "go.etcd.io/etcd/server/v3"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kubectl"),
)
FAKE_NODES = (_kubernetes("kube-scheduler"), Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"))
NODE = (
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    Program("coredns", "coredns", "github.com/coredns/coredns"),
    Program("pause", "pause", "."),
)


def programs(*, node: bool, kwok: bool) -> tuple[Program, ...]:
    """The programs of a level, each once."""
    wanted = (*API_SERVER, *(FAKE_NODES if kwok else ()), *(NODE if node else ()))
    return tuple(dict.fromkeys(wanted))


def cache() -> Path:
    """Where everything built and every running cluster is kept: $DASK_RECONCILER_CACHE or ~/.cache/dask-reconciler."""
    chosen = os.environ.get("DASK_RECONCILER_CACHE")
    return Path(chosen).expanduser().resolve() if chosen else Path.home() / ".cache" / "dask-reconciler"


def key() -> str:
    """A hash of all pins and sources: whatever changes one of them is built anew."""
    digest = hashlib.sha256(repr((API_SERVER, FAKE_NODES, NODE)).encode())
    for path in sorted([*GO.rglob("go.mod"), *GO.rglob("go.sum"), *GO.rglob("*.go")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
