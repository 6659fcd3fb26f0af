"""The containers' processes: begun, signalled and told of by a guard, a process that ends them if this one dies."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from reconciler.local.containers import guard
from reconciler.local.errors import GuardDied as GuardDied

MARK = "LOCAL_POD_CONTAINER"
"""A variable in the environment of every process, by which those of a run are found should its guard be killed."""

_ANSWER_SECONDS = 60.0
_END_SECONDS = 10.0
_DEATH_SECONDS = 1.0
_CHUNK = 1 << 16
_CLOSED = "this run's processes were closed"


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Args:
        argv: The program, looked up in the PATH of `environment`, and its arguments.
        environment: All of its environment, to which only `LOCAL_POD_CONTAINER` is added.
        directory: Its working directory.
        log: The file to which what it writes is appended; its folders are made.
        memory_bytes: RLIMIT_RSS, soft and hard. No kernel enforces it; Dask reads it as its memory limit. Without
            effect on macOS, where its number means another limit: there only `inside/sitecustomize.py` tells it.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a container's main process, and of all that it left behind.

    Args:
        number: Which process.
        code: Its exit code, or 128 + the signal that ended it, as a kubelet tells it.
    """

    number: int
    code: int


class CannotStart(Exception):
    """A program cannot be run; the message says what and why."""


