"""However a run ends, nothing of it is left but its logs."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.daemon import ROOT, environment
from tests.local.command import local_with, told
from tests.local.place import linux_only
from tests.local.smallpods import SLEEPER, TELLER, cluster, container, python, write
from tests.local.stage import free_port
from tests.manifests import Manifest
from tests.realcluster.eventually import eventually
from tests.signals import ignoring

PARTING = python(
    """
    import signal, time
    def end(*_):
        print("asked", time.monotonic())
        time.sleep(0.3)
        print("ended", time.monotonic())
        raise SystemExit
    signal.signal(signal.SIGTERM, end)
    print("here")
    while True:
        time.sleep(1)
    """
)
"""Tells when it was asked to end and when it did, by the machine's clock."""

DEAF = python(
    """
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked"))
    print("here")
    while True:
        time.sleep(1)
    """
)
"""Does not end when it is asked to."""

SHORTER_SECONDS = 8
"""Less than is left for it to end, when the command says that it waits."""


class Terminal:
    """Our end of a terminal, read by a thread: who writes to the other end must not have to wait.

    Args:
        file: The end.
    """

    def __init__(self, file: int) -> None:
        self.text = ""
        self._file = file
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """Let go of it when the other end is closed."""
        self._reader.join()
        os.close(self._file)

    def _read(self) -> None:
        with suppress(OSError):  # what Linux says when the other end is closed
            while received := os.read(self._file, 1 << 16):
                self.text += received.decode(errors="replace")


def folders(temporary: Path) -> list[Path]:
    """The directories of runs."""
    return [*temporary.glob("dask-reconciler-*/*")]


def has_only_logs(folder: Path) -> bool:
    """Whether nothing but logs is left in a run's directory."""
    return [each.name for each in folder.iterdir()] == ["logs"]


def logs(temporary: Path, pod: str = "") -> dict[str, str]:
    """What Pods with such a name have written, by their names."""
    files = temporary.glob(f"dask-reconciler-*/*/logs/default_{pod}*/main/0.log")
    read = {file.parts[-3].removeprefix("default_"): file.read_text() for file in files}
    return {pod: text for pod, text in read.items() if text}  # who only sleeps writes nothing


def moment(log: str, what: str) -> float:
    """When something happened, as a log tells it."""
    [line] = [line for line in log.splitlines() if line.startswith(f"{what} ")]
    return float(line.removeprefix(f"{what} "))


def are_here(temporary: Path, number: int) -> bool:
    """Whether so many programs have begun."""
    return [*logs(temporary).values()] == ["here\n"] * number


@linux_only
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_run_is_ended_in_order(tmp_path: Path, way: signal.Signals) -> None:
    """Ctrl-C and SIGTERM let workers end before schedulers are asked to; the exit code is 0, and only logs are left."""
    with local_with(tmp_path, cluster("orderly", PARTING, PARTING, replicas=2)) as run:
        eventually(lambda: are_here(tmp_path, 3), "all programs")
        assert run.ended(way) == 0
        run.all_gone()
        assert has_only_logs(run.logs().parent)
    workers = logs(tmp_path, "orderly-default-worker-group-worker-").values()
    scheduler = logs(tmp_path)["orderly-scheduler"]
    assert len(workers) == 2
    assert max(moment(worker, "ended") for worker in workers) < moment(scheduler, "asked")
    assert moment(scheduler, "ended")


def test_a_cluster_is_ended_in_order(tmp_path: Path) -> None:
    """A cluster that is removed while the others go on loses its workers before its scheduler."""
    others = cluster("others")
    with local_with(tmp_path, others, cluster("orderly", PARTING, PARTING, replicas=1)) as run:
        eventually(lambda: are_here(tmp_path, 2), "all programs")
        write(tmp_path / "manifests.yaml", others)
        run.says("pod/orderly-scheduler gone")
        assert run.process.poll() is None
    [worker] = logs(tmp_path, "orderly-default-worker-group-worker-").values()
    assert moment(worker, "ended") < moment(logs(tmp_path)["orderly-scheduler"], "asked")


