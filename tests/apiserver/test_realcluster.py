"""The API server that the tests run against is what a production cluster would be, and goes when it should."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.realcluster import ClusterError, RealCluster, existing, start
from tests.realcluster.eventually import eventually

REPOSITORY = Path(__file__).parents[2]
STARTER = "from tests.realcluster import start; c = start(); print(c.kubeconfig.parent, flush=True); input()"


def test_it_is_the_pinned_version(api_server: RealCluster) -> None:
    """The API server and kubectl both know their version, which the build gives them."""
    if api_server.audit_log is None:
        pytest.skip("an existing cluster has the version that it has")
    versions = json.loads(api_server.kubectl("version", "--output=json"))
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"] == "v1.34.4"


def test_an_owner_may_be_blocked_only_by_who_may_set_its_finalizers(api_server: RealCluster, namespace: str) -> None:
    """Who may create ConfigMaps, but not touch an owner's finalizers, cannot make one that blocks its deletion."""
    uid = _create_config_map(api_server, namespace, "owner")
    rights = ["--verb=get,create", "--resource=configmaps", f"--namespace={namespace}"]
    api_server.kubectl("create", "role", "maker", *rights)
    account = f"--serviceaccount={namespace}:default"
    api_server.kubectl("create", "rolebinding", "maker", "--role=maker", account, f"--namespace={namespace}")
    limited = f"--kubeconfig={api_server.kubeconfig_for(namespace, 'default')}"
    api_server.kubectl("create", "--filename=-", limited, stdin=_config_map("free"))
    with pytest.raises(ClusterError, match="cannot set blockOwnerDeletion"):
        api_server.kubectl("create", "--filename=-", limited, stdin=_config_map("child", uid, blocking=True))


def test_what_an_owner_owned_is_collected(api_server: RealCluster, namespace: str) -> None:
    """When an owner is deleted, so is what refers to it."""
    if not api_server.controllers:
        pytest.skip("KUBEBUILDER_ASSETS has no controller manager, which would collect it")
    uid = _create_config_map(api_server, namespace, "owner")
    api_server.kubectl("create", "--filename=-", f"--namespace={namespace}", stdin=_config_map("child", uid))
    api_server.kubectl("delete", "configmap", "owner", f"--namespace={namespace}")
    api_server.kubectl("wait", "--for=delete", "configmap/child", f"--namespace={namespace}", "--timeout=30s")


def test_the_audit_log_tells_who_wrote_what(api_server: RealCluster, namespace: str) -> None:
    """A write is in the audit log by the time it is answered."""
    if api_server.audit_log is None:
        pytest.skip("an existing cluster's audit log is not ours to read")
    _create_config_map(api_server, namespace, "seen")
    events = [json.loads(line) for line in api_server.audit_log.read_text().splitlines()]
    found = [e for e in events if e.get("objectRef", {}).get("namespace") == namespace and e["verb"] == "create"]
    assert ("admin", "seen") in [(e["user"]["username"], e["objectRef"].get("name")) for e in found]


@pytest.mark.apiserver
def test_a_cluster_ends_with_its_starter() -> None:
    """A cluster whose starter is killed is gone soon, with its files, while others run on."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=REPOSITORY,
        env=os.environ | {existing.SETTING: "own"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip())
        assert (folder / "admin.kubeconfig").exists()
        starter.send_signal(signal.SIGKILL)
    eventually(lambda: not folder.exists(), f"the end of {folder.name}")


@pytest.mark.apiserver
def test_pods_run_on_nodes_that_only_pretend() -> None:
    """With kwok a Pod becomes Ready although nothing runs."""
    with start(kwok=True) as cluster:
        cluster.kubectl("run", "pod", "--image=none.example/none")
        cluster.kubectl("wait", "--for=condition=Ready", "pod/pod", "--timeout=30s")


@pytest.mark.parametrize(
    ("context", "taken"),
    [("kind-dev", True), ("minikube", True), ("k3d-dev", True), ("production", False), ("my-kind-dev", False)],
)
def test_only_a_cluster_for_tests_is_taken(context: str, taken: bool, tmp_path: Path) -> None:  # noqa: FBT001 -- a table
    """KUBECONFIG is used if its context's name says that the cluster is for tests, or if somebody asks for it."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({"current-context": context, "contexts": []}))
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\necho {context}\n")
    (tmp_path / "kubectl").chmod(0o755)
    offered = {"KUBECONFIG": str(kubeconfig), "PATH": str(tmp_path)}
    assert (existing.find(offered) is not None) == taken
    assert existing.find({**offered, existing.SETTING: "existing"}) is not None
    assert existing.find({**offered, existing.SETTING: "own"}) is None
    assert existing.find({"PATH": str(tmp_path)}) is None


def _create_config_map(cluster: RealCluster, namespace: str, name: str) -> str:
    output = ["--namespace", namespace, "--output=jsonpath={.metadata.uid}"]
    return cluster.kubectl("create", "--filename=-", *output, stdin=_config_map(name))


def _config_map(name: str, owner_uid: str | None = None, *, blocking: bool = False) -> str:
    metadata: dict[str, object] = {"name": name}
    if owner_uid is not None:
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner_uid}
        metadata["ownerReferences"] = [owner | {"blockOwnerDeletion": blocking}]
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
