"""Container images from Debian packages and PyPI alone, for where no registry can be reached.

    debootstrap ──► root layer ─┬─ + Dask ──► ghcr.io/dask/dask:latest, rapidsai/base:latest
                                └─ + pip ───► docker.io/library/python:3.11-slim-bookworm

Each image is a docker-archive (`ctr images import`, `podman load`, `docker load`), made once per set of
pins. `python -m tests.realcluster.images dask` prints where it lies.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.realcluster import debian, pins
from tests.realcluster.build import locked
from tests.realcluster.errors import ClusterError
from tests.realcluster.progress import say

SUITE = "bookworm"
SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = "3.11"
EPOCH = "2020-01-01T00:00:00Z"
DEBIAN_PACKAGES = ("ca-certificates", "python3", "python3-venv", "tini")
STRIPPED = (
    "dev/*",
    "etc/hostname",
    "etc/resolv.conf",
    f"usr/lib/python{PYTHON}/EXTERNALLY-MANAGED",  # as in Python's own image, pip may install
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/*/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)

# A scheduler and its client must agree on these: the versions are those that the tests run with.
SHARED = ("cloudpickle", "dask", "distributed", "msgpack", "toolz", "tornado")
# The rest, complete: nothing is resolved, and `pip check` in the image tells what is missing.
PINNED = (
    "bokeh==3.9.2",
    "click==8.5.1",
    "contourpy==1.3.3",
    "fsspec==2026.9.0",
    "importlib-metadata==10.2.0",
    "jinja2==3.1.6",
    "lazy-importer==0.1.0",
    "locket==1.0.0",
    "markupsafe==3.0.4",
    "narwhals==2.29.0",
    "numpy==2.4.6",
    "packaging==26.3",
    "partd==1.4.2",
    "pillow==13.0.0",
    "psutil==7.2.2",
    "pyyaml==6.0.3",
    "sortedcontainers==2.4.0",
    "tblib==3.2.2",
    "urllib3==2.8.0",
    "xyzservices==2026.9.1",
    "zict==3.0.0",
    "zipp==4.1.2",
)
PIP = "usr/share/python-wheels/pip-*.whl"
GLIBC_MINORS = range(17, 37)  # wheels for glibc 2.17 to bookworm's 2.36

# Dask's own images have these commands, whether or not the release still brings them.
COMMANDS = {
    "dask-scheduler": "distributed.cli.dask_scheduler",
    "dask-worker": "distributed.cli.dask_worker",
    "dask-cuda-worker": "distributed.cli.dask_worker",
}
# The guard matters: a nanny starts its worker by importing this file again.
COMMAND = """#!/usr/local/bin/python
import sys

from {module} import main

if __name__ == "__main__":
    sys.exit(main())
"""


@dataclass(frozen=True)
class Image:
    """What an image is made of, beside the root layer.

    Attributes:
        name: what its file is called.
        tags: the names it is imported under.
        entrypoint: what runs the command.
        requirements: what is downloaded from PyPI.
        install: writes below usr/local of a root folder that has the wheels in tmp/wheels.
    """

    name: str
    tags: tuple[str, ...]
    entrypoint: tuple[str, ...]
    requirements: tuple[str, ...]
    install: Callable[[Path], None]


def dask_image(cache: Path) -> Path:
    """A stand-in for Dask's image (and RAPIDS', where a plain worker plays the GPU's): the docker-archive's path.

    Args:
        cache: the folder that keeps what was built, here below `images/`.

    Raises:
        ClusterError: not root, or a package could not be had.
    """
    tags = ("ghcr.io/dask/dask:latest", "docker.io/rapidsai/base:latest")
    requirements = (*(f"{name}=={version(name)}" for name in SHARED), *PINNED)
    return _cached(cache, Image("dask", tags, ("tini", "-g", "--"), requirements, _install_dask))


def base_image(cache: Path) -> Path:
    """A stand-in for the image that our Dockerfile starts from: the docker-archive's path.

    Args:
        cache: the folder that keeps what was built, here below `images/`.

    Raises:
        ClusterError: not root, or a package could not be had.
    """
    tags = (f"docker.io/library/python:{PYTHON}-slim-{SUITE}",)
    return _cached(cache, Image("base", tags, (), (), _install_pip))


def _cached(cache: Path, image: Image) -> Path:
    folder = cache / "images"
    finished = folder / f"{image.name}-{_key(*image.requirements)}.tar"
    if finished.exists():
        return finished
    if os.geteuid() != 0:
        raise ClusterError(f"Making {image.tags[0]} takes root: debootstrap and chroot need it. Run this as root.")
    with locked(folder / "lock"), tempfile.TemporaryDirectory(dir=folder) as work:
        if finished.exists():
            return finished
        started = time.monotonic()
        root = _root_layer(folder)
        say(f"making the image {image.tags[0]}")
        layer = _own_layer(image, root, Path(work))
        archive = Path(work) / "image.tar"
        _write_archive(archive, image, [root, layer])
        archive.rename(finished)
        say(f"made {finished} ({finished.stat().st_size >> 20} MiB) in {time.monotonic() - started:.0f} s")
    return finished


def _key(*requirements: str) -> str:
    recipe = Path(__file__).read_bytes() + " ".join([platform.machine(), *requirements]).encode()
    return hashlib.sha256(recipe).hexdigest()[:16]


def _root_layer(folder: Path) -> Path:
    """Debian's smallest system with Python: the layer that all images share."""
    finished = folder / f"root-{_key()}.tar"
    if finished.exists():
        return finished
    debian.ensure(debian.DEBOOTSTRAP)
    say(f"debootstrapping {SUITE} (about a minute)")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        root = Path(work) / "root"
        include = f"--include={','.join(DEBIAN_PACKAGES)}"
        _run("debootstrap", "--variant=minbase", include, SUITE, str(root))
        _run("rm", "--recursive", "--force", *(str(path) for pattern in STRIPPED for path in root.glob(pattern)))
        _tar(root, Path(work) / "root.tar", ".")
        (Path(work) / "root.tar").rename(finished)
    return finished


