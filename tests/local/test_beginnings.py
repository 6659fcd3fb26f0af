"""What is wrong from the beginning is told, and nothing is begun."""

from pathlib import Path

import pytest
import yaml

from tests.cli.daemon import ROOT
from tests.local.command import local, local_with
from tests.local.smallpods import cluster, core
from tests.unit.manifests.mistakes import MISTAKES


@pytest.mark.parametrize("mistake", ["tabs", "typo in a field", "wrong type in a template"])
def test_a_wrong_manifest_is_told_and_nothing_is_begun(tmp_path: Path, mistake: str) -> None:
    """A file with a mistake gives exit code 1 and one line: the file, the document, what is wrong, and the remedy."""
    wrong, words = MISTAKES[mistake]
    file = tmp_path / "wrong.yaml"
    file.write_text(wrong if isinstance(wrong, str) else yaml.safe_dump(wrong))
    with local(str(file), temporary=tmp_path) as run:
        assert run.ended() == 1
    assert run.errors == [f"{file}, document 1: {words}"]
    assert [*tmp_path.iterdir()] == [file]


def test_a_wrong_manifest_keeps_the_good_ones_from_beginning(tmp_path: Path) -> None:
    """All mistakes are told at once, and what is right is not run without the rest."""
    wrong = cluster("wrong", replicas=-1)
    with local_with(tmp_path, cluster("good"), wrong, core("ConfigMap", "levels", data={"low": 1})) as run:
        assert run.ended() == 1
    place = tmp_path / "manifests.yaml"
    assert run.errors[:2] == [
        f"{place}, document 2: DaskCluster default/wrong: spec.worker.replicas is -1; it must be 0 or more.",
        f"{place}, document 3: ConfigMap default/levels: data.low is 1; it must be text: quote it.",
    ]
    assert [*tmp_path.iterdir()] == [place]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["--wait"],
            2,
            "dask-reconciler: --wait waits for what files ask for; name some: dask-reconciler local --wait FILE…",
        ),
        (["nowhere.yaml"], 1, "nowhere.yaml: cannot be read: No such file or directory."),
        (["."], 1, ".: holds no manifests: no file ends in .yaml, .yml, .json."),
        (["--wait-for=5s", "x.yaml"], 2, "dask-reconciler: There is no option --wait-for (did you mean --wait?)."),
        (["--wait=soon", "x.yaml"], 2, "dask-reconciler: --wait is 'soon'; it must be a duration"),
        (["--wait", "30s", "x.yaml"], 2, "dask-reconciler: --wait takes its duration behind an equals sign; write"),
        (["--interval=-1", "x.yaml"], 2, 'dask-reconciler: --interval is "-1"; it must be a duration'),
    ],
)
def test_wrong_usage_is_told_with_the_remedy(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    """What is wrong on the command line is told in a sentence."""
    with local(*arguments, temporary=tmp_path, directory=tmp_path, PYTHONPATH=str(ROOT)) as run:
        assert run.ended() == code
    assert run.errors[0].startswith(words)
    assert run.output == []


def test_files_without_anything_to_run_are_told(tmp_path: Path) -> None:
    """Manifests of which nothing would run give exit code 1 rather than a wait for ever."""
    with local_with(tmp_path, core("ConfigMap", "levels", data={"low": "1"})) as run:
        assert run.ended() == 1
    assert run.errors[-1] == "No DaskCluster and no DaskJob is in these files, so nothing would run."


def test_the_help_shows_how_to_run_manifests(tmp_path: Path) -> None:
    """`--help` shows examples, the options and the exit codes, on standard output."""
    with local("--help", temporary=tmp_path) as run:
        assert run.ended() == 0
    page = "\n".join(run.output)
    for words in (
        "dask-reconciler local [FILE…]",
        "--kubeconfig FILE",
        "dask-reconciler local cluster.yaml",
        "--wait",
        "--shift-ports",
        "130",
    ):
        assert words in page
    assert run.errors == []
