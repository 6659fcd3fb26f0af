"""Scripts run by `submit`, from the local file to the exit code."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubecluster.cli.script import Script, manifest
from kubecluster.options import Surroundings, resolved
from models.kinds import CONFIG_MAP, DASK_CLUSTER, DASK_JOB
from tests.kubecluster.commands import done, refused, run, running
from tests.kubecluster.daskhost import DaskHost
from tests.kubecluster.fakekubernetes import FakeKubernetes, Refusal
from tests.kubecluster.jobworld import JobMachine, with_jobs
from tests.kubecluster.livingworld import LivingWorld
from tests.kubecluster.sights import waits
from tests.realcluster.eventually import eventually

SECOND = "2026-01-01T00:00:0{0}.000000001Z step {0}\n"
LOG = "".join(SECOND.format(number) for number in (1, 2))
SAID = "step 1\nstep 2\n"
Jobs = tuple[LivingWorld, FakeKubernetes, JobMachine]


@pytest.fixture
def jobs(dask_host: DaskHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """A Kubernetes in which jobs run, which the surroundings name; runners of `train` write two lines."""
    with with_jobs(tmp_path, dask_host) as (world, server, machine):
        monkeypatch.setenv("KUBECONFIG", str(world.kubeconfig))
        server.logs["train-runner"] = LOG
        yield world, server, machine


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A script."""
    path = tmp_path / "train.py"
    path.write_text("print('hello')\n")
    return str(path)


@pytest.mark.parametrize("code", [0, 3])
def test_the_scripts_output_and_exit_code_are_the_commands(jobs: Jobs, script: str, code: int) -> None:
    """Standard output has what the script wrote and nothing else; at the end nothing is left of the job."""
    world, _, machine = jobs
    machine.codes.append(code)
    result = run("submit", "--name", "train", "--workers", "0", script, "--epochs", "3")
    assert (result.exit_code, result.stdout) == (code, SAID), result.stderr
    assert "Starting the DaskJob default/train" in result.stderr
    assert result.stderr.count("Starting the DaskJob") == 1
    eventually(world.is_empty, "the end of the job")


