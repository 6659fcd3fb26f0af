"""What people see, and whether they look at all, is nothing to the run."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.local.containers.logfile import LONGEST
from tests.cli.daemon import ROOT, environment
from tests.local.command import LocalRun, local_with
from tests.local.place import linux_only
from tests.local.smallpods import cluster, container, python, write
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually
from tests.unit.local.display import Display

AT_A_TERMINAL = "import os, sys; os.login_tty(os.dup(0)); os.execv(sys.argv[1], sys.argv[1:])"
"""Runs a program whose terminal is its standard input, as a shell does."""

WIDTH, HEIGHT = 120, 40

FLOOD = container("sh", "-c", "while :; do echo 'a line of a log of which there are very many'; done")

ENDING_SECONDS = 12
"""In how many seconds a run must end that has two to say its last words, and nobody who listens."""

MARK = re.compile(rb"\[(\d+) log lines? left out here")


def talker(replicas: int) -> Manifest:
    """A cluster whose scheduler's log is a flood."""
    return cluster("talker", FLOOD, replicas=replicas)


@contextmanager
def unread(folder: Path, *streams: str, options: tuple[str, ...] = ()) -> Iterator[tuple[LocalRun, int]]:
    """A run of that cluster without workers, and the end of a full pipe for those streams; who wants may read it."""
    file = write(folder / "manifests.yaml", talker(0))
    command = [sys.executable, "-m", "reconciler", "local", *options, str(file)]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n")
    os.set_blocking(writing, True)
    pipes = {stream: writing if stream in streams else subprocess.PIPE for stream in ("stdout", "stderr")}
    variables = environment(TMPDIR=str(folder))
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, text=True, **pipes) as process:  # type: ignore[call-overload]
        os.close(writing)
        run = LocalRun(process, folder)
        try:
            yield run, reading
        finally:
            process.kill()
            run.ended()
            os.close(reading)


@linux_only
@pytest.mark.parametrize("streams", [("stdout",), ("stderr",), ("stdout", "stderr")], ids=" and ".join)
def test_a_run_that_nobody_reads_goes_on(tmp_path: Path, streams: tuple[str, ...]) -> None:
    """As with `| less`: edits are followed while pipes are full, and it ends in order and in time."""
    with unread(tmp_path, *streams, options=("--log-level=debug",)) as (run, _):
        eventually(lambda: len(run.pids()) >= 1, "the scheduler")
        for replicas in (3, 1):
            write(tmp_path / "manifests.yaml", talker(replicas))
            eventually(lambda: workers(run) == replicas, f"{replicas} workers")  # noqa: B023
        assert run.process.poll() is None
        assert run.ended(signal.SIGINT, deadline_seconds=ENDING_SECONDS) == 0
        run.all_gone(5)


def workers(run: LocalRun) -> int:
    """How many workers run."""
    return [program(pid) for pid in run.pids()].count("sleep 600 ")


