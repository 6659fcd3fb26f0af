"""Manifests' files that change while they are followed."""

import pytest

from models.kinds import DASK_AUTOSCALER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.manifests import Manifest, autoscaler, cluster, group, job, pod_spec
from tests.unit.local.followed import GONE, NOON, Followed, key, running, supply

ARGUMENTS = "spec.worker.spec.containers[0].args"
pytestmark = pytest.mark.usefixtures("own_folder")


def test_what_the_files_ask_for_is_made() -> None:
    """Every object is created where its manifest says, and told."""
    followed = Followed()
    elsewhere = cluster("c")
    elsewhere["metadata"]["namespace"] = "ml"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod_spec()}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    assert followed.says(cluster(), elsewhere, group(), job(), autoscaler(), pod, service) == [
        "made: DaskCluster default/c: made",
        "made: DaskCluster ml/c: made",
        "made: DaskWorkerGroup default/g: made",
        "made: DaskJob default/j: made",
        "made: DaskAutoscaler default/a: made",
        "made: Pod default/p: made",
        "made: Service default/s: made",
    ]
    assert [followed.body(*of)["metadata"]["name"] for of in (("g", DASK_WORKER_GROUP), ("a", DASK_AUTOSCALER))]
    assert followed.body("p", POD)["status"] == {"phase": "Pending"}
    assert followed.body("s", SERVICE)["spec"]["clusterIP"]
    assert followed.following.clusters == (key("c"), key("c", namespace="ml"))
    assert followed.following.jobs == (key("j", DASK_JOB),)
    assert not followed.following.has_problems


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (cluster(replicas=2), cluster(replicas=5), "spec.worker.replicas 2 → 5"),
        (cluster(replicas=5), cluster(replicas=0), "spec.worker.replicas 5 → 0"),
        (cluster(replicas=5), cluster(), "spec.worker.replicas 5 → 1"),
        (cluster(), cluster(minReadySeconds=3), "spec.worker.minReadySeconds = 3"),
        (cluster(minReadySeconds=3), cluster(), "spec.worker.minReadySeconds = 3 removed"),
        (cluster(minReadySeconds=3), cluster(minReadySeconds=None), "spec.worker.minReadySeconds = 3 removed"),
        (running(args=["a"]), running(args=["a", "b"]), f'{ARGUMENTS} ["a"] → ["a", "b"]'),
        (running(args=["x" * 70]), running(args=["x" * 69 + "y"]), f"{ARGUMENTS} changed"),
        (
            running(env=[{"name": "A", "value": "1"}]),
            running(env=[{"name": "A", "value": "2"}]),
            'spec.worker.spec.containers[0].env[0].value "1" → "2"',
        ),
        (
            cluster(metadata={"labels": dict.fromkeys("abcdefg", "1")}),
            cluster(metadata={"labels": dict.fromkeys("abcdefg", "2")}),
            "; ".join([*(f'spec.worker.metadata.labels.{name} "1" → "2"' for name in "abcde"), "and 2 more"]),
        ),
    ],
)
def test_an_edit_is_written_and_told_field_by_field(before: Manifest, after: Manifest, told: str) -> None:
    """What an edit sets, changes and removes is so in the API, and is told with the old and the new value."""
    followed = Followed()
    followed.says(before)
    uid = followed.body("c")["metadata"]["uid"]
    assert followed.says(after) == [f"changed: DaskCluster default/c: {told}"]
    fresh = Followed()
    fresh.says(after)
    assert followed.body("c")["spec"] == fresh.body("c")["spec"]
    assert followed.body("c")["metadata"]["uid"] == uid


