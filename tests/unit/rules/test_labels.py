"""Labels and annotations: what flows down, and what is remembered of it."""

import pytest

from reconciler.rules.labels import COMPONENT, ORDINAL, SET_BY_OWNER, flow_down, formerly_set, ordinal, set_by_owner


def test_the_later_source_wins() -> None:
    """Labels flow down from the cluster over the group to the template, each stronger than the one before."""
    merged = flow_down({"a": "cluster", "b": "cluster", "c": "cluster"}, {"b": "group", "c": "group"}, {"c": "pod"})
    assert merged == {"a": "cluster", "b": "group", "c": "pod"}


@pytest.mark.parametrize(
    "key",
    [
        "kubectl.kubernetes.io/last-applied-configuration",
        "kubectl.kubernetes.io/restartedAt",
        "kopf.zalando.org/last-handled-configuration",
        "kubernetes.dask.org/role",
        "dask.org/cluster-name",
        "dask.org/component",
        "dask.org/workergroup-name",
    ],
)
def test_what_belongs_to_one_object_alone_does_not_flow_down(key: str) -> None:
    """kubectl's, kopf's and the reconciler's own keys stay where they are."""
    assert flow_down({key: "x", "team": "y"}) == {"team": "y"}


def test_other_dask_labels_are_the_users() -> None:
    """Only the three labels that the reconciler sets are reserved."""
    assert flow_down({"dask.org/project": "x"}) == {"dask.org/project": "x"}


def test_what_was_set_is_remembered_in_a_fixed_order() -> None:
    """The same keys make the same annotation, whatever order they come in."""
    one = set_by_owner(["b", "a"], ["d", "c"], ["f", "e"])
    assert one == set_by_owner(["a", "b"], ["c", "d"], ["e", "f"])
    assert formerly_set({SET_BY_OWNER: one}) == {"labels": ("a", "b"), "annotations": ("c", "d"), "spec": ("e", "f")}


@pytest.mark.parametrize("damaged", ["", "no json", "[]", "null", '{"labels": 1}', '"labels"', "1"])
def test_a_damaged_memory_is_no_memory(damaged: str) -> None:
    """Nothing is taken away, and nothing fails, if someone damages the annotation."""
    assert formerly_set({SET_BY_OWNER: damaged}) == {}
    assert formerly_set({}) == {}


def test_nothing_set_is_remembered_as_nothing() -> None:
    """An empty memory needs no annotation."""
    assert set_by_owner([], []) == "{}"
    assert COMPONENT not in set_by_owner(["team"], [])


@pytest.mark.parametrize("damage", ["9" * 5000, str(10**15), "1" * 16, "-1", "1.5", "", "x", "\u00b2"])
def test_a_damaged_ordinal_counts_as_none(damage: str) -> None:
    """Whatever someone writes into the annotation, the next worker's number follows from the others."""
    assert ordinal({ORDINAL: damage}) == 0
