"""What scripts/ finds on a machine is run before it is believed in."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WORKS, BROKEN = "echo it is here", "echo it has no engine >&2; exit 1"


def machine(folder: Path, **programs: str) -> dict[str, str]:
    """The environment of a machine on which those programs come first.

    Args:
        folder: Where they are made.
        programs: What each does, in sh.
    """
    for name, does in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def ran(script: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code and output of a script."""
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize(
    ("programs", "engine"),
    [
        ({"buildah": WORKS, "podman": WORKS, "docker": WORKS}, "buildah"),
        ({"buildah": BROKEN, "podman": WORKS, "docker": WORKS}, "podman"),
        ({"buildah": BROKEN, "podman": BROKEN, "docker": WORKS}, "docker"),
    ],
)
def test_what_builds_images_is_the_first_that_works(tmp_path: Path, programs: dict[str, str], engine: str) -> None:
    """An engine that is only installed is passed over."""
    assert ran(ROOT / "scripts" / "image-engine", machine(tmp_path, **programs)) == (0, engine, "")


def test_where_no_engine_works_the_words_say_what_to_install(tmp_path: Path) -> None:
    """A docker client without its engine builds nothing."""
    environment = machine(tmp_path, buildah=BROKEN, podman=BROKEN, docker=BROKEN)
    code, out, error = ran(ROOT / "scripts" / "image-engine", environment)
    assert (code, out) == (1, "")
    assert error.endswith("On Debian: apt-get install buildah.")


def test_an_engine_that_is_asked_for_is_the_only_one(tmp_path: Path) -> None:
    """ENGINE is what somebody wants, if it works."""
    environment = machine(tmp_path, buildah=WORKS, podman=WORKS, docker=BROKEN)
    assert ran(ROOT / "scripts" / "image-engine", environment | {"ENGINE": "podman"})[:2] == (0, "podman")
    assert ran(ROOT / "scripts" / "image-engine", environment | {"ENGINE": "docker"})[:2] == (1, "")


@pytest.mark.parametrize("in_path", [BROKEN, WORKS])
def test_a_promtool_that_does_not_work_is_not_taken(tmp_path: Path, in_path: str) -> None:
    """The fetched one is used instead."""
    fetched = tmp_path / ".cache" / "bin"
    for folder in (fetched, tmp_path / "scripts", tmp_path / "path"):
        folder.mkdir(parents=True)
    machine(fetched, promtool=WORKS)
    script = Path(shutil.copy(ROOT / "scripts" / "promtool", tmp_path / "scripts"))
    expected = "promtool" if in_path is WORKS else str(fetched / "promtool")
    assert ran(script, machine(tmp_path / "path", promtool=in_path)) == (0, expected, "")


def test_a_program_that_does_not_work_is_missing(tmp_path: Path) -> None:
    """Whoever cannot install its package is told which it is."""
    environment = machine(tmp_path, openssl=BROKEN, **{"apt-get": BROKEN})
    environment |= {"PYTHON": sys.executable, "SSL_CERT_FILE": __file__}
    code, out, error = ran(ROOT / "scripts" / "machine", environment)
    assert (code, out) == (1, "")
    assert error.startswith("Missing, or not working: openssl.")
