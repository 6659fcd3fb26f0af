"""The models of the four kinds: strict about our fields, open for Kubernetes', and as forgiving as the API server."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dask_kubernetes.operator import make_cluster_spec  # type: ignore[import-untyped]  # it has no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.kinds import CUSTOM_KINDS, DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, Kind
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup, Resource
from tests.manifests import Manifest, autoscaler, cluster, cluster_spec, group, job, manifest, pod_spec
from tests.upstream import complete, resources, upstream_schema

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
MODELS: dict[str, type[Resource]] = {
    model.kind().name: model for model in (DaskCluster, DaskWorkerGroup, DaskJob, DaskAutoscaler)
}
ANY_MANIFEST = st.sampled_from(CUSTOM_KINDS).flatmap(resources)


def read(body: Manifest) -> Resource:
    return MODELS[body["kind"]].model_validate(body)


def complaints(body: Manifest) -> dict[str, str]:
    """What is wrong with a manifest, by field."""
    with pytest.raises(ValidationError) as caught:
        read(body)
    return {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors()}


def rolling(**bounds: Any) -> Manifest:
    return {"updateStrategy": {"rollingUpdate": bounds}}


STUCK = "must not both be 0"
WRONG = {
    "less than no workers": (cluster(replicas=-1), "spec.worker.replicas", "greater than or equal to 0"),
    "more workers than can be counted": (group(replicas=2**31), "spec.worker.replicas", "less than or equal to"),
    "workers in words": (cluster(replicas="three"), "spec.worker.replicas", "valid integer"),
    "workers in quotes": (cluster(replicas="3"), "spec.worker.replicas", "valid integer"),
    "workers by truth": (cluster(replicas=True), "spec.worker.replicas", "valid integer"),
    "half a worker": (cluster(replicas=1.5), "spec.worker.replicas", "valid integer"),
    "a negative wait": (cluster(minReadySeconds=-1), "spec.worker.minReadySeconds", "greater than or equal to 0"),
    "an unknown strategy": (
        cluster(updateStrategy={"type": "Sideways"}),
        "spec.worker.updateStrategy.type",
        "'OnDelete'",
    ),
    "a stuck update": (cluster(**rolling(maxUnavailable="0%")), "spec.worker.updateStrategy.rollingUpdate", STUCK),
    "a label that is a number": (
        cluster(metadata={"labels": {"a": 1}}),
        "spec.worker.metadata.labels.a",
        "valid string",
    ),
    "a Pod spec that is a list": (cluster(spec=[]), "spec.worker.spec", "valid dictionary"),
    "a worker without Pod spec": (manifest(DASK_CLUSTER, "c", cluster_spec(spec=None)), "spec.worker.spec", "required"),
    "no scheduler": (manifest(DASK_CLUSTER, "c", {"worker": {"spec": pod_spec()}}), "spec.scheduler", "required"),
    "no spec": (manifest(DASK_CLUSTER, "c", None), "spec", "required"),
    "a group of no cluster": (group(of=""), "spec.cluster", "at least 1 character"),
    "a group of a number": (group(of=5), "spec.cluster", "valid string"),
    "a job without runner": (manifest(DASK_JOB, "j", {"cluster": {"spec": cluster_spec()}}), "spec.job", "required"),
    "a job with a wrong cluster": (job(replicas=-1), "spec.cluster.spec.worker.replicas", "or equal to 0"),
    "bounds in disorder": (
        autoscaler(minimum=3, maximum=2),
        "spec",
        "minimum (3) must not be greater than maximum (2)",
    ),
    "no maximum": (manifest(DASK_AUTOSCALER, "a", {"cluster": "c", "minimum": 1}), "spec.maximum", "required"),
    "a group without a name": (autoscaler(workerGroup=""), "spec.workerGroup", "at least 1 character"),
    "a negative maximum": (autoscaler(minimum=-2, maximum=-1), "spec.maximum", "greater than or equal to 0"),
}


@pytest.mark.parametrize(("body", "field", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_by_field(body: Manifest, field: str, message: str) -> None:
    """The only complaint is about the field that is wrong, spelled as in the manifest."""
    found = complaints(body)
    assert list(found) == [field]
    assert message in found[field]


@pytest.mark.parametrize("bound", ["3", "-1%", "1.5%", "%", "٣%", -1, 1.5, True])
def test_bounds_of_a_rolling_update_are_numbers_or_percentages(bound: Any) -> None:
    """What is neither is refused, as the API server refuses it."""
    fields = complaints(cluster(**rolling(maxSurge=bound)))
    assert all(field.startswith("spec.worker.updateStrategy.rollingUpdate.maxSurge") for field in fields)


@pytest.mark.parametrize(
    "bounds",
    [{}, {"maxSurge": 1}, {"maxSurge": "25%", "maxUnavailable": 0}, {"maxSurge": 0}, {"maxUnavailable": "100%"}],
    ids=str,
)
def test_a_rolling_update_that_can_move_is_accepted(bounds: Manifest) -> None:
    """It suffices that one of the two is not 0; by default, maxUnavailable is 1."""
    read(cluster(**rolling(**bounds)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_can_be_read(path: Path) -> None:
    """Misplaced probe fields and all: Pod and Service specs are kept as they are written."""
    body = yaml.safe_load(path.read_text("utf-8"))
    resource = read(body)
    if isinstance(resource, DaskCluster):
        assert resource.spec.scheduler.spec == body["spec"]["scheduler"]["spec"]
        assert resource.spec.scheduler.service == body["spec"]["scheduler"]["service"]
        assert resource.spec.worker.spec == body["spec"]["worker"]["spec"]


def test_what_is_left_out_has_a_default() -> None:
    """The shortest cluster has one worker, never idles out, and is updated one worker at a time."""
    resource = DaskCluster.model_validate(
        manifest(DASK_CLUSTER, "c", {"scheduler": {"spec": pod_spec()}, "worker": {"spec": pod_spec()}})
    )
    assert (resource.spec.idle_timeout, resource.spec.worker.replicas, resource.spec.scheduler.service) == (0, 1, {})
    update = resource.spec.worker.update_strategy
    assert (update.type, update.rolling_update.max_surge, update.rolling_update.max_unavailable) == (
        "RollingUpdate",
        0,
        1,
    )
    assert resource.spec.scheduler.update_strategy.type == "Recreate"


def test_null_is_as_good_as_absent() -> None:
    """The API server drops nulls before it stores an object; a manifest read from a file means the same."""
    assert read(cluster(replicas=None, metadata=None, updateStrategy=None, minReadySeconds=None)) == read(cluster())
    assert read(cluster(metadata={"labels": None, "annotations": {"a": None}})) == read(cluster(metadata={}))
    assert read(cluster(spec=pod_spec(env=None))) == read(cluster())


@pytest.mark.parametrize(
    ("given_bounds", "understood"),
    [((-5, 3), (0, 3)), ((0, 10**12), (0, 2**31 - 1)), ((3, 3), (3, 3)), ((-1, 0), (0, 0))],
)
def test_bounds_that_dask_kubernetes_took_are_understood(
    given_bounds: tuple[int, int], understood: tuple[int, int]
) -> None:
    """A minimum below 0 means 0, and a maximum beyond counting means no limit to speak of."""
    minimum, maximum = given_bounds
    spec = DaskAutoscaler.model_validate(autoscaler(minimum=minimum, maximum=maximum)).spec
    assert (spec.minimum, spec.maximum) == understood


def test_a_job_may_carry_the_status_of_a_cluster() -> None:
    """It is accepted, as dask-kubernetes accepts it, and not handed on."""
    body = job()
    body["spec"]["cluster"]["status"] = {"phase": "Running"}
    assert "status" not in DaskJob.model_validate(body).spec.cluster.wire()


@pytest.mark.parametrize("given_fields", [{}, {"n_workers": 0, "env": {"A": "b"}, "idle_timeout": 60}], ids=str)
def test_what_dask_kubernetes_client_makes_can_be_read(given_fields: Manifest) -> None:
    """Its `KubeCluster` writes null for whatever it was not told."""
    spec = DaskCluster.model_validate(make_cluster_spec(name="c", **given_fields)).spec
    assert spec.worker.replicas == given_fields.get("n_workers", 1)
    assert spec.idle_timeout == given_fields.get("idle_timeout", 0)


@pytest.mark.parametrize("kind", CUSTOM_KINDS, ids=str)
def test_every_field_that_dask_kubernetes_knows_can_be_read(kind: Kind) -> None:
    """A resource that sets all of them is understood."""
    read(manifest(kind, "c", complete(upstream_schema(kind)["properties"]["spec"])))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=ANY_MANIFEST)
def test_whatever_dask_kubernetes_accepts_can_be_read(body: Manifest) -> None:
    """No resource that its CRDs allow is unreadable here."""
    read(body)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=ANY_MANIFEST)
def test_what_is_written_is_read_back(body: Manifest) -> None:
    """A resource's wire form means the same resource."""
    resource = read(body)
    assert read({**body, **resource.wire()}) == resource


@pytest.mark.parametrize("body", [cluster("n"), group("n"), job("n"), autoscaler("n")], ids=lambda body: body["kind"])
def test_each_model_knows_its_kind_and_key(body: Manifest) -> None:
    """A resource's key is its kind, namespace and name."""
    body["metadata"]["namespace"] = "ns"
    assert str(read(body).key) == f"{body['kind']} ns/n"
