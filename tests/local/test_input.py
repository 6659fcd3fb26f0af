"""Bad and odd files given to the real command: a clear word, never a traceback, and what runs goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.daemon import ROOT
from tests.local.command import local
from tests.local.conftest import Sheet
from tests.local.smallpods import cluster
from tests.unit.local.followed import texts
from tests.unit.manifests.mistakes import MISTAKES

BILLIONS = "a0: &a0 {k0: x}\n" + "".join(
    f"a{each}: &a{each} [{','.join([f'*a{each - 1}'] * 10)}]\n" for each in range(1, 20)
)
ODD = {
    "false promise": (b"a: !!bool maybe\n", ', document 1: is not YAML in line 1, column 4: "maybe" cannot be read'),
    "nested": (b"[" * 100_000, ", document 1: is not YAML in line 1, column 101: values are nested in more than 100"),
    "billions": (BILLIONS.encode(), ", document 1: is not YAML in line 6, column 5: aliases make more than 100000"),
    "zeros": (b"\0" * 100, ": holds zero bytes, as text in UTF-16 does, and what is no text; save it in UTF-8."),
    "UTF-16": ("kind: Pod\n".encode("utf-16"), ": is text in UTF-16; save it in UTF-8."),
    "template": (
        b"a: {{ .Values.a }}\n",
        ", document 1: is not YAML in line 1, column 5: a key must be text; this is a",
    ),
    "values": (b"replicas: 3\n", ", document 1: is no manifest: apiVersion, kind and metadata are missing;"),
}


def planned(*paths: str, piped: bytes | None = b"") -> subprocess.CompletedProcess[str]:
    """What comes of `dask-reconciler plan -f` on files; standard input is closed if nothing at all is piped."""
    command = [sys.executable, "-m", "reconciler", "plan", *(word for path in paths for word in ("-f", path))]
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    done = subprocess.run(
        command if piped is not None else shell,
        input=piped or b"",
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(("content", "words"), ODD.values(), ids=ODD)
def test_both_commands_tell_what_is_odd_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    """`plan` and `local` end with 1 and the same sentence, which begins with the file, and begin nothing."""
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    plan = planned(str(file))
    with local(str(file), temporary=tmp_path) as run:
        assert run.ended() == plan.returncode == 1
    assert plan.stderr.splitlines() == run.errors
    assert len(run.errors) == 1
    assert run.errors[0].startswith(f"{file}{words}")
    assert [*tmp_path.iterdir()] == [file]


def test_standard_input_is_told_by_that_name(tmp_path: Path) -> None:
    """Be it wrong, no text, or closed; /dev/stdin is a file like others."""
    wrong, words = MISTAKES["wrong type"]
    content = yaml.safe_dump(wrong).encode()
    assert planned("-", piped=content).stderr == f"standard input, document 1: {words}\n"
    assert planned("/dev/stdin", piped=content).stderr == f"/dev/stdin, document 1: {words}\n"
    assert planned("-", piped=b"\xff").stderr.startswith("standard input: is not text in UTF-8: line 1 has the byte")
    assert planned("-", piped=None).stderr.startswith("standard input: is closed; pipe manifests into it")
    with local("-", temporary=tmp_path) as run:
        assert run.ended() == 1
    assert run.errors[-1] == "No DaskCluster and no DaskJob is in these files, so nothing would run."


def test_what_has_no_end_is_not_read_to_the_end() -> None:
    """A device is told as a file that is too large."""
    words = "/dev/zero: is larger than 50 MB, the most that is read at once; split it.\n"
    assert planned("/dev/zero").stderr == words


def test_mistakes_in_running_files_leave_everything_as_it_is(sheet: Sheet) -> None:
    """One after the other is told, with what is wrong; the cluster runs on, and is followed when all is mended."""
    sheet.holds(cluster("lasting"))
    sheet.run.says("daskcluster/lasting Running")
    for content, words in ODD.values():
        sheet.file.write_bytes(content)
        sheet.run.says(f"{sheet.file}{words}")
    sheet.file.unlink()
    os.mkfifo(sheet.file)
    sheet.file.with_suffix(".json").write_text("{")
    sheet.run.says(f"{sheet.file.with_suffix('.json')}, document 1: is not YAML in line 1, column 2: ")
    sheet.file.unlink()
    sheet.file.with_suffix(".json").unlink()
    sheet.holds(cluster("lasting", replicas=1))
    sheet.run.says("DaskCluster default/lasting: ", "spec.worker.replicas 0 → 1")
    assert not [
        line for line in sheet.run.errors if "Traceback" in line or "DaskCluster default/lasting: deleted" in line
    ]
    assert sheet.run.process.poll() is None


def test_a_good_file_may_look_odd(tmp_path: Path) -> None:
    """A mark of byte order, Windows' ends of lines, a directive and a List are no mistakes."""
    listed = {"apiVersion": "v1", "kind": "List", "items": [cluster("odd")]}
    text = f"\ufeff%YAML 1.2\n---\n{texts(listed)}".replace("\n", "\r\n")
    file = tmp_path / "odd.yaml"
    file.write_bytes(text.encode())
    plan = planned(str(file))
    assert (plan.returncode, plan.stderr) == (0, "")
    assert "Pod default/odd-scheduler" in plan.stdout
