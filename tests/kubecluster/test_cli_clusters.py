"""Clusters made, seen, changed and deleted by the command, where everybody acts."""

import json
import re
from pathlib import Path

import pytest
import yaml
from distributed import Client

from kubecluster import ClusterNotFound, KubeCluster, NamespaceNotFound
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD
from tests.kubecluster.commands import done, process, refused, run
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually

BAD_IMAGE = "nowhere/x:1"
WAITING = {"waiting": {"reason": "ErrImagePull", "message": 'failed to pull image "nowhere/x:1": not found'}}
STUCK = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "True"}],
    "containerStatuses": [
        {"name": "scheduler", "ready": False, "restartCount": 0, "image": "", "imageID": "", "state": WAITING}
    ],
}


def test_create_makes_a_cluster_that_stays(world: LivingWorld) -> None:
    """It is shown as it starts, is there when the command has ended, and Python joins it by the name that is told."""
    result = run("create", "simple", "--workers", "1", "--wait-for-workers", "-e", "A=b=c")
    assert result.exit_code == 0, result.stderr
    assert "daskcluster/simple-cluster 1/1: It is ready." in result.stderr
    assert "The Dask cluster default/simple-cluster is ready, with 1 of 1 workers.\n" in result.stdout
    assert "kubectl dask forward simple-cluster\n" in result.stdout
    assert 'KubeCluster.from_name("simple-cluster")' in result.stdout
    body = world.get(DASK_CLUSTER, "simple-cluster")
    assert not [name for name in body["metadata"]["annotations"] if "owner" in name]
    assert body["spec"]["worker"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "b=c"}]
    with KubeCluster.from_name("simple-cluster", quiet=True) as cluster, Client(cluster) as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3
    assert world.names(DASK_CLUSTER) == ["simple-cluster"]


@pytest.mark.parametrize(
    "words", [("delete", "", "--yes"), ("scale", "", "1"), ("adapt", "", "--off"), ("delete", "--job", "", "--yes")]
)
def test_an_empty_name_is_wrong_usage(world: LivingWorld, words: tuple[str, ...]) -> None:
    """As of a variable that is not set; it means no cluster, rather than all."""
    world.cluster("simple-cluster")
    result = run(*words)
    assert result.exit_code == 2
    assert "The name is empty" in result.stderr
    assert world.names(DASK_CLUSTER) == ["simple-cluster"]


def test_create_does_not_join_what_is_there(world: LivingWorld) -> None:
    """A cluster of that name is left as it is; the error says how to delete it, in words of the command."""
    world.cluster("simple-cluster")
    said = refused("create", "simple")
    assert "There is a Dask cluster default/simple-cluster already." in said
    assert "`kubectl dask delete simple-cluster`" in said
    assert "create_mode" not in said


def test_a_cluster_that_does_not_become_ready_stays(world: LivingWorld) -> None:
    """The error has the reason and what to do, and says how to delete the cluster; `explain` and `list` agree."""
    world.statuses[BAD_IMAGE] = STUCK
    said = refused("create", "bad", "--image", BAD_IMAGE, "--workers", "0", "--timeout", "1")
    assert "Error: The DaskCluster default/bad-cluster is not ready after" in said
    assert "not found" in said
    assert "resource_timeout" not in said
    assert "`kubectl dask delete bad-cluster` deletes it." in said
    explained = run("explain", "bad")
    assert (explained.exit_code, "not found" in explained.stdout) == (1, True)
    assert "not found" in done("list")
    quiet = run("explain", "bad", "--quiet")
    assert (quiet.exit_code, quiet.output) == (1, "")


def test_a_dry_run_asks_nobody_and_prints_what_would_be_made(world: LivingWorld, tmp_path: Path) -> None:
    """The manifest needs no Kubernetes; made from that file, the cluster is the same as without it."""
    arguments = ("create", "simple", "--workers", "0", "--cpu", "1", "--gpus", "2", "--label", "team=a")
    code, output, errors = process(*arguments, "--dry-run")
    assert (code, errors) == (0, "")
    assert json.loads(process(*arguments, "-o", "json")[1]) == yaml.safe_load(output)
    assert "&" not in output
    file = tmp_path / "simple.yaml"
    file.write_text(output)
    done("create", "--file", str(file), "--no-wait")
    made = world.get(DASK_CLUSTER, "simple-cluster")
    done("delete", "simple", "--yes", "--wait")
    done(*arguments, "--no-wait")
    again = world.get(DASK_CLUSTER, "simple-cluster")
    assert again["spec"] == made["spec"]
    assert again["metadata"]["labels"] == made["metadata"]["labels"]
    assert again["metadata"]["annotations"] == made["metadata"]["annotations"]


