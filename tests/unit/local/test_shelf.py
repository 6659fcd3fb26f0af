"""A Pod's volumes on this machine: what is written where, and what is not to be had."""

import stat
from pathlib import Path
from typing import Any

import pytest

from reconciler.local.containers.mounts import Mounts
from reconciler.local.containers.variables import Unavailable
from reconciler.local.containers.volumes import Missing
from reconciler.local.files.supplies import Supplies, Supply

SCRIPTS = Supply("ConfigMap", "here", "scripts", {"a.py": b"print(1)", "b.sh": b"#!/bin/sh\necho $1\n"})
TOKEN = Supply("Secret", "here", "token", {"token": b"\0s3cret"})
SUPPLIES: Supplies = {(each.kind, each.namespace, each.name): each for each in (SCRIPTS, TOKEN)}


def mount(path: str, name: str = "v", **more: Any) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **more}


def mounts(
    directory: Path,
    volume: dict[str, Any],
    *mounted: dict[str, Any],
    supplies: Supplies = SUPPLIES,
    variables: dict[str, str] | None = None,
    **container: Any,
) -> Mounts:
    """The mounts of a container in a Pod whose volume `v` is the given one, at /v if nothing else is said."""
    main = {"name": "main", "volumeMounts": list(mounted) or [mount("/v")], **container}
    metadata = {"name": "worker-1", "namespace": "here", "uid": "1", "labels": {"app": "dask"}}
    volumes = [{"name": "v", **volume}, {"name": "scratch", "emptyDir": {}}]
    return Mounts.of(
        {"metadata": metadata, "spec": {"containers": [main], "volumes": volumes}}, main, supplies, directory, variables
    )


def files(folder: str) -> dict[str, bytes]:
    """What is in a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}


def config_map(**more: Any) -> dict[str, Any]:
    return {"configMap": {"name": "scripts", **more}}


DOWNWARD = {
    "items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "limits/cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}},
    ]
}
ALL_SCRIPTS = dict(SCRIPTS.data)
WRITTEN = {
    "a ConfigMap": (config_map(), ALL_SCRIPTS),
    "some keys": (config_map(items=[{"key": "a.py", "path": "deep/er/x.py"}]), {"deep/er/x.py": b"print(1)"}),
    "an optional key": (config_map(items=[{"key": "gone", "path": "x"}], optional=True), {}),
    "an optional ConfigMap": ({"configMap": {"name": "gone", "optional": True}}, {}),
    "a Secret": ({"secret": {"secretName": "token"}}, {"token": b"\0s3cret"}),
    "fields": ({"downwardAPI": DOWNWARD}, {"labels": b'app="dask"', "limits/cpu": b"3"}),
    "all of it": (
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "scripts", "items": [{"key": "a.py", "path": "a"}]}},
                    {"secret": {"name": "token"}},
                    {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            }
        },
        {"a": b"print(1)", "token": b"\0s3cret", "name": b"worker-1"},
    ),
    "an empty directory": ({"emptyDir": {}}, {}),
    "one of no kind": ({}, {}),
    "a claim that lives as long as the Pod": ({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}, {}),
}


@pytest.mark.parametrize(("volume", "written"), WRITTEN.values(), ids=WRITTEN)
def test_a_volume_is_a_folder_of_files(tmp_path: Path, volume: dict[str, Any], written: dict[str, bytes]) -> None:
    """Below the Pod's own directory, and where the mount leads to."""
    result = mounts(tmp_path, volume, resources={"limits": {"cpu": 3}})
    assert result.missing == ()
    assert Path(result.given["/v"]).is_relative_to(tmp_path)
    assert files(result.given["/v"]) == written


