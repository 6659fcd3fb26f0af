"""A whole DaskCluster in place of the arguments that would make one."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubecluster.containers import Body
from kubecluster.names import ClusterNames, Naming
from kubecluster.specs import make_cluster_spec, read_spec
from models.resources import DaskCluster
from tests.kubecluster.surroundings import options

SPEC = make_cluster_spec("mine", n_workers=2)


def edited(**spec: Any) -> Body:
    """The manifest with other fields in its spec."""
    return {**SPEC, "spec": {**SPEC["spec"], **spec}}


def test_no_field_of_ours_is_taken_for_a_slip() -> None:
    """Whatever the definitions have, now or in a later version, may be written."""
    schema = DaskCluster.model_json_schema(by_alias=True)["$defs"]
    for part, model in (("worker", "WorkerSpec"), ("scheduler", "SchedulerSpec")):
        fields = dict.fromkeys(schema[model]["properties"])
        assert read_spec(edited(**{part: fields}))["spec"][part] == fields
    assert read_spec(edited(**{name: {} for name in schema["DaskClusterSpec"]["properties"]}))
    assert read_spec(edited(worker={"minReplicas": 1, "spec": {"replica": 1}}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


def test_a_manifest_is_taken_as_it_is(file: Path) -> None:
    """As a dictionary, a path or its text, it is what is created, and a change to it reaches nobody else."""
    for given in (SPEC, file, str(file)):
        found = options(custom_cluster_spec=given)
        assert found.manifest() == SPEC
        found.manifest()["spec"].clear()
        assert found.manifest() == SPEC


def test_a_manifest_that_is_changed_afterwards_changes_nothing() -> None:
    """The dictionary is its owner's, who may make the next cluster of it."""
    given = make_cluster_spec("mine")
    found = options(custom_cluster_spec=given)
    given["spec"]["worker"]["replicas"] = 7
    assert found.manifest() == make_cluster_spec("mine")


def test_its_name_is_the_clusters() -> None:
    """`metadata.name` is the DaskCluster's under both naming sets: nothing is put behind it."""
    for naming in Naming:
        found = options(custom_cluster_spec=SPEC, naming=naming)
        assert (found.name, found.candidates) == ("mine", ("mine",))
        assert found.names == ClusterNames(naming, "mine")


@pytest.mark.parametrize(
    ("given", "ignored"),
    [
        ({"name": "other"}, "name"),
        ({"n_workers": 1, "idle_timeout": 2}, "n_workers, idle_timeout"),
        ({"labels": {"a": "b"}, "image": "me/dask:1", "name": "other"}, "name, image, labels"),
    ],
)
def test_arguments_that_it_stands_in_for_are_named(given: dict[str, Any], ignored: str) -> None:
    """They are ignored, as in dask-kubernetes, but not in silence."""
    with pytest.warns(UserWarning, match=f"so these are ignored: {ignored}.$"):
        assert options(custom_cluster_spec=SPEC, **given).manifest() == SPEC


@pytest.mark.parametrize(
    ("configured", "given"),
    [
        ({}, {"name": "mine"}),
        ({}, {"resource_timeout": 5, "wait_for_workers": 2, "naming": "current", "shutdown_on_close": False}),
        ({"image": "me/dask:1", "name": "other"}, {}),
    ],
)
def test_what_goes_with_it_is_no_reason_to_warn(configured: dict[str, Any], given: dict[str, Any]) -> None:
    """Its own name, arguments that are no part of a manifest, and what is configured for all clusters."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert options(configured, custom_cluster_spec=SPEC, **given).name == "mine"


def test_the_name_with_the_ending_of_its_naming_set_may_be_said_twice() -> None:
    """`name="rapids-dask"` beside a manifest of `rapids-dask-cluster` means the same cluster."""
    found = options(custom_cluster_spec=make_cluster_spec("rapids-dask-cluster"), name="rapids-dask")
    assert found.name == "rapids-dask-cluster"


def _in_namespace(namespace: str | None) -> Body:
    return {**SPEC, "metadata": {**SPEC["metadata"], "namespace": namespace}}


@pytest.mark.parametrize(
    ("written", "given", "configured", "expected"),
    [
        (None, None, None, None),
        (None, "a", "b", "a"),
        (None, None, "b", "b"),
        ("c", None, "b", "c"),
        ("c", "c", "b", "c"),
    ],
)
def test_its_namespace_counts(
    written: str | None, given: str | None, configured: str | None, expected: str | None
) -> None:
    """What the manifest says is nearer than what is configured."""
    said = {"namespace": configured} if configured else {}
    assert options(said, custom_cluster_spec=_in_namespace(written), namespace=given).namespace == expected


def test_two_namespaces_are_refused() -> None:
    """An argument and a manifest must not contradict each other."""
    message = "namespace is 'a', but custom_cluster_spec: metadata.namespace is 'c'; leave one out"
    with pytest.raises(ValueError, match=message):
        options(custom_cluster_spec=_in_namespace("c"), namespace="a")


def test_what_every_daskcluster_has_may_be_left_out() -> None:
    """`apiVersion` and `kind` go without saying."""
    assert read_spec({"metadata": SPEC["metadata"], "spec": SPEC["spec"]}) == SPEC


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({**SPEC, "kind": "DaskJob"}, ValueError, "custom_cluster_spec is a DaskJob; it must be a DaskCluster"),
        ({**SPEC, "metadata": {}}, ValueError, "metadata.name is missing; name the DaskCluster there"),
        ({**SPEC, "metadata": {"name": "a.b"}}, ValueError, "metadata.name: the name 'a.b' must consist of"),
        ({"metadata": {"name": "mine"}}, ValueError, "spec is missing"),
        (7, TypeError, "custom_cluster_spec is of type int; it must be a dictionary or the path of a YAML file"),
        (yaml.safe_dump(SPEC), ValueError, "is a manifest's text; it must be the path of a file, or a dictionary"),
        ("no/such/file.yaml", FileNotFoundError, "custom_cluster_spec cannot be read: .*no/such/file.yaml"),
        (edited(worker={"replicas": -1}), ValueError, "spec.worker.replicas is -1; it must be 0 or more"),
        (edited(worker={"replica": 1}), ValueError, "spec.worker has unknown field 'replica'; did you mean 'replicas'"),
        (edited(schedular={}), ValueError, "spec has unknown field 'schedular'; did you mean 'scheduler'"),
    ],
)
def test_what_is_no_daskcluster_is_refused(given: Any, error: type[Exception], message: str) -> None:
    """The error says what it is instead, or what is missing."""
    with pytest.raises(error, match=message):
        options(custom_cluster_spec=given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cluster.yaml is no YAML with one document: .*line 1"),
        ("a: 1\n---\nb: 2", "cluster.yaml is no YAML with one document: expected a single document"),
        ("- a", "custom_cluster_spec is a list; it must be a DaskCluster"),
        ("", "custom_cluster_spec is a NoneType; it must be a DaskCluster"),
    ],
)
def test_a_file_without_a_daskcluster_is_refused(file: Path, text: str, message: str) -> None:
    """The error names the file where it cannot be read, and says what it must be."""
    file.write_text(text)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read_spec(file)
