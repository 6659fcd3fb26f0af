"""What a real Kubernetes is made with is run before it is believed in; what does not work speaks for itself."""

from pathlib import Path

import pytest

from tests.realcluster import ClusterError, assets, debian, existing, prepare


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first in PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def broken(folder: Path, name: str, words: str) -> None:
    """Make a program that is there and does not work."""
    (folder / name).write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    (folder / name).chmod(0o755)


def test_a_package_whose_programs_work_is_not_asked_for(programs: Path) -> None:
    """Whoever installed them: apt-get is not needed."""
    broken(programs, "apt-get", "no")
    debian.ensure({"this": ("true",)})


def test_a_package_whose_programs_fail_is_asked_for(programs: Path) -> None:
    """That something of that name exists says nothing; without apt-get, the words name the package."""
    broken(programs, "apt-get", "no")
    broken(programs, "that", "cannot execute")
    with pytest.raises(ClusterError, match=r"^Missing, or not working: that\. Install"):
        debian.ensure({"this": ("true",), "that": ("that", "--version")})


def test_a_package_that_does_not_help_is_told(programs: Path) -> None:
    """Installed and still not working is an error of its own, in the program's words."""
    for name in ("apt-get", "id", "install"):
        (programs / name).write_text("#!/bin/sh\necho 0\n")
        (programs / name).chmod(0o755)
    broken(programs, "that", "no such device")
    with pytest.raises(ClusterError, match=r"apt-get has installed that, but:\n`that` failed with 1: no such device"):
        debian.ensure({"that": ("that",)})


def test_a_go_that_is_too_old_is_told_before_anything_is_built(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's own Go cannot read the modules."""
    monkeypatch.setenv("DASK_RECONCILER_CACHE", str(programs / "cache"))
    monkeypatch.setenv(existing.SETTING, "own")
    monkeypatch.delenv(assets.VARIABLE, raising=False)
    broken(programs, "go", "go.mod requires go >= 1.26")
    with pytest.raises(ClusterError, match=r"Go 1\.26 or newer.* go\.mod requires go >= 1\.26"):
        prepare()


def test_programs_that_somebody_gives_must_work(programs: Path) -> None:
    """A folder for another processor, or half filled, is refused with the reasons."""
    broken(programs, "etcd", "exec format error")
    with pytest.raises(ClusterError) as caught:
        assets.find({assets.VARIABLE: str(programs)})
    assert "exec format error" in str(caught.value)
    assert "kube-apiserver" in str(caught.value)


def test_a_kubectl_that_does_not_work_is_told(programs: Path) -> None:
    """It is no KUBECONFIG without a context."""
    broken(programs, "kubectl", "cannot execute")
    environment = {"KUBECONFIG": "/some", "PATH": str(programs), existing.SETTING: "existing"}
    with pytest.raises(ClusterError, match=r"no `kubectl` works here that could read it: .* cannot execute"):
        existing.find(environment)
