"""Containers' processes: how they are begun, what they get, how they end."""

import itertools
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reconciler.local.containers.processes import MARK, CannotStart, Exit, GuardDied, Processes
from tests.local.place import PATH, Place, exists, exits, is_alive, linux_only, pid_of
from tests.realcluster.eventually import eventually
from tests.signals import ignoring

# The signals that glibc keeps for its threads, 32 and 33: no program can unblock them, whoever began the tests did.
OF_THE_C_LIBRARY = 0b11 << 31


@pytest.fixture
def processes(place: Place) -> Iterator[Processes]:
    with place.processes() as processes:
        yield processes


@pytest.fixture
def linux_processes(linux: Place) -> Iterator[Processes]:
    with linux.processes() as processes:
        yield processes


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -INT $$", 130)],
)
def test_an_exit_is_told_as_a_kubelet_tells_it(place: Place, processes: Processes, script: str, code: int) -> None:
    """The code is the program's own, or 128 and the signal that ended it."""
    number = processes.begin(place.shell(script))
    assert exits(processes) == [Exit(number, code)]


def test_output_and_errors_are_appended_to_the_log(place: Place, processes: Processes) -> None:
    """The log's folders are made, and what another process wrote is kept."""
    for text in ("first", "second"):
        processes.begin(place.shell(f"echo {text}; echo {text} error >&2"))
        exits(processes)
    assert place.log.read_text() == "first\nfirst error\nsecond\nsecond error\n"


def test_the_environment_is_what_was_given_and_a_mark(place: Place, processes: Processes) -> None:
    """Nothing of the client's or the guard's environment is in it, however long it is."""
    given = {**place.environment, "EMPTY": "", "LONG": "x" * 100_000, "UMLAUT": "ü=ü"}
    processes.begin(place.program("env", environment=given))
    exits(processes)
    found = dict(line.split("=", 1) for line in place.log.read_text().splitlines())
    assert found.pop(MARK)
    assert found == given


def test_a_process_works_in_its_directory(place: Place, processes: Processes) -> None:
    """The directory is the program's, not the client's."""
    directory = place.folder / "a folder"
    directory.mkdir()
    processes.begin(place.program("pwd", directory=directory))
    exits(processes)
    assert Path(place.log.read_text().strip()).samefile(directory)


def test_a_program_is_looked_up_in_the_path_of_its_own_environment(place: Place, processes: Processes) -> None:
    """What is called `tool` is the tool of the given PATH."""
    tool = place.folder / "tool"
    tool.write_text("#!/bin/sh\necho here\n")
    tool.chmod(0o755)
    processes.begin(place.program("tool", environment={"PATH": f"{PATH}:{place.folder}"}))
    exits(processes)
    assert place.log.read_text() == "here\n"


@linux_only
@pytest.mark.parametrize(("memory_bytes", "expected"), [(300 << 20, "314572800 314572800"), (None, "-1 -1")])
def test_dask_can_read_the_memory_limit(linux: Place, memory_bytes: int | None, expected: str) -> None:
    """The soft and the hard limit of resident memory are as given, or there is none."""
    code = "from resource import *; print(*getrlimit(RLIMIT_RSS))"
    with linux.processes() as processes:
        processes.begin(linux.python(code, memory_bytes=memory_bytes))
        exits(processes)
        assert linux.log.read_text().strip() == expected


def test_a_process_gets_nothing_of_the_guards(place: Place, processes: Processes) -> None:
    """Its input is empty, it has no files but three, and it leads a session of its own."""
    code = "import os, sys; print(sys.stdin.read() or 'empty', len(os.listdir('/dev/fd')), os.getsid(0) == os.getpid())"
    processes.begin(place.python(code))
    exits(processes)
    assert place.log.read_text() == "empty 4 True\n", "the fourth is the listing's own"


