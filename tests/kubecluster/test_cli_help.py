"""What the command says of itself, before it does anything."""

from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

import kubecluster.cli
from kubecluster.cli.group import COMMANDS
from tests.kubecluster.commands import process, refused, run

DASK = ("-c", "import sys; sys.argv[0] = 'dask'; from dask.__main__ import main; main()")
HEAVY = {"dask", "distributed", "kubernetes", "rich", "urllib3", "websockets", "yaml"}


def test_kubectls_plug_in_is_called_as_people_call_it() -> None:
    """The script is `kubectl-dask`, and its help says `kubectl dask`."""
    code, output, errors = process("--help")
    assert (code, errors) == (0, "")
    assert output.startswith("Usage: kubectl dask [OPTIONS] COMMAND [ARGS]...")
    [script] = entry_points(group="console_scripts", name="kubectl-dask")
    assert script.load() is kubecluster.cli.main


def test_dasks_plug_in_is_called_as_people_call_it() -> None:
    """`dask kube` has the same commands, and its examples begin with `dask kube`."""
    code, output, _ = process("kube", "scale", "--help", program=DASK)
    assert code == 0
    assert output.startswith("Usage: dask kube scale ")
    assert "  dask kube scale simple 5\n" in output


def test_dask_ctl_finds_the_discovery() -> None:
    """It is found in dask-ctl's group of entry points."""
    found = [each.value for each in entry_points(group="dask_cluster_discovery", name="dask-kubecluster")]
    assert "kubecluster.discovery:discover" in found  # dask-kubernetes', which the tests have too, is called the same


def test_help_imports_nothing_that_takes_long() -> None:
    """The help of the command, and of each of its commands, needs click alone."""
    program = (
        "import sys; from kubecluster.cli import kube; from kubecluster.cli.group import COMMANDS\n"
        "for words in [[], *([name] for name in COMMANDS)]:\n"
        "    kube.main([*words, '--help'], standalone_mode=False)\n"
        f"print('loaded:', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    code, output, _ = process(program=("-c", program))
    assert code == 0
    assert output.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_teaches_by_examples(name: str) -> None:
    """Its help has examples that can be typed, and a sentence on every option."""
    result = run(name, "--help")
    assert result.exit_code == 0
    head, _, examples = result.stdout.partition("Examples:\n")
    assert f"  kubectl dask {name} " in examples or f"  kubectl dask {name}\n" in examples
    command = kubecluster.cli.kube.get_command(kubecluster.cli.kube.make_context("x", ["list"]), name)
    assert command is not None
    assert all(option.help for option in command.params if isinstance(option, click.Option)), head


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sclae", "simple", "3"), "did you mean 'scale'?"),
        (("frobnicate",), "No such command"),
        (("scale", "simple", "-1"), "-1"),
        (("scale", "a/b/c", "1"), "it must be as in simple, or as in analysis/simple"),
        (("scale", "--namespace", "a", "b/simple", "1"), "leave one out"),
        (("adapt", "simple"), "Give --minimum, --maximum or both; or --off"),
        (("adapt", "simple", "--off", "--minimum", "1"), "leave --minimum and --maximum out"),
        (("adapt", "simple", "--minimum", "3", "--maximum", "2"), "minimum is 3, but maximum is 2"),
        (("list", "-A", "-n", "a"), "leave one out"),
        (("logs", "simple", "--all", "--scheduler"), "Choose one of"),
        (("create", "simple", "--cpu", "4GB", "--dry-run"), "did you mean '4G'?"),
        (("create", "No_name", "--dry-run"), "lower-case letters"),
        (("create", "simple", "--resources", "{", "--dry-run"), "which is no JSON"),
        (("create", "simple", "--env", "SECRET", "--dry-run"), "takes NAME=VALUE"),
        (("create", "simple", "--label", "=x", "--dry-run"), "it has no name"),
        (("create", "simple", "-e", "A=b", "-e", "SECRET", "--dry-run"), "number 2 of them has no ="),
        (("create", "Bad", "--dry-run"), "Error: the name 'Bad' makes a DaskCluster called"),
        (("create", "simple", "--service-type", "x", "--dry-run"), "--service-type is 'x'; it must be one of"),
        (("scale", "simple", "two"), "'two' is not a valid whole number"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(
    arguments: tuple[str, ...],
    words: str,
    quiet_kubeconfig: None,  # noqa: ARG001 -- it is there
) -> None:
    """What makes no sense ends before Kubernetes is asked, and the error says what to write."""
    assert words in " ".join(refused(*arguments, code=2).split())


def test_a_secret_stays_out_of_the_error() -> None:
    """A variable without `=` may be a password."""
    assert "hunter2" not in refused("create", "simple", "-e", "hunter2", "--dry-run", code=2)


@pytest.fixture
def quiet_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that leads to nobody."""
    path = tmp_path / "none"
    cluster = "{name: a, cluster: {server: 'http://127.0.0.1:9'}}"
    path.write_text(f"clusters: [{cluster}]\ncontexts: [{{name: a, context: {{cluster: a}}}}]\ncurrent-context: a\n")
    monkeypatch.setenv("KUBECONFIG", str(path))


def test_no_kubernetes_is_an_error_in_words() -> None:
    """A process without a kubeconfig ends with 1 and one red line that says what to do, without a traceback."""
    code, output, errors = process("list")
    assert (code, output) == (1, "")
    assert errors.startswith("Error: ")
    assert "Traceback" not in errors
