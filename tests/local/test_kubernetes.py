"""The laptop is a Kubernetes: real clients work on a real run."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from tests.cli.daemon import ROOT
from tests.local.command import LocalRun, local, local_with
from tests.local.programs.pods import SERVER, SERVER_PORT, patiently
from tests.local.smallpods import cluster, container, core, group, pod, python
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually

SECONDS = 120


class Laptop:
    """A run, and clients of it.

    Args:
        run: The run.
        kubectl_program: kubectl.
    """

    def __init__(self, run: LocalRun, kubectl_program: str = "") -> None:
        self.run = run
        self.kubeconfig = Path(run.says("KUBECONFIG=").rpartition("KUBECONFIG=")[2].removesuffix("."))
        self._program = kubectl_program

    def environment(self, **more: str) -> dict[str, str]:
        paths = f"{ROOT}:{ROOT / 'kubecluster' / 'src'}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": paths, **more}

    def command(self, *arguments: str) -> list[str]:
        return [self._program, f"--cache-dir={self.run.temporary / 'kubectl'}", *arguments]

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl says, if it does not fail."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=self.environment(),
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}; the run said {self.run.errors[-20:]}"
        return done.stdout

    def apply(self, *manifests: Manifest) -> str:
        return self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def dask(self, *arguments: str) -> str:
        """What `kubectl dask` prints, if it does not fail."""
        command = [sys.executable, "-c", "from kubecluster.cli import main; main()", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, env=self.environment()
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}; the run said {self.run.errors[-20:]}"
        return done.stdout

    def program(self, name: str) -> None:
        """Run one of the programs."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.local.programs.{name}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=self.environment(),
            cwd=ROOT,
        )
        assert done.returncode == 0, f"{done.stderr[-3000:]}; the run said {self.run.errors[-20:]}"


@contextmanager
def laptop(
    folder: Path, *manifests: Manifest, kubectl_program: str = "", options: Sequence[str] = ()
) -> Iterator[Laptop]:
    """A run with these manifests; an empty one without any."""
    if manifests:
        with local_with(folder, *manifests, options=options) as run:
            yield Laptop(run, kubectl_program)
    else:
        with local("--no-dask=true", *options, temporary=folder) as run:
            yield Laptop(run, kubectl_program)


def test_without_files_it_is_an_empty_kubernetes_until_it_is_interrupted(tmp_path: Path) -> None:
    """The kubeconfig is where it was asked for, its owner's alone, and gone in the end."""
    file = tmp_path / "my config"
    with laptop(tmp_path, options=[f"--kubeconfig={file}"]) as here:
        here.run.says(f"kubectl and other clients find it with KUBECONFIG='{file}'.")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["current-context"] == "local"
        here.run.process.terminate()
        assert here.run.ended() == 0
    assert not file.exists()


def test_a_kubeconfig_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """One sentence, exit code 1, and the file as it was."""
    file = tmp_path / "config"
    file.write_text("precious")
    with local(f"--kubeconfig={file}", temporary=tmp_path) as run:
        assert run.ended() == 1
    assert run.errors[-1].startswith(f"dask-reconciler: {file} is there already")
    assert file.read_text() == "precious"


@pytest.mark.parametrize("name", ["with_kubernetes", "with_kr8s", "with_lightkube"])
def test_clients_of_every_make_work(tmp_path: Path, name: str) -> None:
    """What they do is in the programs."""
    with laptop(tmp_path, cluster()) as here:
        here.run.says("daskcluster/idle Running")
        here.program(name)


def test_kubecluster_works_as_anywhere(tmp_path: Path) -> None:
    """A cluster is made, used, scaled, joined, read and deleted; the way to production is another context."""
    with local(temporary=tmp_path) as run:
        Laptop(run).program("with_kubecluster")
        run.says("daskcluster/notebook-cluster gone")


def test_kubectl_dask_works_as_anywhere(tmp_path: Path) -> None:
    """A cluster from its making to its end, in a shell, and a script on a cluster of its own."""
    script = tmp_path / "script.py"
    script.write_text(
        "from distributed import Client\nwith Client() as c: print('sum', c.submit(sum, [1, 2]).result())\n"
    )
    with local(temporary=tmp_path) as run:
        here = Laptop(run)
        made = here.dask("create", "demo", "--image", "dask", "--workers", "1", "--wait-for-workers")
        assert 'KubeCluster.from_name("demo-cluster")' in made
        here.dask("scale", "demo", "2")
        eventually(lambda: _is_explained(here, "2 of 2 workers"), "two workers that have joined")
        assert "Registered to" in here.dask("logs", "demo")
        here.dask("adapt", "demo", "--minimum", "0", "--maximum", "2")
        here.dask("delete", "demo", "--yes", "--wait")
        assert here.dask("submit", "--image", "dask", "--workers", "1", str(script)) == "sum 3\n"


def _is_explained(here: "Laptop", words: str) -> bool:
    """Whether the cluster is explained so; until its workers have joined, that is an error."""
    with suppress(AssertionError):
        return words in here.dask("explain", "demo")
    return False


