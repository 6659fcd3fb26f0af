"""Where a run keeps its files."""

import shutil
import signal
from pathlib import Path

from tests.local.command import local, local_with
from tests.local.smallpods import cluster, container, pod, python, write

SCRATCH = {"name": "scratch", "emptyDir": {}}
MOUNTED = [{"name": "scratch", "mountPath": "/scratch"}]


def test_a_shell_finds_a_volume_whatever_the_temporary_directory_is_called(tmp_path: Path) -> None:
    """The paths in its script become others, which must be one word to it."""
    odd = tmp_path / "x y ö"
    odd.mkdir()
    writes = container("sh", "-c", "echo init > /scratch/i", name="first", volumeMounts=MOUNTED)
    reads = container("sh", "-c", "cat /scratch/i; sleep 600", volumeMounts=MOUNTED)
    tells = pod("tells", reads, initContainers=[writes], volumes=[SCRATCH])
    file = write(tmp_path / "manifests.yaml", cluster(), tells)
    with local(str(file), temporary=odd) as run:
        run.prints("tells", "init")
        run.ended(signal.SIGINT)
        shutil.rmtree(run.logs().parent)
    assert {*tmp_path.iterdir()} == {file, odd}


def test_the_logs_of_five_runs_are_kept(tmp_path: Path) -> None:
    """That of the last one among them."""
    with local_with(tmp_path, cluster()) as run:
        run.says("daskcluster/idle Running")
        run.ended(signal.SIGINT)
        base = run.logs().parent.parent
    for number in range(8):
        (base / f"99999999{number}-abcdefgh" / "logs").mkdir(parents=True)
    with local_with(tmp_path, cluster()) as run:
        run.says("daskcluster/idle Running")
        run.ended(signal.SIGINT)
        assert run.logs().exists()
    assert len([*base.iterdir()]) == 5


def test_dask_spills_into_the_runs_own_directory(tmp_path: Path) -> None:
    """So it goes with the run even if that is killed; a manifest may say otherwise."""
    tells = "import os, time; print('spills to', os.environ['DASK_TEMPORARY_DIRECTORY']); time.sleep(600)"
    elsewhere = [{"name": "DASK_TEMPORARY_DIRECTORY", "value": "/elsewhere"}]
    scheduler, worker = python(tells), python(tells, env=elsewhere)
    with local_with(tmp_path, cluster("spills", scheduler, worker, replicas=1)) as run:
        [folder] = [Path(line.rpartition(" ")[2]) for line in [run.prints("scheduler]", "spills to")]]
        assert folder.parents[1].name == "pods"
        assert folder.is_relative_to(tmp_path)
        run.prints("worker", "spills to /elsewhere")
