"""Manifests from arguments: as dask-kubernetes makes them, except where the table says that ours are better."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dask_kubernetes.operator as upstream  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubecluster.containers import Body
from kubecluster.specs import make_cluster_spec, make_scheduler_spec, make_worker_spec
from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from models.resources import DaskCluster
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI, Schemas, read
from tests.upstream import upstream_crd

CRDS = Path(__file__).parents[2] / "crds"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
GPU = "nvidia.com/gpu"
ABSENT = "absent"
RAPIDS: Body = {
    "name": "rapids-dask-cluster",
    "image": "rapidsai/base",
    "n_workers": 3,
    "resources": {"limits": {GPU: "1"}},
    "env": {"DISABLE_JUPYTER": "true"},
    "worker_command": "dask-cuda-worker",
}

Changes = dict[str, tuple[Any, Any]]

WORKER = "spec/worker/spec/containers/0"
SCHEDULER = "spec/scheduler/spec/containers/0"
ALWAYS: Changes = {
    "metadata/labels/dask.org/cluster-name": (ABSENT, "c"),
    f"{SCHEDULER}/startupProbe/httpGet/port": (ABSENT, "http-dashboard"),
    f"{SCHEDULER}/startupProbe/httpGet/path": (ABSENT, "/health"),
    f"{SCHEDULER}/startupProbe/periodSeconds": (ABSENT, 1),
    f"{SCHEDULER}/startupProbe/timeoutSeconds": (ABSENT, 5),
    f"{SCHEDULER}/startupProbe/failureThreshold": (ABSENT, 1800),
    f"{SCHEDULER}/readinessProbe/timeoutSeconds": (300, 30),
    f"{SCHEDULER}/livenessProbe/timeoutSeconds": (ABSENT, 60),
}
"""What differs whatever the arguments are: dask-kubernetes' value and ours."""

NO_REPLICAS: Changes = {"spec/worker/replicas": (None, 1)}
NO_ENV: Changes = {f"{WORKER}/env": (None, ABSENT), f"{SCHEDULER}/env": (None, ABSENT)}
NO_RESOURCES: Changes = {f"{WORKER}/resources": (None, ABSENT), f"{SCHEDULER}/resources": (None, ABSENT)}
"""Ours are empty, which `flat` takes for nothing."""
CPU = {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "500m"}}
USUAL = {"n_workers": 2, "env": {"A": "b"}, "resources": CPU}

