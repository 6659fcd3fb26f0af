"""Clusters: what one asks for under either naming set, and what keeps it from being built."""

from typing import Any

import pytest

from models.kinds import DASK_AUTOSCALER, DASK_WORKER_GROUP, POD, SERVICE
from models.resources import DaskCluster
from models.snapshot import Observed, Unreadable
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules.labels import (
    CLUSTER,
    COMPONENT,
    KOPF_FINALIZER,
    NAMING,
    REPLICAS_HANDED_DOWN,
    ROLE,
    SET_BY_OWNER,
    Role,
)
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import NOON, autoscaler, cluster, default_group, group, pod, scheduler, service, unreadable, world
from tests.manifests import pod_spec

ONE = cluster()
Objects = dict[tuple[str, str], dict[str, Any]]


def _desired(of: DaskCluster, *objects: Observed | Unreadable, naming: Naming = Naming.CLASSIC) -> Desired:
    return desire(of, world(of, *objects), naming)


def _bodies(desired: Desired) -> Objects:
    return {(wanted.key.kind.name, wanted.key.name): wanted.body for wanted in desired.wanted}


@pytest.mark.parametrize(
    ("naming", "names"),
    [
        (
            Naming.CLASSIC,
            {
                ("Pod", "simple-scheduler"),
                ("Service", "simple-service"),
                ("Service", "simple-scheduler"),
                ("DaskWorkerGroup", "simple-default-worker-group"),
            },
        ),
        (
            Naming.CURRENT,
            {
                ("Pod", "simple-scheduler"),
                ("Service", "simple-scheduler"),
                ("DaskWorkerGroup", "simple-default"),
            },
        ),
    ],
)
def test_a_cluster_asks_for_what_its_naming_set_says(naming: Naming, names: set[tuple[str, str]]) -> None:
    """Scheduler, Services and default group, and the workers' group hands on the rest."""
    for setting in Naming:
        desired = _desired(cluster(naming=naming), naming=setting)
        assert _bodies(desired).keys() == names
        assert (desired.unwanted, desired.records, desired.findings) == ((), (), ())


def test_a_new_cluster_gets_its_naming_set_recorded_first() -> None:
    """Under the setting of the day, which later changes do not touch."""
    for setting in Naming:
        desired = _desired(cluster(naming=None), naming=setting)
        assert [record.body for record in desired.records] == [{"metadata": {"annotations": {NAMING: str(setting)}}}]
        assert desired.wanted == ()


def test_one_service_is_the_schedulers_and_the_users() -> None:
    """The second one is found by clients by its name: no monitor scrapes it too, and no annotation concerns it."""
    users = {"labels": {"team": "x"}, "annotations": {"tailscale.com/expose": "true"}}
    bodies = _bodies(_desired(cluster(scheduler={"metadata": users}, labels={"a": "b"}, annotations={"c": "d"})))
    first, second = (bodies["Service", name]["metadata"] for name in ("simple-service", "simple-scheduler"))
    ours = {"kubernetes.dask.org/cluster": "simple"}
    truth = {"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"}
    assert first["labels"] == {"team": "x", "a": "b", **truth, **ours}
    assert first["annotations"].items() >= {"tailscale.com/expose": "true", "c": "d"}.items()
    assert second["labels"] == {"team": "x", "a": "b", "dask.org/component": "scheduler-comm", **ours}
    assert second["annotations"].keys() == {ROLE, SET_BY_OWNER}


def test_everything_made_for_a_cluster_can_be_found_again() -> None:
    """Each object has a role, an owner with uid, and the labels by which lists find it."""
    for (kind, _), body in _bodies(_desired(ONE)).items():
        meta = body["metadata"]
        assert meta["annotations"][ROLE]
        assert [owner["uid"] for owner in meta["ownerReferences"]] == [ONE.metadata.uid]
        assert kind == "DaskWorkerGroup" or COMPONENT in meta["labels"]
        assert meta["labels"][CLUSTER] == "simple"


def test_the_default_group_is_the_clusters_worker_section() -> None:
    """As the user wrote it, and with the number that was handed down."""
    worker = {"spec": pod_spec("dask:9"), "minReadySeconds": 5, "metadata": {"labels": {"team": "x"}}}
    one = cluster(replicas=4, worker=worker, labels={"a": "b"})
    body = _bodies(_desired(one))["DaskWorkerGroup", "simple-default-worker-group"]
    assert body["spec"] == {"cluster": "simple", "worker": {**worker, "replicas": 4}}
    assert body["metadata"]["labels"] == {
        "a": "b",
        "team": "x",
        "dask.org/cluster-name": "simple",
        "dask.org/component": "workergroup",
        "kubernetes.dask.org/cluster": "simple",
    }
    assert body["metadata"]["annotations"][REPLICAS_HANDED_DOWN] == "4"


