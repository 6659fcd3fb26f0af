"""What runs on this machine for a container's command: its image is not here, this Python stands in for it.

The programs of Dask's images become small scripts in a folder at the head of PATH. They run this very Python: no
other can be relied on to have Dask, and a link would not find its virtual environment.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

GPU_DEADLINE_SECONDS = 2

_MODULES = {
    "dask": "dask",
    "dask-scheduler": "distributed.cli.dask_scheduler",
    "dask-worker": "distributed.cli.dask_worker",
}
_CUDA_WORKER = "dask-cuda-worker"
_NAMES = {"python", "python3", *_MODULES, _CUDA_WORKER, "tini", "prepare.sh"}
_PYTHON = re.compile(r"python3\.\d+")

_DASK = """\
if [ "$1 $2" = "cuda worker" ]; then
    shift 2
    exec {cuda_worker} "$@"
fi
exec {dask} "$@"
"""

_TINI = """\
while [ $# -gt 0 ]; do
    case "$1" in
        --) shift; break ;;
        -p|-e) shift; [ $# -eq 0 ] || shift ;;
        -*) shift ;;
        *) break ;;
    esac
done
"""

_EXEC = """\
here="${0%/*}"
if [ ! -e "$1" ] && [ -x "$here/${1##*/}" ]; then
    program="$here/${1##*/}"
    shift
    set -- "$program" "$@"
fi
exec "$@"
"""
"""Runs its arguments; of a program that is not on this machine, the one of the same name in the folder."""


class NoProgram(Exception):
    """A container's command is not to be had here; the message says why and what to do."""


def install(folder: Path, *, has_gpu: bool) -> None:
    """Write the scripts.

    Args:
        folder: Where to.
        has_gpu: Whether this machine has a GPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = quote(sys.executable)
    modules = {name: f"{python} -m {module}" for name, module in _MODULES.items()}
    cuda_worker = _cuda_worker(python, has_gpu=has_gpu)
    texts = {
        "python": _exec(python),
        "python3": _exec(python),
        **{name: _exec(command) for name, command in modules.items()},
        "dask": _DASK.format(cuda_worker=cuda_worker, dask=modules["dask"]),
        _CUDA_WORKER: _exec(cuda_worker),
        "tini": _TINI + _EXEC,
        "prepare.sh": _EXEC,
    }
    for name, text in texts.items():
        script = folder / name
        script.write_text(f"#!/bin/sh\n{text}")
        script.chmod(0o755)


def search_path(folder: Path, host_path: str) -> str:
    """A container's PATH: the scripts, then the programs of this Python's environment, then the user's."""
    return os.pathsep.join(filter(None, (str(folder), os.path.dirname(sys.executable), host_path)))  # noqa: PTH120


def program(command: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """What to run for a container.

    Args:
        command: Its `command`.
        args: Its `args`; without a command, they are one: the entrypoints of Dask's images run theirs.

    Raises:
        NoProgram: that cannot be known, or what it needs is not installed.
    """
    argv = (*command, *args)
    if not argv:
        raise NoProgram("no command and no args are set, and the image's own command is not known here; set command")
    if not command and argv[0].startswith("-"):
        raise NoProgram(
            f"args begin with {argv[0]}: they are for the image's own entrypoint, which is not known here; set command"
        )
    first = _here(argv[0])
    package = _MODULES.get(first, "distributed" if first == _CUDA_WORKER else "").partition(".")[0]
    if package and find_spec(package) is None:
        raise NoProgram(
            f"{first} needs the package {package}, which is not installed beside dask-reconciler; "
            "install it: pip install 'dask-reconciler[local]'"
        )
    return (first, *argv[1:])


def has_gpu() -> bool:
    """Whether this machine has a GPU that CUDA programs can use."""
    listing = shutil.which("nvidia-smi")
    if listing is None:
        return False
    try:
        # A fixed argument, and a program of the user's own PATH.
        done = subprocess.run([listing, "-L"], capture_output=True, check=False, timeout=GPU_DEADLINE_SECONDS)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"GPU " in done.stdout


def _here(path: str) -> str:
    """The program's name in the scripts' folder if its path is one of the image's only."""
    if not path.startswith("/") or Path(path).exists():
        return path
    name = _PYTHON.sub("python3", Path(path).name)
    return name if name in _NAMES else path


def _cuda_worker(python: str, *, has_gpu: bool) -> str:
    """The command of dask-cuda-worker; without a GPU, that of its stand-in."""
    if find_spec("dask_cuda") is not None and has_gpu:
        return f"{python} -m dask_cuda.cli"
    return f"{python} {quote(str(Path(__file__).with_name('inside') / '_local_cuda_worker.py'))}"


def _exec(command: str) -> str:
    return f'exec {command} "$@"\n'
