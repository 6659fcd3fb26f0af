"""The images that Pods on the node run: the daemon's, built from this tree, and Dask's."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from tests.realcluster import ClusterError, debian, pins
from tests.realcluster.build import locked
from tests.realcluster.images import dask_image
from tests.realcluster.progress import say

ROOT = Path(__file__).parents[2]
SOURCES = ("Dockerfile", "LICENSE", "README.md", "pyproject.toml", "crds", "models", "reconciler", "scripts/image")
DASK_IMAGE = f"ghcr.io/dask/dask:{version('dask')}"
"""A name that no manifest has to say `imagePullPolicy` for, as it is not `latest`."""


def daemon_archive(cache: Path) -> Path:
    """What scripts/image makes of this tree, made once for each state of it.

    Args:
        cache: the folder that keeps what was built, here below `images/`.

    Raises:
        ClusterError: it could not be built.
    """
    folder = cache / "images"
    finished = folder / f"dask-reconciler-{_sources_hash()}.tar"
    with locked(folder / "daemon.lock"):
        if not finished.exists():
            _build(finished)
            _forget_all_but(finished)
    return finished


def dask_archive(cache: Path, folder: Path) -> Path:
    """Dask's image, which also carries the name of its version.

    Args:
        cache: the folder that keeps what was built.
        folder: where the archive is written.
    """
    found = dask_image(cache)
    tagged = folder / found.name
    with tarfile.open(found) as old, tarfile.open(tagged, "w") as new:
        for member in old:
            content = old.extractfile(member)
            if member.name == "manifest.json" and content is not None:
                (image,) = json.load(content)
                renamed = json.dumps([{**image, "RepoTags": [*image["RepoTags"], DASK_IMAGE]}]).encode()
                member.size = len(renamed)
                content = io.BytesIO(renamed)
            new.addfile(member, content)
    return tagged


def main() -> None:
    """Write Dask's image into a folder, and print its path and the name that no manifest has to say a policy for."""
    print(dask_archive(pins.cache(), Path(sys.argv[1])), DASK_IMAGE)


def _build(archive: Path) -> None:
    debian.ensure(debian.BUILDER)
    say("making the daemon's image")
    unfinished = archive.with_suffix(".unfinished")
    command = [str(ROOT / "scripts" / "image"), "--save", str(unfinished)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ClusterError(f"scripts/image failed with {done.returncode}:\n{done.stderr[-3000:]}")
    unfinished.rename(archive)


def _forget_all_but(archive: Path) -> None:
    """Each edit of the sources makes another image; only the newest is of use."""
    for other in archive.parent.glob("dask-reconciler-*.tar"):
        if other != archive:
            other.unlink()


def _sources_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(file for source in SOURCES for file in _files(ROOT / source)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return [path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"]


if __name__ == "__main__":
    main()