@pytest.mark.parametrize(
    ("parents", "childs", "handed_down", "replicas"),
    [(3, 7, 3, 7), (4, 7, 3, 4), (3, 7, None, 7), (3, 3, 3, 3)],
    ids=["child scaled", "both changed", "never handed down", "nothing changed"],
)
def test_the_default_groups_own_number_stands_until_the_clusters_changes(
    parents: int, childs: int, handed_down: int | None, replicas: int
) -> None:
    """And the cluster's is recorded as handed down in the same write."""
    one = cluster(replicas=parents)
    child = default_group(one, replicas=childs, handed_down=handed_down)
    body = _bodies(_desired(one, child))["DaskWorkerGroup", "simple-default-worker-group"]
    assert body["spec"]["worker"]["replicas"] == replicas
    assert body["metadata"]["annotations"][REPLICAS_HANDED_DOWN] == str(parents)


def test_children_are_found_under_whatever_name_they_have() -> None:
    """A Service from the other naming set is the user's Service all the same."""
    there = service("another-name", owner=ONE, role=Role.USER_SERVICE)
    wanted = next(one for one in _desired(ONE, there).wanted if one.body["metadata"]["annotations"][ROLE] == "service")
    assert (wanted.present, wanted.key.name) == (there, "another-name")


@pytest.mark.parametrize(
    ("of", "others", "reason"),
    [
        (cluster("a" * 54), [], Reason.NAME_TOO_LONG),
        (cluster("a.b"), [], Reason.NAME_TOO_LONG),
        (cluster(naming=None, finalizers=[KOPF_FINALIZER]), [], Reason.OTHER_OPERATOR),
        (
            cluster(naming=None),
            [
                pod(
                    "simple-scheduler-6f9d-x",
                    labels={"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"},
                    ownerReferences=[
                        {
                            "apiVersion": "apps/v1",
                            "kind": "ReplicaSet",
                            "name": "simple-scheduler-6f9d",
                            "uid": "r",
                            "controller": True,
                        }
                    ],
                )
            ],
            Reason.OTHER_OPERATOR,
        ),
    ],
    ids=["too long", "a dot", "kopf's finalizer", "Deployments' Pods"],
)
def test_what_cannot_or_must_not_be_built_is_left_alone_and_told(
    of: DaskCluster, others: list[Observed], reason: Reason
) -> None:
    """No write at all, and a sentence that says why."""
    desired = _desired(of, *others)
    assert (desired.wanted, desired.unwanted, desired.records) == ((), (), ())
    (finding,) = desired.findings
    assert (finding.about, finding.reason) == (of.key, reason)
    assert finding.message


def test_a_cluster_of_ours_is_ours_in_spite_of_kopfs_finalizer() -> None:
    """A dask-kubernetes that comes by later does not take it over."""
    one = cluster(finalizers=[KOPF_FINALIZER])
    assert _desired(one, scheduler(one)).wanted


def test_a_deleted_cluster_asks_for_nothing() -> None:
    """Garbage collection does the rest, and nobody works against it."""
    one = cluster(deleting=NOON)
    assert _desired(one, scheduler(one, phase="Failed")) == Desired(one)


def test_nothing_is_touched_while_the_scheduler_cannot_be_read() -> None:
    """Or there might be two."""
    assert _desired(ONE, unreadable(POD, "simple-scheduler-0a1b2", ONE)) == Desired(ONE)


@pytest.mark.parametrize("kind", [DASK_WORKER_GROUP, DASK_AUTOSCALER, SERVICE])
def test_one_unreadable_part_does_not_stop_the_others(kind: Any) -> None:
    """A typo in an additional group must not keep a scheduler from coming back."""
    assert len(_desired(ONE, unreadable(kind, "odd", ONE)).wanted) == 4


def test_two_clusters_never_share_a_child() -> None:
    """A namesake with another uid is another cluster."""
    namesake = cluster(uid="before")
    left = default_group(namesake)
    wanted = {one.key.name: one.present for one in _desired(ONE, left, scheduler(namesake)).wanted}
    assert set(wanted.values()) == {None}


def test_an_autoscaler_belongs_to_its_cluster() -> None:
    """It is adopted, so that it goes with the cluster, and otherwise left alone."""
    free = autoscaler("simple")
    (record,) = desire(free, world(ONE, free), Naming.CLASSIC).records
    assert [owner["uid"] for owner in record.body["metadata"]["ownerReferences"]] == [ONE.metadata.uid]
    mine = autoscaler(ONE)
    assert desire(mine, world(ONE, mine), Naming.CLASSIC) == Desired(mine)
    lost = autoscaler("nobody")
    assert desire(lost, world(lost), Naming.CLASSIC) == Desired(lost)
    leaving = cluster(deleting=NOON)
    assert desire(free, world(leaving, free), Naming.CLASSIC) == Desired(free)


def test_a_refused_adoption_is_its_own_affair() -> None:
    """A cluster asks for what it needs, whatever its groups and autoscalers still wait for."""
    desired = _desired(ONE, group("simple", "free"), autoscaler("simple"))
    assert desired.records == ()
    assert len(desired.wanted) == 4