def test_only_its_user_may_read_a_file_and_a_program_may_be_run(tmp_path: Path) -> None:
    """Of a mode only the right to execute is taken over: nobody else on the machine is to read a Secret."""
    items = [{"key": "a.py", "path": "a.py"}, {"key": "b.sh", "path": "b.sh", "mode": 0o755}]
    folder = mounts(tmp_path, config_map(items=items)).given["/v"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in sorted(Path(folder).iterdir())] == [0o600, 0o700]
    folder = mounts(tmp_path, config_map(defaultMode=0o111)).given["/v"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in Path(folder).iterdir()} == {0o700}


def test_a_restart_finds_new_contents_and_no_old_ones(tmp_path: Path) -> None:
    """A ConfigMap is written anew whenever a container starts; whoever has a file open keeps the old one."""
    folder = mounts(tmp_path, config_map()).given["/v"]
    with (Path(folder) / "a.py").open("rb") as old:
        new = Supply("ConfigMap", "here", "scripts", {"a.py": b"print(2)"})
        assert mounts(tmp_path, config_map(), supplies={("ConfigMap", "here", "scripts"): new}).given["/v"] == folder
        assert old.read() == b"print(1)"
    assert files(folder) == {"a.py": b"print(2)"}


def test_what_is_in_an_empty_directory_outlives_a_container_and_is_shared(tmp_path: Path) -> None:
    """By all of the Pod's containers, wherever each mounts it; a subPath is part of it."""
    first = mounts(tmp_path, {"emptyDir": {}}).given["/v"]
    (Path(first) / "x").write_text("kept")
    second = mounts(tmp_path, {"emptyDir": {}}, mount("/other"), mount("/part", subPath="p/q"))
    assert files(second.given["/other"]) == {"x": b"kept"}
    assert second.given["/part"] == str(Path(first, "p/q"))
    assert Path(first, "p/q").is_dir()


def test_shared_memory_is_this_machines_own(tmp_path: Path) -> None:
    """Programs look for it nowhere else."""
    result = mounts(tmp_path, {"emptyDir": {"medium": "Memory"}}, mount("/dev/shm"))
    assert (result.rewritten("/dev/shm/x") == "/dev/shm/x") is Path("/dev/shm").is_dir()
    result = mounts(tmp_path, {"emptyDir": {}}, mount("/dev/shm", subPath="part"))
    assert result.rewritten("/dev/shm/x") == f"{tmp_path}/volumes/v/part/x"


