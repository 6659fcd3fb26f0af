"""Our resources on a real API server as people and other programs meet them: scale, columns, explain, selectors."""

import json
from typing import Any

import pytest

from models.kinds import CUSTOM_KINDS, GROUP
from tests.apiserver.installing import install
from tests.manifests import Manifest, autoscaler, cluster, group, job
from tests.realcluster import ClusterError, RealCluster

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def server(api_server: RealCluster) -> RealCluster:
    """The API server with our CRDs."""
    install(api_server)
    return api_server


@pytest.mark.parametrize("body", [group(), autoscaler()], ids=lambda body: body["kind"])
def test_the_cluster_of_a_group_or_an_autoscaler_cannot_be_changed(
    server: RealCluster, namespace: str, body: Manifest
) -> None:
    """The change is refused with the remedy; lists can be restricted by the cluster."""
    server.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(body))
    changed = {**body, "spec": {**body["spec"], "cluster": "other"}}
    with pytest.raises(ClusterError, match=r"spec.cluster: .*cannot be changed: delete this object and create one"):
        server.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(changed))
    listing = ("get", body["kind"], f"--namespace={namespace}", "--output=name")
    assert server.kubectl(*listing, "--field-selector=spec.cluster=c") != ""
    assert server.kubectl(*listing, "--field-selector=spec.cluster=other") == ""


@pytest.mark.parametrize("body", [cluster(), group()], ids=lambda body: body["kind"])
def test_kubectl_scale_and_autoscalers_find_what_they_need(server: RealCluster, namespace: str, body: Manifest) -> None:
    """The scale subresource reads and writes the replicas, and shows the selector."""
    server.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(body))
    name = f"{body['kind'].lower()}s/{body['metadata']['name']}"
    set_status(server, namespace, body, {"replicas": 1, "selector": "dask.org/workergroup-name=g"})
    server.kubectl("scale", name, f"--namespace={namespace}", "--current-replicas=1", "--replicas=5")
    scale = json.loads(server.kubectl("get", "--raw", f"/apis/{GROUP}/v1/namespaces/{namespace}/{name}/scale"))
    assert scale["spec"] == {"replicas": 5}
    assert scale["status"] == {"replicas": 1, "selector": "dask.org/workergroup-name=g"}


def set_status(server: RealCluster, namespace: str, body: Manifest, status: Manifest, manager: str = "test") -> None:
    """Server-side apply of a status, as the reconciler does it."""
    stdin = json.dumps({key: body[key] for key in ("apiVersion", "kind", "metadata")} | {"status": status})
    flags = ("--server-side", "--subresource=status", f"--field-manager={manager}", f"--namespace={namespace}")
    server.kubectl("apply", *flags, "--filename=-", stdin=stdin)


def condition(type_: str, status: str, reason: str, message: str) -> Manifest:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def test_conditions_of_two_writers_are_merged_by_type(server: RealCluster, namespace: str) -> None:
    """Server-side apply treats conditions as a map: nobody overwrites another's."""
    server.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(cluster()))
    for type_ in ("Ready", "Progressing"):
        status = {"conditions": [condition(type_, "True", "Fine", "All is well.")]}
        set_status(server, namespace, cluster(), status, manager=type_.lower())
    stored = json.loads(server.kubectl("get", "daskcluster/c", f"--namespace={namespace}", "--output=json"))
    assert {found["type"] for found in stored["status"]["conditions"]} == {"Ready", "Progressing"}


NOT_READY = {"conditions": [condition("Ready", "False", "Unschedulable", "No node has a GPU left.")]}
SHOWN: dict[str, tuple[Manifest, Manifest, str, str]] = {
    "dsk": (
        cluster(),
        {**NOT_READY, "phase": "Running", "workers": "2/3", "schedulerAddress": "tcp://c-scheduler.ns.svc:8786"},
        "NAME STATUS READY WORKERS REASON AGE",
        "c Running False 2/3 Unschedulable",
    ),
    "daskworkers": (
        group(),
        {**NOT_READY, "workers": "2/3", "updatedReplicas": 1},
        "NAME CLUSTER WORKERS UPDATED READY REASON AGE",
        "g c 2/3 1 False Unschedulable",
    ),
    "djb": (
        job(),
        {**NOT_READY, "jobStatus": "Running", "clusterName": "j-cluster", "startTime": "2026-01-02T03:04:05Z"},
        "NAME STATUS CLUSTER STARTED FINISHED REASON AGE",
        "j Running j-cluster",
    ),
    "das": (
        autoscaler(),
        {**NOT_READY, "currentReplicas": 2, "desiredReplicas": 3},
        "NAME CLUSTER GROUP MINIMUM MAXIMUM WORKERS DESIRED READY REASON AGE",
        "a c 0 10 2 3 False Unschedulable",
    ),
}


@pytest.mark.parametrize("short_name", SHOWN)
def test_kubectl_get_says_whether_it_is_healthy_and_why_not(
    server: RealCluster, namespace: str, short_name: str
) -> None:
    """The columns answer: is it healthy, why not, how many of how many, how old."""
    body, status, titles, row = SHOWN[short_name]
    server.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(body))
    if status:
        set_status(server, namespace, body, status)
    shown = server.kubectl("get", short_name, f"--namespace={namespace}").splitlines()
    assert shown[0].split() == titles.split()
    assert " ".join(shown[1].split()).startswith(row)
    if status:
        wide = server.kubectl("get", short_name, f"--namespace={namespace}", "--output=wide")
        assert "No node has a GPU left." in wide


def test_kubectl_get_dask_lists_all_four_kinds(server: RealCluster, namespace: str) -> None:
    """They are in the category `dask`, and not in `all`."""
    for body in (cluster(), group(), job(), autoscaler()):
        server.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(body))
    listing = server.kubectl("get", "dask", f"--namespace={namespace}", "--output=name").split()
    assert sorted(name.partition(".")[0] for name in listing) == sorted(kind.name.lower() for kind in CUSTOM_KINDS)
    assert GROUP not in server.kubectl("get", "all", f"--namespace={namespace}", "--output=name")


def test_kubectl_explain_describes_every_field_of_ours(server: RealCluster) -> None:
    """What the API server publishes, and kubectl explains, has a description outside of Pod and Service specs."""
    published = json.loads(server.kubectl("get", "--raw", f"/openapi/v3/apis/{GROUP}/v1"))["components"]["schemas"]
    for kind in CUSTOM_KINDS:
        schema = published[f"org.dask.kubernetes.v1.{kind.name}"]
        for field in ("spec", "status"):
            assert undescribed(schema["properties"][field], f"{kind}.{field}") == []
    explained = server.kubectl("explain", "daskcluster.spec.worker.replicas")
    assert "How many workers to run. Defaults to 1." in explained


def undescribed(schema: Any, path: str) -> list[str]:
    """Paths of fields without a description, down to where Kubernetes' own begin."""
    found = [] if schema.get("description") else [path]
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return found
    inner = schema.get("items", {})
    fields = {**schema.get("properties", {}), **inner.get("properties", {})}
    return found + [field for name, child in fields.items() for field in undescribed(child, f"{path}.{name}")]
