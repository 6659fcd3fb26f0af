"""What becomes of a cluster when the Python program that made it ends without closing it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.kinds import DASK_CLUSTER, POD
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually

ROOT = Path(__file__).parents[2]
SECONDS = 120
SOON_SECONDS = 20
"""How long a program's end may take on a busy machine; the API server is given five of them."""

MADE = "import os, sys; from kubecluster import KubeCluster; cluster = KubeCluster(name='a', quiet=True{more})\n"
CLIENT = "from distributed import Client; client = Client(cluster); client.submit(sum, [1]).result()\n"


def begun(world: LivingWorld, program: str, more: str = "", first: str = "") -> subprocess.Popen[str]:
    """A Python program with a cluster that it does not close."""
    whole = first + MADE.format(more=more) + program
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-W", "ignore::ResourceWarning", "-c", whole],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(world.kubeconfig), "PYTHONPATH": "kubecluster/src"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """How it ended, and what it said."""
    out, error = program.communicate(timeout=SECONDS)
    return program.returncode, out, error


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", 0),
        (CLIENT, 0),
        ("sys.exit(3)", 3),
        ("del cluster", 0),
    ],
    ids=["end", "end with a Client", "sys.exit", "end after it was forgotten"],
)
def test_a_program_that_ends_deletes_its_cluster_without_a_word(world: LivingWorld, program: str, code: int) -> None:
    """Nobody pays for what a program forgot."""
    if "submit" in program:
        program = "cluster.scale(1); cluster.wait_for_workers(1)\n" + program
    assert ended(begun(world, program)) == (code, "", "")
    world.leaves_nothing()


def test_an_error_that_nobody_catches_deletes_the_cluster_and_is_all_that_is_said(world: LivingWorld) -> None:
    """What went wrong stands last on the screen."""
    code, out, error = ended(begun(world, "raise LookupError('mine')"))
    assert (code, out) == (1, "")
    assert error.startswith("Traceback")
    assert error.endswith("LookupError: mine\n")
    world.leaves_nothing()


@pytest.mark.parametrize("more", [", shutdown_on_close=False", ", create_mode='CONNECT_ONLY'"])
def test_a_cluster_that_is_to_stay_or_was_joined_stays(world: LivingWorld, more: str) -> None:
    """It is not the program's to delete."""
    if "CONNECT" in more:
        world.cluster("a-cluster")
    assert ended(begun(world, "", more)) == (0, "", "")
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_a_copy_of_the_program_does_not_delete_its_cluster(world: LivingWorld) -> None:
    """A forked child has the same handlers, but made nothing."""
    program = (
        "child = os.fork()\nif not child:\n    sys.exit(0)\nos.waitpid(child, 0)\nprint('there', flush=True)\ninput()"
    )
    running = begun(world, program)
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    assert world.names(DASK_CLUSTER) == ["a-cluster"]
    running.communicate("\n", timeout=SECONDS)
    world.leaves_nothing()


@pytest.mark.parametrize("status", [0, -1, 403], ids=["gone", "silent", "forbidden"])
def test_a_server_that_does_not_delete_holds_nobody_up(world: LivingWorld, status: int) -> None:
    """The program ends within seconds, with one line on what to do; the cluster goes for want of signs of life."""
    running = begun(world, "print('there', flush=True); input()")
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    world.server.troubles.append(Refusal(status))
    began = time.monotonic()
    out, error = running.communicate("\n", timeout=SECONDS)
    assert (running.returncode, out) == (0, "")
    (line,) = error.splitlines()
    assert line.startswith("The DaskCluster default/a-cluster could not be deleted: ")
    assert line.endswith("`kubectl delete daskcluster a-cluster --namespace=default` deletes it.")
    assert time.monotonic() - began < SOON_SECONDS
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_a_program_that_is_killed_leaves_its_last_sign_of_life(world: LivingWorld) -> None:
    """Signs come while it runs, and none after; the reconciler deletes the cluster by the last one."""
    running = begun(world, "print('there', flush=True); input()", ", owner_timeout=10")
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    first = annotations(world)
    assert first["kubernetes.dask.org/owner-timeout-seconds"] == "10"
    eventually(lambda: annotations(world) != first, "another sign of life")
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=SECONDS)
    last = annotations(world)
    assert last.keys() == first.keys()
    assert last["kubernetes.dask.org/owner-seen"] > first["kubernetes.dask.org/owner-seen"]
    eventually(world.is_empty, "the end of the cluster whose owner is gone", deadline_seconds=60)


def annotations(world: LivingWorld) -> dict[str, str]:
    """The annotations of the cluster."""
    found: dict[str, str] = world.get(DASK_CLUSTER, "a-cluster")["metadata"]["annotations"]
    return found


@pytest.mark.parametrize("more", ["", ", image='sleepy'"], ids=["while it works", "while it starts"])
def test_sigterm_deletes_the_cluster(world: LivingWorld, more: str) -> None:
    """Kubernetes ends a Pod so; what the program has to do at its end is done."""
    world.statuses["sleepy"] = {"phase": "Pending"}
    running = begun(world, "print('there', flush=True)\nimport time; time.sleep(600)", more)
    eventually(lambda: bool(world.names(POD)), "Pods")
    if not more:
        assert running.stdout is not None
        assert running.stdout.readline() == "there\n"
    running.send_signal(signal.SIGTERM)
    code, out, error = ended(running)
    assert (code, out) == (128 + signal.SIGTERM, ""), error
    world.leaves_nothing()


def test_a_program_that_handles_sigterm_itself_goes_on_doing_so(world: LivingWorld) -> None:
    """It was there first."""
    handler = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    running = begun(world, "print('there', flush=True)\nwhile True: time.sleep(0.05)", first=handler)
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    running.send_signal(signal.SIGTERM)
    assert ended(running) == (7, "", "")
    world.leaves_nothing()


def test_ctrl_c_deletes_the_cluster(world: LivingWorld) -> None:
    """While the program works as well as while it starts."""
    running = begun(world, "print('there', flush=True)\nimport time; time.sleep(600)")
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=SECONDS)
    assert error.rstrip().endswith("KeyboardInterrupt")
    world.leaves_nothing()