def test_the_list_has_columns_and_no_colours_in_a_pipe(world: LivingWorld) -> None:
    """One line a cluster, by namespace and name; a program gets JSON, and names that other commands take."""
    done("create", "simple", "--workers", "1", "--wait-for-workers")
    world.cluster("big", namespace="analysis")
    done("adapt", "simple", "--minimum", "1", "--maximum", "4")
    code, output, errors = process("list", "-A", kubeconfig=world.kubeconfig)
    assert (code, errors) == (0, "")
    headings, first, second = output.splitlines()
    assert headings.split() == ["NAMESPACE", "NAME", "STATE", "WORKERS", "ADAPTING", "AGE", "WHY"]
    assert first.startswith("analysis   big             ")
    assert second.split()[:5] == ["default", "simple-cluster", "Ready", "1/1", "1-4"]
    assert "\x1b" not in output
    [record] = json.loads(done("list", "-o", "json"))
    assert (record["name"], record["state"], record["ready"], record["why"]) == ("simple-cluster", "Ready", 1, "")
    assert done("list", "-A", "-o", "name").split() == ["analysis/big", "default/simple-cluster"]


def test_the_list_tells_of_autoscalers_that_act(world: LivingWorld) -> None:
    """One that is not the oldest of its group, or names a group that is not there, adapts nothing."""
    done("create", "simple", "--workers", "1")
    done("adapt", "simple", "--minimum", "1", "--maximum", "4")
    for name, more in (("younger", {}), ("lost", {"workerGroup": "nosuch"})):
        meta = {"name": name, "namespace": "default"}
        body = {"apiVersion": DASK_AUTOSCALER.api_version, "kind": DASK_AUTOSCALER.name, "metadata": meta}
        spec = {"cluster": "simple-cluster", "minimum": 2, "maximum": 3, **more}
        world.api.create(DASK_AUTOSCALER, {**body, "spec": spec})

    def adapting() -> str:
        [record] = json.loads(done("list", "-o", "json"))
        return str(record["adapting"])

    eventually(lambda: adapting() == "1-4", "the others are told not to act")


def test_an_empty_list_says_so_beside_the_output(world: LivingWorld) -> None:
    """A program reads nothing, a person where there is nothing."""
    code, output, errors = process("list", kubeconfig=world.kubeconfig)
    assert (code, output) == (0, "")
    assert "There are no Dask clusters in namespace 'default'." in errors


NO_NAMESPACE = "There is no namespace 'nope': create it (`kubectl create namespace nope`), or choose another."


@pytest.mark.parametrize(
    "words", [("list", "-n", "nope"), ("explain", "nope/simple"), ("scale", "simple", "1", "-n", "nope")]
)
def test_a_namespace_that_does_not_exist_is_told(world: LivingWorld, words: tuple[str, ...]) -> None:
    """Its lists are empty, as those of one in which there is nothing; who may not see namespaces hears of clusters."""
    world.server.absent.add("nope")
    assert NO_NAMESPACE in refused(*words)
    world.server.troubles.append(Refusal(403, resource="namespaces"))
    assert NO_NAMESPACE not in run(*words).stderr


def test_nothing_is_made_in_a_namespace_that_does_not_exist(world: LivingWorld, tmp_path: Path) -> None:
    """Neither a cluster nor a job; Python hears the same, and of a cluster to join as of one that is not there."""
    world.server.absent.add("nope")
    script = tmp_path / "train.py"
    script.write_text("")
    assert NO_NAMESPACE in refused("create", "nope/simple")
    assert NO_NAMESPACE in refused("submit", "-n", "nope", str(script))
    with pytest.raises(NamespaceNotFound, match="kubectl create namespace nope"):
        KubeCluster(name="simple", namespace="nope", quiet=True)
    with pytest.raises(ClusterNotFound, match="kubectl create namespace nope"):
        KubeCluster.from_name("nope/simple", quiet=True)


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "Nope/simple"),
        ("delete", "a_b/simple", "--yes"),
        ("logs", "--job", "a.b/train"),
        ("list", "--namespace", "a b"),
        ("create", "A/simple", "--dry-run"),
    ],
)
def test_a_namespace_that_cannot_be_is_wrong_usage(world: LivingWorld, words: tuple[str, ...]) -> None:
    """Nothing is sent; the error says how namespaces are called and how to see them."""
    said = refused(*words, code=2)
    assert "it must be at most 63 lower-case letters, digits and '-'" in said
    assert "`kubectl get namespaces` lists those that there are." in said
    assert not world.server.requests


