"""What people wrote against dask-kubernetes runs after its import is changed."""

import inspect
from importlib import import_module

import pytest
from dask_kubernetes.operator import KubeCluster as Theirs  # type: ignore[import-untyped]  # it has no types

from kubecluster import KubeCluster, make_cluster_spec
from models.resources import DaskCluster

PLACES = ("operator", "operator.kubecluster", "operator.kubecluster.kubecluster", "operator.kubecluster.discovery")
NAMES = {"KubeCluster", "CreateMode", "discover", "make_cluster_spec", "make_scheduler_spec", "make_worker_spec"}
METHODS = ("from_name", "scale", "adapt", "add_worker_group", "delete_worker_group", "get_logs", "close")


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_found_as_deep_as_dask_kubernetes_has_it(place: str) -> None:
    """`dask_kubernetes` is replaced by `kubecluster` in the import line, and nothing else."""
    theirs, ours = (import_module(f"{package}.{place}") for package in ("dask_kubernetes", "kubecluster"))
    expected = NAMES & set(vars(theirs))
    assert expected
    assert expected <= set(ours.__all__)
    for name in expected:
        assert getattr(ours, name) is getattr(import_module("kubecluster"), name)


def test_except_clauses_find_their_errors() -> None:
    """Each of dask-kubernetes' errors has a name here, for what is raised in its place."""
    theirs, ours = (import_module(f"{package}.exceptions") for package in ("dask_kubernetes", "kubecluster"))
    expected = {name for name, each in vars(theirs).items() if inspect.isclass(each)}
    assert expected == set(ours.__all__)
    assert all(issubclass(getattr(ours, name), Exception) for name in expected)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_dask_kubernetes_takes(name: str) -> None:
    """By place and by name, and what may be left out there may be left out here."""
    theirs, ours = (inspect.signature(getattr(each, name)).parameters for each in (Theirs, KubeCluster))
    assert list(ours)[: len(theirs)] == list(theirs)
    for each, parameter in theirs.items():
        assert ours[each].kind is parameter.kind
        assert parameter.default is parameter.empty or ours[each].default is not parameter.empty


def test_a_program_that_completes_a_manifest_works_on() -> None:
    """It looks for resources, environment and replicas that it did not give, and finds none rather than a KeyError."""
    spec = make_cluster_spec(name="curate", worker_command="dask-cuda-worker", image="registry.example.org/curate:1")
    scheduler, worker = (spec["spec"][part]["spec"] for part in ("scheduler", "worker"))
    for container in (*scheduler["containers"], *worker["containers"]):
        if not container["resources"]:
            container["resources"] = {"limits": {}}
        container["resources"]["limits"]["cpu"] = "1"
        container["env"].append({"name": "A", "value": "b"})
    spec["spec"]["worker"]["replicas"] += 1
    made = DaskCluster.model_validate(spec).spec
    assert made.worker.replicas == 2
    (container,) = made.worker.spec["containers"]
    assert (container["resources"], container["env"]) == ({"limits": {"cpu": "1"}}, [{"name": "A", "value": "b"}])
