"""The guard: whoever dies, whenever and however, nothing that was begun outlives it."""

import os
import random
import signal
from pathlib import Path

import pytest

from reconciler.local.containers.guard import KEPT
from reconciler.local.containers.processes import GuardDied, Processes
from tests.local.place import DAEMON, IS_LINUX, Place, exits, is_alive, linux_only, pid_of, standing
from tests.realcluster.eventually import eventually

DEATHS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)


def guard_of(processes: Processes) -> int:
    return processes._guard.pid


def is_swept(place: Place) -> bool:
    """Whether of a run's directory there are only logs, if anything."""
    return not place.run.exists() or [path.name for path in place.run.iterdir()] == [KEPT]


@pytest.mark.parametrize("death", DEATHS)
def test_nothing_outlives_a_client_that_is_killed(place: Place, death: signal.Signals) -> None:
    """Its processes and its guard are gone soon, and its run's directory but for the logs."""
    code = """
for script in ("sleep 600", "sleep 600 & echo $!; wait; :", "trap '' TERM HUP INT; while :; do sleep 1; done"):
    print(processes._running[processes.begin(program("sh", "-c", script))], flush=True)
sys.stdin.read()
"""
    with place.client(code) as client:
        assert client.stdout
        pids = [int(client.stdout.readline()) for _ in range(3)]
        pids += map(int, place.written(lines=1))
        assert all(map(is_alive, pids))
        client.send_signal(death)
    eventually(lambda: not any(map(is_alive, pids)) and is_swept(place), "the end")
    eventually(lambda: not place.left(), "the guard's end")
    assert place.log.exists()


@linux_only
@pytest.mark.parametrize("environment", ["os.environ", "{}"])
def test_no_daemon_outlives_a_client_that_is_killed(linux: Place, environment: str) -> None:
    """A container's daemon goes as the container does, whatever it has made of its session and environment."""
    daemon = DAEMON.format(environment=environment) + "time.sleep(600)"
    code = f"processes.begin(program(sys.executable, '-I', '-S', '-c', {daemon!r}))\nsys.stdin.read()"
    with linux.client(code) as client:
        (pid,) = linux.written(lines=1)
        client.kill()
    eventually(lambda: not is_alive(int(pid)) and not linux.left(), "the end")


@linux_only
@pytest.mark.parametrize("begun", [0, *random.Random(8).choices(range(1, 40), k=6)])
def test_nothing_outlives_a_client_that_is_killed_while_it_begins_processes(linux: Place, begun: int) -> None:
    """There is no moment between or within two calls at which a process is known to nobody."""
    code = """
print("started", flush=True)
while True:
    processes.begin(program("sh", "-c", "sleep 600 & setsid sleep 600 & exec sleep 600"))
    print("begun", flush=True)
"""
    with linux.client(code) as client:
        assert client.stdout
        for _ in range(1 + begun):
            assert client.stdout.readline()
        client.kill()
    eventually(lambda: not linux.left() and is_swept(linux), "the end")


def test_a_client_that_ends_without_closing_leaves_nothing(place: Place) -> None:
    """Not even `os._exit` keeps the guard from its duty."""
    with place.client(
        "print(processes._running[processes.begin(program('sleep', '600'))], flush=True)\nos._exit(0)"
    ) as client:
        assert client.stdout
        pid = int(client.stdout.readline())
    eventually(lambda: not is_alive(pid) and is_swept(place), "the end")


def test_nothing_outlives_a_guard_that_is_killed(place: Place) -> None:
    """The client's next call says so, every later one as well, and close removes the run's directory."""
    with place.processes() as processes:
        number = processes.begin(place.shell("env -i sleep 600 & echo $!; wait; :"))
        (child,) = map(int, place.written(lines=1))
        pid = pid_of(processes, number)
        os.kill(guard_of(processes), signal.SIGKILL)
        with pytest.raises(GuardDied, match=r"run is gone: signal 9 ended it; all processes .* were killed"):
            processes.begin(place.program("true"))
        for call in (processes.exits, lambda: processes.terminate(number), lambda: processes.kill(number)):
            with pytest.raises(GuardDied):
                call()
        eventually(lambda: not is_alive(child) and not is_alive(pid), "the end")
    assert is_swept(place)


