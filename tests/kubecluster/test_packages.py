"""What a release uploads: the wheels, without a network."""

import subprocess
import sys
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = {
    "dask_reconciler": (ROOT, ROOT, ("reconciler", "models", "crds")),
    "dask_kubecluster": (ROOT / "kubecluster", ROOT / "kubecluster" / "src", ("kubecluster",)),
}
"""By the name of a wheel: where it is built, where its packages lie, and which these are."""


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_holds_its_packages_and_nothing_else(tmp_path: Path, name: str) -> None:
    """Every file of them, data too, and the licence; no tests, no other distribution's."""
    project, source, packages = DISTRIBUTIONS[name]
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=project, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as held:
        files = {name for name in held.namelist() if ".dist-info/" not in name}
        info = {Path(name).name: held.read(name).decode() for name in held.namelist() if ".dist-info/" in name}
    there = (path for package in packages for path in (source / package).rglob("*") if path.is_file())
    assert files == {str(path.relative_to(source)) for path in there if "__pycache__" not in path.parts}
    assert info["LICENSE"] == (ROOT / "LICENSE").read_text()
    assert wheel.name.startswith(f"{name}-")
    assert message_from_string(info["METADATA"])["Requires-Python"] == ">=3.11"
