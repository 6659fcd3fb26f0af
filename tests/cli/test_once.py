import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.kinds import POD, SERVICE
from reconciler.cli import main
from reconciler.memory import MemoryAPI
from tests.builders import NOON
from tests.cli.kubernetes import SCHEDULER, Kubernetes
from tests.http.connection import kubeconfig
from tests.http.faultyserver import Fault
from tests.kubecluster.fakekubernetes import FakeKubernetes, Refusal


def test_once_makes_everything_come_true_and_sums_it_up(
    kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--once` takes a new cluster all the way to its worker Pods, prints a summary, and gives 0."""
    assert main([*kubernetes.flags, "--once"]) == 0
    assert len(kubernetes.api.objects(POD)) == 3
    assert [each["metadata"]["name"] for each in kubernetes.api.objects(SERVICE)] == [
        "simple-scheduler",
        "simple-service",
    ]
    out, err = capsys.readouterr()
    assert out.startswith("Done: 6 created, 2 recorded, in ")
    assert err == ""


def test_once_again_has_nothing_to_do(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    """A second pass on the result changes nothing, and says what it looked at."""
    main([*kubernetes.flags, "--once"])
    before = kubernetes.names()
    capsys.readouterr()
    assert main([*kubernetes.flags, "--once"]) == 0
    assert capsys.readouterr().out == "Nothing to do: looked at 1 DaskCluster, 1 DaskWorkerGroup.\n"
    assert kubernetes.names() == before


def test_a_profile_shows_what_the_pass_cost(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    """`--once --profile` adds each list, fetched and parsed, and each stage to the summary."""
    assert main([*kubernetes.flags, "--once", "--profile"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Done: ")
    stages = [line.partition("  ")[0] for line in lines[3:-1]]
    assert stages[:2] == ["fetch daskjobs", "parse daskjobs"]
    assert stages[-5:] == ["desire", "plan", "policy", "apply", "report"]
    assert lines[-1].startswith("pass ")


def test_once_fails_with_the_reason(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    """A write that is refused gives 1, and standard error names object and reason."""
    kubernetes.server.faults.append(Fault(403, "CREATE", "pods", times=99, message="exceeded quota: pods"))
    assert main([*kubernetes.flags, "--once"]) == 1
    assert f"dask-reconciler: Could not create {SCHEDULER}: exceeded quota: pods\n" in capsys.readouterr().err


def test_once_fails_where_a_list_fails(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Kubernetes cannot be read nothing is planned, and standard error names the list and why."""
    message = 'pods is forbidden: User "system:serviceaccount:dask:reconciler" cannot list resource "pods"'
    kubernetes.server.faults.append(Fault(403, "LIST", "pods", times=99, message=message))
    assert main([*kubernetes.flags, "--once"]) == 1
    err = capsys.readouterr().err
    assert f"Could not list pods in all namespaces: {message}" in err
    assert kubernetes.names() == []


def test_a_namespace_that_does_not_exist_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It gives 1 and the remedy; who may not list namespaces is told nothing of them."""
    with FakeKubernetes(MemoryAPI(lambda: NOON)) as server:
        server.absent.add("nope")
        asked = ["--kubeconfig", str(kubeconfig(tmp_path / "config", server.url)), "--once", "--dry-run"]
        assert main([*asked, "--namespaces", "there"]) == 0
        assert main([*asked, "--namespaces", "nope,there"]) == 1
        assert capsys.readouterr().err == (
            "dask-reconciler: There is no namespace nope. Create it with `kubectl create namespace nope`, or name "
            "another.\n"
        )
        server.troubles.append(Refusal(403, resource="namespaces"))
        assert main([*asked, "--namespaces", "nope"]) == 0
        assert capsys.readouterr().err == ""


def test_without_a_cluster_the_error_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No kubeconfig and no Pod: one sentence, no traceback, exit code 1."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--once"]) == 1
    assert capsys.readouterr().err.startswith("dask-reconciler: No Kubernetes cluster is configured: ")


def test_a_dry_run_writes_nothing_and_prints_the_plan(
    kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--once --dry-run` shows every level of what would be made, and asks Kubernetes for lists only."""
    assert main([*kubernetes.flags, "--once", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "create   Pod default/simple-scheduler" in out
    assert out.count("Pod default/simple-default-worker-group-worker-") == 2
    assert out.endswith("Plan: 6 to create, 2 to record.\n")
    assert kubernetes.writes() == []


def test_the_exit_code_tells_changes_from_none(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    """With --exit-code, 2 means that something would be done, 0 nothing, 1 that it cannot be known."""
    asked = [*kubernetes.flags, "--once", "--dry-run", "--exit-code"]
    assert main(asked) == 2
    main([*kubernetes.flags, "--once"])
    assert main(asked) == 0
    kubernetes.server.faults.append(Fault(500, "LIST", "services", times=99))
    assert main(asked) == 1
    capsys.readouterr()


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_machines_find_only_the_document_on_standard_output(
    output: str, load: Any, kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON and YAML are the whole of standard output, whatever is logged."""
    flags = ["--once", "--dry-run", "--output", output, "--log-level", "debug"]
    assert main([*kubernetes.flags, *flags]) == 0
    document = load(capsys.readouterr().out)
    assert document["summary"]["create"] == 6
    created = [action["body"]["kind"] for action in document["actions"] if action["action"] == "create"]
    assert sorted(created) == ["DaskWorkerGroup", "Pod", "Pod", "Pod", "Service", "Service"]
