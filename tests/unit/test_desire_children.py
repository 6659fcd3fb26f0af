"""Children: how they are marked, found again, and how many replicas they are handed."""

from typing import Any

import pytest

from models.kinds import DASK_WORKER_GROUP, SERVICE, Key
from models.observed import Service
from reconciler.desire.children import (
    Marks,
    child_body,
    find_child,
    in_role,
    naming_of,
    record_naming,
    replicas_to_hand_down,
)
from reconciler.labels import NAMING, ORDINAL, REPLICAS_HANDED_DOWN, ROLE, SET_BY_OWNER, Role, formerly_set
from reconciler.names import Naming
from tests.builders import cluster, default_group, group, pod, service

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
    assert body["metadata"]["labels"] == {"team": "x", "dask.org/component": "scheduler"}
    annotations = body["metadata"]["annotations"]
    assert annotations.keys() == {ROLE, SET_BY_OWNER, "x"}
    assert annotations[ROLE] == "service"
    assert formerly_set(annotations) == {"labels": ("team",), "spec": ("type",)}
    assert body["spec"] == {"type": "ClusterIP"}


def test_a_child_without_a_spec_leaves_the_present_one_as_it_is() -> None:
    """A Pod that exists is only marked."""
    assert "spec" not in child_body(SERVICE, "s", OWNER, Marks(Role.SCHEDULER, ()), None)


def _service(name: str, role: Role | None = Role.USER_SERVICE, **more: Any) -> Service:
    return service(name, owner=OWNER, annotations={} if role is None else {ROLE: str(role)}, **more)


def test_a_child_is_found_by_its_role_whatever_its_name() -> None:
    """Names may change with the naming set; the role stays."""
    one, other = _service("any"), _service("simple-service", Role.COMM_SERVICE)
    assert find_child([other, one], Role.USER_SERVICE, "simple-service") is one


def test_a_copy_of_a_child_is_not_taken_for_it() -> None:
    """Who copies an object, annotations and all, to make one of their own, keeps both."""
    original, copy = _service("simple-service"), _service("a-copy")
    for candidates in ([original, copy], [copy, original]):
        assert find_child(candidates, Role.USER_SERVICE, "simple-service") is original


def test_a_child_on_its_way_out_is_not_found() -> None:
    """Its successor is wanted already."""
    assert find_child([_service("simple-service", deleting=True)], Role.USER_SERVICE, "simple-service") is None


def test_a_child_whose_role_was_taken_away_is_known_by_its_name_and_other_marks() -> None:
    """One annotation less, by someone's hand, makes no duplicate; a stranger of that name is no child."""
    marked = service("simple-service", owner=OWNER, annotations={SET_BY_OWNER: "{}"})
    stranger = service("simple-service", owner=OWNER)
    assert find_child([marked], Role.USER_SERVICE, "simple-service") is marked
    assert find_child([stranger], Role.USER_SERVICE, "simple-service") is None
    assert find_child([marked], Role.USER_SERVICE, "another") is None


def test_what_a_user_hangs_on_a_resource_is_not_a_child() -> None:
    """A notebook Pod that is to go with the cluster is no scheduler, whatever it is called."""
    mine = pod("simple-scheduler", owner=OWNER, annotations={ROLE: str(Role.SCHEDULER)})
    replacement = pod("simple-scheduler-0a1b2", owner=OWNER, annotations={ORDINAL: "1"})
    theirs = [pod("simple-scheduler-proxy", owner=OWNER), pod("notebook", owner=OWNER, annotations={ORDINAL: "1"})]
    assert in_role([mine, replacement, *theirs], Role.SCHEDULER, "simple-scheduler") == (mine, replacement)


@pytest.mark.parametrize(
    ("parents", "childs", "handed_down", "result"),
    [
        (3, None, None, 3),
        (3, 3, "3", 3),
        (5, 3, "3", 5),
        (3, 5, "3", 5),
        (4, 5, "3", 4),
        (3, 5, None, 5),
        (0, 3, "3", 0),
        (3, 0, "3", 0),
        (3, 5, "damaged", 3),
    ],
    ids=[
        "new child",
        "nothing changed",
        "parent edited",
        "child scaled",
        "both changed: the parent wins",
        "never handed down: the child's stands",
        "parent to zero",
        "child to zero",
        "damaged: the parent's counts",
    ],
)
def test_replicas_have_two_writers_and_one_rule(
    parents: int, childs: int | None, handed_down: str | None, result: int
) -> None:
    """The parent's number counts when it differs from what was last handed down; otherwise the child's stands."""
    annotations = {} if handed_down is None else {REPLICAS_HANDED_DOWN: handed_down}
    meta = None if childs is None else group(annotations=annotations).metadata
    assert replicas_to_hand_down(parents, meta, childs or 0) == result


def test_a_naming_set_is_read_where_it_was_recorded() -> None:
    """Without a record, or with a damaged one, the resource is new."""
    assert naming_of(cluster(naming=Naming.CURRENT)) is Naming.CURRENT
    assert naming_of(cluster(naming=None)) is None
    assert naming_of(cluster(naming=None, annotations={NAMING: "modern"})) is None


def test_a_naming_set_is_recorded_as_an_annotation() -> None:
    """So that a later change of the setting leaves the resource alone."""
    record = record_naming(OWNER, Naming.CURRENT)
    assert record.resource is OWNER
    assert record.body == {"metadata": {"annotations": {NAMING: "current"}}}


def test_builders_agree_with_the_code_on_what_a_default_group_is() -> None:
    """The tests' own objects are found as children."""
    one = default_group(OWNER)
    assert find_child([one], Role.DEFAULT_GROUP, one.metadata.name) is one
    assert one.key == Key(DASK_WORKER_GROUP, "default", "simple-default-worker-group")
