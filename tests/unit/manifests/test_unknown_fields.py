"""Fields at the wrong place, and where they belong."""

from typing import Any

import pytest

from models.kinds import kind_of
from reconciler.manifests.unknown_fields import Unknown, omissions, refusals, unknown_fields
from reconciler.memory.document import copied
from tests.manifests import Manifest, cluster, group, job, pod_spec

SCHEDULER = "spec.scheduler.spec.containers[0]"
WORKER = "spec.worker.spec.containers[0]"
LIMITS = {"limits": {"cpu": 2, "memory": "4Gi"}}
SECRETS = [{"name": "mine"}]


def inside(body: Manifest, path: str) -> Any:
    """What stands at a path, such as `spec.worker.spec.containers[0]`; mappings that are missing are made."""
    found: Any = body
    for name in path.replace("[0]", ".0").split("."):
        found = found[int(name)] if name.isdigit() else found.setdefault(name, {})
    return found


def put(body: Manifest, path: str, value: Any) -> Manifest:
    """The manifest with a value at a path."""
    parent, _, name = path.rpartition(".")
    (inside(body, parent) if parent else body)[name] = value
    return body


def unknown(body: Manifest) -> list[Unknown]:
    kind = kind_of(body["apiVersion"], body["kind"])
    assert kind is not None
    return unknown_fields(kind, body)


@pytest.mark.parametrize(
    ("body", "path", "value", "place"),
    [
        (cluster(), "spec.worker.resources", LIMITS, f"{WORKER}.resources"),
        (cluster(), "spec.worker.memory", "4Gi", f"{WORKER}.resources.limits.memory"),
        (cluster(), "spec.worker.initContainers", [], "spec.worker.spec.initContainers"),
        (cluster(), "spec.worker.image", "dask", f"{WORKER}.image"),
        (cluster(), "spec.worker.command", ["dask"], f"{WORKER}.command"),
        (cluster(), "spec.worker.imagePullSecrets", SECRETS, "spec.worker.spec.imagePullSecrets"),
        (cluster(), "spec.worker.labels", {"a": "b"}, "spec.worker.metadata.labels"),
        (cluster(), "spec.worker.maxSurge", 1, "spec.worker.updateStrategy.rollingUpdate.maxSurge"),
        (cluster(), "spec.labels", {"a": "b"}, "metadata.labels"),
        (cluster(), "spec.nodeSelector", {}, "spec.scheduler.spec.nodeSelector or spec.worker.spec.nodeSelector"),
        (cluster(), "spec.replicas", 3, "spec.worker.replicas"),
        (cluster(), "replicas", 3, "spec.worker.replicas"),
        (cluster(), "spec.service", {"type": "NodePort"}, "spec.scheduler.service"),
        (cluster(), "spec.scheduler.type", "NodePort", "spec.scheduler.service.type"),
        (cluster(), "spec.scheduler.ports", [{"port": 8786}], "spec.scheduler.service.ports"),
        (cluster(), "spec.scheduler.ports", [{"containerPort": 8786}], f"{SCHEDULER}.ports"),
        (job(), "spec.restartPolicy", "Never", "spec.job.spec.restartPolicy"),
        (job(), "spec.scheduler", cluster()["spec"]["scheduler"], "spec.cluster.spec.scheduler"),
        (job(), "spec.idleTimeout", 3, "spec.cluster.spec.idleTimeout"),
        (group(), "spec.env", [], f"{WORKER}.env"),
    ],
    ids=str,
)
def test_a_field_at_the_wrong_place_is_told_the_right_one(body: Manifest, path: str, value: Any, place: str) -> None:
    """The nearest where one of its name may stand, is not there yet, and may hold what this one holds."""
    body = copied(body)
    for taken in place.split(" or "):
        parent = inside(body, taken.rpartition(".")[0])
        parent.pop(taken.rpartition(".")[2], None)
    assert list(refusals(unknown(put(body, path, value)))) == [f"{path} is unknown; move it to {place}"]