def test_a_list_ends_with_the_clusters_that_went(quiet_world: LivingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the last ones did, beside the output, unless there is another of the name by now, or somebody deleted it."""
    world = quiet_world
    monkeypatch.setenv("KUBECONFIG", str(world.kubeconfig))
    world.cluster("back")
    for number, (name, reason) in enumerate(
        [("old", "TTLExpired"), ("idle", "IdleTimeout"), ("back", "IdleTimeout"), ("ready", "ClusterReady")]
    ):
        world.end_of(name, reason, f"The {name} one.", number)
    result = run("list")
    assert "back" in result.stdout
    first, second = result.stderr.splitlines()
    assert re.fullmatch(r"default/old went \w+ ago\. The old one\.", first)
    assert re.fullmatch(r"default/idle went \w+ ago\. The idle one\.", second)
    assert run("list", "-o", "name").stderr == ""


def test_a_list_needs_no_right_to_see_events(world: LivingWorld) -> None:
    """Who may not list Events sees the clusters all the same."""
    world.cluster("simple")
    world.server.troubles.append(Refusal(403, resource="events", message='User "u" cannot list events'))
    assert "simple" in done("list")


@pytest.mark.parametrize("name", ["simple", "simple-cluster", "default/simple", "default/simple-cluster"])
def test_a_cluster_is_found_by_any_of_its_names(world: LivingWorld, name: str) -> None:
    """As it was given, as it is called, and with its namespace."""
    world.cluster("simple-cluster")
    assert "default/simple-cluster" in run("explain", name).stdout


def test_scale_and_adapt_go_through_the_resources(world: LivingWorld) -> None:
    """`scale` sets a group's replicas and ends `adapt`, which is a DaskAutoscaler; so does `--off`."""
    group = "simple-cluster-default-worker-group"
    done("create", "simple", "--workers", "0")
    eventually(lambda: group in world.names(DASK_WORKER_GROUP), "the group")
    done("scale", "simple", "2")
    assert world.replicas(group) == 2
    done("adapt", "simple", "--maximum", "5")
    assert world.get(DASK_AUTOSCALER, "simple-cluster")["spec"]["maximum"] == 5
    done("adapt", "simple", "--off")
    assert not world.names(DASK_AUTOSCALER)
    done("adapt", "simple", "--minimum", "1")
    done("scale", "simple", "1")
    assert not world.names(DASK_AUTOSCALER)
    assert "has no worker group 'more'; it has: default." in refused("scale", "simple", "1", "--group", "more")


def test_delete_asks_before_and_leaves_nothing(world: LivingWorld) -> None:
    """Where nobody can be asked it takes --yes; it deletes nothing unless all names are found."""
    done("create", "simple", "--workers", "1", "--wait-for-workers")
    assert "add --yes" in refused("delete", "simple", code=2)
    said = refused("delete", "simple", "other", "--yes")
    assert "There is no Dask cluster other in namespace 'default'; there are: simple-cluster." in said
    assert world.names(DASK_CLUSTER) == ["simple-cluster"]
    assert done("delete", "simple", "simple", "--yes", "--wait") == "default/simple-cluster is deleted.\n"
    world.leaves_nothing()


def test_logs_have_their_pods_before_them(world: LivingWorld) -> None:
    """With several Pods each line says whose it is; the scheduler's alone is as it was written."""
    done("create", "simple", "--workers", "1", "--wait-for-workers")
    [worker] = [name for name in world.names(POD) if "worker" in name]
    world.server.logs |= {"simple-cluster-scheduler": "one\ntwo\n", worker: "three\n"}
    everything = done("logs", "simple")
    assert everything == f"[simple-cluster-scheduler] one\n[simple-cluster-scheduler] two\n[{worker}] three\n"
    assert done("logs", "simple", "--scheduler") == "one\ntwo\n"
    assert done("logs", "simple", "--worker", worker) == "three\n"
    assert f"it has: {worker}." in refused("logs", "simple", "--worker", "x")


def test_a_reader_that_leaves_is_no_error(world: LivingWorld) -> None:
    """`kubectl dask logs | head -1` says nothing about a pipe."""
    done("create", "simple", "--workers", "0")
    world.server.logs["simple-cluster-scheduler"] = "a line\n" * 100_000
    program = (
        "-c",
        """import os; read, write = os.pipe(); os.close(read); os.dup2(write, 1)
from kubecluster.cli import main; main()""",
    )
    assert process("logs", "simple", kubeconfig=world.kubeconfig, program=program) == (141, "", "")


def test_a_right_that_is_missing_is_named(world: LivingWorld) -> None:
    """The error has the right and what to bind it to."""
    world.server.troubles.append(
        Refusal(403, resource="daskclusters", message='daskclusters is forbidden: User "u" cannot list resource')
    )
    assert "User 'u' may not list daskclusters in namespace 'default'" in refused("list")
