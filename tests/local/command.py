"""`dask-reconciler local` as people start it, and what is left of it."""

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.cli.daemon import ROOT, environment
from tests.local.smallpods import write
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually

DEADLINE_SECONDS = 120.0
EXAMPLES = ROOT / "examples"


class LocalRun:
    """A run of the command, whose output is read as it comes.

    Args:
        process: The command.
        temporary: The directory below which it keeps its files.
    """

    def __init__(self, process: subprocess.Popen[str], temporary: Path) -> None:
        self.process = process
        self.temporary = temporary
        self.output: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=_collect, args=(stream, lines))
            for stream, lines in ((process.stdout, self.output), (process.stderr, self.errors))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def says(self, *words: str, deadline_seconds: float = DEADLINE_SECONDS) -> str:
        """The first line on standard error with all those words, once it has come."""
        return self._line(self.errors, words, deadline_seconds)

    def prints(self, *words: str, deadline_seconds: float = DEADLINE_SECONDS) -> str:
        """The first line on standard output, where containers' logs go, with all those words, once it has come."""
        return self._line(self.output, words, deadline_seconds)

    def address(self, cluster: str) -> str:
        """Where a cluster is reached, as it is told once the cluster is ready."""
        found = re.search(r'Client\("(.+?)"\)', self.says(f'{cluster} is ready: Client("'))
        assert found is not None
        return found[1]

    def ended(self, *signals: signal.Signals, deadline_seconds: float = DEADLINE_SECONDS) -> int:
        """The exit code, after signals."""
        for each in signals:
            self.process.send_signal(each)
        _expect(lambda: self.process.poll() is not None, "the command's end", self, deadline_seconds)
        for reader in self._readers:
            reader.join(deadline_seconds)
        return int(self.process.returncode)

    def logs(self) -> Path:
        """The folder of the run's logs, as the command told it in the end."""
        return Path(self.says("The logs are in ").removeprefix("The logs are in ").removesuffix("."))

    def pids(self, pod: str = "") -> list[int]:
        """The processes of the run's containers, or of one Pod's; Linux only."""
        return [pid for pid, variables in _environments() if self._is_ours(variables, pod)]

    def main_pid(self, pod: str) -> int:
        """The process that a Pod's only container began with; Linux only."""
        pids = self.pids(pod)
        [main] = [pid for pid in pids if _parent(pid) not in pids]
        return main

    @property
    def guard_pid(self) -> int:
        """The process that is the parent of all containers' processes; Linux only."""
        [guard] = [pid for pid in self._left() if _parent(pid) == self.process.pid]
        return guard

    def all_gone(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until no process of the run is left, nor any of the command's own; Linux only."""
        try:
            _expect(lambda: not self._left(), "the end of all processes", self, deadline_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._left()} are left") from None

    def _left(self) -> dict[int, str]:
        """The run's processes and the command's own, each with its command line."""
        pids = [pid for pid, variables in _environments() if variables.get("TMPDIR") == str(self.temporary)]
        return {pid: _proc(pid, "cmdline").replace("\0", " ") for pid in pids}

    def _is_ours(self, variables: dict[str, str], pod: str) -> bool:
        mine = variables.get("LOCAL_POD_RUN", "").startswith(f"{self.temporary}/")
        return mine and pod in ("", variables.get("LOCAL_POD_NAME"))

    def _line(self, lines: list[str], words: Sequence[str], deadline_seconds: float) -> str:
        def found() -> list[str]:
            # Whether it has ended must be known before the lines are looked at: the last may come in between.
            has_ended = not any(reader.is_alive() for reader in self._readers)
            matching = [line for line in lines if all(word in line for word in words)]
            if has_ended and not matching:
                raise AssertionError(f"the command ended with exit code {self.process.poll()}")
            return matching

        _expect(lambda: bool(found()), f"a line with {words}", self, deadline_seconds)
        return found()[0]


@contextmanager
def local(
    *arguments: str, temporary: Path, directory: Path = ROOT, output: int = subprocess.PIPE, **variables: str
) -> Iterator[LocalRun]:
    """The command with those arguments; it is killed if it has not ended.

    Args:
        arguments: What comes after `dask-reconciler local`.
        temporary: Where it keeps its files: `TMPDIR`.
        directory: Where it is started.
        output: Its standard output, if somebody else is to read it.
        variables: More environment.
    """
    command = [sys.executable, "-m", "reconciler", "local", *arguments]
    given = environment(TMPDIR=str(temporary), **variables)
    with subprocess.Popen(
        command,
        cwd=directory,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        run = LocalRun(process, temporary)
        try:
            yield run
        finally:
            process.kill()
            run.ended()


def told(address: str) -> str:
    """What somebody who is asked nothing tells at an address; nothing if nobody is there."""
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            return connection.makefile().read()
    except ConnectionError:
        return ""


def local_with(
    folder: Path, *manifests: Manifest, options: Sequence[str] = (), output: int = subprocess.PIPE
) -> AbstractContextManager[LocalRun]:
    """The command with manifests of Pods without Dask in a file, and options.

    Args:
        folder: Where that file, `manifests.yaml`, is written, and below which the command keeps its own.
        manifests: What is in it.
        options: What is on the command line beside it.
        output: As for `local`.
    """
    folder.mkdir(exist_ok=True)
    file = str(write(folder / "manifests.yaml", *manifests))
    return local("--no-dask=true", *options, file, temporary=folder, output=output)


def _expect(condition: Callable[[], bool], what: str, run: LocalRun, deadline_seconds: float) -> None:
    try:
        eventually(condition, what, deadline_seconds=deadline_seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; it printed {run.output[-40:]} and said {run.errors[-40:]}") from None


def _collect(stream: Iterator[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip("\n"))  # noqa: PERF401 - each is seen as it comes


def _parent(pid: int) -> int:
    """The process that a process is a child of; 0 if it has ended."""
    _name, _, stat = _proc(pid, "stat").rpartition(") ")
    return int(stat.split()[1]) if stat else 0


def _proc(pid: int, file: str) -> str:
    """What the system tells of a process; nothing if it has ended or is another user's."""
    try:
        return Path("/proc", str(pid), file).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _environments() -> Iterator[tuple[int, dict[str, str]]]:
    """Every process that can be looked at, with its environment."""
    for pid in [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]:
        parts = _proc(pid, "environ").split("\0")
        yield pid, dict(part.split("=", 1) for part in parts if "=" in part)
