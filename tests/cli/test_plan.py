import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from reconciler.cli import main
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from tests.cli.daemon import DEADLINE_SECONDS, ROOT, environment
from tests.cli.kubernetes import CLUSTER, Kubernetes
from tests.manifests import Manifest, cluster, group, job, pod_spec


def test_plan_shows_what_manifests_would_make(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any Kubernetes, the plan is that of a real pass."""
    assert main(["plan", "-f", str(manifest)]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("Plan: 6 to create, 2 to record.\n")
    assert err == ""


def test_plan_says_the_same_twice(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same manifests give the same plan to the last byte, so that plans can be compared."""
    main(["plan", "-f", str(manifest), "--output", "yaml"])
    first = capsys.readouterr().out
    main(["plan", "-f", str(manifest), "--output", "yaml"])
    assert capsys.readouterr().out == first


def test_plan_is_what_a_cluster_would_get(
    kubernetes: Kubernetes, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan from a manifest has the actions of a dry run on a Kubernetes that holds it."""

    def actions(arguments: list[str]) -> list[tuple[str, str, str]]:
        main([*arguments, "--output", "json"])
        planned = json.loads(capsys.readouterr().out)["actions"]
        return [(each["action"], each["kind"], each["reason"]) for each in planned]

    live = actions([*kubernetes.flags, "--once", "--dry-run"])
    assert actions(["plan", "-f", str(manifest)]) == live


def test_plan_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-f -` reads a pipe, and --namespace says where manifests without a namespace belong."""
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump({**CLUSTER, "metadata": {"name": "simple"}})))
    assert main(["plan", "-f", "-", "--namespace", "ml"]) == 0
    assert "Pod ml/simple-scheduler" in capsys.readouterr().out


