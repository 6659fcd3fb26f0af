"""Manifests run on this machine: sets up what a run needs, and clears up after it."""

import os
import re
import shlex
import shutil
import stat
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from reconciler.cli.arguments import Invocation
from reconciler.cli.offline import DEFINITIONS
from reconciler.daemon.connection import steady_clock
from reconciler.daemon.exitcodes import FAILED
from reconciler.daemon.signals import signals
from reconciler.memory import MemoryAPI, Schemas, definitions

KEPT_RUNS = 5
"""Of how many runs the logs are kept, the one that begins among them."""

NEEDED = {"distributed": "Dask", "tornado": "tornado", "cryptography": "cryptography"}
"""What it needs beside the daemon's own packages, by the module to import."""

_PLAIN = re.compile(r"[\w@+,./-]+")
"""A path that is one word to every shell, and one entry of a PATH."""

_RUN = re.compile(r"([0-9]{1,9})-\w{8}")
"""What the directories of runs are called."""


class CannotRun(Exception):
    """Nothing can be run on this machine; the message says why and what to do."""


def run_local(invocation: Invocation) -> int:
    """Run manifests until they are over or a signal comes; the exit code.

    Raises:
        CannotRun: something is missing on this machine.
    """
    for module, name in NEEDED.items():
        if find_spec(module) is None:
            raise CannotRun(
                f"{name} is not installed beside dask-reconciler; install it: pip install 'dask-reconciler[local]'"
            )
    # What only this command needs would slow down the others.
    from reconciler.local import Following, LocalError, Node, Run, Screen, heard, served  # noqa: PLC0415

    now, kinds = steady_clock(), definitions(DEFINITIONS)
    api = MemoryAPI(now, schemas=Schemas(kinds))
    screen = Screen(sys.stdout, sys.stderr, now=now)
    following = Following(api, invocation.files, invocation.namespace, sys.stdin)
    run = Run(api, following, screen, invocation.settings, now)
    with heard(screen, invocation.settings.log_format, invocation.settings.log_level):
        try:
            if not run.begin():
                return FAILED
            folder = _folder()
            file = Path(invocation.kubeconfig or folder / "kubeconfig").absolute()
            with (
                signals() as events,
                Node(api, folder, shifted=invocation.shift_ports) as node,
                served(api, kinds, node, folder, file, invocation.namespace, now),
            ):
                screen.say(f"kubectl and other clients find it with KUBECONFIG={shlex.quote(str(file))}.", "note")
                code = run.go_on(node, events, invocation.wait_seconds, no_retry=invocation.no_retry)
            screen.say(f"The logs are in {folder / 'logs'}.", "note")
            run.conclude()
        except LocalError as error:
            raise CannotRun(str(error)) from error
        finally:
            screen.close()
    return code


def _folder() -> Path:
    """A new directory for this run; those of old runs are removed."""
    base = _temporary() / f"dask-reconciler-{os.getuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise CannotRun(f"{base} is not a directory of yours; remove it, or set TMPDIR to another directory")
        ended = sorted((_changed_at(each), each) for each in base.iterdir() if _is_over(each))
        for _, old in ended[: 1 - KEPT_RUNS]:
            shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
    except OSError as error:
        raise CannotRun(f"{base} cannot be used: {error.strerror}; set TMPDIR to a directory of yours") from error


def _temporary() -> Path:
    """The directory for temporary files; the system's own if containers' shells would take its name apart.

    Where a manifest's `sh -c` names a volume's path, that becomes one below the run's directory.
    """
    found = tempfile.gettempdir()
    return Path(found if _PLAIN.fullmatch(found) else "/tmp")  # noqa: S108 - what is made in it is only the user's own


def _changed_at(folder: Path) -> float:
    """When a run's directory changed; long ago if another run has just removed it."""
    try:
        return folder.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_over(folder: Path) -> bool:
    """Whether it is a run's directory, and the process that made it is gone; another of its number does no harm."""
    made = _RUN.fullmatch(folder.name)
    if made is None:
        return False
    try:
        os.kill(int(made[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