def program(pid: int) -> str:
    """What a process runs; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\x00", " ")
    except OSError:
        return ""


@linux_only
def test_who_reads_slowly_is_told_what_is_missing(tmp_path: Path) -> None:
    """A line says how many lines of logs were left out; all that matters is there, and what comes then."""
    with unread(tmp_path, "stdout", "stderr") as (run, reading):
        eventually(lambda: len(run.pids()) >= 1, "the scheduler")
        write(tmp_path / "manifests.yaml", talker(2))
        eventually(lambda: workers(run) == 2, "two workers")
        slowly = bytearray()
        eventually(lambda: has_come(MARK, reading, slowly), "the line", deadline_seconds=60)
        found = MARK.search(slowly)
        assert found is not None
        assert int(found[1]) > 0
        assert b"DaskCluster default/talker: made\n" in slowly
        with os.fdopen(os.dup(reading), errors="replace") as pipe:
            ready = "daskworkergroup/talker-default-worker-group Ready, ready 2/2"
            assert ready.encode() in slowly or any(ready in line for line in pipe)
            run.process.send_signal(signal.SIGINT)
            assert any("The logs are in " in line for line in pipe)
        assert run.ended(deadline_seconds=ENDING_SECONDS) == 0


def has_come(mark: re.Pattern[bytes], pipe: int, read: bytearray) -> bool:
    """Whether it has come, after reading a little more."""
    read += os.read(pipe, 1 << 14)
    return mark.search(read) is not None


class Terminal:
    """A terminal that is read only when it is looked at.

    Attributes:
        file: Our end of it.

    Args:
        file: Our end of it.
    """

    def __init__(self, file: int) -> None:
        self.file = file
        self._data = bytearray()
        os.set_blocking(file, False)

    def read(self) -> str:
        """The last of what has come, after reading what is there."""
        with suppress(BlockingIOError):
            for _ in range(100):
                self._data += os.read(self.file, 1 << 16)
        return self._data[-20_000:].decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """What it shows."""
        display = Display(WIDTH, HEIGHT)
        display.feed(self._data.decode().replace("\r\n", "\n"))
        assert display.has_cursor
        return display.lines


@contextmanager
def at_a_terminal(
    folder: Path, *manifests: Manifest, options: tuple[str, ...] = ()
) -> Iterator[tuple[LocalRun, Terminal]]:
    """A run whose input, output and errors are a terminal of its own."""
    file = write(folder / "manifests.yaml", *manifests)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    program = [sys.executable, "-m", "reconciler", "local", *options, str(file)]
    variables = environment(TMPDIR=str(folder), TERM="xterm-256color")
    command = [sys.executable, "-c", AT_A_TERMINAL, *program]
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdin=theirs, text=True) as process:
        try:
            yield LocalRun(process, folder), Terminal(ours)
        finally:
            process.kill()
            process.wait()
            os.close(theirs)
            os.close(ours)


@linux_only
def test_a_stopped_terminal_stops_nothing(tmp_path: Path) -> None:
    """After Ctrl-S, edits are followed; after Ctrl-Q, the table is as it is now; the run ends while it is stopped."""
    with at_a_terminal(tmp_path, talker(0)) as (run, terminal):
        eventually(lambda: "pod/talker-scheduler" in terminal.read(), "the table")
        os.write(terminal.file, b"\x13")
        write(tmp_path / "manifests.yaml", talker(2))
        eventually(lambda: workers(run) == 2, "two workers")
        os.write(terminal.file, b"\x11")
        eventually(lambda: re.search("daskcluster/talker .*2/2", terminal.read()) is not None, "the table")
        os.write(terminal.file, b"\x13")
        write(tmp_path / "manifests.yaml", talker(1))
        eventually(lambda: workers(run) == 1, "one worker")
        assert run.ended(signal.SIGINT, deadline_seconds=ENDING_SECONDS) == 0
        run.all_gone(5)


@linux_only
def test_a_typed_interrupt_ends_a_stopped_run_in_order(tmp_path: Path) -> None:
    """Ctrl-C lets a terminal go on that Ctrl-S has stopped: the last table is drawn, and the cursor shown again."""
    with at_a_terminal(tmp_path, cluster("idle", replicas=1)) as (run, terminal):
        eventually(lambda: re.search("daskcluster/idle .*1/1", terminal.read()) is not None, "the table")
        os.write(terminal.file, b"\x13")
        write(tmp_path / "manifests.yaml", cluster("idle", replicas=2))
        eventually(lambda: len(run.pids()) == 3, "two workers")
        os.write(terminal.file, b"\x03")
        eventually(lambda: terminal.read() is not None and run.process.poll() is not None, "the end")
        assert run.process.returncode == 0
        terminal.read()
        assert any(line.startswith("The logs are in ") for line in terminal.lines)


@linux_only
def test_no_event_tears_the_table(tmp_path: Path) -> None:
    """With --log-level debug, events of all threads stand above the one table, each in a line of its own."""
    odd = cluster("odd", python("print('up', flush=True)\nimport time\ntime.sleep(600)"), replicas=2)
    with at_a_terminal(tmp_path, odd, options=("--log-level=debug",)) as (run, terminal):
        eventually(lambda: re.search("daskcluster/odd .*2/2", terminal.read()) is not None, "the table")
        write(tmp_path / "manifests.yaml", cluster("odd", replicas=3))
        eventually(lambda: re.search("daskcluster/odd .*3/3", terminal.read()) is not None, "three workers")
        run.process.send_signal(signal.SIGINT)
        eventually(lambda: terminal.read() is not None and run.process.poll() is not None, "the end")
        terminal.read()
        events = [line for line in terminal.lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line)]
        assert any("Using selector" in event for event in events)
        assert not any("✓" in line or "Resource " in line for line in events)
        assert any(line.startswith("[odd-scheduler] up") for line in terminal.lines)
        assert sum(line.lstrip().startswith("Resource ") for line in terminal.lines) <= 1


@linux_only
def test_a_flood_of_logs_does_not_fill_the_disk(tmp_path: Path) -> None:
    """A container that writes all it can leaves a log of bounded length, and those beside it are heard."""
    heard = python("import time\nwhile True:\n    print('me too', flush=True)\n    time.sleep(0.1)")
    flood = container("sh", "-c", "exec yes 'a line of a log of which there are very many'")
    with local_with(tmp_path, cluster("talker", flood, heard, replicas=1)) as run:
        run.prints("of this log were skipped here")
        run.prints("[talker-default-worker-group-worker-", "me too")
        assert run.ended(signal.SIGINT) == 0
        folder = run.logs() / "default_talker-scheduler" / "main"
        assert {file.name for file in folder.iterdir()} == {"0.log", "0.log.1"}
        assert sum(file.stat().st_blocks * 512 for file in folder.iterdir()) < 4 * LONGEST
        run.all_gone(5)
