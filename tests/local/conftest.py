"""Networks and proxies in each mode of addresses, processes in each way of ending them, and a run of the command."""

import gc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.local.network.addresses import Network
from tests.local.command import LocalRun, local
from tests.local.modes import MODES
from tests.local.place import IS_LINUX, Place, standing
from tests.local.smallpods import cluster, write
from tests.local.stage import Stage, staged
from tests.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of manifests that a run follows.

    Args:
        run: The run.
        file: The file.
    """

    run: LocalRun
    file: Path

    def holds(self, *manifests: Manifest) -> None:
        """Let the file hold these manifests."""
        write(self.file, *manifests)


@pytest.fixture(params=MODES)
def shifted(request: pytest.FixtureRequest) -> bool:
    """Whether addresses are virtual."""
    return bool(request.param)


@pytest.fixture
def network(tmp_path: Path, *, shifted: bool) -> Iterator[Network]:
    """A network in each mode."""
    with closing(Network(tmp_path, shifted=shifted)) as network:
        yield network


@pytest.fixture
def stage(tmp_path: Path, *, shifted: bool) -> Iterator[Stage]:
    """A proxy without Services, in each mode."""
    with staged(tmp_path, shifted=shifted) as stage:
        yield stage
    gc.collect()  # what was left open shows itself here


@pytest.fixture(params=[False, True] if IS_LINUX else [True], ids=lambda groups_only: f"groups_only={groups_only}")
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place for processes, in each way of ending them."""
    with standing(tmp_path, groups_only=request.param) as place:
        yield place


@pytest.fixture
def linux(tmp_path: Path) -> Iterator[Place]:
    """A place for processes that are ended as only Linux can."""
    with standing(tmp_path, groups_only=False) as place:
        yield place


@pytest.fixture(scope="module")
def folder_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalRun, Path]]:
    """A run that follows a folder, and the folder; a cluster that does nothing keeps it going."""
    folder = tmp_path_factory.mktemp("followed")
    write(folder / "base.yaml", cluster())
    with local(str(folder), temporary=tmp_path_factory.mktemp("run")) as run:
        run.says("daskcluster/idle Running")
        yield run, folder


@pytest.fixture
def sheet(folder_run: tuple[LocalRun, Path], tmp_path: Path) -> Iterator[Sheet]:
    """A file of the folder that is this test's own; what is in it is deleted when the test ends."""
    run, folder = folder_run
    sheet = Sheet(run, folder / f"{tmp_path.name}.yaml")
    yield sheet
    sheet.file.unlink(missing_ok=True)
