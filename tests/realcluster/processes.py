"""Starts programs, waits until they do what they should, and ends them with their starter."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.realcluster.errors import ClusterError
from tests.realcluster.working import works

TAIL_LINES = 25
TIED = ("setpriv", "--pdeathsig", "KILL", "--")
"""What the kernel kills a program by when its starter dies; macOS lacks it."""


@cache
def _can_tie() -> bool:
    return works(*TIED, "true")


def environment() -> dict[str, str]:
    """This process's environment, without a way round by somebody's proxy: everything is on this machine."""
    return os.environ | {"NO_PROXY": "*", "no_proxy": "*"}


@dataclass
class Processes:
    """Programs that live as long as the process that started them, whatever ends it.

    Attributes:
        folder: where they work.
        logs: where their output goes, one file each.
    """

    folder: Path
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> int:
        """Start a program; the kernel kills it when this process dies.

        Args:
            name: of its log.
            command: the program and its arguments.
            variables: its environment, `environment()` by default.

        Returns:
            Its process id.
        """
        prefix = TIED if _can_tie() else ()
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*prefix, *command],
                cwd=self.folder,
                env=environment() if variables is None else variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.running[name].pid

    def wait_until(self, condition: Callable[[], bool], what: str, deadline_seconds: float = 60) -> None:
        """Wait for a condition.

        Raises:
            ClusterError: a program ended meanwhile, or the time was up.
        """
        deadline = time.monotonic() + deadline_seconds
        while not condition():
            for name, process in self.running.items():
                if process.poll() is not None:
                    raise ClusterError(f"{name} ended with {process.returncode}. Its last words:\n{self._tail(name)}")
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {name}\n{self._tail(name)}" for name in self.running)
                raise ClusterError(f"After {deadline_seconds:.0f} s {what} is not there yet.\n{tails}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End all, the last started first. Nothing is kept, so nothing need be saved."""
        for process in reversed(self.running.values()):
            process.kill()
        for process in reversed(self.running.values()):
            process.wait()

    def _tail(self, name: str) -> str:
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])