class Processes:
    """The processes of one run, for one thread.

    - A number is never used twice, and no exit is lost or told twice.
    - Nothing outlives this process, however it dies. The guard sees to it, and to the run's directory, of which only
      the logs are left.
    - If it is the guard that dies, what it had begun is killed, and every later call raises `GuardDied`.
    - Ctrl-C reaches neither the guard nor what it has begun: who is asked to end does so by `terminate` and `close`.

    Args:
        run: The run's directory.
        groups_only: Whether a container's descendants are its process group and nothing else: those that begin a
            session of their own are overlooked. There is no other way on macOS.

    Raises:
        OSError: the guard cannot be started.
    """

    def __init__(self, run: Path, *, groups_only: bool = sys.platform != "linux") -> None:
        self._run = run.absolute()
        self._token = uuid4().hex
        self._numbers = count(1)
        self._running: dict[int, int] = {}  # the pids, by number
        self._exits: list[Exit] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._unread = b""
        self._over: str | None = None
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._guard = subprocess.Popen(  # noqa: S603 it is this very Python
                [sys.executable, "-I", "-S", guard.__file__, str(self._run), *[guard.GROUPS_ONLY] * groups_only],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def begin(self, program: Program) -> int:
        """Begin a program; its number, once it runs.

        Raises:
            CannotStart: it cannot be run.
            GuardDied: the guard was killed.
        """
        if not program.argv:
            raise CannotStart("there is nothing to run: argv is empty")
        number = next(self._numbers)
        order = {
            "begin": number,
            "argv": program.argv,
            "environment": {**program.environment, MARK: f"{self._token}-{number}"},
            "directory": str(program.directory.absolute()),
            "log": str(program.log.absolute()),
            "memory_bytes": program.memory_bytes,
        }
        self._say(order)
        while number not in self._answers:
            self._hear(_ANSWER_SECONDS)
        answer = self._answers.pop(number)
        if "failed" in answer:
            raise CannotStart(_reason(program, answer))
        return number

    def terminate(self, number: int) -> None:
        """Send SIGTERM to a main process, and to it alone; nothing if it has ended.

        Raises:
            GuardDied: the guard was killed.
        """
        self._say({"terminate": number})

    def kill(self, number: int) -> None:
        """Send SIGKILL to a main process and all its descendants; nothing if it has ended.

        Raises:
            GuardDied: the guard was killed.
        """
        self._say({"kill": number})

    def exits(self) -> list[Exit]:
        """What has ended since the last call, each once. Waits for nothing.

        Raises:
            GuardDied: the guard was killed.
        """
        with suppress(BlockingIOError):
            while True:
                self._hear(0)
        ended, self._exits = self._exits, []
        return ended

    def close(self) -> None:
        """Kill what is left, and wait until the guard has removed the run's directory but for its logs, and has ended.

        A second time does nothing.
        """
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(_END_SECONDS)
        if self._guard.returncode != 0 and self._over != _CLOSED:
            self._end_without_guard()
            guard.remove(self._run, guard.KEPT)
        self._over = _CLOSED

    def _say(self, order: dict[str, Any]) -> None:
        with self._connection(_ANSWER_SECONDS) as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")

    def _hear(self, longest_seconds: float) -> None:
        with self._connection(longest_seconds) as connection:
            received = connection.recv(_CHUNK)
            if not received:
                raise ConnectionResetError
        *lines, self._unread = (self._unread + received).split(b"\n")
        for message in map(json.loads, lines):
            self._note(message)

    @contextmanager
    def _connection(self, longest_seconds: float) -> Iterator[socket.socket]:
        """The connection to the guard.

        Raises:
            BlockingIOError: the guard says nothing, and there was no time to wait.
            GuardDied: there is no guard at the other end, or none that answers.
        """
        if self._over is not None:
            raise GuardDied(self._over)
        self._socket.settimeout(longest_seconds)
        try:
            yield self._socket
        except BlockingIOError:
            raise
        except OSError as error:
            raise self._death() from error

    def _note(self, message: dict[str, Any]) -> None:
        match message:
            case {"ended": number, "code": code}:
                self._running.pop(number, None)
                self._exits.append(Exit(number, code))
            case {"begun": number, "pid": pid}:
                self._running[number] = pid
                self._answers[number] = message
            case {"failed": number}:
                self._answers[number] = message

    def _death(self) -> GuardDied:
        """End what the guard can end no more; the error that says so."""
        code = self._end_without_guard()
        how = f"signal {-code} ended it" if code < 0 else f"it ended with exit code {code}"
        log = self._run / guard.KEPT / "guard.log"
        where = f"; see {log}" if log.exists() else ""
        self._over = f"the guard of {self._run} is gone: {how}{where}; all processes that it had begun were killed"
        return GuardDied(self._over)

    def _end_without_guard(self) -> int:
        """Kill everything as far as it can be found; the guard's exit code."""
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(_DEATH_SECONDS)  # it may be writing down what ails it
        self._guard.kill()
        code: int = self._guard.wait()
        for pid in self._running.values() if code < 0 else ():  # else it has killed them itself
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + _END_SECONDS
        while (left := _marked(f"{MARK}={self._token}-")) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        self._running.clear()
        return code


def _marked(mark: str) -> list[int]:
    """The processes in whose environment there is a variable that begins so; none where there is no /proc."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            variables = (process / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(mark.encode()) for variable in variables):
                found.append(int(process.name))
    return found


def _reason(program: Program, failure: Mapping[str, Any]) -> str:
    """Why a program cannot be run, in words."""
    name, number = repr(program.argv[0]), failure["errno"]
    text = failure["text"] if number is None else os.strerror(number)
    match failure["step"], number:
        case "directory", errno.ENOENT:
            reason = f"the working directory {program.directory} is missing"
        case "directory", _:
            reason = f"the working directory {program.directory} cannot be entered: {text}"
        case "log", _:
            reason = f"the log {program.log} cannot be written: {text}"
        case "program", errno.ENOENT | errno.ENOTDIR:
            reason = _missing(program)
        case "program", errno.EACCES:
            reason = f"{name} may not be executed: {text}"
        case "program", errno.ENOEXEC:
            reason = f"{name} is neither a program for this machine nor a script whose first line begins with #!"
        case "program", _:
            reason = f"{name} cannot be run: {text}"
        case _:
            reason = f"no process can be made for {name}: {text}"
    return reason


def _missing(program: Program) -> str:
    name, path = program.argv[0], program.environment.get("PATH", os.defpath)
    found = shutil.which(str(program.directory / name) if "/" in name else name, path=path)
    if found is not None:
        return f"{found} cannot be run: the interpreter that its first line names is missing"
    return f"there is no program {name!r}" + (
        "" if "/" in name else " on this machine's PATH; install it here, or change the command"
    )
