"""Where tests of files work."""

from pathlib import Path

import pytest


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is an empty one."""
    monkeypatch.chdir(tmp_path)
