"""What runs for a container's command, and the scripts that stand in for the programs of Dask's images."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.containers.inside._local_cuda_worker import split
from reconciler.local.containers.programs import NoProgram, has_gpu, install, program, search_path

HERE = sys.executable
"""A program that is on this machine."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts, in a folder with a space and a quote in its name."""
    folder = tmp_path_factory.mktemp("a user's run") / "bin"
    install(folder, has_gpu=has_gpu())
    return folder


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command that has ended, found by the PATH that containers get."""
    environment = {**os.environ, "PATH": search_path(folder, os.environ["PATH"])}
    return subprocess.run(
        ["/usr/bin/env", *command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ((), ("dask-scheduler", "--port", "80"), ("dask-scheduler", "--port", "80")),
        (("dask-worker",), ("--name", "a"), ("dask-worker", "--name", "a")),
        (("dask-worker", "x"), (), ("dask-worker", "x")),
        (("dask-worker",), ("-x",), ("dask-worker", "-x")),
        (("/nowhere/bin/python", "a.py"), (), ("python", "a.py")),
        (("/nowhere/envs/x/bin/python3.11",), ("a.py",), ("python3", "a.py")),
        (("/nowhere/bin/tini", "-g", "--"), ("dask-worker",), ("tini", "-g", "--", "dask-worker")),
        ((), ("/nowhere/bin/dask-worker", "--name"), ("dask-worker", "--name")),
        (("/nowhere/prepare.sh",), ("dask", "worker"), ("prepare.sh", "dask", "worker")),
        (("/nowhere/bin/other",), (), ("/nowhere/bin/other",)),
        ((HERE,), ("-c", "1"), (HERE, "-c", "1")),
        (("nowhere/python",), (), ("nowhere/python",)),
        (("sh", "-c"), ("echo /nowhere/bin/python",), ("sh", "-c", "echo /nowhere/bin/python")),
    ],
)
def test_what_runs(command: Sequence[str], args: Sequence[str], expected: tuple[str, ...]) -> None:
    """Command and args are one; a path that only the image has is that of the script of the same name."""
    assert program(command, args) == expected


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no command and no args are set"),
        (("--name", "a"), "args begin with --name: they are for the image's own entrypoint"),
        (("-c", "print()"), "args begin with -c"),
    ],
)
def test_what_only_the_image_knows_does_not_run(args: Sequence[str], said: str) -> None:
    """Without a command of its own, nobody here knows what the image would run; the message says to set one."""
    with pytest.raises(NoProgram, match="set command") as caught:
        program((), args)
    assert said in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Dask, its programs do not run, and the message says what to install."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "distributed", raising=False)
    with pytest.raises(NoProgram, match=r"dask-worker needs the package distributed.*pip install"):
        program((), ("dask-worker",))


def test_scripts_come_first_and_the_users_programs_last() -> None:
    """PATH holds the scripts, then the programs beside this Python, then those of the user."""
    assert search_path(Path("/run/bin"), "/usr/bin:/bin") == f"/run/bin:{Path(HERE).parent}:/usr/bin:/bin"


@pytest.mark.parametrize("name", ["python", "python3"])
def test_python_is_this_one(folder: Path, name: str) -> None:
    """It has the packages of this environment, and takes its arguments as they are."""
    done = run(folder, name, "-c", "import sys; print([sys.prefix, sys.argv[1:]])", "a b", "$c")
    assert done.stdout == f"{[sys.prefix, ['a b', '$c']]}\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("dask", "--version"), "version"),
        (("dask", "worker", "--help"), "worker"),
        (("dask-scheduler", "--version"), "version"),
        (("dask-worker", "--help"), "--nthreads"),
        (("dask-cuda-worker", "--rmm-pool-size", "24GB", "--help"), "--nthreads"),
        (("dask", "cuda", "worker", "--rmm-async", "--help"), "--nthreads"),
    ],
)
def test_the_programs_of_dask_run(folder: Path, command: Sequence[str], said: str) -> None:
    """Dask's programs are found and start."""
    done = run(folder, *command)
    assert (done.returncode, said in done.stdout) == (0, True), done


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_a_worker_for_gpus_says_what_it_became(folder: Path) -> None:
    """In one line on stderr: that it is dask-worker now, and without which options."""
    done = run(folder, "dask-cuda-worker", "--device-memory-limit", "1GB", "--enable-nvlink", "--help")
    assert done.stderr == (
        "dask-cuda-worker: no GPU can be used here; becoming dask-worker, "
        "without --device-memory-limit 1GB, --enable-nvlink\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("tini", "--", "python", "-c", "print('ran')"),
        ("tini", "-g", "-p", "SIGTERM", "-e", "143", "-s", "--", "/nowhere/bin/python3", "-c", "print('ran')"),
        ("tini", "python", "-c", "print('ran')", "--"),
        ("prepare.sh", "python", "-c", "print('ran')"),
        ("tini", "-g", "--", "/usr/bin/prepare.sh", "/nowhere/bin/python", "-c", "print('ran')"),
    ],
)
def test_entrypoints_run_their_arguments(folder: Path, command: Sequence[str]) -> None:
    """An image's init and its preparations run the program that they are given, also by its path in the image."""
    assert run(folder, *command).stdout == "ran\n"


