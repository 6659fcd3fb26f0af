"""Objects whose owners are not among the manifests."""

import io

import pytest
import yaml

from reconciler.manifests import LeftOut, Manifest, owned, read
from tests.manifests import Manifest as Body
from tests.manifests import cluster, group, job

REMEDY = "add the owner with its uid, or remove metadata.ownerReferences."
LOST = "is not among the manifests, and Kubernetes deletes what has lost its owner"
JOB = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "name": "j", "uid": "j-uid", "controller": True}
CLUSTER = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "name": "c", "uid": "c-uid"}
WORKFLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "w-uid"}
POD = {"apiVersion": "v1", "kind": "Pod", "name": "notebook", "uid": "n-uid"}


def having(body: Body, *owners: Body, uid: str = "") -> Body:
    """The manifest with owners, and with a uid as if it were read from a Kubernetes."""
    more = {"uid": uid} if uid else {}
    return {**body, "metadata": {**body["metadata"], **more, "ownerReferences": list(owners)}}


def judged(*bodies: Body, keeps_uids: bool = True) -> tuple[list[Manifest], list[LeftOut]]:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(bodies)})
    reading = read(["-"], "default", io.StringIO(text))
    assert reading.problems == []
    return owned(reading.manifests, keeps_uids=keeps_uids)


def names(manifests: list[Manifest]) -> list[str]:
    return [manifest.key.name for manifest in manifests]


@pytest.mark.parametrize("uid", ["", "c-uid"], ids=["new", "live"])
def test_what_has_no_owner_is_left_out_with_all_that_it_owns(uid: str) -> None:
    """Whether it is new or was read from a Kubernetes without its owner; the words name the owner once."""
    bodies = (cluster("free"), having(cluster(), JOB, uid=uid), having(group(), CLUSTER, uid="g-uid"))
    kept, left_out = judged(*bodies)
    assert names(kept) == ["free"]
    assert [str(each) for each in left_out] == [
        f"Left out, since the owner DaskJob default/j {LOST}: DaskCluster default/c; {REMEDY}",
        f"Left out, since the owner DaskCluster default/c {LOST}: DaskWorkerGroup default/g; {REMEDY}",
    ]


def test_what_has_its_owner_is_taken() -> None:
    """Owners are found by their uids, however the manifests are ordered; one of several is enough."""
    gone = {**JOB, "name": "other", "uid": "gone", "controller": False}
    bodies = (having(group(), CLUSTER), having(cluster(), gone, JOB, uid="c-uid"), having(job(), uid="j-uid"))
    assert judged(*bodies) == (judged(*bodies)[0], [])
    assert names(judged(*bodies)[0]) == ["g", "c", "j"]


def test_an_owner_is_an_object_and_no_name() -> None:
    """A job of the owner's name is another one, and makes a cluster of its own."""
    _, left_out = judged(having(job(), uid="another"), having(cluster(), JOB))
    assert [str(each) for each in left_out] == [
        f"Left out, since the owner DaskJob default/j {LOST}: DaskCluster default/c; {REMEDY}"
    ]


def test_where_all_is_made_anew_owners_make_their_own() -> None:
    """No uid counts then: a dump of a job and its cluster comes to the job."""
    bodies = (having(job(), uid="j-uid"), having(cluster(), JOB, uid="c-uid"))
    kept, left_out = judged(*bodies, keeps_uids=False)
    assert names(kept) == ["j"]
    assert [str(each) for each in left_out] == [
        "Left out, since DaskJob default/j makes its own here: DaskCluster default/c."
    ]


@pytest.mark.parametrize("owner", [WORKFLOW, POD], ids=lambda owner: str(owner["kind"]))
def test_owners_of_other_kinds_count_as_there(owner: Body) -> None:
    """They cannot be seen from here; a new object is taken without them, a live one as it is."""
    (kept,), left_out = judged(having(cluster(), owner))
    assert left_out == []
    assert kept.body["metadata"]["ownerReferences"] == []
    (kept,), left_out = judged(having(cluster(), owner, uid="c-uid"))
    assert left_out == []
    assert kept.body["metadata"]["ownerReferences"] == [owner]


def test_many_are_counted() -> None:
    """A few are named."""
    _, left_out = judged(*(having(group(f"g{number}"), CLUSTER) for number in range(8)))
    named = ", ".join(f"DaskWorkerGroup default/g{number}" for number in range(5))
    assert [str(each) for each in left_out] == [
        f"Left out, since the owner DaskCluster default/c {LOST}: {named} and 3 more; {REMEDY}"
    ]
