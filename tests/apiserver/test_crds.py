"""crds/ on a real API server: they install, accept what they must, and refuse what could never run."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, GROUP
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup, Resource
from tests.apiserver.installing import ROOT, install, refusal, uninstall
from tests.manifests import Manifest, autoscaler, cluster, group, job, manifest, pod_spec
from tests.realcluster import RealCluster

pytestmark = pytest.mark.apiserver
MODELS: dict[str, type[Resource]] = {
    "DaskCluster": DaskCluster,
    "DaskWorkerGroup": DaskWorkerGroup,
    "DaskJob": DaskJob,
    "DaskAutoscaler": DaskAutoscaler,
}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def server(api_server: RealCluster) -> RealCluster:
    """The API server with our CRDs."""
    install(api_server)
    return api_server


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_the_crds_install_on_an_empty_api_server(api_server: RealCluster, flags: tuple[str, ...]) -> None:
    """They can be created with client-side and with server-side apply, and applied again."""
    uninstall(api_server)
    install(api_server, *flags)
    install(api_server, *flags)
    for kind in CUSTOM_KINDS:
        crd = json.loads(api_server.kubectl("get", "crd", f"{kind.plural}.{GROUP}", "--output=json"))
        conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
        assert conditions["Established"] == "True", conditions
        assert conditions["NamesAccepted"] == "True", conditions
        assert "NonStructuralSchema" not in conditions, conditions


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_accepted_by_strict_validation(
    server: RealCluster, namespace: str, path: Path, flags: tuple[str, ...]
) -> None:
    """`kubectl apply` takes the examples as they are, and nothing of theirs is lost."""
    written = yaml.safe_load(path.read_text())
    written["metadata"].pop("namespace", None)
    server.kubectl("apply", *flags, f"--namespace={namespace}", "--filename=-", stdin=json.dumps(written))
    name = f"{written['kind']}/{written['metadata']['name']}"
    stored = json.loads(server.kubectl("get", name, f"--namespace={namespace}", "--output=json"))
    assert missing(written["spec"], stored["spec"]) == []


def missing(written: Any, stored: Any, path: str = "spec") -> list[str]:
    """What of a manifest the API server has not kept."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return [lost for key in written for lost in missing(written[key], stored.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        return [
            lost
            for index, pair in enumerate(zip(written, stored, strict=True))
            for lost in missing(*pair, f"{path}[{index}]")
        ]
    return [] if written == stored else [f"{path}: {written!r} became {stored!r}"]


ACCEPTED = {
    "the longest name": cluster("x" * 53),
    "a name that starts with a digit": cluster("1c"),
    "no workers": cluster(replicas=0),
    "no service": manifest(DASK_CLUSTER, "c", {"scheduler": {"spec": pod_spec()}, "worker": {"spec": pod_spec()}}),
    "null metadata": cluster(metadata=None),
    "null labels": cluster(metadata={"labels": None, "annotations": {"a": None}}),
    "null replicas": cluster(replicas=None),
    "null env": cluster(spec=pod_spec(env=None, args=None, resources=None)),
    "whole numbers as decimals": cluster(replicas=2.0),
    "quantities of all kinds": cluster(
        spec=pod_spec(resources={"limits": {"cpu": 0.5, "memory": "1Gi", "nvidia.com/gpu": 1, "x/y": None}})
    ),
    "ports by number and by name": cluster(
        spec=pod_spec(livenessProbe={"tcpSocket": {"port": 8786}}, readinessProbe={"httpGet": {"port": "http"}})
    ),
    "an env variable given twice": cluster(
        spec=pod_spec(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])
    ),
    "a port given twice": cluster(spec=pod_spec(ports=[{"containerPort": 1}, {"containerPort": 1}])),
    "fields that Kubernetes does not have yet": cluster(
        spec={
            **pod_spec(fromTheFuture={"a": [1]}),
            "alsoNew": True,
            "volumes": [{"name": "v", "newDriver": {"x": "y"}}],
        }
    ),
    "a misplaced field": cluster(spec=pod_spec(livenessProbe={"tcpSocket": {"port": "comm", "periodSeconds": 5}})),
    "a rolling update by percentages": cluster(
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "0%"}}
    ),
    "a rolling update that only removes": cluster(updateStrategy={"rollingUpdate": {"maxSurge": 0}}),
    "the longest name of a group": group("x" * 235),
    "a group with dots in its name": group("gpu.a100"),
    "a job that carries a cluster's status": {
        **job(),
        "spec": {
            **job()["spec"],
            "cluster": {**job()["spec"]["cluster"], "status": {"phase": "Running", "x": {"y": 1}}},
        },
    },
    "an autoscaler of one group": autoscaler(workerGroup="g"),
    "an autoscaler with one size": autoscaler(minimum=3, maximum=3),
    "an autoscaler with a minimum below 0": autoscaler(minimum=-1),
    "an autoscaler with no limit to speak of": autoscaler(maximum=10**12),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_can_run_is_accepted(server: RealCluster, body: Manifest) -> None:
    """Strict validation stops nothing that could run, and our models can read what the API server makes of it."""
    stored = server.kubectl("create", "--dry-run=server", "--filename=-", "--output=json", stdin=json.dumps(body))
    MODELS[body["kind"]].model_validate_json(stored)