def test_plan_continues_from_a_dump_of_the_world(
    kubernetes: Kubernetes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Live objects keep their uids, so that what is there already is found."""
    main([*kubernetes.flags, "--once"])
    kinds = (DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE)
    dump = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [each for kind in kinds for each in kubernetes.api.objects(kind)],
    }
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    capsys.readouterr()
    assert main(["plan", "-f", str(tmp_path / "dump.json")]) == 0
    assert capsys.readouterr().out == "Nothing to do: looked at 1 DaskCluster, 1 DaskWorkerGroup.\n"


def test_plan_shows_that_a_cluster_goes_with_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a dump as from the world itself, with the reason; a manifest that is new is younger than any limit."""
    annotations = {OWNER_SEEN: "2026-01-31T12:00:00Z", OWNER_TIMEOUT_SECONDS: "600"}
    metadata = {**CLUSTER["metadata"], "annotations": annotations}
    live = {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-31T11:00:00Z"}
    for more in ({}, live):
        (tmp_path / "owned.yaml").write_text(yaml.safe_dump({**CLUSTER, "metadata": {**metadata, **more}}))
        assert main(["plan", "-f", str(tmp_path / "owned.yaml")]) == 0
        out = capsys.readouterr().out
        assert out.endswith("Plan: 1 to delete.\n" if more else "Plan: 6 to create, 2 to record.\n")
    assert "its owner was last seen at 2026-01-31T12:00:00Z, more than 600 s ago" in " ".join(out.split())


def test_wrong_manifests_do_not_hide_the_plan_of_the_others(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Problems and what is ignored go to standard error, the plan of the rest to standard output, and 1 is given."""
    wrong = {**CLUSTER, "metadata": {"name": "wrong"}, "spec": {**CLUSTER["spec"], "worker": {"replicas": -1}}}
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump_all([wrong, foreign]))
    assert main(["plan", "-f", str(manifest), "-f", str(tmp_path / "wrong.yaml"), "--exit-code"]) == 1
    out, err = capsys.readouterr()
    place = f"{tmp_path / 'wrong.yaml'}, document 1: DaskCluster default/wrong:"
    assert err.splitlines() == [
        f"{place} spec.worker.replicas is -1; it must be 0 or more.",
        f"{place} spec.worker.spec is missing; add it.",
        "Ignored, as no business of the reconciler's: ConfigMap default/x.",
    ]
    assert out.endswith("Plan: 6 to create, 2 to record.\n")


def test_where_every_manifest_is_wrong_no_plan_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That there is nothing to do would sound as if all were well; machines get their document all the same."""
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump({**CLUSTER, "spec": {}}))
    assert main(["plan", "-f", str(tmp_path / "wrong.yaml")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "DaskCluster" in err
    assert main(["plan", "-f", str(tmp_path / "wrong.yaml"), "--output", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["actions"] == []


def test_what_kubernetes_would_refuse_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What only the API server's schema knows, such as a Pod without containers, is told like the rest."""
    empty = {**CLUSTER, "spec": {"scheduler": {"spec": {"containers": "none"}}, "worker": {"spec": pod_spec()}}}
    (tmp_path / "empty.yaml").write_text(yaml.safe_dump(empty))
    assert main(["plan", "-f", str(tmp_path / "empty.yaml")]) == 1
    assert "spec.scheduler.spec.containers" in capsys.readouterr().err


def test_plan_ignores_the_namespaces_of_the_daemon(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the environment sets for a daemon does not hide manifests of other namespaces."""
    monkeypatch.setenv("DASK_RECONCILER_NAMESPACES", "elsewhere")
    assert main(["plan", "-f", str(manifest), "--exit-code"]) == 2
    capsys.readouterr()


def test_a_reader_that_leaves_early_hears_nothing_of_it(manifest: Path) -> None:
    """`dask-reconciler plan … | head -1` ends without a traceback."""
    command = [sys.executable, "-m", "reconciler", "plan", "-f", str(manifest), "--output", "json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_SECONDS) == 0


def _dumped(folder: Path, *manifests: Manifest) -> str:
    (folder / "made.yaml").write_text(yaml.safe_dump_all(manifests))
    return str(folder / "made.yaml")


def test_what_can_never_be_made_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Until someone changes a manifest: here a Pod of the user's has the scheduler's name."""
    occupant = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "simple-scheduler"}, "spec": pod_spec()}
    assert main(["plan", "-f", _dumped(tmp_path, CLUSTER, occupant), "--exit-code"]) == 1
    assert "Pod default/simple-scheduler" in capsys.readouterr().out


def test_what_may_still_come_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cluster that a worker group names may be in the Kubernetes to which the manifest goes."""
    assert main(["plan", "-f", _dumped(tmp_path, group())]) == 0
    assert "the workers start when it is created" in capsys.readouterr().out


def test_what_loses_its_owner_is_told_and_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kubernetes would take it and delete it; the plan of the others is shown."""
    owner = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "name": "etl", "uid": "u"}
    child = {**CLUSTER, "metadata": {"name": "etl-cluster", "namespace": "default", "ownerReferences": [owner]}}
    listed = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [CLUSTER, child]}
    assert main(["plan", "-f", _dumped(tmp_path, listed)]) == 1
    out, err = capsys.readouterr()
    assert out.endswith("Plan: 6 to create, 2 to record.\n")
    assert err.startswith("Left out, since the owner DaskJob default/etl is not among the manifests")
    assert main(["plan", "-f", _dumped(tmp_path, child)]) == 1
    assert capsys.readouterr().out == ""


def test_what_a_go_client_writes_is_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nulls where metadata has no time yet, and empty statuses, in a job and in its cluster."""
    made = job("etl")
    made["metadata"]["creationTimestamp"] = None
    made["spec"]["cluster"] |= {"metadata": {"creationTimestamp": None, "labels": {"a": "b"}}, "status": {"phase": ""}}
    made["status"] = {"jobStatus": "", "startTime": None, "clusterName": ""}
    assert main(["plan", "-f", _dumped(tmp_path, made)]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("Plan: 7 to create, 2 to record.\n")
    assert err == ""


def test_a_name_that_kubernetes_makes_is_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two objects of one generateName are two, and a warning names them."""
    made = {**cluster(), "metadata": {"generateName": "some-"}}
    assert main(["plan", "-f", _dumped(tmp_path, made, made)]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("Plan: 10 to create, 4 to record.\n")
    assert [line.rpartition(": ")[0].partition("DaskCluster default/some-")[1] for line in err.splitlines()] == [
        "DaskCluster default/some-"
    ] * 2


def test_warnings_stop_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a key that is there twice the last counts, and a field at the wrong place is left out, as by Kubernetes."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {**pod_spec(), "nodNme": "x"}}
    path = _dumped(tmp_path, cluster(spec=pod_spec(periodSeconds=5, readinessProbe={"tcpSocket": {"port": 1}})), pod)
    Path(path).write_text(Path(path).read_text().replace("kind: DaskCluster", "kind: DaskCluster\nkind: DaskCluster"))
    assert main(["plan", "-f", path, "-o", "json", "--exit-code"]) == 2
    out, err = capsys.readouterr()
    assert len(json.loads(out)["actions"]) == 7
    twice, misplaced, unknown = err.splitlines()
    assert twice.startswith(f"Warning: {path}, document 1: line 3: the key 'kind' is there twice, first in line 2;")
    assert unknown == f'Warning: {path}, document 2: Pod default/p: unknown field "spec.nodNme".'
    assert misplaced.endswith("left out; move it to spec.worker.spec.containers[0].readinessProbe.")