TABLE: list[tuple[Body, Changes]] = [
    (USUAL, {}),
    ({}, NO_REPLICAS | NO_ENV | NO_RESOURCES),
    ({"n_workers": 0}, NO_ENV | NO_RESOURCES),
    ({**USUAL, "image": "me/dask:1", "idle_timeout": 300, "jupyter": True}, {}),
    ({**USUAL, "idle_timeout": None}, {"spec/idleTimeout": (None, 0)}),
    ({**USUAL, "scheduler_service_type": "LoadBalancer"}, {}),
    ({**USUAL, "scheduler_service_type": "NodePort"}, {}),
    ({**USUAL, "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, {}),
    (
        {**USUAL, "env": {"A": 1, "B": True, "C": None}},
        {
            f"{container}/env/{place}/value": change
            for container in (WORKER, SCHEDULER)
            for place, change in enumerate([(1, "1"), (True, "true"), (None, "")])
        },
    ),
    ({**USUAL, "worker_command": "dask worker --nthreads 2"}, {}),
    ({**USUAL, "worker_command": ["dask", "worker", "--resources", "A=1 B=2"]}, {}),
    (
        {**USUAL, "worker_command": "run 'a b'"},
        {f"{WORKER}/args/{place}": (theirs, ours) for place, (theirs, ours) in enumerate(
            [("run", "run"), ("'a", "a b"), ("b'", "--name"), ("--name", "$(DASK_WORKER_NAME)"),
             ("$(DASK_WORKER_NAME)", "--dashboard"), ("--dashboard", "--dashboard-address"),
             ("--dashboard-address", "8788"), ("8788", ABSENT)]) if place},
    ),
    (
        {**USUAL, "resources": {"limits": {"cpu": 2, "memory": 1.5}}},
        {
            f"{container}/resources/limits/{name}": change
            for container in (WORKER, SCHEDULER)
            for name, change in {"cpu": (2, "2"), "memory": (1.5, "1.5")}.items()
        },
    ),
    (
        {**USUAL, "resources": {"limits": {GPU: "1", "cpu": "2"}}},
        {f"{SCHEDULER}/resources/limits/{GPU}": ("1", ABSENT)},
    ),
]  # fmt: skip
"""Arguments, and what differs for them beside what always does."""


@pytest.mark.parametrize(("arguments", "changes"), TABLE)
def test_a_cluster_is_as_dask_kubernetes_makes_it_but_for_what_the_table_says(
    arguments: Body, changes: Changes
) -> None:
    """For equal arguments the manifests differ where ours is better, and nowhere else."""
    theirs = flat(with_todays_commands(upstream.make_cluster_spec("c", **arguments)))
    ours = flat(make_cluster_spec("c", **arguments))
    found = {
        path: (theirs.get(path, ABSENT), ours.get(path, ABSENT))
        for path in theirs | ours
        if theirs.get(path, ABSENT) != ours.get(path, ABSENT)
    }
    assert found == ALWAYS | changes


def with_todays_commands(cluster: Body) -> Body:
    """A cluster whose containers run the commands that Dask still has."""
    today = {"dask-scheduler": ["dask", "scheduler"], "dask-worker": ["dask", "worker"]}
    for part in ("scheduler", "worker"):
        (container,) = cluster["spec"][part]["spec"]["containers"]
        first, *others = container["args"]
        container["args"] = [*today.get(first, [first]), *others]
    return cluster


def flat(value: Any, path: str = "") -> Body:
    """Values by path; empty mappings and lists are nothing, as Kubernetes has it."""
    return dict(_leaves(value, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in pairs:
            yield from _leaves(each, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


@pytest.mark.parametrize("function", [make_cluster_spec, make_worker_spec, make_scheduler_spec])
def test_arguments_stand_where_dask_kubernetes_has_them(function: Callable[..., Body]) -> None:
    """Names, order and defaults are dask-kubernetes' own; what is new can only be given by name.

    The default of `worker_command` depends on `gpus`, so it is written as `None`.
    """
    theirs = inspect.signature(getattr(upstream, function.__name__)).parameters
    ours = inspect.signature(function).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in ours.items():
        if name not in theirs:
            assert name == "pod" or (parameter.kind, parameter.default) == (inspect.Parameter.KEYWORD_ONLY, None)
        elif name != "worker_command":
            assert (parameter.kind, parameter.default) == (theirs[name].kind, theirs[name].default)


def test_workers_and_scheduler_apart_are_as_in_the_cluster() -> None:
    """`make_worker_spec` and `make_scheduler_spec` make the parts of `make_cluster_spec`."""
    whole = make_cluster_spec("c", "me/dask:1", 2, CPU, {"A": "b"}, "run", "NodePort", 0, jupyter=True)["spec"]
    assert make_worker_spec("me/dask:1", 2, CPU, {"A": "b"}, "run") == whole["worker"]
    assert make_scheduler_spec("c", {"A": "b"}, CPU, "me/dask:1", "NodePort", jupyter=True) == whole["scheduler"]


def created(body: Body, definitions: Schemas) -> tuple[MemoryAPI, tuple[str, ...]]:
    """A Kubernetes in which it was created, and the warnings that came with it.

    Raises:
        Invalid: the definitions forbid it.
    """
    api = MemoryAPI(lambda: NOON, schemas=definitions)
    return api, api.create(DASK_CLUSTER, {**body, "metadata": {"namespace": "default", **body["metadata"]}}).warnings


@cache
def ours() -> Schemas:
    return read(CRDS)


@cache
def theirs() -> Schemas:
    return Schemas([upstream_crd(DASK_CLUSTER)])


AMOUNTS = st.sampled_from([1, 0.5, "500m", "4Gi", "1e3", "2E"])
RESOURCES = st.dictionaries(
    st.sampled_from(["limits", "requests"]), st.dictionaries(st.sampled_from(["cpu", "memory", GPU]), AMOUNTS)
)
TEXTS = st.text(max_size=5)
ARGUMENTS = st.fixed_dictionaries(
    {"name": st.from_regex("[a-z]([-a-z0-9]{0,51}[a-z0-9])?", fullmatch=True)},
    optional={
        "image": st.text(min_size=1),
        "n_workers": st.none() | st.integers(0, 2**31 - 1),
        "resources": st.none() | RESOURCES,
        "env": st.none() | st.dictionaries(st.from_regex("[A-Z_]+", fullmatch=True), TEXTS | st.integers()),
        "worker_command": st.none() | st.lists(TEXTS, min_size=1),
        "scheduler_service_type": st.sampled_from(["ClusterIP", "nodeport", "LoadBalancer"]),
        "idle_timeout": st.none() | st.integers(0, 10**6),
        "jupyter": st.booleans(),
        "scheduler_resources": st.none() | RESOURCES,
        "worker_resources": st.dictionaries(st.just("requests"), st.dictionaries(st.just("cpu"), AMOUNTS)),
        "gpus": st.none() | st.integers(0, 8),
        "labels": st.dictionaries(st.sampled_from(["team", "dask.org/cluster-name"]), st.sampled_from(["", "a"])),
        "annotations": st.dictionaries(st.just("a/b"), TEXTS),
        "security_context": st.dictionaries(st.sampled_from(["runAsUser", "fsGroup"]), st.integers(0, 10)),
        "service_account": st.none() | st.just("reader"),
        "node_selector": st.none() | st.dictionaries(st.just("pool"), TEXTS | st.integers()),
        "tolerations": st.lists(st.fixed_dictionaries({"key": TEXTS, "operator": st.just("Exists")}), max_size=1),
        "volumes": st.lists(st.fixed_dictionaries({"name": st.just("v"), "emptyDir": st.just({})}), max_size=1),
    },
).filter(lambda arguments: arguments.get("gpus") is None or "worker_resources" in arguments)


@settings(deadline=None)
@given(ARGUMENTS)
def test_every_manifest_fits_our_definitions_and_dask_kubernetes(arguments: Body) -> None:
    """Whatever the arguments, our models and both sets of definitions take all of the manifest."""
    body = make_cluster_spec(**arguments)
    DaskCluster.model_validate(body)
    for definitions in (ours(), theirs()):
        assert created(body, definitions)[1] == ()
    assert None not in flat(body).values()
    assert body["metadata"]["labels"]["dask.org/cluster-name"] == body["metadata"]["name"]


def test_the_documents_example_becomes_the_documents_cluster() -> None:
    """Scheduler, both Services, group and workers come to be as RAPIDS' document shows them, and GPUs go to workers."""
    api, _ = created(make_cluster_spec(**RAPIDS), ours())
    Loop(api, Settings(parallel_writes=1), clock=lambda: NOON).once()
    names = {kind: [body["metadata"]["name"] for body in api.objects(kind)] for kind in (SERVICE, DASK_WORKER_GROUP)}
    assert names == {
        SERVICE: ["rapids-dask-cluster-scheduler", "rapids-dask-cluster-service"],
        DASK_WORKER_GROUP: ["rapids-dask-cluster-default-worker-group"],
    }
    *workers, scheduler = (body["spec"]["containers"][0] for body in api.objects(POD))
    assert len(workers) == 3
    for worker in workers:
        assert worker["args"][:3] == ["dask-cuda-worker", "--name", "$(DASK_WORKER_NAME)"]
        assert worker["resources"] == {"limits": {GPU: "1"}}
    assert scheduler["args"][:2] == ["dask", "scheduler"]
    assert not scheduler["resources"]
    for container in (*workers, scheduler):
        assert container["image"] == "rapidsai/base"
        assert {"name": "DISABLE_JUPYTER", "value": "true"} in container["env"]


def test_labels_and_annotations_go_where_they_reach_everything() -> None:
    """A cluster's stand on the DaskCluster, from where they flow down; a part's stand in its template."""
    marks: Body = {"labels": {"team": "blue", "number": 7}, "annotations": {"note": "x"}}
    body = make_cluster_spec("c", **marks)
    assert body["metadata"] == {
        "name": "c",
        "labels": {"team": "blue", "number": "7", "dask.org/cluster-name": "c"},
        "annotations": {"note": "x"},
    }
    api, _ = created(body, ours())
    Loop(api, Settings(parallel_writes=1), clock=lambda: NOON).once()
    assert all(pod["metadata"]["labels"]["team"] == "blue" for pod in api.objects(POD))
    template = {"labels": {"team": "blue", "number": "7"}, "annotations": {"note": "x"}}
    assert make_worker_spec(**marks)["metadata"] == make_scheduler_spec("c", **marks)["metadata"] == template


@pytest.mark.parametrize("arguments", [USUAL, {**USUAL, "gpus": 1, "labels": {"a": "b"}}, RAPIDS])
def test_no_part_of_a_manifest_is_another(arguments: Body) -> None:
    """Whoever edits one place of a manifest edits that place alone, and no later manifest; YAML needs no anchors."""
    arguments = {"name": "c", **arguments}
    body = make_cluster_spec(**arguments)
    assert "&id" not in yaml.safe_dump(body)
    container = body["spec"]["scheduler"]["spec"]["containers"][0]
    container["readinessProbe"]["httpGet"]["path"] = container["args"][0] = "edited"
    assert "edited" not in yaml.safe_dump(make_cluster_spec(**arguments))
