"""A place where processes are begun, programs to begin there, and what is left of them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from reconciler.local.containers.processes import Exit, Processes, Program
from tests.realcluster.eventually import eventually

IS_LINUX = sys.platform == "linux"
linux_only = pytest.mark.skipif(not IS_LINUX, reason="other systems have no way to find these processes")

PATH = "/usr/bin:/bin"
TOKEN = "TEST_PLACE"

DAEMON = """
import os, signal, sys, time
running, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if daemon := os.fork():
        print(daemon, flush=True)
        os._exit(0)
    os.execve("/bin/sleep", ["sleep", "600"], {environment})
os.wait()
os.close(writing)
os.read(running, 1)
"""
"""Writes down the pid of a daemon that it leaves, and goes on when that runs."""

CLIENT = """
import os, sys
from pathlib import Path
from reconciler.local.containers.processes import Processes, Program

place = Path(sys.argv[1])
run = place / "run"

def program(*argv):
    return Program(argv, dict(os.environ), place, run / "logs" / "log")

processes = Processes(run, groups_only=sys.argv[2] == "True")
"""
"""How a client begins that is a process of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A run's directory in a folder, and a token by which all that was begun for it is found.

    Args:
        folder: The folder.
        token: A variable that everything begun here has in its environment.
        groups_only: See `Processes`.
    """

    folder: Path
    token: str
    groups_only: bool = not IS_LINUX

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.run / "logs" / "log"

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": PATH, TOKEN: self.token}

    def processes(self) -> Processes:
        return Processes(self.run, groups_only=self.groups_only)

    def program(self, *argv: str, **changes: Any) -> Program:
        return Program(
            argv,
            changes.get("environment", self.environment),
            changes.get("directory", self.folder),
            changes.get("log", self.log),
            changes.get("memory_bytes"),
        )

    def shell(self, script: str, **changes: Any) -> Program:
        return self.program("sh", "-c", script, **changes)

    def python(self, code: str, **changes: Any) -> Program:
        return self.program(sys.executable, "-I", "-S", "-c", code, **changes)

    def daemon(self, then: str, environment: str = "os.environ") -> Program:
        """A program that leaves a daemon, then goes on."""
        return self.python(DAEMON.format(environment=environment) + then)

    def client(self, code: str) -> subprocess.Popen[str]:
        """A client that is a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", CLIENT + code, str(self.folder), str(self.groups_only)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )

    def written(self, lines: int) -> list[str]:
        """The log, when it has so many lines."""
        eventually(lambda: len(self._lines()) >= lines, f"line {lines} of {self.log}")
        return self._lines()

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def left(self) -> list[int]:
        """The living processes that were begun here, guards as well; Linux only."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{TOKEN}={self.token}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found


@contextmanager
def standing(folder: Path, *, groups_only: bool) -> Iterator[Place]:
    """A place in a folder; what a test that failed left there is killed."""
    place = Place(folder, uuid4().hex, groups_only)
    (place.run / "pods").mkdir(parents=True)
    yield place
    for pid in place.left():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pid_of(processes: Processes, number: int) -> int:
    """The pid of a main process that runs."""
    return processes._running[number]


def exits(processes: Processes, number: int = 1) -> list[Exit]:
    """So many exits, when they are told."""
    told: list[Exit] = []

    def enough() -> bool:
        told.extend(processes.exits())
        return len(told) >= number

    eventually(enough, f"exit {number}")
    return told


def is_alive(pid: int) -> bool:
    """Whether a process has not ended; a zombie has."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path("/proc", str(pid), "stat").read_text().rpartition(") ")[2][0] != "Z"
    return not IS_LINUX and exists(pid)


def exists(pid: int) -> bool:
    """Whether there is such a process, if only as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
