"""Parsing: one bad object hides no other, and says what is wrong with it."""

import json
from typing import Any

import pytest

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Kind
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Unreadable
from reconciler.wire.parse import NotAListError, parse_list, parse_object, resource_version
from tests.manifests import pod_spec

Json = dict[str, Any]
SPEC = {"cluster": "simple", "worker": {"spec": pod_spec(), "replicas": 2}}


def _group(name: str, **spec: Any) -> Json:
    owner = {"apiVersion": "v1", "kind": "DaskCluster", "name": "simple", "uid": "cluster-uid"}
    metadata = {"name": name, "namespace": "default", "uid": f"{name}-uid", "ownerReferences": [owner], "generation": 4}
    return {"metadata": metadata, "spec": {**SPEC, **spec}}


def _list(*items: Any) -> bytes:
    return json.dumps({"kind": "List", "items": items}).encode()


def test_a_good_list_is_read_in_order() -> None:
    """Items come as models, in the list's order."""
    found = parse_list(DASK_WORKER_GROUP, _list(_group("b"), _group("a")))
    assert [item.key.name for item in found] == ["b", "a"]
    assert all(isinstance(item, DaskWorkerGroup) for item in found)


def test_one_bad_object_hides_no_other() -> None:
    """The others are read, and the bad one says which field is wrong, whose it is and which generation it has."""
    bad = _group("bad", worker={"spec": pod_spec(), "replicas": -1})
    good, unreadable, last = parse_list(DASK_WORKER_GROUP, _list(_group("a"), bad, _group("b")))
    assert (good.key.name, last.key.name) == ("a", "b")
    assert isinstance(unreadable, Unreadable)
    assert unreadable.key.name == "bad"
    assert unreadable.owner_uids == ("cluster-uid",)
    assert (unreadable.uid, unreadable.generation) == ("bad-uid", 4)
    assert unreadable.error == "spec.worker.replicas is -1; it must be 0 or more"


@pytest.mark.parametrize("kind", [*CUSTOM_KINDS, POD, SERVICE], ids=str)
def test_an_empty_list_is_no_error(kind: Kind) -> None:
    """A namespace without objects is a picture like any other."""
    assert list(parse_list(kind, _list())) == []


@pytest.mark.parametrize(
    "payload", [b"", b"no json", b"[]", b"null", b"{}", b'{"items": null}', b'{"items": 1}', b'{"items": ["x"]}']
)
def test_what_is_no_list_is_said_to_be_none(payload: bytes) -> None:
    """Half an answer, or a proxy's, is never taken for an empty cluster."""
    with pytest.raises(NotAListError, match="daskclusters"):
        parse_list(DASK_CLUSTER, payload)


def test_a_truncated_list_is_no_list() -> None:
    """An answer that was cut off in the middle is refused whole."""
    with pytest.raises(NotAListError):
        parse_list(DASK_WORKER_GROUP, _list(_group("a"), _group("b"))[:-20])


def test_unknown_fields_and_nulls_are_no_error() -> None:
    """A newer API server may send more, and null means absent."""
    body = {**_group("a"), "status": {"future": 1, "decisions": {"retiring": None, "future": 1}}}
    body["spec"]["worker"] = {**SPEC["worker"], "minReadySeconds": None, "future": True}  # type: ignore[dict-item]
    found = parse_object(DASK_WORKER_GROUP, body)
    assert isinstance(found, DaskWorkerGroup)
    assert found.spec.worker.min_ready_seconds == 0


def test_a_pod_of_any_shape_is_read() -> None:
    """Of Pods only a few fields are read, and none of them must be there."""
    found = parse_object(POD, {"metadata": {"name": "p", "labels": None}, "spec": {"containers": []}, "status": {}})
    assert isinstance(found, Pod)
    assert found.status.phase == "Pending"
    assert not found.is_ready


def test_a_pod_spec_is_kept_as_it_was_written() -> None:
    """Whatever a newer Kubernetes knows reaches the Pods unchanged."""
    spec = {"containers": [{"name": "a", "image": "b", "future": {"x": [1, "2", 0.5]}}], "alsoNew": True}
    body = {
        "metadata": {"name": "c", "namespace": "default"},
        "spec": {"scheduler": {"spec": spec}, "worker": {"spec": spec}},
    }
    found = parse_object(DASK_CLUSTER, body)
    assert isinstance(found, DaskCluster)
    assert found.spec.worker.spec == spec
    assert found.spec.written()["scheduler"]["spec"] == spec


def test_an_object_without_metadata_is_told_from_others() -> None:
    """Even then the error says what is missing."""
    found = parse_object(DASK_CLUSTER, {"spec": {}})
    assert isinstance(found, Unreadable)
    assert found.error.startswith("metadata is missing; add it; ")


SECRET = {"containers": [{"name": "a", "image": "b", "env": [{"name": "TOKEN", "value": "hunter2"}]}]}
BOUNDS = {"updateStrategy": {"rollingUpdate": {"maxSurge": "1x"}}, "replicas": -1}


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"scheduler": {"spec": SECRET}}, "spec.worker is missing; add it"),
        ({"scheduler": {"spec": SECRET}, "worker": SECRET}, "spec.worker.spec is missing; add it"),
        (
            {"scheduler": [{"spec": SECRET}], "worker": {"spec": SECRET}},
            "spec.scheduler is a list; it must be a mapping of names to values",
        ),
        (
            {"scheduler": {"spec": SECRET}, "worker": {"spec": SECRET, **BOUNDS}},
            (
                "spec.worker.replicas is -1; it must be 0 or more; "
                'spec.worker.updateStrategy.rollingUpdate.maxSurge is "1x"; it must be a whole number or '
                "a percentage such as 25%"
            ),
        ),
        (
            {"scheduler": {"spec": SECRET}, "worker": {"spec": SECRET, "replicas": SECRET}},
            "spec.worker.replicas is a mapping; it must be a whole number",
        ),
        (
            {"scheduler": {"spec": SECRET}, "worker": {"spec": SECRET, "replicas": "x" * 1000}},
            f'spec.worker.replicas is "{"x" * 58}…; it must be a whole number',
        ),
    ],
    ids=["missing", "missing deeper", "a list", "a union", "a mapping", "long"],
)
def test_what_is_wrong_is_told_as_in_a_plan(spec: Json, error: str) -> None:
    """Field, value and remedy; of mappings and lists nothing is shown, since they may hold a secret."""
    body = {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}
    found = parse_object(DASK_CLUSTER, body)
    assert isinstance(found, Unreadable)
    assert found.error == error
    listed = parse_list(DASK_CLUSTER, _list(body))
    assert listed == [found]


@pytest.mark.parametrize(
    ("payload", "version"),
    [
        (b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}', "7"),
        (b'{"apiVersion":"k/v1","items":[],"kind":"L","metadata":{"continue":"","resourceVersion":"8"}}\n', "8"),
        (b'{"kind":"L","apiVersion":"v1","metadata":{},"items":[{"metadata":{"resourceVersion":"9"}}]}', ""),
        (b'{"items":[{"a":{"metadata":{"resourceVersion":"9"}}}],"metadata":{"resourceVersion":"10","a":{}}}', "10"),
        (b'{"kind": "L", "metadata": {"resourceVersion": "11"}, "items": []}', "11"),
        (b"<html>", ""),
    ],
)
def test_the_version_of_a_list_is_its_own(payload: bytes, version: str) -> None:
    """It stands before the items or behind them, and is never that of an item."""
    assert resource_version(payload) == version
