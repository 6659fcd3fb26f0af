"""The process that is the parent of all containers' processes, and that outlives neither its client nor any of them.

It is run as a program with nothing but the standard library, `python -I -S guard.py <run's directory>`. Its standard
input is a socket, at the other end of which is its client, `processes.py`. Each line is one JSON object.

    client                          guard
    {"begin": 7, "argv": …}   ─►
                              ◄─    {"begun": 7, "pid": 4711} or {"failed": 7, "step": …, "errno": …, "text": …}
    {"terminate": 7}          ─►    and the same with "kill"
                              ◄─    {"ended": 7, "code": 143}
    end                       ─►    kills everything, removes the run's directory

On Linux a main process is to its descendants what process 1 is in a container: what loses its parent becomes its child,
and when it ends, the guard's. So the guard's children that are no main processes were left behind by ended containers,
even if they are daemons and have changed their environment.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

GROUPS_ONLY = "--groups-only"
KEPT = "logs"

_CLIENT = 0
_CHUNK = 1 << 16
_LOOK_AGAIN_SECONDS = 0.02
_LONGEST_REST_SECONDS = 1.0
_LONGEST_END_SECONDS = 5.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Guard:
    """Does what its client says for as long as that lives.

    - The client's death, of whatever cause, is the end of everything that was begun, and of the guard.
    - So is a bug of its own; the traceback is then in `logs/guard.log`.
    - No signal but SIGKILL ends it before its client: Ctrl-C and a closed terminal are the client's affair.
    - It never waits for the client: what that has not read yet is kept for it.

    Args:
        run: The run's directory; all of it but its logs is removed in the end.
        groups_only: See `Containers`.
    """

    def __init__(self, run: Path, *, groups_only: bool) -> None:
        self._run = run
        self._containers = Containers(groups_only=groups_only)
        self._client_lives = True
        self._unread = b""
        self._unsent = b""
        self._poll = select.poll()
        self._woken, wake = os.pipe()
        self._poll.register(self._woken, select.POLLIN)
        for file in (wake, _CLIENT):
            os.set_blocking(file, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Serve the client until it ends, then end everything."""
        try:
            while self._client_lives:
                self._poll.register(_CLIENT, select.POLLIN | select.POLLOUT * bool(self._unsent))
                if self._wait(hurried=bool(self._containers.resting)):
                    self._read()
                for number, code in self._containers.ended(time.monotonic()):
                    self._tell({"ended": number, "code": code})
                self._write()
        finally:
            self._poll.unregister(_CLIENT)
            self._end()

    def _wait(self, *, hurried: bool) -> bool:
        """Wait until something happens; whether the client has said something, or ended."""
        ready = dict(self._poll.poll(_LOOK_AGAIN_SECONDS * 1000 if hurried else None))
        if self._woken in ready:
            os.read(self._woken, _CHUNK)
        return bool(ready.get(_CLIENT, 0) & ~select.POLLOUT)

    def _read(self) -> None:
        try:
            received = os.read(_CLIENT, _CHUNK)
        except ConnectionError:  # it ended before it had read everything
            received = b""
        self._client_lives = bool(received)
        *orders, self._unread = (self._unread + received).split(b"\n")
        for order in map(json.loads, orders):
            match order:
                case {"begin": number}:
                    self._tell(self._containers.begin(number, order))
                case {"terminate": number}:
                    self._containers.terminate(number)
                case {"kill": number}:
                    self._containers.kill(number)

    def _tell(self, message: dict[str, Any]) -> None:
        self._unsent += json.dumps(message).encode() + b"\n"

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):  # if it has ended, it can be read
            while self._unsent:
                self._unsent = self._unsent[os.write(_CLIENT, self._unsent) :]

    def _end(self) -> None:
        for number in self._containers.running:
            self._containers.kill(number)
        deadline = time.monotonic() + _LONGEST_END_SECONDS
        while (self._containers.running or self._containers.resting) and time.monotonic() < deadline:
            self._wait(hurried=True)
            self._containers.ended(time.monotonic())
        remove(self._run, KEPT)


