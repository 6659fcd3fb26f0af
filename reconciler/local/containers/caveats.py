"""What cannot be done on one machine, and what happens instead: a sentence for each feature that a Pod uses."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.local.containers.volumes import EMPTY, GIVEN, HOST_PATH, SHARED_MEMORY, source
from reconciler.local.quantities import quantity
from reconciler.wire.protocol import Body


@dataclass(frozen=True, slots=True)
class Caveat:
    """What cannot be done.

    Args:
        feature: Which feature of a Pod, in one word.
        words: One sentence that names what happens instead; the same one wherever the feature is used.
    """

    feature: str
    words: str


_IMAGES = Caveat("images", "Images are not pulled: programs of this Python environment run instead.")
_CUDA_WORKER = Caveat("dask-cuda-worker", "There is no GPU on this machine: dask-cuda-worker becomes dask-worker.")
_GPU = Caveat("gpu", "There is no GPU on this machine: containers that ask for one run without.")

_DEFAULTS = {"schedulerName": "default-scheduler", "dnsPolicy": "ClusterFirst", "serviceAccountName": "default"}
"""What says nothing, beside what is empty or false."""

_OF_PODS = {
    "nodeSelector": "nodeSelector chooses nothing: everything runs on this machine.",
    "nodeName": "nodeName chooses nothing: everything runs on this machine.",
    "affinity": "affinity chooses nothing: everything runs on this machine.",
    "topologySpreadConstraints": "topologySpreadConstraints spread nothing: everything runs on this machine.",
    "tolerations": "tolerations change nothing: everything runs on this machine.",
    "schedulerName": "schedulerName chooses nothing: every Pod begins at once on this machine.",
    "priorityClassName": "priorityClassName changes nothing: every Pod begins at once on this machine.",
    "runtimeClassName": "runtimeClassName chooses nothing: containers run as ordinary processes.",
    "imagePullSecrets": "imagePullSecrets are not used: no image is pulled.",
    "serviceAccountName": "Service accounts have no rights and no token here: there is no Kubernetes to talk to.",
    "automountServiceAccountToken": "No service account's token is mounted: there is no Kubernetes to talk to.",
    "hostNetwork": "hostNetwork changes nothing: every Pod keeps a loopback address of its own.",
    "hostPID": "hostPID changes nothing: containers see all processes of this machine anyway.",
    "hostIPC": "hostIPC changes nothing: containers share this machine's memory segments anyway.",
    "dnsPolicy": "dnsPolicy changes nothing: names resolve as on this machine, and those of the files' Services.",
    "dnsConfig": "dnsConfig changes nothing: names resolve as on this machine, and those of the files' Services.",
    "hostAliases": "hostAliases are not added: names resolve as on this machine, and those of the files' Services.",
    "resourceClaims": "resourceClaims are not allocated: containers find the devices of this machine.",
}
"""Fields of a Pod's spec that change nothing here."""

_OF_CONTAINERS = {
    "lifecycle": "Lifecycle hooks are not run: a container begins without postStart and ends without preStop.",
    "volumeDevices": "Block devices are not given: a container whose command needs one does not start.",
}
"""Fields of a container that change nothing here."""

_SECURITY = "securityContext is not applied: everything runs as you, with your rights."

_OF_LIMITS = {
    "memory": "Memory limits are told to Dask, not enforced.",
    "cpu": "CPU limits are told to Dask, not enforced.",
}

_EPHEMERAL_STORAGE = "ephemeral-storage is neither reserved nor limited: containers write to this machine's disk."
_EXTENDED = "Extended resources are not counted: containers find the devices of this machine."

_VOLUMES = "Only configMap, secret, downwardAPI, projected, emptyDir, ephemeral and hostPath volumes are given: a \
container whose command, arguments or working directory need a file of another one does not start."
_HOST_PATHS = "hostPath volumes are this machine's own files: nothing is made where there is none."
_MOUNTS = "Volumes are given at another path: mount paths are rewritten in command, args and env, not in files or code."
_EMPTY = (
    "emptyDir volumes are directories on disk, and /dev/shm is this machine's: medium and sizeLimit change nothing."
)

