import json
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli import main
from reconciler.cli.arguments import parse
from reconciler.cli.render import Output
from tests.cli.kubernetes import Kubernetes


def test_the_help_names_every_option_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` teaches: examples, options, environment and exit codes, without colour in a pipe."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for word in ("Examples", "--interval DURATION", "--once", "--exit-code", "DASK_RECONCILER_", "NO_COLOR", "130"):
        assert word in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 88


def test_the_help_of_plan_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """`plan --help` shows what plan takes, and nothing that it does not."""
    assert main(["plan", "-h"]) == 0
    out = capsys.readouterr().out
    assert "-f, --filename FILE…" in out
    assert "--interval" not in out


def test_the_help_of_local_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """`local --help` shows what local takes, its own default between passes, and its exit codes."""
    assert main(["local", "--help"]) == 0
    out = capsys.readouterr().out
    for word in ("--wait [=DURATION]", "--no-retry", "--kubeconfig FILE", "500ms.", "The first failed job's own."):
        assert word in out
    for other in ("--context", "--dry-run"):
        assert other not in out


def test_a_failure_is_the_end_only_if_that_is_asked_for() -> None:
    """`--no-retry` stands anywhere."""
    assert not parse(["local", "x.yaml"]).no_retry
    assert parse(["local", "--no-retry", "x.yaml"]).no_retry
    assert parse(["local", "x.yaml", "--no-retry"]).files == ("x.yaml",)


def test_wait_takes_no_file_for_its_duration() -> None:
    """`--wait` alone is two minutes, wherever it stands; with `=` it is what it says."""
    assert parse(["local", "--wait", "x.yaml"]).wait_seconds == 120
    assert parse(["local", "--wait", "x.yaml"]).files == ("x.yaml",)
    assert parse(["local", "x.yaml", "--wait=30s"]).wait_seconds == 30
    assert parse(["local", "x.yaml"]).wait_seconds is None


def test_wait_takes_a_file_that_is_called_like_a_duration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where there is no such file, it was meant as a duration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "30s").mkdir()
    assert parse(["local", "--wait", "30s"]).files == ("30s",)


@pytest.mark.parametrize("duration", ["999999999h", f"{10**30}", f"{'9' * 400}m"])
def test_a_wait_of_any_length_is_a_time(duration: str) -> None:
    """What is longer than a year is cut to it: no clock can hold all that can be written."""
    wait = parse(["local", "x.yaml", f"--wait={duration}"]).wait_seconds
    assert wait == 365 * 24 * 3600


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version, alone."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dask-reconciler {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--intervall", "5"], "There is no option --intervall (did you mean --interval?)."),
        (["--quux=1"], "There is no option --quux."),
        (["--interval"], "--interval needs a value."),
        (["--interval", "soon"], '--interval is "soon"; it must be a duration'),
        (["--interval", "-5"], '--interval is "-5"; it must be a duration'),
        (["plam", "-f", "x"], "'plam' is no command (did you mean plan?); the commands are run, plan, local."),
        (["--once", "--dry-run", "plan"], '--dry-run is "plan"; it must be true or false'),
        (["plan"], "Name at least one manifest: dask-reconciler plan -f FILE…, or -f - for standard input."),
        (["plan", "-f", "x", "--interval", "5"], "There is no option --interval"),
        (["plan", "-f"], "-f/--filename needs a value."),
        (["plan", "x.yaml"], "manifests are named with -f: dask-reconciler plan -f x.yaml"),
        (["-o", "xml", "--once"], "-o/--output invalid choice: 'xml' (choose from "),
        (["--output", "json"], "--output prints one pass; add --once, or --once --dry-run."),
        (["--context", "a", "plan", "-f", "x"], "`plan` must come first: dask-reconciler plan -f FILE…"),
        (["--naming=current", "local", "x"], "`local` must come first: dask-reconciler local FILE…"),
        (["local", "--wait"], "--wait waits for what files ask for; name some: dask-reconciler local --wait FILE…"),
        (["local", "--kubeconfig"], "--kubeconfig needs a value."),
        (["local", "x", "--wait=soon"], "--wait is 'soon'; it must be a duration: seconds, or a number with ms, s, m"),
        (["local", "--wait", "30s", "x"], "--wait takes its duration behind an equals sign; write --wait=30s"),
        (["local", "x", "--wait", "5"], "--wait takes its duration behind an equals sign; write --wait=5"),
        (["local", "x", "--wait=1000000d"], "--wait is '1000000d'; it must be a duration: seconds, or a number with"),
        (["local", "x", "--wiat"], "There is no option --wiat (did you mean --wait?)."),
        (["local", "x", "--once"], "There is no option --once"),
    ],
)
def test_wrong_usage_is_told_with_the_remedy(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong on the command line gives exit code 2, a clear sentence, and the way to the help."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.splitlines()[-1].endswith("--help.")


def test_wrong_usage_is_never_taken_for_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """With --exit-code, 2 means that there are changes, and so wrong usage gives 1."""
    assert main(["--exit-code", "--once"]) == 1
    assert "--exit-code tells whether a plan has changes; add --once --dry-run." in capsys.readouterr().err
    assert main(["--once", "--dry-run", "--exit-code", "--quux"]) == 1


def test_an_unknown_variable_is_warned_about(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in the environment is logged, and nothing ends because of it."""
    monkeypatch.setenv("DASK_RECONCILER_NAMIMG", "current")
    assert main(["plan", "-f", str(manifest)]) == 0
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("settings.unknown", "warning")
    assert "did you mean DASK_RECONCILER_NAMING?" in line["message"]


def test_switches_can_be_turned_off_again(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flag wins over the environment, even to say no."""
    monkeypatch.setenv("DASK_RECONCILER_DRY_RUN", "true")
    monkeypatch.setenv("DASK_RECONCILER_ONCE", "true")
    assert main([*kubernetes.flags, "--dry-run=false"]) == 0
    assert "Done: " in capsys.readouterr().out


def test_namespaces_can_be_given_more_than_once() -> None:
    """A list of namespaces is a list, however it is split over flags."""
    assert parse(["--namespaces", "a", "--namespaces", "b,c"]).settings.namespaces == ("a", "b", "c")


@pytest.mark.parametrize("arguments", [["-f", "a", "b"], ["-f", "a", "-f", "b"], ["--filename=a", "--filename", "b"]])
def test_manifests_are_named_however_a_shell_spells_them(arguments: list[str]) -> None:
    """One `-f` takes several files, as `-f *.yaml` becomes, and can be given more than once."""
    assert parse(["plan", *arguments]).files == ("a", "b")


def test_running_has_a_word_of_its_own() -> None:
    """`dask-reconciler run` is `dask-reconciler`."""
    assert parse(["run", "--interval", "7"]) == parse(["--interval", "7"])


def test_a_profile_is_of_one_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """A daemon has metrics for that; it says which flag is missing."""
    assert main(["--profile"]) == 2
    assert "--profile measures one pass; add --once, or --once --dry-run." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["-o", "json"], ["-ojson"], ["--output", "json"], ["--output=json"]])
@pytest.mark.parametrize("command", [["plan", "-f", "a"], ["--once"], ["run", "--once", "--dry-run"]], ids=" ".join)
def test_what_is_printed_is_chosen_as_with_kubectl(command: list[str], arguments: list[str]) -> None:
    """`-o` is `--output` wherever there is one."""
    assert parse([*command, *arguments]).output is Output.JSON
