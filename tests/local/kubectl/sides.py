"""The same kubectl before the server of `dask-reconciler local` and before a real API server."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.wire.protocol import Body

SECONDS = 60
NO_EDITOR = "false"

# What differs from one run to the next, and says nothing.
INCIDENTAL = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r"(?<=resourceVersion: )\"\d+\"|(?<=Resource Version: ) *\d+"), "VERSION"),
    (re.compile(r"\b(\d+[smhd])+\b|<invalid>"), "AGE"),
    (re.compile(r"https?://[\d.]+:\d+"), "SERVER"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "IP"),
    (re.compile(r"(?<=\d:)3\d{4}(?=/TCP)"), "PORT"),
    (re.compile(r"/\S*/kubectl-edit-\d+\.yaml"), "COPY"),
    (re.compile(r"^[IWE]\d{4} \d\d:.*\n", re.MULTILINE), ""),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" (?=\n|$)"), ""),
)


@dataclass(frozen=True)
class Said:
    """What a command came to.

    Args:
        code: Its exit code.
        out: What it wrote, without what is incidental.
        err: What it said of what went wrong.
    """

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Side:
    """kubectl before one of the two.

    Args:
        program: kubectl.
        kubeconfig: What leads there.
        namespace: A namespace for this test alone.
    """

    program: str
    kubeconfig: Path
    namespace: str

    def run(self, *arguments: str, stdin: str = "", editor: str = NO_EDITOR) -> Said:
        """What kubectl says."""
        done = self._run(arguments, stdin, editor)
        return Said(done.returncode, self._plain(done.stdout), self._plain(done.stderr))

    def value(self, *arguments: str) -> str:
        """What kubectl writes, as it is."""
        done = self._run(arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(
        self, arguments: Sequence[str], stdin: str = "", editor: str = NO_EDITOR
    ) -> subprocess.CompletedProcess[str]:
        known = [self.program, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'kubectl'}"]
        return subprocess.run(
            [*known, f"--namespace={self.namespace}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**os.environ, "KUBE_EDITOR": editor},
        )

    def _plain(self, text: str) -> str:
        text = text.replace(self.namespace, "NAMESPACE")
        for pattern, word in INCIDENTAL:
            text = pattern.sub(word, text)
        return text


class NoNode:
    """A machine on which nothing runs."""

    def log(self, pod: Body, container: str, number: int) -> Path:
        raise AssertionError(f"{pod}, {container}, {number}")

    def place(self, pod: Body, port: int) -> tuple[str, int]:
        raise ConnectionRefusedError(f"{pod}, {port}")
