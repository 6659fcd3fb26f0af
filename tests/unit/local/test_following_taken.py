"""Manifests' files that hold what Kubernetes takes with a warning, drops, or deletes a moment later."""

import pytest

from models.kinds import DASK_JOB
from tests.manifests import Manifest, cluster, job, pod_spec
from tests.unit.local.followed import FILE, Followed, supply, texts

OWNER = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "name": "j", "uid": "j-uid", "controller": True}
pytestmark = pytest.mark.usefixtures("own_folder")


def live(body: Manifest, uid: str, **metadata: object) -> Manifest:
    """The object as it is read from a Kubernetes."""
    metadata |= {"uid": uid, "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**body, "metadata": {**body["metadata"], **metadata}, "status": {"phase": "Running"}}


def test_a_name_stays_while_its_object_is_edited() -> None:
    """Kubernetes would make up another each time; here an edit of the file is one of the object."""
    followed = Followed()
    made = {**cluster(replicas=1), "metadata": {"generateName": "some-"}}
    note, said = followed.says(made)
    name = said.removeprefix("made: DaskCluster default/").removesuffix(": made")
    assert name.startswith("some-")
    words = "Kubernetes makes up the end of its name; here it is this one."
    assert note == f"note: {FILE}, document 1: DaskCluster default/{name}: {words}"
    made["spec"]["worker"]["replicas"] = 2
    assert followed.says(made) == [f"changed: DaskCluster default/{name}: spec.worker.replicas 1 → 2"]


def test_warnings_are_told_once_and_stop_nothing() -> None:
    """Keys that are there twice and fields at the wrong place, as long as they are the same."""
    followed = Followed()
    text = texts(cluster(spec=pod_spec(periodSeconds=5, livenessProbe={"tcpSocket": {"port": 1}})))
    text = text.replace("kind: DaskCluster", "kind: DaskCluster\nkind: DaskCluster")
    container = "spec.worker.spec.containers[0]"
    assert followed.reads(text) == [
        (
            f"note: {FILE}, document 1: line 3: the key 'kind' is there twice, first in line 2; the last one counts, "
            "remove the other."
        ),
        (
            f"note: {FILE}, document 1: DaskCluster default/c: periodSeconds in {container} is unknown to Kubernetes "
            f"there and left out; move it to {container}.livenessProbe."
        ),
        "made: DaskCluster default/c: made",
    ]
    assert followed.reads(f"{text}\n---\n{texts(supply('ConfigMap', 'x'))}") == ["made: ConfigMap default/x: made"]
    assert not followed.following.has_problems


def test_a_dump_of_a_kubernetes_is_made_anew() -> None:
    """A job makes its own cluster, so that of the dump is left out; statuses and uids count for nothing."""
    followed = Followed()
    mine = live(job(), "j-uid")
    its = live(cluster("j-cluster"), "c-uid", ownerReferences=[OWNER])
    lost = live(cluster("lost"), "l-uid", ownerReferences=[{**OWNER, "name": "gone", "uid": "g-uid"}])
    assert followed.says({"apiVersion": "v1", "kind": "List", "items": [mine, its, lost]}) == [
        "note: Left out, since DaskJob default/j makes its own here: DaskCluster default/j-cluster.",
        (
            "note: Left out, since the owner DaskJob default/gone is not among the manifests, and Kubernetes deletes "
            "what has lost its owner: DaskCluster default/lost; add the owner with its uid, or remove "
            "metadata.ownerReferences."
        ),
        "made: DaskJob default/j: made",
    ]
    assert "status" not in followed.body("j", DASK_JOB)
    assert followed.keys() == ["DaskJob default/j"]
