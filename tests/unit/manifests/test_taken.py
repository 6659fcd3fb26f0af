"""What the API server takes, or drops, and so is read with no more than a warning."""

import io
from typing import Any

import pytest

from reconciler.manifests import read
from tests.manifests import cluster, job, pod_spec
from tests.unit.manifests.piped import piped, problems, texts


def test_a_null_is_as_good_as_nothing() -> None:
    """A Go client writes `creationTimestamp: null` wherever there is metadata; what is unknown may be null as well."""
    manifest = cluster(replicas=None, metadata={"creationTimestamp": None, "labels": None}, resources=None)
    manifest["metadata"] |= {"creationTimestamp": None, "ownerReferences": None}
    reading = piped(manifest | {"status": None})
    assert (problems(reading), reading.warnings) == ([], [])
    assert reading.manifests[0].body["spec"]["worker"] == {"metadata": {}, "spec": pod_spec()}


@pytest.mark.parametrize("status", [{"phase": ""}, {"phase": 3, "conditions": "none"}, "none", None], ids=str)
def test_a_status_in_a_file_is_not_looked_at(status: Any) -> None:
    """A write does not touch the status, so it is dropped; a job's cluster may have one as well."""
    made = {**job(), "status": status}
    made["spec"]["cluster"]["status"] = status
    reading = piped({**cluster(), "status": status}, made)
    assert (problems(reading), reading.warnings) == ([], [])
    assert all("status" not in manifest.body for manifest in reading.manifests)


def test_a_status_from_a_kubernetes_is_kept() -> None:
    """A plan goes on from what was decided there."""
    live = {**cluster(), "status": {"phase": "Running"}}
    live["metadata"]["uid"] = "u"
    assert piped(live).manifests[0].body["status"] == {"phase": "Running"}


def test_a_name_is_made_from_its_beginning() -> None:
    """As Kubernetes makes one, another for each, but the same whenever the files are read; and it is told."""
    some = {**cluster(), "metadata": {"generateName": "some-", "name": ""}}
    first, second = (piped(some, cluster(), some) for _ in range(2))
    names = [manifest.key.name for manifest in first.manifests]
    assert [name[:5] for name in names] == ["some-", "c", "some-"]
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {10, 1}
    assert first == second
    assert [manifest.body["metadata"]["name"] for manifest in first.manifests] == names
    assert [str(warning) for warning in first.warnings] == [
        f"standard input, document {number}: DaskCluster default/{names[number - 1]}: "
        "Kubernetes makes up the end of its name; here it is this one."
        for number in (1, 3)
    ]


def test_other_kinds_get_a_name_as_well() -> None:
    """So that a ConfigMap of which nobody needs to know the name stops nothing."""
    (other,) = piped({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "some-"}}).others
    assert str(other).startswith("ConfigMap default/some-")
    assert other.body["metadata"]["name"].startswith("some-")


def test_a_key_that_is_there_twice_stops_nothing() -> None:
    """The last one counts, and the place is told."""
    text = texts(cluster(replicas=2)).replace("replicas: 2", "replicas: 2\n    replicas: 3")
    reading = read(["-"], "default", io.StringIO(text))
    assert problems(reading) == []
    line = text.splitlines().index("    replicas: 3") + 1
    assert [str(warning) for warning in reading.warnings] == [
        (
            f"standard input, document 1: line {line}: the key 'replicas' is there twice, first in line {line - 1}; "
            "the last one counts, remove the other."
        )
    ]
    assert reading.manifests[0].body["spec"]["worker"]["replicas"] == 3


@pytest.mark.parametrize("name", ["x-worker", ".worker"])
def test_what_only_holds_an_anchor_is_left_out(name: str) -> None:
    """With a word about kubectl, which refuses it by default."""
    reading = piped({**cluster(), name: {"image": "dask"}})
    assert problems(reading) == []
    assert name not in reading.manifests[0].body
    assert [str(warning) for warning in reading.warnings] == [
        (
            f"standard input, document 1: DaskCluster default/c: {name} is no field of a DaskCluster and is left out; "
            "give kubectl apply --validate=warn, or it refuses this."
        )
    ]


def test_what_kubernetes_leaves_out_of_pods_stops_nothing() -> None:
    """It is told where it belongs."""
    spec = pod_spec(imagePullSecrets=[{"name": "mine"}])
    reading = piped(cluster(spec=spec))
    assert problems(reading) == []
    assert [str(warning) for warning in reading.warnings] == [
        (
            "standard input, document 1: DaskCluster default/c: imagePullSecrets in spec.worker.spec.containers[0] is "
            "unknown to Kubernetes there and left out; move it to spec.worker.spec."
        )
    ]
    assert reading.manifests[0].body["spec"]["worker"]["spec"] == spec
