"""How a child is marked as its owner's."""

import hashlib
from typing import Any

import pytest

from models.kinds import POD, SERVICE
from models.resources import Metadata
from models.snapshot import Owner
from reconciler.passes.desire.children import Marks, child_body
from reconciler.rules.labels import (
    CLUSTER,
    ISTIO,
    ROLE,
    SET_BY_OWNER,
    Role,
    formerly_set,
)
from reconciler.rules.names import Naming
from tests.builders import cluster, group, job

OWNER = cluster(labels={"team": "x", "dask.org/component": "theirs"}, annotations={"kubectl.kubernetes.io/a": "b"})


def test_a_child_carries_its_owner_role_and_labels_from_the_beginning() -> None:
    """Whatever happens after the create, garbage collection and the next reconciler find it."""
    marks = Marks(Role.USER_SERVICE, (OWNER.metadata,), {"dask.org/component": "scheduler"}, {"x": "y"}, ("type",))
    body = child_body(SERVICE, "s", OWNER, marks, {"type": "ClusterIP"})
    assert body["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "kubernetes.dask.org/v1",
            "kind": "DaskCluster",
            "name": "simple",
            "uid": OWNER.metadata.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert body["metadata"]["namespace"] == "default"
    assert body["metadata"]["labels"] == {
        "team": "x",
        "dask.org/component": "scheduler",
        "kubernetes.dask.org/cluster": "simple",
    }
    annotations = body["metadata"]["annotations"]
    assert annotations.keys() == {ROLE, SET_BY_OWNER, "x"}
    assert annotations[ROLE] == "service"
    assert formerly_set(annotations) == {"labels": ("team",), "spec": ("type",)}
    assert body["spec"] == {"type": "ClusterIP"}


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        (({}, {}), "false"),
        (({"labels": {ISTIO: "true"}}, {}), "true"),
        (({}, {"labels": {ISTIO: "true"}}), "true"),
        (({"labels": {ISTIO: "true"}}, {"labels": {ISTIO: "false"}}), "false"),
        (({"annotations": {ISTIO: "true"}}, {}), None),
    ],
)
def test_no_proxy_is_injected_into_a_pod_unless_the_user_says_so(
    levels: tuple[dict[str, Any], ...], value: str | None
) -> None:
    """At any level that flows down, by label or annotation; Services and groups have nothing to do with it."""
    marks = Marks(Role.WORKER, tuple(Metadata(**level) for level in levels))
    assert child_body(POD, "p", OWNER, marks, {})["metadata"]["labels"].get(ISTIO) == value
    assert ISTIO not in child_body(SERVICE, "s", OWNER, Marks(Role.WORKER, ()), {})["metadata"]["labels"]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (cluster(), "simple"),
        (group("simple", "more"), "simple"),
        (group("c" * 100, "more"), f"{'c' * 52}-{hashlib.sha256(b'c' * 100).hexdigest()[:10]}"),
        (job(), "train-cluster"),
        (job("a" * 48), "a" * 48),
        (job(naming=Naming.CURRENT), "train"),
    ],
)
def test_everything_is_found_by_its_clusters_name(owner: Owner, name: str) -> None:
    """In a label that nobody else has a reason to touch, and that users cannot set."""
    marks = Marks(Role.WORKER, (Metadata(labels={CLUSTER: "theirs"}),))
    assert child_body(POD, "p", owner, marks, {})["metadata"]["labels"][CLUSTER] == name


def test_a_child_without_a_spec_leaves_the_present_one_as_it_is() -> None:
    """A Pod that exists is only marked."""
    assert "spec" not in child_body(SERVICE, "s", OWNER, Marks(Role.SCHEDULER, ()), None)