def test_what_others_have_set_stays() -> None:
    """An edit changes only what the files say: status, annotations and replicas of others stay as they are."""
    followed = Followed()
    followed.says(cluster(replicas=2, metadata={"labels": {"a": "1"}}))
    followed.api.edit(key("c"), {"metadata": {"annotations": {"of": "ours"}}, "spec": {"worker": {"replicas": 9}}})
    followed.api.set_status(key("c"), {"phase": "Running"})
    labelled = cluster(replicas=2, metadata={"labels": {"a": "2"}})
    labelled["metadata"]["annotations"] = {"mine": "1"}
    told = 'metadata.annotations.mine = "1"; spec.worker.metadata.labels.a "1" → "2"'
    assert followed.says(labelled) == [f"changed: DaskCluster default/c: {told}"]
    body = followed.body("c")
    assert body["metadata"]["annotations"] == {"of": "ours", "mine": "1"}
    assert body["spec"]["worker"]["replicas"] == 9
    assert body["status"] == {"phase": "Running"}
    told = 'metadata.annotations.mine = "1" removed; spec.worker.replicas 9 → 3'
    assert followed.says(cluster(replicas=3, metadata={"labels": {"a": "2"}})) == [
        f"changed: DaskCluster default/c: {told}"
    ]
    assert followed.body("c")["metadata"]["annotations"] == {"of": "ours"}


class Interrupted(MemoryAPI):
    """An API that somebody else writes to when we have just looked."""

    def get(self, key: Key) -> Body | None:
        found = super().get(key)
        if found and "seen" not in found["metadata"].get("annotations", {}):
            self.edit(key, {"metadata": {"annotations": {"seen": "1"}}})
        return found


def test_an_edit_between_two_writes_of_others_is_written_at_the_next_look() -> None:
    """What somebody else writes at the same moment is neither undone nor told as the user's doing."""
    followed = Followed(api=Interrupted(lambda: NOON))
    followed.says(cluster(replicas=2))
    assert followed.says(cluster(replicas=3)) == []
    assert followed.polled() == ["changed: DaskCluster default/c: spec.worker.replicas 2 → 3"]
    assert followed.body("c")["metadata"]["annotations"] == {"seen": "1"}


def test_an_object_as_kubectl_prints_it_is_followed() -> None:
    """What only the API sets, as `kubectl get -o yaml` shows it, is not taken from a file."""
    followed = Followed()
    live = cluster(replicas=2)
    live["metadata"] |= {"uid": "u", "resourceVersion": "3", "managedFields": [], "creationTimestamp": None}
    live["status"] = {"phase": "Running"}
    assert followed.says(live) == ["made: DaskCluster default/c: made"]
    live["metadata"]["resourceVersion"], live["status"] = "4", {}
    assert followed.says(live) == []
    assert followed.body("c")["metadata"]["uid"] != "u"
    assert "status" not in followed.body("c")


def test_what_is_removed_from_the_files_is_deleted() -> None:
    """An object that the files no longer have is deleted and told; the others stay as they are."""
    followed = Followed()
    followed.says(cluster(), group(), job())
    version = followed.body("c")["metadata"]["resourceVersion"]
    assert followed.says(cluster()) == [
        f"deleted: DaskWorkerGroup default/g: {GONE}",
        f"deleted: DaskJob default/j: {GONE}",
    ]
    assert followed.keys() == ["DaskCluster default/c"]
    assert followed.body("c")["metadata"]["resourceVersion"] == version
    assert not followed.following.jobs
    assert followed.following.clusters == (key("c"),)
    assert followed.says(cluster(), job()) == ["made: DaskJob default/j: made"]


def test_a_renamed_object_is_another() -> None:
    """Another name or namespace makes one object and deletes the other."""
    followed = Followed()
    followed.says(cluster("old"))
    assert followed.says(cluster("new")) == [
        "made: DaskCluster default/new: made",
        f"deleted: DaskCluster default/old: {GONE}",
    ]
    assert followed.keys() == ["DaskCluster default/new"]