STUCK = {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": 0}}
STUCK_BY_DEFAULT = {"rollingUpdate": {"maxUnavailable": 0}}
TOO_LONG = "must be no longer than 53 characters, because"
SERVICE = "the scheduler's Service is named after it; found 54"
STRATEGIES = '"RollingUpdate", "Recreate", "OnDelete"'
NEGATIVE = "must be 0 or more; found -1"
REFUSED = {
    "a name too long": (
        cluster("x" * 54),
        "metadata.name",
        f"{TOO_LONG} {SERVICE}",
    ),
    "a name with dots": (cluster("a.b"), "metadata.name", "must have no dots"),
    "a job's name too long": (job("x" * 54), "metadata.name", TOO_LONG),
    "a job's name with dots": (job("a.b"), "metadata.name", "must have no dots"),
    "a group's name too long": (group("x" * 236), "metadata.name", "must be no longer than 235 characters"),
    "less than no workers": (cluster(replicas=-1), "spec.worker.replicas", NEGATIVE),
    "less than no workers in a group": (group(replicas=-1), "spec.worker.replicas", NEGATIVE),
    "less than no workers in a job": (job(replicas=-1), "spec.cluster.spec.worker.replicas", NEGATIVE),
    "a negative wait": (cluster(minReadySeconds=-1), "spec.worker.minReadySeconds", NEGATIVE),
    "a stuck update": (cluster(updateStrategy=STUCK), "updateStrategy.rollingUpdate", "must not both be 0"),
    "a stuck update, by default": (group(updateStrategy=STUCK_BY_DEFAULT), "rollingUpdate", "must not both be 0"),
    "a surge of no kind": (group(updateStrategy={"rollingUpdate": {"maxSurge": "3"}}), "maxSurge", "should match"),
    "an unknown strategy": (
        group(updateStrategy={"type": "Sideways"}),
        "type",
        '"RollingUpdate", "Recreate", "OnDelete"',
    ),
    "bounds in disorder": (
        autoscaler(minimum=3, maximum=2),
        "spec.minimum",
        "greater than maximum; found 3 and 2",
    ),
    "a negative maximum": (autoscaler(minimum=-2, maximum=-1), "spec.maximum", NEGATIVE),
    "no cluster": (autoscaler(of=""), "spec.cluster", "should be at least 1 chars long"),
    "a typo": (cluster(replica=3), "unknown field", '"spec.worker.replica"'),
    "a typo in metadata": (cluster(metadata={"label": {}}), "unknown field", '"spec.worker.metadata.label"'),
    "a typo at the top": ({**cluster(), "sepc": {}}, "unknown field", '"sepc"'),
    "a typo in a job": (job(idle=3), "unknown field", '"spec.cluster.spec.worker.idle"'),
    "no containers": (cluster(spec={}), "spec.worker.spec.containers", "Required value"),
    "a string for a list": (cluster(spec=pod_spec(args="a b")), "spec.worker.spec.containers[0].args", "of type array"),
}


@pytest.mark.parametrize(("body", "field", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_could_never_run_is_refused(server: RealCluster, body: Manifest, field: str, message: str) -> None:
    """The refusal names the field, and says what is wrong with it."""
    refused = refusal(server, body)
    assert field in refused
    assert message in refused