def test_an_entrypoint_ends_as_its_program_does(folder: Path) -> None:
    """The exit code is the program's."""
    assert run(folder, "tini", "--", "sh", "-c", "exit 7").returncode == 7


KNOWN = {"--name": True, "--nthreads": True, "--no-nanny": False, "--nanny": False, "--memory-limit": True}


@pytest.mark.parametrize(
    ("arguments", "dropped"),
    [
        ("tcp://a:8786 --name x", []),
        ("--rmm-pool-size 24GB tcp://a:8786", ["--rmm-pool-size 24GB"]),
        ("--rmm-pool-size=24GB tcp://a:8786", ["--rmm-pool-size=24GB"]),
        ("--rmm-async tcp://a:8786", ["--rmm-async"]),
        ("--enable-nvlink --disable-infiniband tcp://a:8786", ["--enable-nvlink", "--disable-infiniband"]),
        ("--no-rmm-async tcp://a:8786 --no-nanny", ["--no-rmm-async"]),
        ("--name --rmm-async --nthreads=2", []),
        ("--pre-import --name x", ["--pre-import"]),
        ("--memory-limit=1GB --pre-import", ["--pre-import"]),
        ("--name x -- --rmm-async", []),
    ],
)
def test_options_for_gpus_go_with_their_values(arguments: str, dropped: list[str]) -> None:
    """What dask-worker does not have is dropped, with its value; all else is kept in its order."""
    kept = arguments
    for option in dropped:
        kept = kept.replace(option, "")
    assert split(arguments.split(), KNOWN) == (kept.split(), dropped)


@given(st.lists(st.sampled_from(["tcp://a:8786", "--name=x", "--no-nanny", "--nthreads=2", "-v"])))
def test_options_that_dask_worker_has_are_kept(arguments: list[str]) -> None:
    """Nothing is lost that dask-worker takes."""
    assert split(arguments, KNOWN) == (arguments, [])


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'GPU 0: NVIDIA A100 (UUID: GPU-1)'", True),
        ("echo 'No devices were found'", False),
        ("echo 'GPU 0: broken'; exit 9", False),
    ],
)
def test_a_gpu_is_one_that_the_driver_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, *, expected: bool
) -> None:
    """There is a GPU if the driver's own program lists one."""
    listing = tmp_path / "nvidia-smi"
    listing.write_text(f'#!/bin/sh\n[ "$1" = -L ] || exit 2\n{script}\n')
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert has_gpu() is expected


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none where the driver's program is not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_gpu()
