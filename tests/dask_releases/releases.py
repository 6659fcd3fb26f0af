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
    """A release of Dask.

    Args:
        version: Of dask and distributed.
        tells_status: Whether its schedulers know how their workers are.
        tells_idleness: Whether its schedulers know `check_idle`.
    """

    version: str
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

# What they need; all of them run with these.
CONSTRAINTS = """\
click==8.5.1
cloudpickle==3.1.3
fsspec==2026.9.0
importlib_metadata==10.2.0
Jinja2==3.1.6
lazy-importer==0.1.0
locket==1.0.0
MarkupSafe==3.0.4
msgpack==1.2.4
packaging==26.4
partd==1.4.2
psutil==7.2.2
PyYAML==6.0.4
sortedcontainers==2.4.0
tblib==3.2.2
toolz==1.2.0
tornado==6.6.1
urllib3==2.8.0
zict==3.0.0
zipp==4.1.2
"""


class InstallationError(Exception):
    """A release cannot be installed here."""


def python_with(release: Release) -> Path:
    """A Python that imports this release, which is installed unless it has been before.

    Raises:
        InstallationError: that failed; pip's words say why.
    """
    key = hashlib.sha256(repr((sys.version, CONSTRAINTS)).encode()).hexdigest()[:16]
    folder = cache() / "dask" / f"{release}-{key}"
    with locked(folder.parent / f"{folder.name}.lock"):
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, with_pip=True)
            _install(release, folder)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _install(release: Release, folder: Path) -> None:
    constraints = folder / "constraints.txt"
    constraints.write_text(CONSTRAINTS)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--constraint", str(constraints), f"dask=={release}", f"distributed=={release}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise InstallationError(f"pip cannot install Dask {release}:\n{done.stderr[-2000:]}")