AT_A_TERMINAL = "import os, sys; os.login_tty(os.dup(0)); os.execv(sys.argv[1], sys.argv[1:])"
"""Runs a program whose terminal is its standard input, as a shell does."""


@linux_only
def test_a_run_at_a_terminal_is_ended_in_order(tmp_path: Path) -> None:
    """Ctrl-C that is typed reaches the command and no container; the cursor is shown again."""
    file = write(tmp_path / "orderly.yaml", cluster("orderly", PARTING, PARTING, replicas=1))
    ours, theirs = os.openpty()
    shown = Terminal(ours)
    command = [sys.executable, "-c", AT_A_TERMINAL, sys.executable, "-m", "reconciler", "local", str(file)]
    variables = environment(TMPDIR=str(tmp_path), TERM="xterm-256color")
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdin=theirs) as process:
        os.close(theirs)
        try:
            eventually(lambda: "Resource" in shown.text and "pod/orderly-scheduler" in shown.text, "the table")
            eventually(lambda: are_here(tmp_path, 2), "all programs")
            os.write(ours, b"\x03")
            assert process.wait(30) == 0
        finally:
            process.kill()
            shown.close()
    assert shown.text.endswith("\x1b[?25h")
    [worker] = logs(tmp_path, "orderly-default-worker-group-worker-").values()
    assert moment(worker, "ended") < moment(logs(tmp_path)["orderly-scheduler"], "asked")


@linux_only
def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    """Who does not want to wait for a container that does not end presses Ctrl-C again."""
    with local_with(tmp_path, cluster("deaf", DEAF)) as run:
        eventually(lambda: are_here(tmp_path, 1), "the program")
        run.process.send_signal(signal.SIGINT)
        run.says("Ending all processes.")
        eventually(lambda: logs(tmp_path)["deaf-scheduler"].endswith("asked\n"), "that it is asked to end")
        run.says("Waiting for all processes to end; interrupt again to kill them.")
        assert run.ended(signal.SIGINT, deadline_seconds=SHORTER_SECONDS) == 0
        run.all_gone()


@linux_only
def test_where_interrupts_are_ignored_the_command_says_what_ends_it(tmp_path: Path) -> None:
    """Under nohup, or in a script's background, SIGTERM ends it in order, and at once if it comes again."""
    with ignoring(signal.SIGINT, signal.SIGHUP), local_with(tmp_path, cluster("deaf", DEAF)) as run:
        run.says(f"SIGTERM ends this: kill {run.process.pid}.")
        eventually(lambda: are_here(tmp_path, 1), "the program")
        run.process.send_signal(signal.SIGINT)
        run.process.send_signal(signal.SIGHUP)
        run.process.send_signal(signal.SIGTERM)
        run.says("Waiting for all processes to end; SIGTERM again to kill them.")
        assert run.ended(signal.SIGTERM, deadline_seconds=SHORTER_SECONDS) == 0
        run.all_gone()


@linux_only
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGHUP])
def test_nothing_outlives_the_command(tmp_path: Path, way: signal.Signals) -> None:
    """Within seconds after kill -9, or when its terminal is closed, no process is left, and only logs."""
    with local_with(tmp_path, cluster("lost", DEAF, DEAF, replicas=2)) as run:
        eventually(lambda: are_here(tmp_path, 3), "all programs")
        assert len(run.pids()) == 3
        assert run.ended(way) == -way
        run.all_gone()
        [folder] = folders(tmp_path)
        eventually(lambda: has_only_logs(folder), "the end of all but logs")


@linux_only
def test_the_death_of_the_guard_is_told(tmp_path: Path) -> None:
    """When the process that starts the others is killed, they die with it, and the command says so and fails."""
    with local_with(tmp_path, cluster("unguarded", DEAF)) as run:
        eventually(lambda: are_here(tmp_path, 1), "the program")
        os.kill(run.guard_pid, signal.SIGKILL)
        assert run.ended() == 1
        assert run.errors[-1].startswith("dask-reconciler: the guard of ")
        assert run.errors[-1].endswith("signal 9 ended it; all processes that it had begun were killed")
        run.all_gone()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_the_next_run_begins_clean(tmp_path: Path, way: signal.Signals) -> None:
    """A run right after another is reached at the same port of localhost, however the first one ended."""
    port = free_port()
    body, address = cluster("again", TELLER, port=port), f"localhost:{port}"
    for _ in range(2):
        with local_with(tmp_path, body) as run:
            assert run.address("again") == address
            eventually(lambda: told(address) == "again-scheduler", "an answer")
            run.ended(way)


