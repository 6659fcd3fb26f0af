"""A run of the command that follows a folder, in which each test has a file of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.local.command import LocalRun, local
from tests.local.smallpods import cluster, write
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
