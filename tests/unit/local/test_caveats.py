"""What is said of a Pod that cannot be run as it would in Kubernetes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.local.containers.caveats import Caveat, caveats
from reconciler.memory.pods import with_defaults

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"containers": list(containers) or [container()], **spec}


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "main", "image": "dask", **fields}


def limited(**limits: Any) -> dict[str, Any]:
    return pod(container(resources={"limits": limits}))


def volume(kind: str, said: dict[str, Any] | None = None, path: str = "/v") -> dict[str, Any]:
    mounts = [{"name": "v", "mountPath": path}]
    return pod(container(volumeMounts=mounts), volumes=[{"name": "v", kind: said or {}}])


def features(spec: dict[str, Any], *, has_gpu: bool = False) -> list[str]:
    """What is said, beside what is said of every image."""
    said = list(caveats(spec, has_gpu=has_gpu))
    assert said[0].feature == "images"
    return [caveat.feature for caveat in said[1:]]


GPU = {"nvidia.com/gpu": "1"}
USED = {
    "nodeSelector": (pod(nodeSelector={"a": "b"}), ["nodeSelector"]),
    "nodeName": (pod(nodeName="n"), ["nodeName"]),
    "affinity": (pod(affinity={"nodeAffinity": {}}), ["affinity"]),
    "tolerations": (pod(tolerations=[{"operator": "Exists"}]), ["tolerations"]),
    "topologySpreadConstraints": (pod(topologySpreadConstraints=[{}]), ["topologySpreadConstraints"]),
    "schedulerName": (pod(schedulerName="volcano"), ["schedulerName"]),
    "priorityClassName": (pod(priorityClassName="high"), ["priorityClassName"]),
    "runtimeClassName": (pod(runtimeClassName="gvisor"), ["runtimeClassName"]),
    "imagePullSecrets": (pod(imagePullSecrets=[{"name": "s"}]), ["imagePullSecrets"]),
    "serviceAccountName": (pod(serviceAccountName="dask"), ["serviceAccountName"]),
    "a token": (pod(automountServiceAccountToken=True), ["automountServiceAccountToken"]),
    "hostNetwork": (pod(hostNetwork=True), ["hostNetwork"]),
    "hostPID": (pod(hostPID=True), ["hostPID"]),
    "dnsPolicy": (pod(dnsPolicy="None"), ["dnsPolicy"]),
    "dnsConfig": (pod(dnsConfig={"searches": ["x"]}), ["dnsConfig"]),
    "hostAliases": (pod(hostAliases=[{"ip": "1.2.3.4"}]), ["hostAliases"]),
    "a Pod's securityContext": (pod(securityContext={"runAsUser": 1}), ["securityContext"]),
    "a container's": (pod(container(securityContext={"privileged": True})), ["securityContext"]),
    "lifecycle": (pod(container(lifecycle={"preStop": {}})), ["lifecycle"]),
    "an init container's": (pod(initContainers=[container(lifecycle={"preStop": {}})]), ["lifecycle"]),
    "a GPU": (limited(**GPU), ["gpu"]),
    "a GPU of another maker": (limited(**{"amd.com/gpu": 1}), ["gpu"]),
    "a wrong amount of GPUs": (limited(**{"nvidia.com/gpu": "one"}), ["gpu"]),
    "a GPU that is requested": (pod(container(resources={"requests": GPU})), ["gpu"]),
    "another device": (limited(**{"example.com/fpga": 1}), ["extended resources"]),
    "memory": (limited(memory="1Gi"), ["memory"]),
    "cpu": (limited(cpu=2), ["cpu"]),
    "disk": (limited(**{"ephemeral-storage": "1Gi"}), ["ephemeral-storage"]),
    "dask-cuda-worker": (pod(container(args=["dask-cuda-worker", "--name", "x"])), ["dask-cuda-worker"]),
    "dask cuda worker": (pod(container(command=["dask", "cuda"], args=["worker"])), ["dask-cuda-worker"]),
    "within a shell": (pod(container(args=["sh", "-c", "exec dask-cuda-worker x"])), ["dask-cuda-worker"]),
    "a claim": (volume("persistentVolumeClaim"), ["volumes"]),
    "nfs": (volume("nfs"), ["volumes"]),
    "a projected token": (volume("projected", {"sources": [{"serviceAccountToken": {}}]}), ["volumes", "mounts"]),
    "a ConfigMap": (volume("configMap"), ["mounts"]),
    "an emptyDir": (volume("emptyDir"), ["mounts"]),
    "an emptyDir in memory": (volume("emptyDir", {"medium": "Memory"}), ["emptyDir", "mounts"]),
    "shared memory": (volume("emptyDir", {"medium": "Memory"}, "/dev/shm"), ["emptyDir"]),
    "a hostPath": (volume("hostPath", {"path": "/srv"}), ["hostPath", "mounts"]),
    "a hostPath under its own name": (volume("hostPath", {"path": "/v/"}), ["hostPath"]),
    "a block device": (pod(container(volumeDevices=[{"name": "v"}])), ["volumeDevices"]),
}


@pytest.mark.parametrize(("spec", "said"), USED.values(), ids=USED)
def test_what_is_used_and_cannot_be_done_is_said(spec: dict[str, Any], said: list[str]) -> None:
    """That, and nothing else."""
    assert features(spec) == said
    assert features(with_defaults(spec)) == said


WORKS = {
    "nothing": pod(),
    "env": pod(container(env=[{"name": "A", "value": "1"}], envFrom=[{"configMapRef": {"name": "c"}}])),
    "probes": pod(container(readinessProbe={"httpGet": {"port": 1}}, livenessProbe={"exec": {"command": ["true"]}})),
    "ports": pod(container(ports=[{"containerPort": 8786}])),
    "requests": pod(container(resources={"requests": {"cpu": 1, "memory": "1Gi"}})),
    "policies": pod(restartPolicy="Never", terminationGracePeriodSeconds=5),
    "init containers": pod(initContainers=[container()]),
    "defaults": pod(schedulerName="default-scheduler", dnsPolicy="ClusterFirst", serviceAccountName="default"),
    "what is empty": pod(nodeSelector={}, tolerations=[], securityContext={}, affinity=None, volumes=None),
    "what is off": pod(hostNetwork=False, automountServiceAccountToken=False),
    "none of a device": limited(**{"nvidia.com/gpu": 0, "example.com/fpga": "0"}),
}


@pytest.mark.parametrize("spec", WORKS.values(), ids=WORKS)
def test_of_what_works_nothing_is_said(spec: dict[str, Any]) -> None:
    """Nor of what the API server adds by itself."""
    assert features(spec) == []
    assert features(with_defaults(spec)) == []


@pytest.mark.parametrize(
    "spec", [limited(**GPU), pod(container(args=["dask-cuda-worker"])), limited(**{"amd.com/gpu": 2})]
)
def test_with_a_gpu_nothing_is_said_of_gpus(spec: dict[str, Any]) -> None:
    """They are there."""
    assert features(spec, has_gpu=True) == []


def test_the_sentences_say_what_happens_instead() -> None:
    """One line for a person each, the same in every Pod, so that it can be said once."""
    said = {caveat for spec, _ in USED.values() for caveat in caveats(spec, has_gpu=False)}
    assert len({caveat.feature for caveat in said}) == len(said)
    assert Caveat("images", "Images are not pulled: programs of this Python environment run instead.") in said
    for caveat in said:
        assert caveat.words.endswith(".")
        assert caveat.words.count(". ") == 0
        assert "\n" not in caveat.words
        assert "  " not in caveat.words


def test_the_order_is_always_the_same() -> None:
    """Whatever order the manifest has."""
    spec = pod(container(resources={"limits": {"cpu": 1, "memory": 1, **GPU}}), affinity={"a": {}}, nodeName="n")
    backwards = dict(reversed([*spec.items()]))
    backwards["containers"] = [container(resources={"limits": {**GPU, "memory": 1, "cpu": 1}})]
    assert features(spec) == features(backwards) == ["gpu", "memory", "cpu", "nodeName", "affinity"]


def test_of_the_examples_little_is_said() -> None:
    """The simplest of them need nothing but programs."""
    said = {
        path.stem: sorted(set(_said(yaml.safe_load(path.read_text())))) for path in EXAMPLES if path.suffix == ".yaml"
    }
    assert said["simple-cluster"] == said["simple-job"] == []
    assert said["highmem-workers"] == ["memory"]
    assert said["rapids-cluster"] == ["dask-cuda-worker", "gpu"]


def _said(value: Any) -> list[str]:
    """What is said of every Pod spec in a manifest."""
    if isinstance(value, dict):
        own = features(value) if "containers" in value else []
        return [*own, *(each for inner in value.values() for each in _said(inner))]
    return [each for inner in value for each in _said(inner)] if isinstance(value, list) else []