_CUDA_COMMAND = re.compile(r"\bdask[- ]cuda[- ]worker\b")


def caveats(spec: Body, *, has_gpu: bool) -> Iterator[Caveat]:
    """What of a Pod cannot be done here, in an order that is always the same; nothing of what works.

    Args:
        spec: The Pod's spec, as the user wrote it.
        has_gpu: Whether this machine has a GPU.
    """
    containers: list[Body] = [*(spec.get("initContainers") or ()), *spec["containers"]]
    yield _IMAGES
    if not has_gpu and any(_CUDA_COMMAND.search(_command(container)) for container in containers):
        yield _CUDA_WORKER
    yield from _of_resources(containers, has_gpu=has_gpu)
    yield from _of_volumes(spec, containers)
    yield from (Caveat(field, words) for field, words in _OF_PODS.items() if _is_used(field, spec))
    if any(_is_used("securityContext", each) for each in (spec, *containers)):
        yield Caveat("securityContext", _SECURITY)
    for field, words in _OF_CONTAINERS.items():
        if any(_is_used(field, container) for container in containers):
            yield Caveat(field, words)


def _of_resources(containers: list[Body], *, has_gpu: bool) -> Iterator[Caveat]:
    limits = {name for container in containers for name in _asked(container, "limits")}
    asked = limits | {name for container in containers for name in _asked(container, "requests")}
    gpus = {name for name in asked if name.endswith("/gpu")}
    if gpus and not has_gpu:
        yield _GPU
    if any("/" in name for name in asked - gpus):
        yield Caveat("extended resources", _EXTENDED)
    for name, words in _OF_LIMITS.items():
        if name in limits:
            yield Caveat(name, words)
    if "ephemeral-storage" in asked:
        yield Caveat("ephemeral-storage", _EPHEMERAL_STORAGE)


def _of_volumes(spec: Body, containers: list[Body]) -> Iterator[Caveat]:
    volumes = {volume["name"]: source(volume) for volume in spec.get("volumes") or ()}
    mounts = [mount for container in containers for mount in container.get("volumeMounts") or ()]
    rules: tuple[tuple[str, str, Callable[[str, Body], bool]], ...] = (
        ("volumes", _VOLUMES, lambda kind, body: kind not in GIVEN or _holds_token(body)),
        ("hostPath", _HOST_PATHS, lambda kind, _: kind == HOST_PATH),
        ("emptyDir", _EMPTY, lambda kind, body: kind in EMPTY and bool(body.get("medium") or body.get("sizeLimit"))),
    )
    for feature, words, uses in rules:
        if any(uses(kind, body) for kind, body in volumes.values()):
            yield Caveat(feature, words)
    if any(_is_moved(mount, *volumes.get(mount["name"], ("", {}))) for mount in mounts):
        yield Caveat("mounts", _MOUNTS)


def _is_used(field: str, body: Body) -> bool:
    """Whether a field says something that its default does not."""
    value: Any = body.get(field)
    return bool(value) and value != _DEFAULTS.get(field)


def _command(container: Body) -> str:
    return " ".join(map(str, (*(container.get("command") or ()), *(container.get("args") or ()))))


def _asked(container: Body, side: str) -> Iterator[str]:
    """The resources of which a container asks for more than nothing."""
    for name, amount in ((container.get("resources") or {}).get(side) or {}).items():
        try:
            is_some = quantity(amount) > 0
        except ValueError:
            is_some = True  # whatever it may be
        if is_some:
            yield name


def _holds_token(said: Body) -> bool:
    """Whether a projected volume has a part that cannot be given, such as a service account's token."""
    return any(part not in GIVEN for each in said.get("sources") or () for part in each)


def _is_moved(mount: Body, kind: str, said: Body) -> bool:
    """Whether what is mounted is at another path on this machine."""
    if kind == HOST_PATH:
        return bool(said["path"].rstrip("/") != mount["mountPath"].rstrip("/"))
    is_shared_memory = kind in EMPTY and mount["mountPath"].rstrip("/") == SHARED_MEMORY
    return kind in GIVEN and not is_shared_memory
