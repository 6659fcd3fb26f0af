"""Files, folders and standard input that manifests are read from, and what cannot be read."""

import io
import json
from pathlib import Path

import pytest

from reconciler.manifests import Reading, read
from reconciler.manifests.files import MOST_BYTES
from tests.manifests import cluster
from tests.unit.local.followed import texts


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def test_a_folder_is_read_with_everything_below_it(tmp_path: Path) -> None:
    """YAML and JSON files of a folder are read in order; hidden ones, other files and kustomizations are not."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(texts(cluster("one")))
    (tmp_path / "b" / "c.yml").write_text(texts(cluster("two")))
    (tmp_path / "d.json").write_text(json.dumps(cluster("three"), indent="\t"))
    (tmp_path / ".git" / "e.yaml").write_text("]")
    (tmp_path / "notes.txt").write_text("]")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]")
    reading = read([str(tmp_path)], "default", io.StringIO())
    assert problems(reading) == []
    assert [manifest.key.name for manifest in reading.manifests] == ["one", "two", "three"]


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A file that is missing, no text, or a folder without manifests is a problem with its path."""
    missing, binary, empty = tmp_path / "missing.yaml", tmp_path / "binary.yaml", tmp_path / "empty"
    binary.write_bytes(b"\xff\xfe\x00")
    empty.mkdir()
    assert problems(read([str(missing), str(binary), str(empty)], "default", io.StringIO())) == [
        f"{missing}: cannot be read: No such file or directory.",
        f"{binary}: is text in UTF-16; save it in UTF-8.",
        f"{empty}: holds no manifests: no file ends in .yaml, .yml, .json.",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: 1\n".encode("utf-16"), "is text in UTF-16; save it in UTF-8."),
        (
            "a: 1\n".encode("utf-16-le"),
            "holds zero bytes, as text in UTF-16 does, and what is no text; save it in UTF-8.",
        ),
        ("a: 1\n# gr\xf6\xdfer".encode("latin-1"), "is not text in UTF-8: line 2 has the byte 0xf6; save it in UTF-8."),
        (b" " * (MOST_BYTES + 1), "is larger than 50 MB, the most that is read at once; split it."),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "latin-1", "large"],
)
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    """Whatever bytes are in a file or in standard input, it is said how to save it."""
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with file.open() as stream:
        assert problems(read([str(file), "-"], "default", stream)) == [f"{file}: {words}", f"standard input: {words}"]


def test_standard_input_may_be_closed() -> None:
    """There is an answer to that, too."""
    closed = io.StringIO()
    closed.close()
    assert problems(read(["-"], "default", None)) == [
        "standard input: is closed; pipe manifests into it, or name a file."
    ]
    assert problems(read(["-"], "default", closed)) == [
        "standard input: cannot be read; pipe manifests into it, or name a file."
    ]


def test_a_kustomization_that_is_named_is_told(tmp_path: Path) -> None:
    """In a folder it is left out; who names it has mistaken it for a manifest."""
    file = tmp_path / "kustomization.yaml"
    file.write_text("resources: [a.yaml]")
    assert problems(read([str(file)], "default", io.StringIO())) == [
        (
            f"{file}, document 1: is a kustomization and no manifest; build it first, as in kubectl kustomize FOLDER > "
            "built.yaml."
        )
    ]