class Containers:
    """The processes that were begun, and all that came of them.

    - Each is begun in a session of its own and gets nothing of the guard's: no open files, no ignored signals.
    - Only children that the guard has not reaped, and their groups, are sent signals: no reused pid is ever hit.
    - When a main process ends, so do all its descendants, as in a container. Only then is its exit told: whoever begins
      it anew finds its ports and files free. What cannot be killed, as it waits for a disk, holds this up for 1 s.
    - When the guard is killed, so are the main processes (Linux).

    Attributes:
        running: The main processes' pids, by number.
        resting: Exits that are not told yet, by number: pid, exit code, and when to wait no longer.

    Args:
        groups_only: Whether a container's descendants are its process group and nothing else, as where the system
            gives orphans to nobody but its first process (macOS).
    """

    def __init__(self, *, groups_only: bool) -> None:
        self.running: dict[int, int] = {}
        self.resting: dict[int, tuple[int, int, float]] = {}
        self._prctl = None if groups_only else ctypes.CDLL(None).prctl
        if self._prctl is not None:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def begin(self, number: int, order: dict[str, Any]) -> dict[str, Any]:
        """Begin a main process; the answer for the client, once the program runs or cannot."""
        guard = os.getpid()
        try:
            reading, writing = os.pipe()
            pid = os.fork()
        except OSError as error:
            return {"failed": number, **_failure("process", error)}
        if pid == 0:
            _become(order, self._prctl, guard, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            failure = pipe.read()  # nothing, when the program has closed it by running
        if failure:  # what ended for it is reaped like all others
            return {"failed": number, **json.loads(failure)}
        self.running[number] = pid
        return {"begun": number, "pid": pid}

    def terminate(self, number: int) -> None:
        """Ask a main process to end, and it alone, as a container runtime does."""
        if number in self.running:
            _send(os.kill, self.running[number], signal.SIGTERM)

    def kill(self, number: int) -> None:
        """Kill a main process and its group; its other descendants follow when it has ended."""
        if number in self.running:
            _send(os.killpg, self.running[number], signal.SIGKILL)

    def ended(self, now: float) -> list[tuple[int, int]]:
        """Reap what has ended, and kill what it left behind; number and code of those of which nothing is left.

        Args:
            now: The time, in seconds.
        """
        reaped: dict[int, int] = {}
        with contextlib.suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                reaped.update([child])
        for number in [number for number, pid in self.running.items() if pid in reaped]:
            pid = self.running.pop(number)
            code = os.waitstatus_to_exitcode(reaped[pid])
            self.resting[number] = (pid, code if code >= 0 else 128 - code, now + _LONGEST_REST_SECONDS)
        left = self._killed() if reaped or self.resting else set()
        told = [number for number, (_, _, until) in self.resting.items() if number not in left or now > until]
        return [(number, self.resting.pop(number)[1]) for number in told]

    def _killed(self) -> set[int]:
        """Kill what ended containers left behind; the containers of which there may have been something."""
        if self._prctl is None:
            return {number for number, (pid, _, _) in self.resting.items() if _send(os.killpg, pid, signal.SIGKILL)}
        killed = [_send(os.kill, pid, signal.SIGKILL) for pid in _children() - set(self.running.values())]
        return set(self.resting) if killed else set()


def remove(path: Path, kept: str = "") -> None:
    """Remove a file or a folder, but for what has the name that is kept. Links are removed, never followed."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        path.chmod(path.stat().st_mode | 0o700)  # a process may have protected it
        for inner in path.iterdir():
            if inner.name != kept:
                remove(inner)
        path.rmdir()


def _become(order: dict[str, Any], prctl: Callable[[int, int], int] | None, guard: int, failure: int) -> NoReturn:
    """Turn this process, which was just forked, into the program that was ordered; or end, and say why in a pipe."""
    step = "process"
    try:
        _stand_alone(prctl, guard)
        _limit(order["memory_bytes"])
        step = "log"
        _redirect(Path(order["log"]))
        step = "directory"
        os.chdir(order["directory"])
        step = "program"
        os.execvpe(order["argv"][0], order["argv"], order["environment"])  # noqa: S606
    except BaseException as error:  # noqa: BLE001
        os.write(failure, json.dumps(_failure(step, error)).encode())
    finally:
        os._exit(1)  # or this process would go on as a second guard


def _stand_alone(prctl: Callable[[int, int], int] | None, guard: int) -> None:
    """Leave the guard's session and signals, but not its fate."""
    os.setsid()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died before the line above
            os._exit(1)
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:  # of all that can be done with a signal, a program inherits this
            signal.signal(number, signal.SIG_DFL)


def _limit(memory_bytes: int | None) -> None:
    """Set the limit that Dask reads. On macOS its number means another, which the kernel does enforce."""
    if memory_bytes is not None and resource.RLIMIT_RSS != resource.RLIMIT_AS:
        _, highest = resource.getrlimit(resource.RLIMIT_RSS)
        limit = memory_bytes if highest == resource.RLIM_INFINITY else min(memory_bytes, highest)
        resource.setrlimit(resource.RLIMIT_RSS, (limit, limit))


def _redirect(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for file, standard in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(file, standard)


def _failure(step: str, error: BaseException) -> dict[str, Any]:
    return {"step": step, "errno": getattr(error, "errno", None), "text": str(error)}


def _send(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> bool:
    """Send a signal; whether somebody got it. macOS lets nobody signal a group of the dead."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)
        return True
    return False


def _children() -> set[int]:
    """The guard's children. None is missed: one comes when another ends, and then the guard looks again."""
    guard = str(os.getpid()).encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            _state, parent, _ = (process / "stat").read_bytes().rpartition(b") ")[2].split(maxsplit=2)
            if parent == guard:
                found.add(int(process.name))
    return found


def main(run: Path) -> None:
    """Guard a run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        Guard(run, groups_only=GROUPS_ONLY in sys.argv).serve()
    except BaseException:
        _redirect(run / KEPT / "guard.log")
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
