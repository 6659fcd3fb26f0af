"""The command, in this process and as one of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kubecluster.cli import kube
from tests.cli.daemon import environment
from tests.realcluster.eventually import eventually

DEADLINE_SECONDS = 120.0
PROGRAM = ("-c", "from kubecluster.cli import main; main()")


def run(*arguments: str, **options: Any) -> Result:
    """The command in this process, as `dask kube` has it."""
    return CliRunner().invoke(kube, arguments, prog_name="kubectl dask", **options)


def done(*arguments: str) -> str:
    """What a command prints that must succeed."""
    result = run(*arguments)
    assert result.exit_code == 0, f"exit code {result.exit_code}: {result.stderr}"
    return result.stdout


def refused(*arguments: str, code: int = 1) -> str:
    """What a command says that must fail."""
    result = run(*arguments)
    assert result.exit_code == code, f"exit code {result.exit_code}: {result.output}"
    assert "Traceback" not in result.output
    return result.stderr


def process(*arguments: str, kubeconfig: Path | None = None, program: Sequence[str] = PROGRAM) -> tuple[int, str, str]:
    """The command as a process: its exit code, and what it wrote on both streams."""
    ended = subprocess.run(
        [sys.executable, *program, *arguments],
        env=_environment(kubeconfig),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


class Running:
    """The command while it runs, as a process.

    Args:
        process: It.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.output: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=_collect, args=(stream, lines))
            for stream, lines in ((process.stdout, self.output), (process.stderr, self.errors))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def prints(self, words: str) -> str:
        """The first line on standard output with those words, once it has come."""
        return self._line(self.output, words)

    def says(self, words: str) -> str:
        """The first line on standard error with those words, once it has come."""
        return self._line(self.errors, words)

    def ended(self, *signals: signal.Signals) -> int:
        """The exit code, after signals."""
        for each in signals:
            self.process.send_signal(each)
        code = self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join(DEADLINE_SECONDS)
        return code

    def _line(self, lines: list[str], words: str) -> str:
        try:
            eventually(lambda: any(words in line for line in lines), words, deadline_seconds=DEADLINE_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed {self.output} and said {self.errors}") from None
        return next(line for line in lines if words in line)


@contextmanager
def running(*arguments: str, kubeconfig: Path) -> Iterator[Running]:
    """The command as a process; it is killed if it has not ended."""
    with subprocess.Popen(
        [sys.executable, *PROGRAM, *arguments],
        env=_environment(kubeconfig),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as begun:
        command = Running(begun)
        try:
            yield command
        finally:
            begun.kill()
            command.ended()


def _collect(stream: Iterator[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip("\n"))  # noqa: PERF401 - each is seen as it comes


def _environment(kubeconfig: Path | None) -> dict[str, str]:
    more = {"KUBECONFIG": str(kubeconfig or os.devnull), "PYTHONWARNINGS": "error", "TERM": "xterm"}
    return environment(**more)