def test_the_script_travels_in_settings_that_the_job_owns(jobs: Jobs, script: str) -> None:
    """They are there before the job, so that no job waits for them for ever, and go with it."""
    world, server, _ = jobs
    assert done("submit", "--name", "default/train", "--detach", script) == "default/train\n"
    job = world.get(DASK_JOB, "train")
    settings = world.get(CONFIG_MAP, "train")
    assert settings["data"] == {"script": "print('hello')\n"}
    [owner] = settings["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("DaskJob", job["metadata"]["uid"])
    made = [line for line in server.requests if line.startswith("create") and "/train" in line]
    assert made[:2] == ["create configmaps default/train", "create daskjobs default/train"]


def test_a_job_that_is_refused_leaves_nothing(jobs: Jobs, script: str) -> None:
    """The settings that were made for it are deleted again."""
    world, server, _ = jobs
    server.troubles.append(
        Refusal(403, verb="create", resource="daskjobs", message='daskjobs is forbidden: User "u" cannot create it')
    )
    assert "may not create daskjobs" in refused("submit", "--name", "train", script)
    assert not world.names(CONFIG_MAP)
    assert world.is_empty()


def test_a_job_is_kept_if_one_wants_it(jobs: Jobs, script: str) -> None:
    """With --keep its log can be read again."""
    world, _, machine = jobs
    machine.codes.append(0)
    done("submit", "--name", "train", "--keep", "--workers", "0", script)
    assert world.names(DASK_JOB) == ["train"]
    assert "step 2" in done("logs", "--job", "train")
    done("delete", "--job", "train", "--yes", "--wait")
    assert not world.names(DASK_JOB)


def test_a_runner_that_is_lost_runs_again(jobs: Jobs, script: str) -> None:
    """What the next one writes is shown, too, and its exit code is the command's."""
    world, _, machine = jobs
    with running("submit", "--name", "train", "--workers", "0", script, kubeconfig=world.kubeconfig) as command:
        command.prints("step 2")
        machine.codes.append(-1)
        eventually(lambda: command.output.count("step 2") == 2, "another run")
        machine.codes.append(0)
        assert command.ended() == 0, command.errors
        assert command.output == (SAID * 2).splitlines()
    eventually(world.is_empty, "the end of the job")


def test_a_job_that_cannot_run_is_an_error_and_deleted(jobs: Jobs, script: str) -> None:
    """The error has the reason; a job that holds its cluster for nothing is not left behind."""
    world, _, _ = jobs
    world.has_reconciler = False
    said = refused("submit", "--name", "train", "--timeout", "1", script)
    assert "The DaskJob default/train does not run after" in said
    assert "with --keep it is left there" in said
    eventually(lambda: not world.names(DASK_JOB), "the end of the job")


def test_after_ctrl_c_the_job_goes_on(jobs: Jobs, script: str) -> None:
    """The command says so, and how to see the job and to delete it; its exit code is 130."""
    world, _, _ = jobs
    with running("submit", "--name", "train", "--workers", "0", script, kubeconfig=world.kubeconfig) as command:
        command.prints("step 1")
        assert command.ended(signal.SIGINT) == 130
        said = command.says("The DaskJob default/train goes on.")
    assert "`kubectl dask logs --job --follow train`" in said
    assert "`kubectl dask delete --job train`" in said
    assert not [line for line in command.errors if "Traceback" in line]
    assert world.names(DASK_JOB) == ["train"]


def test_a_jobs_cluster_is_not_deleted_without_it(jobs: Jobs, script: str) -> None:
    """The reconciler would make it again: the error says to delete the job."""
    world, _, _ = jobs
    done("submit", "--name", "train", "--detach", script)
    eventually(lambda: world.names(DASK_CLUSTER) == ["train-cluster"], "the job's cluster")
    assert "`kubectl dask delete --job default/train`" in refused("delete", "train", "--yes")
    assert world.names(DASK_CLUSTER) == ["train-cluster"]


def test_a_job_that_waits_is_explained(jobs: Jobs, script: str) -> None:
    """What it waits for, and what to do; a command that knows no jobs says which one does."""
    world, _, _ = jobs
    world.has_reconciler = False
    done("submit", "--name", "train", "--detach", script)
    explained = run("explain", "--job", "train")
    assert explained.exit_code == 1, explained.output
    assert explained.stdout.startswith("default/train: The DaskCluster of the job has not been created yet")
    assert "There is a DaskJob of that name: for that, add --job." in refused("explain", "train")
    assert "`kubectl dask explain --job default/train` tells of it" in refused("scale", "train", "1")
    assert "There is no DaskJob default/other" in refused("explain", "--job", "other")


def test_a_runner_that_cannot_start_is_explained(jobs: Jobs) -> None:
    """Its Pod is named, with what keeps it from running; so is its job where the cluster is explained."""
    world, _, _ = jobs
    world.statuses["broken"] = waits("ErrImagePull", "no such image")
    options = resolved({"name": "train", "image": "dask:1"}, Surroundings({}, {}))
    body = manifest(options, Script("train.py", b""))
    body["spec"]["job"]["spec"]["containers"][0]["image"] = "broken"
    world.api.create(DASK_JOB, {**body, "metadata": {**body["metadata"], "namespace": "default"}})
    told = "default/train: The runner Pod train-runner cannot start: ErrImagePull: no such image."
    eventually(lambda: told in run("explain", "--job", "train").stdout, told)
    assert "pod/train-cluster-scheduler 1/1" in run("explain", "--job", "train", "--verbose").stdout
    assert "It belongs to the DaskJob default/train: `kubectl dask explain --job" in run("explain", "train").stdout


@pytest.mark.parametrize(
    ("code", "told"), [(0, "The job's command succeeded."), (3, "The runner Pod train-runner failed: exit code 3")]
)
def test_how_a_job_has_ended_is_explained(jobs: Jobs, script: str, code: int, told: str) -> None:
    """And that it runs, before; the exit code is 0 unless it has failed."""
    _, _, machine = jobs
    done("submit", "--name", "train", "--workers", "0", "--detach", script)
    eventually(lambda: "The runner Pod train-runner runs." in run("explain", "--job", "train").stdout, "it runs")
    assert run("explain", "--job", "train", "--quiet").output == ""
    machine.codes.append(code)
    eventually(lambda: told in run("explain", "--job", "train").stdout, told)
    ended = run("explain", "--job", "train", "--verbose")
    assert ended.exit_code == bool(code)
    assert ("step 2" in ended.stdout) == bool(code)


def test_an_option_behind_the_script_is_the_scripts(jobs: Jobs, script: str) -> None:
    """The command says so, since one may have meant it otherwise."""
    world, _, _ = jobs
    result = run("submit", "--name", "train", "--detach", script, "--workers", "5")
    assert "Warning: --workers stands after the script" in result.stderr
    [runner] = world.get(DASK_JOB, "train")["spec"]["job"]["spec"]["containers"]
    assert runner["args"] == ["python", "/dask-job/train.py", "--workers", "5"]


def test_a_followed_log_ends_with_its_pods(jobs: Jobs, script: str) -> None:
    """`logs --follow` shows each line once, and ends when the job's Pod has; `--tail` begins near the end."""
    _, _, machine = jobs
    machine.codes.append(0)
    done("submit", "--name", "train", "--keep", "--workers", "0", script)
    assert done("logs", "--job", "train", "--follow") == SAID
    assert done("logs", "--job", "train", "--follow", "--tail", "1") == "step 2\n"