def test_kubectl_makes_scales_and_deletes_a_cluster(tmp_path: Path, kubectl_program: str) -> None:
    """From an empty Kubernetes on; what is made is run, and what is deleted ends."""
    with laptop(tmp_path, kubectl_program=kubectl_program) as here:
        assert here.apply(cluster("c", replicas=1)) == "daskcluster.kubernetes.dask.org/c created\n"
        here.kubectl("wait", "--for=condition=Ready", "daskcluster/c", "--timeout=60s")
        here.kubectl("scale", "daskcluster/c", "--replicas=2")
        here.kubectl("wait", "--for=jsonpath={.status.workers}=2/2", "daskcluster/c", "--timeout=60s")
        assert "ScaledUp" in here.kubectl("describe", "daskworkergroup/c-default-worker-group")
        assert len(here.kubectl("get", "pods", "-o", "name").split()) == 3
        here.kubectl("delete", "daskcluster/c")
        here.kubectl("wait", "--for=delete", "pods", "--all", "--timeout=60s")
        assert here.kubectl("get", "pods") == ""


def test_kubectl_follows_logs_to_their_end(tmp_path: Path, kubectl_program: str) -> None:
    """Those of a life before, too."""
    crashing = python("import sys; print('it falls'); sys.exit(3)")
    with laptop(tmp_path, cluster(), pod("crashing", crashing), kubectl_program=kubectl_program) as here:
        slow = python("import time\nfor i in range(4): print(i, flush=True); time.sleep(0.3)")
        here.apply(pod("slow", slow, restartPolicy="Never"))
        here.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/slow", "--timeout=30s")
        assert here.kubectl("logs", "-f", "slow") == "0\n1\n2\n3\n"
        assert here.kubectl("logs", "--tail=1", "slow", "--prefix") == "[pod/slow/main] 3\n"
        assert here.kubectl("logs", "--previous", "crashing") == "it falls\n"


@pytest.mark.parametrize("tunnel", ["true", "false"])
def test_kubectl_forwards_ports(tmp_path: Path, kubectl_program: str, tunnel: str) -> None:
    """Through WebSockets and, as older ones do, through SPDY on the connection itself."""
    with laptop(tmp_path, cluster(), kubectl_program=kubectl_program) as here:
        here.apply(SERVER, core("Service", "s", spec={"selector": {"app": "none"}, "ports": [{"port": 80}]}))
        here.kubectl("wait", "--for=condition=Ready", "pod/server", "--timeout=30s")
        command = here.command("port-forward", "--address=127.0.0.1", "pod/server", f":{SERVER_PORT}")
        environment = here.environment(KUBECTL_PORT_FORWARD_WEBSOCKETS=tunnel)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as way:
            assert way.stdout is not None
            port = int(way.stdout.readline().split()[2].rpartition(":")[2])
            try:
                for _ in range(3):
                    answer = patiently(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read())
                    assert b"Directory listing" in answer
            finally:
                way.kill()


def test_containers_have_what_kubectl_puts_into_config_maps_and_secrets(tmp_path: Path, kubectl_program: str) -> None:
    """Those of the files and those of kubectl are the same."""
    with laptop(tmp_path, cluster(), kubectl_program=kubectl_program) as here:
        here.kubectl("create", "configmap", "m", "--from-literal=A=1")
        here.kubectl("create", "secret", "generic", "t", "--from-literal=B=2")
        sources = [{"configMapRef": {"name": "m"}}, {"secretRef": {"name": "t"}}]
        here.apply(pod("p", container("sh", "-c", "echo $A$B", envFrom=sources), restartPolicy="Never"))
        here.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/p", "--timeout=30s")
        assert here.kubectl("logs", "p") == "12\n"


def test_files_and_kubectl_change_the_same_objects(tmp_path: Path, kubectl_program: str) -> None:
    """Each keeps what the other changed, until it changes just that; and what kubectl made outlives any file."""
    file = tmp_path / "manifests.yaml"
    with laptop(tmp_path, cluster("c"), group("g", "c"), kubectl_program=kubectl_program) as here:
        here.run.says("daskworkergroup/g ")
        here.apply(group("mine", "c"))
        here.kubectl("scale", "daskworkergroup/g", "--replicas=3")
        changed = group("g", "c")
        changed["metadata"]["labels"] = {"a": "b"}
        file.write_text(yaml.safe_dump_all([cluster("c"), changed]))
        here.run.says('DaskWorkerGroup default/g: metadata.labels.a = "b"')
        asked = ("get", "daskworkergroup/g", "-o", "jsonpath={.spec.worker.replicas}")
        assert here.kubectl(*asked) == "3"
        changed["spec"]["worker"]["replicas"] = 2
        file.write_text(yaml.safe_dump_all([cluster("c"), changed]))
        here.run.says("DaskWorkerGroup default/g: spec.worker.replicas 3 → 2")
        here.kubectl("delete", "daskworkergroup/g")
        file.write_text(yaml.safe_dump_all([cluster("c")]))
        here.run.says("daskworkergroup/g gone")
        assert here.kubectl("get", "daskworkergroup/mine", "-o", "name") != ""


def test_what_is_not_there_is_not_known(tmp_path: Path, kubectl_program: str) -> None:
    """What the machine does not have is refused, as by a server that does not know it."""
    with laptop(tmp_path, kubectl_program=kubectl_program) as here:
        for asked in (("get", "nodes"), ("drain", "this-machine"), ("get", "deployments"), ("get", "clusterroles")):
            with pytest.raises(AssertionError, match="the server doesn't have a resource type"):
                here.kubectl(*asked)
