"""A cluster that is there already, taken only if it is plainly meant for tests."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.progress import say
from tests.realcluster.working import trouble

PREFIXES = ("kind-", "k3d-")
NAMES = ("minikube",)
SETTING = "DASK_RECONCILER_TEST_CLUSTER"


@dataclass(frozen=True)
class Existing:
    """A context of a kubeconfig.

    Attributes:
        kubectl: the program.
        context: the context's name.
    """

    kubectl: str
    context: str

    def write_kubeconfig(self, path: Path) -> None:
        """Write this context alone: whoever switches contexts later does not move the tests to another cluster."""
        view = ["config", "view", "--raw", "--flatten", "--minify", f"--context={self.context}"]
        path.touch(mode=0o600)
        path.write_text(_run(self.kubectl, *view))

    def load_image(self, tar: Path) -> None:
        """Load a docker-archive with the tool that made the cluster.

        Raises:
            ClusterError: it is not known, or it failed.
        """
        kind, _, name = self.context.partition("-")
        commands = {
            "kind": ["kind", "load", "image-archive", str(tar), f"--name={name}"],
            "k3d": ["k3d", "image", "import", str(tar), f"--cluster={name}"],
            "minikube": ["minikube", "image", "load", str(tar)],
        }
        if kind not in commands:
            known = ", ".join(commands)
            raise ClusterError(f"No way is known to load {tar} into {self.context}: it is none of {known}.")
        _run(*commands[kind])


def find(environment: Mapping[str, str] = os.environ) -> Existing | None:
    """The cluster that the environment offers, if it may be used; whoever offers one hears why it is not taken.

    Raises:
        ClusterError: the environment asks for an existing cluster and there is none.
    """
    setting = environment.get(SETTING, "")
    if setting not in {"", "existing", "own"}:
        raise ClusterError(f"{SETTING} is {setting!r}; it may be `existing` (use KUBECONFIG) or `own` (never do).")
    if not environment.get("KUBECONFIG"):
        if setting == "existing":
            raise ClusterError(f"{SETTING} is `existing`, but KUBECONFIG is not set: set it.")
        return None
    if setting == "own":
        say(f"KUBECONFIG is ignored, since {SETTING} is `own`.")
        return None
    kubectl = shutil.which("kubectl", path=environment.get("PATH")) or "kubectl"
    broken = trouble(kubectl, "version", "--client", environment=environment)
    context = "" if broken else _context(kubectl, environment)
    if context and (setting == "existing" or for_tests(context)):
        say(f"using the existing cluster of context {context}")
        return Existing(kubectl, context)
    if context:
        looks = f"does not look like a cluster for tests ({', '.join(NAMES)}, {'*, '.join(PREFIXES)}*)"
        say(f"KUBECONFIG is ignored: its context {context} {looks}. {SETTING}=existing uses it all the same.")
        return None
    why = f"no `kubectl` works here that could read it: {broken}" if broken else "it has no current context"
    if setting == "existing":
        raise ClusterError(f"{SETTING} is `existing`, but KUBECONFIG cannot be used: {why}.")
    say(f"KUBECONFIG is ignored: {why}.")
    return None


def for_tests(context: str) -> bool:
    """Whether a context's name says that a tool for tests made the cluster."""
    return context in NAMES or context.startswith(PREFIXES)


def _context(kubectl: str, environment: Mapping[str, str]) -> str:
    command = [kubectl, "config", "current-context"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ClusterError(f"There is no `{command[0]}` in PATH.") from None
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{done.stderr}")
    return done.stdout