def test_a_field_whose_place_is_taken_goes() -> None:
    """To move it would be to overrule what is there."""
    body = put(copied(job()), "spec.cluster.metadata.name", "other")
    assert list(refusals(unknown(body))) == ["spec.cluster.metadata.name is unknown; remove it or correct it"]


def test_a_manifest_of_2022_is_told_field_by_field() -> None:
    """What stood in `spec` then is in a Pod's spec now, though there is none in the manifest."""
    body = {**group(), "spec": {"cluster": "c", "image": "dask", "replicas": 2, "resources": LIMITS, "env": []}}
    body["spec"] |= {"imagePullPolicy": "Always", "imagePullSecrets": SECRETS}
    assert list(refusals(unknown(body))) == [
        f"spec.image is unknown; move it to {WORKER}.image",
        "spec.replicas is unknown; move it to spec.worker.replicas",
        f"spec.resources is unknown; move it to {WORKER}.resources",
        f"spec.env is unknown; move it to {WORKER}.env",
        f"spec.imagePullPolicy is unknown; move it to {WORKER}.imagePullPolicy",
        "spec.imagePullSecrets is unknown; move it to spec.worker.spec.imagePullSecrets",
    ]


PROBE = {"tcpSocket": {"port": 8786}}
TIMES = {"initialDelaySeconds": 5, "periodSeconds": 10}
GONE = "unknown to Kubernetes there and left out"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (pod_spec(imagePullSecrets=SECRETS), f"imagePullSecrets in {WORKER} is {GONE}; move it to spec.worker.spec"),
        (
            pod_spec(resources={"memory": "4Gi", "nvidia.com/gpu": 1}),
            f"memory and nvidia.com/gpu in {WORKER}.resources are {GONE}; move them to {WORKER}.resources.limits",
        ),
        (pod_spec(replicas=3), f"replicas in {WORKER} is {GONE}; move it to spec.worker"),
        (pod_spec(limits={"cpu": 2}), f"limits in {WORKER} is {GONE}; move it to {WORKER}.resources"),
        ({**pod_spec(), "volumeMounts": []}, f"volumeMounts in spec.worker.spec is {GONE}; move it to {WORKER}"),
        (
            pod_spec(readinessProbe=PROBE, livenessProbe=PROBE, **TIMES),
            (
                f"initialDelaySeconds and periodSeconds in {WORKER} are {GONE}; move them to {WORKER}.livenessProbe or "
                f"{WORKER}.readinessProbe"
            ),
        ),
        (
            pod_spec(readinessProbe={"tcpSocket": {"port": 8786, **TIMES}}),
            (
                f"initialDelaySeconds and periodSeconds in {WORKER}.readinessProbe.tcpSocket are {GONE}; "
                f"move them to {WORKER}.readinessProbe"
            ),
        ),
        (pod_spec(imagePolicy="x"), f"imagePolicy in {WORKER} is {GONE} (did you mean imagePullPolicy?)"),
        ({**pod_spec(), "qqq": 1, "zzz": 2}, f"qqq and zzz in spec.worker.spec are {GONE}"),
    ],
    ids=str,
)
def test_what_is_left_out_of_pods_is_told_at_once_where_it_stands_together(spec: Manifest, words: str) -> None:
    """With the mapping into which it belongs; of several probes, one that is there."""
    found = unknown(cluster(spec=spec))
    assert list(omissions(found)) == [words]
    assert list(refusals(found)) == []


def test_every_field_of_kubernetes_is_known() -> None:
    """At any depth, in lists and in maps whose keys are the user's."""
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
    volumes = [{"name": "a", "emptyDir": {"sizeLimit": 5}}, {"name": "b", "configMap": {"items": [{"key": "a"}]}}]
    spec = {**pod_spec(resources=LIMITS), "affinity": affinity, "volumes": volumes, "nodeSelector": {"any": "thing"}}
    body = cluster(spec=spec, metadata={"labels": {"resources": "x"}})
    body["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "selfLink": "/x", "annotations": {"spec": "x"}}
    assert unknown({**body, "status": {"any": "thing"}}) == []
