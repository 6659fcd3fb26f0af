"""Hashes: what replaces a Pod, and what does not."""

from typing import Any

import pytest

from models.resources import DaskCluster, DaskWorkerGroup
from reconciler.rules.template_hash import runner_hash, scheduler_hash, worker_hash
from tests.builders import cluster, group, job
from tests.manifests import pod_spec


def _worker_hash(worker: dict[str, Any] | None = None, of: DaskCluster | None = None, **more: Any) -> str:
    return worker_hash(group("simple", worker=worker or {}, **more), of or cluster())


@pytest.mark.parametrize(
    "container",
    [
        {"image": "dask:2"},
        {"env": [{"name": "A", "value": "1"}]},
        {"args": ["dask", "worker"]},
        {"resources": {"limits": {"nvidia.com/gpu": "1"}}},
        {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    ],
)
def test_any_edit_of_the_pod_spec_makes_another_hash(container: dict[str, Any]) -> None:
    """Image, env, args, resources and volumes are all followed."""
    spec = pod_spec(**container)
    assert _worker_hash({"spec": spec}) != _worker_hash()
    assert scheduler_hash(cluster(scheduler={"spec": spec})) != scheduler_hash(cluster())
    assert runner_hash(job(runner=spec)) != runner_hash(job())


def test_the_order_of_a_list_counts_and_that_of_fields_does_not() -> None:
    """The order of env variables has a meaning, that of a map has none."""
    one, (other,) = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}], pod_spec()["containers"]
    assert _worker_hash({"spec": pod_spec(env=one)}) != _worker_hash({"spec": pod_spec(env=one[::-1])})
    assert _worker_hash({"spec": {"containers": [dict(reversed(other.items()))]}}) == _worker_hash()


@pytest.mark.parametrize(
    "worker",
    [
        {"replicas": 7},
        {"metadata": {"labels": {"team": "x"}, "annotations": {"a": "b"}}},
        {"minReadySeconds": 5},
        {"updateStrategy": {"type": "Recreate"}},
    ],
)
def test_what_is_patched_in_place_replaces_no_worker(worker: dict[str, Any]) -> None:
    """Replicas, labels, annotations and the way of rolling out are no part of a worker's template."""
    assert _worker_hash(worker) == _worker_hash()


def test_what_only_services_see_replaces_no_scheduler() -> None:
    """A Service is changed in place, and so are labels."""
    changed = {"service": {"type": "NodePort"}, "metadata": {"labels": {"team": "x"}}}
    assert scheduler_hash(cluster(scheduler=changed)) == scheduler_hash(cluster())
    assert scheduler_hash(cluster(replicas=9, worker={"spec": pod_spec("dask:2")})) == scheduler_hash(cluster())


def test_workers_are_replaced_when_the_address_that_they_were_given_changes() -> None:
    """Scheme and port of the scheduler are in the workers' environment."""
    other_port = cluster(scheduler={"service": {"ports": [{"name": "tcp-comm", "port": 1}]}})
    other_scheme = cluster(scheduler={"spec": pod_spec(args=["--protocol", "tls"])})
    assert len({_worker_hash(), _worker_hash(of=other_port), _worker_hash(of=other_scheme)}) == 3


_WORKER: dict[str, Any] = {
    "spec": {
        "containers": [
            {
                "name": "worker",
                "image": "ghcr.io/dask/dask:2026.8.0",
                "args": ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"],
            }
        ]
    }
}


@pytest.mark.parametrize(
    ("container", "ports", "workers", "schedulers"),
    [
        ({}, [], "9f064a723a060fac", "96a5a40f9797598f"),
        (
            {},
            [{"name": "tcp-comm", "port": 9786, "targetPort": "tcp-comm"}],
            "5e6bef35599e369f",
            "96a5a40f9797598f",
        ),
        ({}, [{"name": "comm", "port": 8786}, {"name": "x", "port": 1}], "9f064a723a060fac", "96a5a40f9797598f"),
        ({}, [{"name": "x", "port": 8786}, {"name": "y", "port": 1}], "9f064a723a060fac", "96a5a40f9797598f"),
        ({"args": ["dask", "scheduler", "--protocol", "tls"]}, [], "ca0c5bd6bc395f69", "2f9457e7e91dcaad"),
        (
            {"args": ["dask", "scheduler", "--protocol=ucx://", "--port", "8786"]},
            [],
            "c3723d3927357e31",
            "307061322ad13750",
        ),
        (
            {"env": [{"name": "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "value": "tls"}]},
            [],
            "ca0c5bd6bc395f69",
            "e3651e2b95de8804",
        ),
        (
            {"command": ["sh", "-c"], "args": ["exec dask scheduler --port 8786"]},
            [],
            "9f064a723a060fac",
            "c92eca73672b25b6",
        ),
        ({"args": ["dask", "scheduler", "--host", "0.0.0.0"]}, [], "9f064a723a060fac", "0b5e7378e4d2fb43"),
        ({}, [{"name": "x", "port": 1}], "9f064a723a060fac", "96a5a40f9797598f"),
    ],
)
def test_a_new_version_restarts_nothing(
    container: dict[str, Any], ports: list[dict[str, Any]], workers: str, schedulers: str
) -> None:
    """These hashes are on Pods that run; where no port is known, those that run are left alone."""
    image = {"name": "scheduler", "image": "ghcr.io/dask/dask:2026.8.0", "args": ["dask", "scheduler"]}
    spec = {"containers": [{**image, **container}]}
    one = cluster(scheduler={"spec": spec, "service": {"ports": ports}}, worker=_WORKER)
    assert worker_hash(group("simple", worker=_WORKER), one) == workers
    assert scheduler_hash(one) == schedulers
    assert runner_hash(job(runner=_WORKER["spec"])) == "a61e56c6a834bf7b"


def test_the_hash_does_not_depend_on_what_only_kubernetes_writes() -> None:
    """Nulls, which mean that a field is absent, and the object's own names do not count."""
    assert _worker_hash({"spec": {**pod_spec(), "nodeSelector": None}}) == _worker_hash()
    renamed: DaskWorkerGroup = group("simple", "another")
    assert worker_hash(renamed, cluster()) == _worker_hash()
