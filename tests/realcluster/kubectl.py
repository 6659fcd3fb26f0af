"""Runs kubectl."""

import subprocess
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.processes import environment


def kubectl(program: str, kubeconfig: Path, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run kubectl, with its cache beside the kubeconfig.

    Returns:
        What it wrote to stdout.

    Raises:
        ClusterError: it failed, and check was set; the message is what it wrote to stderr.
    """
    command = [program, f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'kubectl'}", *arguments]
    done = subprocess.run(command, input=stdin, env=environment(), capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise ClusterError(f"`kubectl {' '.join(arguments)}` failed:\n{done.stderr}")
    return done.stdout