def test_an_object_that_has_gone_is_made_again_only_when_the_files_change_it() -> None:
    """A job that its ttl has removed stays away, whatever else changes, until its own manifest does."""
    followed = Followed()
    followed.says(job(), cluster())
    followed.api.remove(key("j", DASK_JOB))
    assert followed.says(job(), cluster(replicas=3)) == ["changed: DaskCluster default/c: spec.worker.replicas 1 → 3"]
    assert followed.keys() == ["DaskCluster default/c"]
    assert followed.following.jobs == (key("j", DASK_JOB),)
    assert followed.says(job(replicas=2), cluster(replicas=3)) == ["made: DaskJob default/j: made"]
    followed.api.remove(key("j", DASK_JOB))
    assert followed.says(cluster(replicas=3)) == []
    assert not followed.following.jobs


def test_another_object_of_the_same_name_is_not_deleted() -> None:
    """What is removed from the files is deleted by its uid: what somebody else made in its place stays."""
    followed = Followed()
    followed.says(cluster(), group())
    followed.api.remove(key("g", DASK_WORKER_GROUP))
    theirs = group()
    theirs["metadata"]["namespace"] = "default"
    followed.api.create(DASK_WORKER_GROUP, theirs)
    assert followed.says(cluster()) == []
    assert followed.body("g", DASK_WORKER_GROUP)


def test_an_object_is_made_when_its_predecessor_has_gone() -> None:
    """A Pod that is removed and put back waits for the end of the one that is still ending."""
    followed = Followed()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {**pod_spec(), "nodeName": "n"}}
    followed.says(cluster(), pod)
    assert followed.says(cluster()) == [f"deleted: Pod default/p: {GONE}"]
    assert "deletionTimestamp" in followed.body("p", POD)["metadata"]
    assert followed.says(cluster(), pod) == []
    assert followed.polled() == []
    followed.api.remove(key("p", POD))
    assert followed.polled() == ["made: Pod default/p: made"]
    assert "deletionTimestamp" not in followed.body("p", POD)["metadata"]


def test_config_maps_and_secrets_are_objects_too() -> None:
    """They are made, changed and deleted like other objects; what a Secret holds is never told."""
    followed = Followed()
    settings_map = supply("ConfigMap", "settings", data={"LEVEL": "low", "OLD": "1"})
    token = supply("Secret", "token", stringData={"password": "hunter2", "old": "x"})
    assert followed.says(settings_map, token) == [
        "made: ConfigMap default/settings: made",
        "made: Secret default/token: made",
    ]
    settings_map["data"] = {"LEVEL": "high", "NEW": "2"}
    token["stringData"] = {"password": "hunter3", "new": "y"}
    assert followed.says(settings_map, token) == [
        'changed: ConfigMap default/settings: data.LEVEL "low" → "high"; data.NEW = "2"; data.OLD = "1" removed',
        "changed: Secret default/token: data.new added; data.old removed; data.password changed",
    ]
    supplies = followed.supplies
    assert supplies["Secret", "default", "token"].data == {"password": b"hunter3", "new": b"y"}
    assert followed.says(settings_map) == [f"deleted: Secret default/token: {GONE}"]
    assert list(followed.supplies) == [("ConfigMap", "default", "settings")]
    assert followed.keys() == []


def test_other_kinds_are_told_once() -> None:
    """What is no business of the reconciler's is told when it is first seen, and does no harm."""
    followed = Followed()
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    words = "note: Deployment default/x is no business of the reconciler's and is ignored here."
    assert followed.says(other, cluster()) == [words, "made: DaskCluster default/c: made"]
    assert followed.says(other, cluster(replicas=1)) == []
    assert not followed.following.has_problems


def test_a_warning_of_the_api_is_told_once() -> None:
    """An unknown field that the API leaves out is told when it is first sent, with its object."""
    followed = Followed()
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod_spec()}
    pod["spec"]["nodNme"] = "x"
    assert followed.says(pod) == ["made: Pod default/p: made", 'note: Pod default/p: unknown field "spec.nodNme"']
    pod["spec"]["nodNme"] = "y"
    assert followed.says(pod) == []
    assert "nodNme" not in followed.body("p", POD)["spec"]