def test_two_runs_do_not_disturb_each_other(tmp_path: Path) -> None:
    """The second run tells another port of localhost; the end of one leaves the other as it is."""
    port = free_port()
    with (
        local_with(tmp_path / "left", cluster("left", TELLER, port=port)) as left,
        local_with(tmp_path / "right", cluster("right", TELLER, port=port)) as right,
    ):
        found = {"left": left.address("left"), "right": right.address("right")}
        assert sum(address == f"localhost:{port}" for address in found.values()) == 1
        for name, address in found.items():
            eventually(lambda: told(address) == f"{name}-scheduler", f"an answer of {name}")  # noqa: B023
        assert left.ended(signal.SIGINT) == 0
        assert told(found["left"]) == ""
        assert told(found["right"]) == "right-scheduler"
        assert right.ended(signal.SIGINT) == 0


def test_a_cluster_is_waited_for(tmp_path: Path) -> None:
    """With --wait, the command ends with exit code 0 as soon as every cluster is ready."""
    with local_with(tmp_path, cluster("one", replicas=1), cluster("two"), options=["--wait=60s"]) as run:
        assert run.ended() == 0
        assert "Every cluster is ready." in run.errors


@pytest.mark.parametrize("lives_seconds", [0, 0.7])
def test_a_worker_that_ends_again_and_again_is_not_waited_for(tmp_path: Path, lives_seconds: float) -> None:
    """Each of its processes makes it ready; the command ends with exit code 1 and its last words all the same."""
    crashes = python(f"import time; time.sleep({lives_seconds}); raise SystemExit('No such option')")
    with local_with(tmp_path, cluster("crashes", worker=crashes, replicas=1), options=["--wait=60s"]) as run:
        assert run.ended() == 1
        assert run.errors[-1] == "Not everything can become ready."
        assert run.errors[-2].endswith(' ended 3 times, the last time with exit code 1: "No such option".')


NEVER_READY = {"exec": {"command": ["false"]}, "periodSeconds": 1}
STUCK: dict[str, tuple[Manifest, str]] = {
    "a probe that never passes": (
        cluster("stuck", {**SLEEPER, "readinessProbe": NEVER_READY}),
        "The scheduler Pod stuck-scheduler started, but did not pass the readiness probe yet.",
    ),
    "a program that is not there": (
        cluster("stuck", SLEEPER, container("no-such-program"), replicas=1),
        "there is no program 'no-such-program' on this machine's PATH",
    ),
}


@pytest.mark.parametrize("case", STUCK)
def test_a_cluster_that_does_not_become_ready_is_told(tmp_path: Path, case: str) -> None:
    """With --wait, the command ends with exit code 1 when the time is over, and says what is not ready, and why."""
    body, words = STUCK[case]
    with local_with(tmp_path, body, options=["--wait=2s"]) as run:
        assert run.ended() == 1
        assert words in run.says("DaskCluster default/stuck is not ready: ")
        assert run.errors[-1] == "Not everything was ready within 2 s."


@linux_only
def test_nobody_who_reads_is_an_end_like_any_other(tmp_path: Path) -> None:
    """`| head -1`: when nobody reads the output any more, all ends, without a complaint."""
    talks = python("import time\nwhile True:\n    print('talk')\n    time.sleep(0.05)")
    reading, writing = os.pipe()
    with local_with(tmp_path, cluster("talks", talks), output=writing) as run:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            assert pipe.readline() == "[talks-scheduler] talk\n"
        assert run.ended() == 0
        run.all_gone()
        assert not re.search("Traceback|Error", "\n".join(run.errors))