@linux_only
def test_a_process_ignores_no_signals(linux: Place) -> None:
    """What the client or the guard ignores or blocks ends a container, as it would in Kubernetes."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        with ignoring(signal.SIGUSR2), linux.processes() as processes:
            processes.begin(linux.program("grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"))
            exits(processes)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    masks = [int(line.split()[1], base=16) for line in linux.log.read_text().splitlines()]
    assert [mask & ~OF_THE_C_LIBRARY for mask in masks] == [0, 0]


@pytest.mark.parametrize(
    ("argv", "changes", "words"),
    [
        (("nonesuch",), {}, "there is no program 'nonesuch' on this machine's PATH"),
        (("./nonesuch",), {}, "there is no program './nonesuch'"),
        (("./plain",), {}, "'./plain' may not be executed: Permission denied"),
        (("./text",), {}, "'./text' is neither a program for this machine nor a script"),
        (("./orphan",), {}, "orphan cannot be run: the interpreter that its first line names is missing"),
        (("true",), {"directory": Path("/nonesuch")}, "the working directory /nonesuch is missing"),
        (("true",), {"directory": Path("/dev/null")}, "/dev/null cannot be entered: Not a directory"),
        (("true",), {"log": Path("/dev/null/log")}, "the log /dev/null/log cannot be written"),
        (("true", "\0"), {}, "'true' cannot be run: embedded null byte"),
        (("true", "x" * 3_000_000), {}, "'true' cannot be run: Argument list too long"),
        ((), {}, "argv is empty"),
    ],
)
def test_what_cannot_start_says_why(
    place: Place, processes: Processes, argv: tuple[str, ...], changes: dict[str, Any], words: str
) -> None:
    """The error says what is wrong with what; others can begin, and no exit is told of the failure."""
    for name, text, mode in (("plain", "", 0o644), ("text", "text", 0o755), ("orphan", "#!/nonesuch\n", 0o755)):
        (place.folder / name).write_text(text)
        (place.folder / name).chmod(mode)
    with pytest.raises(CannotStart) as error:
        processes.begin(place.program(*argv, **changes))
    assert words in str(error.value)
    number = processes.begin(place.program("true"))
    assert exits(processes) == [Exit(number, 0)]


def test_terminate_reaches_the_main_process_alone(place: Place, processes: Processes) -> None:
    """A child of the main process hears nothing of it, as under a container runtime."""
    child = "(trap 'echo child; exit' TERM; while :; do echo ready; sleep 0.05; done) &"
    number = processes.begin(place.shell(f"trap 'exit 7' TERM; {child} wait"))
    place.written(lines=1)
    processes.terminate(number)
    assert exits(processes) == [Exit(number, 7)]
    assert "child" not in place.log.read_text()


def test_what_has_ended_is_sent_nothing(place: Place, processes: Processes) -> None:
    """Whoever terminates or kills too late, or what never was, is told nothing and hits nobody."""
    ended, living = processes.begin(place.program("true")), processes.begin(place.program("sleep", "600"))
    exits(processes)
    for number in (ended, 99):
        processes.terminate(number)
        processes.kill(number)
    processes.begin(place.program("true"))
    exits(processes)
    assert is_alive(pid_of(processes, living))


def test_kill_reaches_a_grandchild(place: Place, processes: Processes) -> None:
    """All that the main process began is killed with it."""
    number = processes.begin(place.shell("sh -c 'sleep 600 & echo $!; wait; :'; :"))
    (grandchild,) = place.written(lines=1)
    processes.kill(number)
    assert exits(processes) == [Exit(number, 137)]
    eventually(lambda: not is_alive(int(grandchild)), "the grandchild's end")


@linux_only
@pytest.mark.parametrize("environment", ["os.environ", "{}"])
@pytest.mark.parametrize("then", ["sys.exit(5)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_daemon_ends_with_its_main_process(
    linux: Place, linux_processes: Processes, then: str, environment: str
) -> None:
    """When an exit is told, nothing is left of its container, not even a daemon that has forgotten where it is."""
    linux_processes.begin(linux.daemon(then, environment))
    exits(linux_processes)
    (daemon,) = linux.written(lines=1)
    assert not exists(int(daemon))


@linux_only
def test_an_exit_is_told_when_nothing_is_left(linux: Place, linux_processes: Processes) -> None:
    """Whoever begins a container anew finds its ports free, however many generations it takes to end the old one."""
    generations = """
import os, time
running, writing = os.pipe()
for generation in range(8):
    if os.fork():
        break
    os.setsid()
else:
    os.write(writing, b"x")
os.read(running, 1) if generation == 0 else time.sleep(600)
"""
    linux_processes.begin(linux.python(generations))
    assert select.select([linux_processes._socket], [], [], 30)[0]
    assert linux.left() == [], "at the very moment"
    assert len(linux_processes.exits()) == 1


@linux_only
def test_a_daemon_lives_as_long_as_its_main_process(linux: Place, linux_processes: Processes) -> None:
    """Another container's end is not its own."""
    number = linux_processes.begin(linux.daemon("time.sleep(600)"))
    (daemon,) = linux.written(lines=1)
    linux_processes.begin(linux.program("true"))
    exits(linux_processes)
    assert is_alive(int(daemon))
    linux_processes.kill(number)
    exits(linux_processes)
    assert not is_alive(int(daemon))


def test_each_of_200_exits_is_told_once(place: Place, processes: Processes) -> None:
    """An exit while others begin is not lost, no number is used twice, and no zombie is left."""
    codes = itertools.cycle([0, 1, 2, 3])
    begun = {
        processes.begin(place.shell(f"echo $$; exit {code}")): code for code, _ in zip(codes, range(200), strict=False)
    }
    told = exits(processes, number=200)
    assert len(begun) == 200
    assert sorted(told, key=lambda each: each.number) == [Exit(number, code) for number, code in begun.items()]
    assert processes.exits() == []
    assert not [pid for pid in map(int, place.written(lines=200)) if exists(pid)]


def test_close_ends_everything(place: Place) -> None:
    """It kills what is left and removes the run's directory but for its logs; the second time it does nothing."""
    processes = place.processes()
    pid = pid_of(processes, processes.begin(place.shell("echo kept; sleep 600; :")))
    place.written(lines=1)
    (place.run / "pods" / "volume").mkdir()
    (place.run / "pods" / "volume" / "file").touch()
    (place.run / "pods").chmod(0o500)
    processes.close()
    assert not is_alive(pid)
    assert [str(path.relative_to(place.run)) for path in sorted(place.run.rglob("*"))] == ["logs", "logs/log"]
    processes.close()
    with pytest.raises(GuardDied, match="closed"):
        processes.exits()


def test_close_follows_no_links(place: Place) -> None:
    """A directory that a volume leads to outside the run is kept with all that is in it."""
    outside = place.folder / "outside"
    outside.mkdir(mode=0o750)
    (outside / "file").touch()
    (place.run / "volume").symlink_to(outside)
    place.processes().close()
    assert not place.run.exists()
    assert (outside / "file").exists()
    assert outside.stat().st_mode & 0o777 == 0o750


def test_leaving_the_block_closes(place: Place) -> None:
    """An error in the block leaves no process either."""
    with suppress(ZeroDivisionError), place.processes() as processes:
        pid = pid_of(processes, processes.begin(place.program("sleep", "600")))
        raise ZeroDivisionError
    assert not is_alive(pid)