def _own_layer(image: Image, root_layer: Path, work: Path) -> Path:
    root = work / "root"
    root.mkdir(mode=0o755)
    _run("tar", "--extract", "--numeric-owner", "--file", str(root_layer), "--directory", str(root))
    (root / "dev/shm").mkdir(mode=0o1777)  # compileall's processes share semaphores
    (root / "usr/local/bin/python").symlink_to(f"/usr/bin/python{PYTHON}")
    if image.requirements:
        _download(image.requirements, root / "tmp/wheels")
    image.install(root)
    _chroot(root, "python3", "-m", "compileall", "-q", "-j0", "--invalidation-mode=unchecked-hash", "/usr/local/lib")
    # Bytecode is never checked against its source, so all files may have one time.
    _tar(root, work / "layer.tar", "usr/local", f"--mtime={EPOCH}")
    return work / "layer.tar"


def _install_dask(root: Path) -> None:
    _pip_install(root, *_inside(root, "tmp/wheels/*.whl"))
    _pip(root, "check")
    for name, module in COMMANDS.items():
        command = root / "usr/local/bin" / name
        command.write_text(COMMAND.format(module=module))
        command.chmod(0o755)


def _install_pip(root: Path) -> None:
    for name in ("python3", f"python{PYTHON}"):
        (root / "usr/local/bin" / name).symlink_to("python")
    _pip_install(root, *_inside(root, PIP))


def _download(requirements: Iterable[str], wheels: Path) -> None:
    """Fetch with this machine's pip and its settings: the image needs neither network nor certificates."""
    platforms = [f"--platform=manylinux_2_{minor}_{platform.machine()}" for minor in GLIBC_MINORS]
    platforms += [f"--platform=manylinux2014_{platform.machine()}", "--platform=any"]
    which = ["--no-deps", "--only-binary=:all:", f"--python-version={PYTHON}", *platforms]
    _run(sys.executable, "-m", "pip", "download", "--quiet", f"--dest={wheels}", *which, *requirements)


def _pip_install(root: Path, *wheels: str) -> None:
    # --no-compile: it would note times, and use one core
    _pip(root, "install", "--no-index", "--no-deps", "--no-compile", "--root-user-action=ignore", *wheels)


def _pip(root: Path, *arguments: str) -> None:
    """Run Debian's pip in the root, from its wheel: it is installed only where it is wanted."""
    (wheel,) = _inside(root, PIP)
    _chroot(root, "python3", f"{wheel}/pip", "--disable-pip-version-check", "--no-cache-dir", *arguments)


def _inside(root: Path, pattern: str) -> list[str]:
    return sorted(f"/{path.relative_to(root)}" for path in root.glob(pattern))


def _write_archive(archive: Path, image: Image, layers: Sequence[Path]) -> None:
    digests = [_sha256(layer) for layer in layers]
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": EPOCH,
        "config": {"Env": [SEARCH_PATH, "LANG=C.UTF-8"], "Entrypoint": image.entrypoint, "Cmd": ["python"]},
        "history": [{"created": EPOCH, "created_by": layer.name} for layer in layers],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    files = [f"{digest}.tar" for digest in digests]
    manifest = [{"Config": "config.json", "RepoTags": image.tags, "Layers": files}]
    with tarfile.open(archive, "w") as tar:
        for name, content in (("manifest.json", manifest), ("config.json", config)):
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, layer in zip(files, layers, strict=True):
            tar.add(layer, name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tar(root: Path, file: Path, folder: str, *options: str) -> None:
    order = ["--sort=name", "--numeric-owner", *options]
    _run("tar", "--create", *order, "--file", str(file), "--directory", str(root), folder)


def _chroot(root: Path, *command: str) -> None:
    _run("chroot", str(root), "env", "--ignore-environment", SEARCH_PATH, *command)


def _run(*command: str) -> None:
    """Run a program to its end; what it says matters only if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, umask=0o022)
    if done.returncode != 0:
        said = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}".strip()
        raise ClusterError(f"`{' '.join(command)[:200]}` failed with {done.returncode}:\n{said}")


def main() -> None:
    """Make one image and print its path."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("image", choices=("dask", "base"))
    make = {"dask": dask_image, "base": base_image}[parser.parse_args().image]
    print(make(pins.cache()))


if __name__ == "__main__":
    main()
