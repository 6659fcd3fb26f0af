"""Releases of Dask in virtual environments of their own, kept in the cache."""

import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster.build import locked
from tests.realcluster.pins import cache

PROGRAM = Path(__file__).with_name("program.py")


@dataclass(frozen=True)
class Release:
    """A release of Dask, with what it needs of that time, and runs with this Python.

    Args:
        version: Of dask and distributed.
        needs: Other packages, pinned.
        tells_status: Whether its schedulers know how their workers are.
        tells_idleness: Whether its schedulers know `check_idle`.
    """

    version: str
    needs: tuple[str, ...] = ()
    tells_status: bool = True
    tells_idleness: bool = True

    def __str__(self) -> str:
        return self.version


# One of each year. The oldest that we can speak with, 2021.4, cannot retire workers with Python 3.11.
RELEASES = (
    Release("2021.12.0", tells_status=False, tells_idleness=False),
    Release("2022.12.0", tells_idleness=False),
    Release("2023.5.0"),
    Release("2024.8.0"),
    Release("2025.5.0"),
)


class InstallationError(Exception):
    """A release cannot be installed here."""


def python_with(release: Release) -> Path:
    """A Python that imports this release, which is installed unless it has been before.

    Raises:
        InstallationError: that failed; pip's words say why.
    """
    pins = (f"dask=={release.version}", f"distributed=={release.version}", *release.needs)
    key = hashlib.sha256(repr((sys.version, pins)).encode()).hexdigest()[:16]
    folder = cache() / "dask" / f"{release.version}-{key}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, with_pip=True)
            _install(folder / "bin" / "python", pins)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _install(python: Path, pins: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise InstallationError(f"pip cannot install {' '.join(pins)}:\n{done.stderr[-2000:]}")