@linux_only
def test_main_processes_die_with_their_guard_even_if_the_client_does_nothing(linux: Place) -> None:
    """The kernel sees to it."""
    with linux.processes() as processes:
        pid = pid_of(processes, processes.begin(linux.program("sleep", "600")))
        os.kill(guard_of(processes), signal.SIGKILL)
        eventually(lambda: not is_alive(pid), "the end")


@linux_only
def test_no_daemon_outlives_a_guard_that_is_killed(linux: Place) -> None:
    """The client finds it by the mark in its environment."""
    with linux.processes() as processes:
        processes.begin(linux.daemon("time.sleep(600)"))
        (daemon,) = map(int, linux.written(lines=1))
        os.kill(guard_of(processes), signal.SIGKILL)
        with pytest.raises(GuardDied):
            processes.begin(linux.program("true"))
        assert daemon not in linux.left()


def test_a_guard_that_stumbles_ends_everything_and_writes_down_why(place: Place) -> None:
    """The error leads to the traceback."""
    with place.processes() as processes:
        pid = pid_of(processes, processes.begin(place.program("sleep", "600")))
        processes._socket.sendall(b"nonsense\n")
        with pytest.raises(GuardDied, match=r"it ended with exit code 1; see .*logs/guard.log"):
            processes.begin(place.program("true"))
        assert not is_alive(pid)
    assert "JSONDecodeError" in (place.run / KEPT / "guard.log").read_text()


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_guard_outlives_signals_while_its_client_lives(place: Place, ignored: signal.Signals) -> None:
    """It ends when its client has ended everything in order, not before."""
    with place.processes() as processes:
        first = processes.begin(place.program("sleep", "600"))
        os.kill(guard_of(processes), ignored)
        processes.begin(place.program("true"))
        exits(processes)
        assert is_alive(pid_of(processes, first))


def test_the_guard_has_no_terminal(place: Place) -> None:
    """Ctrl-Z stops the client, not whoever has to notice its death."""
    with place.processes() as processes:
        processes.begin(place.program("true"))
        assert os.getsid(guard_of(processes)) == guard_of(processes)


def test_the_terminals_interrupt_reaches_the_client_alone(place: Place) -> None:
    """Ctrl-C is sent to all of the client's process group; the containers wait for what the client makes of it."""
    code = """
number = processes.begin(program("sh", "-c", "trap 'echo interrupted' INT; echo ready; while :; do sleep 0.05; done"))
try:
    print(processes._running[number], flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    processes.begin(program("echo", "later"))
    print("interrupted", flush=True)
sys.stdin.read()
"""
    with place.client(code) as client:
        assert client.stdout
        pid = int(client.stdout.readline())
        place.written(lines=1)
        os.killpg(client.pid, signal.SIGINT)
        assert client.stdout.readline() == "interrupted\n"
        assert place.written(lines=2) == ["ready", "later"]
        assert is_alive(pid)


def test_a_client_may_have_two_guards(tmp_path: Path) -> None:
    """What the one run has begun keeps nothing of the other alive, and does not end with it."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        standing(tmp_path / "first", groups_only=not IS_LINUX) as first,
        standing(tmp_path / "second", groups_only=not IS_LINUX) as second,
        second.processes() as longer,
    ):
        shorter = first.processes()
        ended = pid_of(shorter, shorter.begin(first.program("sleep", "600")))
        living = pid_of(longer, longer.begin(second.program("sleep", "600")))
        shorter.close()
        assert not is_alive(ended)
        assert is_alive(living)
        assert second.run.exists()