def test_a_place_is_found_from_every_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers have working directories of their own."""
    monkeypatch.chdir(tmp_path)
    assert mounts(Path("pod"), {"emptyDir": {}}).given["/v"] == f"{tmp_path}/pod/volumes/v"


def test_a_single_file_can_be_mounted(tmp_path: Path) -> None:
    """By its subPath, which may name variables."""
    result = mounts(tmp_path, config_map(), mount("/etc/a.py", subPath="a.py"))
    assert Path(result.rewritten("/etc/a.py")).read_bytes() == b"print(1)"
    variables = {"NAME": "a"}
    result = mounts(tmp_path, config_map(), mount("/etc/a.py", subPathExpr="$(NAME).py"), variables=variables)
    assert Path(result.rewritten("/etc/a.py")).read_bytes() == b"print(1)"


UNAVAILABLE = {
    "no such ConfigMap": ({"configMap": {"name": "gone"}}, {}, 'configmap "gone" not found'),
    "no such Secret": ({"secret": {"secretName": "gone"}}, {}, 'secret "gone" not found'),
    "another kind": ({"secret": {"secretName": "scripts"}}, {}, 'secret "scripts" not found'),
    "no such part": ({"projected": {"sources": [{"secret": {"name": "gone"}}]}}, {}, 'secret "gone" not found'),
    "no such key": (config_map(items=[{"key": "k", "path": "p"}]), {}, "couldn't find key k in ConfigMap here/scripts"),
    "no such volume": ({}, {"name": "gone"}, '/v is of volume "gone", which the Pod does not have; add it'),
    "no such variable": ({}, {"subPathExpr": "$(GONE)"}, "subPathExpr $(GONE) names a variable"),
    "a part outside": ({"emptyDir": {}}, {"subPath": "../x"}, "it must be a relative path without '..'"),
    "a part of the machine": ({"hostPath": {"path": "/"}}, {"subPath": "/etc"}, "it must be a relative path"),
    "a file outside": (config_map(items=[{"key": "a.py", "path": "../../x"}]), {}, "a file in a volume is '../../x'"),
    "a file on a file": (
        config_map(items=[{"key": "a.py", "path": "a"}, {"key": "a.py", "path": "a/b"}]),
        {},
        'volume "v" cannot be given',
    ),
}


@pytest.mark.parametrize(("volume", "more", "words"), UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_without_what_it_needs_a_container_waits(
    tmp_path: Path, volume: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    """The message names what is not there or wrong, and nothing is written outside."""
    directory = tmp_path / "pod"
    with pytest.raises(Unavailable) as caught:
        mounts(directory, volume, {**mount("/v"), **more})
    assert words in str(caught.value)
    assert caught.value.reason == "CreateContainerConfigError"
    assert [path.name for path in tmp_path.iterdir() if path != directory] == []


class TestHostPath:
    def test_a_path_that_is_here_is_given(self, tmp_path: Path) -> None:
        """Under its own name."""
        there = tmp_path / "data"
        there.mkdir()
        result = mounts(tmp_path, {"hostPath": {"path": str(there)}}, mount("/v/"), mount("/part", subPath="p"))
        assert result.rewritten("/v/x") == f"{there}/x"
        assert result.rewritten("/part") == f"{there}/p"
        assert not (there / "p").exists()

    def test_one_that_is_not_here_is_missing(self, tmp_path: Path) -> None:
        """It is not made: this is somebody's machine."""
        there = tmp_path / "data"
        volume = {"hostPath": {"path": str(there), "type": "DirectoryOrCreate"}}
        assert mounts(tmp_path, volume).missing == (Missing("/v", "v", f"hostPath {there}"),)
        assert not there.exists()

    def test_one_under_the_same_name_is_as_good_as_given(self, tmp_path: Path) -> None:
        """Whoever looks there finds what is there, or nothing."""
        there = str(tmp_path / "data")
        result = mounts(tmp_path, {"hostPath": {"path": there}}, mount(there))
        assert (result.missing, result.rewritten(there)) == ((), there)


CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}


class TestMissing:
    @pytest.mark.parametrize("kind", ["persistentVolumeClaim", "nfs", "csi", "iscsi", "image", "awsElasticBlockStore"])
    def test_a_volume_of_another_kind_is_missing(self, tmp_path: Path, kind: str) -> None:
        """And its paths stay as they are, even below one that is given."""
        result = mounts(tmp_path, {kind: {}}, mount("/data/v"), mount("/data", "scratch"))
        assert result.missing == (Missing("/data/v", "v", kind),)
        assert result.rewritten("/data/v/x") == "/data/v/x"
        assert result.rewritten("/data/x") == f"{tmp_path}/volumes/scratch/x"

    def test_a_block_device_is_missing(self, tmp_path: Path) -> None:
        """It is no file."""
        result = mounts(
            tmp_path, CLAIM, mount("/scratch", "scratch"), volumeDevices=[{"name": "v", "devicePath": "/dev/x"}]
        )
        assert result.missing == (Missing("/dev/x", "v", "block device"),)

    def test_a_part_that_cannot_be_given_is_missing_alone(self, tmp_path: Path) -> None:
        """A service account's token, beside what else is projected."""
        token = {"serviceAccountToken": {"path": "token"}}
        volume = {"projected": {"sources": [token, {"configMap": {"name": "scripts"}}]}}
        result = mounts(tmp_path, volume)
        assert result.missing == (Missing("/v/token", "v", "serviceAccountToken"),)
        assert Path(result.rewritten("/v/a.py")).read_bytes() == b"print(1)"
        assert result.impossible(["cat /v/a.py"]) is None
        assert "/v/token is not on this machine" in (result.impossible(["cat /v/token"]) or "")
