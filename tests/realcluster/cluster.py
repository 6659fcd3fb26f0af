"""A real Kubernetes as tests use it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.realcluster import build, containerd, existing, pki
from tests.realcluster import instance as instances
from tests.realcluster.errors import ClusterError
from tests.realcluster.existing import Existing
from tests.realcluster.instance import Instance
from tests.realcluster.kubectl import kubectl

SUPERVISOR = "tests.realcluster.supervisor"
REPOSITORY = Path(__file__).parents[2]
TOKEN_HOURS = 24


@dataclass(frozen=True)
class RealCluster:
    """A running cluster, and the administrator's hands on it.

    As a context manager it goes down at the end; a cluster that was there before stays.

    Attributes:
        kubeconfig: the administrator's.
        audit_log: one JSON line for each request (level Metadata); None on a cluster that was there before.
        node: whether Pods really run.
        controllers: whether there is garbage collection, and namespaces end.
        kubectl_program: the pinned kubectl.
        load_image: loads a docker-archive into the node, under the names that it gives itself.
        down: stops everything and leaves nothing.
    """

    kubeconfig: Path
    audit_log: Path | None
    node: bool
    controllers: bool
    kubectl_program: str
    load_image: Callable[[Path], None]
    down: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.down()

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator.

        Args:
            arguments: what follows `kubectl`.
            stdin: its input.
            check: whether a failure raises.

        Returns:
            What it wrote to stdout.

        Raises:
            ClusterError: it failed, and check was set; the message is what it wrote to stderr.
        """
        return kubectl(self.kubectl_program, self.kubeconfig, *arguments, stdin=stdin, check=check)

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with which a program is that service account, through a token as Pods get it."""
        duration = f"--duration={TOKEN_HOURS}h"
        token = self.kubectl("create", "token", service_account, f"--namespace={namespace}", duration).strip()
        config = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json"))
        cluster = config["clusters"][0]["cluster"]
        return pki.write_kubeconfig(
            self.kubeconfig.parent / f"{namespace}-{service_account}-{secrets.token_hex(3)}.kubeconfig",
            server=cluster["server"],
            authority=cluster["certificate-authority-data"],
            token=token,
            namespace=namespace,
        )

    def create_namespace(self) -> str:
        """Make a fresh namespace, in which Pods can be created at once."""
        name = f"test-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        if self.controllers:
            self.kubectl("wait", "--for=create", "serviceaccount/default", f"--namespace={name}", "--timeout=30s")
        else:
            self.kubectl("create", "serviceaccount", "default", f"--namespace={name}")
        return name

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace, without waiting for what is in it."""
        self.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def prepare(*, node: bool = False, kwok: bool = False) -> None:
    """Build what `start` would build, so that it then takes seconds.

    Raises:
        ClusterError: it could not be built; the message says why and what helps.
    """
    if kwok or existing.find() is None:
        build.build(node=node, kwok=kwok)


def start(*, node: bool = False, kwok: bool = False) -> RealCluster:
    """Take the cluster that KUBECONFIG offers, if it is meant for tests, or else launch one of our own.

    Args:
        node: real Pods, Services, DNS, logs; needs Linux and root.
        kwok: nodes that only pretend, for thousands of Pods; always a cluster of our own.

    Raises:
        ClusterError: it could not be built or started; the message says why and what helps.
    """
    found = None if kwok else existing.find()
    return launch(node=node, kwok=kwok) if found is None else _take(found)


def launch(
    *, node: bool, kwok: bool, name: str | None = None, detached: bool = False, owner: int | None = None
) -> RealCluster:
    """Start a cluster of our own, building it first if it never was.

    Args:
        node: as for `start`.
        kwok: as for `start`.
        name: of the cluster; a random one by default.
        detached: outlive this process, until `down`.
        owner: when detached, the process with whose end the cluster ends, too.

    Raises:
        ClusterError: it could not be built or started; the message says why and what helps.
    """
    programs = build.build(node=node, kwok=kwok)
    watched = str(owner or "nobody") if detached else "stdin"
    instance, lock = instances.create(name=name, programs=programs, node=node, kwok=kwok)
    with lock, (instance.logs / "supervisor.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", SUPERVISOR, instance.name, watched],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            pass_fds=[lock.fileno()],
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )
        instance.supervisor_pid.write_text(str(process.pid))
        first = process.stdout.readline() if process.stdout else ""
        if first.strip() != instances.READY:
            words = first + process.communicate()[0]
            log.seek(0)
            raise ClusterError(f"A real Kubernetes was built but did not start.\n{words}{log.read()}")
    return _own(instance, process)


def _own(instance: Instance, process: subprocess.Popen[str]) -> RealCluster:
    def down() -> None:
        instances.stop(instance)
        process.communicate()

    def load_image(tar: Path) -> None:
        if not instance.node:
            raise ClusterError(f"{tar} cannot be loaded: this cluster has no node. Start it with node=True.")
        containerd.load_image(int(instance.sandbox_pid.read_text()), tar)

    return RealCluster(
        kubeconfig=instance.kubeconfig,
        audit_log=instance.audit_log,
        node=instance.node,
        controllers=instance.controllers,
        kubectl_program=instance.program("kubectl"),
        load_image=load_image,
        down=down,
    )


def _take(found: Existing) -> RealCluster:
    folder = Path(tempfile.mkdtemp(prefix="realcluster-"))
    found.write_kubeconfig(folder / "kubeconfig")
    return RealCluster(
        kubeconfig=folder / "kubeconfig",
        audit_log=None,
        node=True,
        controllers=True,
        kubectl_program=found.kubectl,
        load_image=found.load_image,
        down=lambda: shutil.rmtree(folder),
    )
