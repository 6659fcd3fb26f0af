"""Pod specs that no Kubernetes would take, and what is said of them."""

from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, Kind
from reconciler.manifests.templates import impossible
from tests.manifests import Manifest, cluster, group, job, pod_spec

MAIN = "spec.worker.spec.containers[0]"
RENDER = "this is a Helm template: render it first, as in helm template CHART > rendered.yaml"
LIMITS = f"{MAIN}.resources.limits"


def limited(**limits: Any) -> Manifest:
    return pod_spec(resources={"limits": limits})


def without(field: str, **container: Any) -> Manifest:
    spec = pod_spec(**container)
    del spec["containers"][0][field]
    return spec


MISTAKES: dict[str, tuple[Any, str]] = {
    "no image": (without("image"), f"{MAIN}.image is missing; add it"),
    "an empty image": (pod_spec(image=""), f"{MAIN}.image is missing; add it"),
    "image misspelt": (without("image", imge="dask"), f"{MAIN}.image is missing; correct imge, which is misspelt"),
    "an image of a template": (
        pod_spec(image="{{ .Values.image }}"),
        f'{MAIN}.image is "{{{{ .Values.image }}}}"; {RENDER}',
    ),
    "an image that is no text": (pod_spec(image=3), f"{MAIN}.image is 3; it must be text; put it in quotes"),
    "no name": (without("name"), f"{MAIN}.name is missing; add it"),
    "memory in GB": (limited(memory="4GB"), f'{LIMITS}.memory is "4GB"; it must be a quantity, such as 4G'),
    "memory with a space": (limited(memory="4 Gi"), f'{LIMITS}.memory is "4 Gi"; it must be a quantity, such as 4Gi'),
    "memory in small letters": (limited(memory="4g"), f'{LIMITS}.memory is "4g"; it must be a quantity, such as 4G'),
    "memory in GiB": (limited(memory="4GiB"), f'{LIMITS}.memory is "4GiB"; it must be a quantity, such as 4Gi'),
    "much memory": (limited(memory="much"), f'{LIMITS}.memory is "much"; it must be a quantity, such as 4Gi'),
    "two CPUs": (limited(cpu="two"), f'{LIMITS}.cpu is "two"; it must be a quantity, such as 2 or 500m'),
    "a true GPU": (
        limited(**{"nvidia.com/gpu": True}),
        f"{LIMITS}.nvidia.com/gpu is true; it must be a quantity, such as 1",
    ),
    "limits as text": (
        pod_spec(resources={"limits": "4Gi"}),
        f'{LIMITS} is "4Gi"; it must be a mapping, such as {{cpu: 2, memory: 4Gi}}',
    ),
    "resources as text": (
        pod_spec(resources="4Gi"),
        f'{MAIN}.resources is "4Gi"; it must be a mapping with limits and requests',
    ),
    "args as text": (
        pod_spec(args="dask worker --name 'a b'"),
        (f'{MAIN}.args is "dask worker --name \'a b\'"; it must be a list: ["dask", "worker", "--name", "a b"]'),
    ),
    "args with an open quote": (pod_spec(args="it's"), f'{MAIN}.args is "it\'s"; it must be a list: ["it\'s"]'),
    "args as a number": (
        pod_spec(args=3),
        f'{MAIN}.args is 3; it must be a list of text, such as ["python", "job.py"]',
    ),
    "a number among the args": (
        pod_spec(args=["--nthreads", 2]),
        f"{MAIN}.args[1] is 2; it must be text; put it in quotes",
    ),
    "command as text": (pod_spec(command="dask"), f'{MAIN}.command is "dask"; it must be a list: ["dask"]'),
    "env as a mapping": (
        pod_spec(env={"LEVEL": "3"}),
        f'{MAIN}.env is a mapping; it must be a list, such as [{{name: LEVEL, value: "3"}}]',
    ),
    "a number in env": (
        pod_spec(env=[{"name": "LEVEL", "value": 3}]),
        f"{MAIN}.env[0].value is 3; it must be text; put it in quotes",
    ),
    "env without a name": (pod_spec(env=[{"LEVEL": "3"}]), f"{MAIN}.env[0].name is missing; add it"),
    "env as lines": (
        pod_spec(env=["LEVEL=3"]),
        f'{MAIN}.env[0] is "LEVEL=3"; it must be a mapping, such as {{name: LEVEL, value: "3"}}',
    ),
    "no containers": ({}, "spec.worker.spec.containers is missing; add a list with at least one container"),
    "containers misspelt": (
        {"container": []},
        "spec.worker.spec.containers is missing; correct container, which is misspelt",
    ),
    "containers as a mapping": (
        {"containers": {"name": "main"}},
        "spec.worker.spec.containers is a mapping; it must be a list: begin each container with '- name:'",
    ),
    "a container as text": (
        {"containers": ["dask"]},
        f'{MAIN} is "dask"; it must be a mapping with a name and an image',
    ),
}


@pytest.mark.parametrize(("spec", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_field_and_the_remedy(spec: Any, words: str) -> None:
    """One sentence is enough to mend it."""
    assert list(impossible(DASK_WORKER_GROUP, group(spec=spec))) == [words]


@pytest.mark.parametrize(
    "spec",
    [
        pod_spec(brandNew={"a": 1}, images="x", arguments=3),
        pod_spec(args=[], command=None, env=None, resources=None),
        pod_spec(env=[{"name": "A"}, {"name": "B", "value": None}, {"name": "C", "valueFrom": {}}]),
        *(
            limited(memory=amount)
            for amount in ("4Gi", "1.5G", "100m", "1e3", "1E3", "2E", ".5", "5.", "+1", 4, 0.5, None)
        ),
        pod_spec(resources={"claims": [], "limits": {}}),
        {**pod_spec(), "initContainers": pod_spec()["containers"], "brandNew": 1},
    ],
)
def test_what_kubernetes_may_take_is_no_mistake(spec: Manifest) -> None:
    """Fields that nobody here knows, and every way to write a quantity, pass."""
    assert list(impossible(DASK_WORKER_GROUP, group(spec=spec))) == []


@pytest.mark.parametrize(
    ("kind", "manifest", "places"),
    [
        (DASK_CLUSTER, cluster(), ["spec.scheduler.spec", "spec.worker.spec"]),
        (
            DASK_JOB,
            job(),
            ["spec.job.spec", "spec.cluster.spec.scheduler.spec", "spec.cluster.spec.worker.spec"],
        ),
        (POD, {"spec": pod_spec()}, ["spec"]),
    ],
)
def test_every_template_is_looked_at(kind: Kind, manifest: Manifest, places: list[str]) -> None:
    """Runner, scheduler and workers alike, and Pods themselves."""
    for place in places:
        spec: Any = manifest
        for name in place.split("."):
            spec = spec[name]
        spec.clear()
    remedy = "add a list with at least one container"
    assert list(impossible(kind, manifest)) == [f"{place}.containers is missing; {remedy}" for place in places]


@pytest.mark.parametrize("spec", [None, 3, [], {"worker": 3}, {"worker": {"spec": None}}])
def test_another_shape_is_others_business(spec: Any) -> None:
    """What is no Pod spec at all is told by the resource's model."""
    assert list(impossible(DASK_WORKER_GROUP, {"spec": spec})) == []
