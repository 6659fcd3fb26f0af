"""What a container may ask of its own Pod, and how it is told."""

import math
import os
from typing import Any

import pytest

from reconciler.local.containers.downward import field, resource
from reconciler.local.files.supplies import Unavailable

ADDRESS = "127.101.0.7"
METADATA = {
    "name": "worker-1",
    "namespace": "here",
    "uid": "1234",
    "labels": {"dask.org/role": 'a "b"', "app": "dask"},
    "annotations": {"note": "hello"},
}
RESOURCES = {
    "limits": {"cpu": "1500m", "memory": "2Gi", "hugepages-2Mi": "4Mi"},
    "requests": {"cpu": 0.25, "memory": "1G"},
}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": METADATA, "spec": {"nodeName": "laptop", "containers": list(containers), **spec}}


def told(name: str, resources: dict[str, Any] | None = None, **reference: Any) -> str:
    """What a Pod's only container is told of its resources."""
    main = {"name": "main", "resources": resources} if resources is not None else {"name": "main"}
    return resource(pod(main), main, {"resource": name, **reference})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "worker-1"),
        ("metadata.namespace", "here"),
        ("metadata.uid", "1234"),
        ("metadata.labels['app']", "dask"),
        ("metadata.labels['gone']", ""),
        ("metadata.annotations['note']", "hello"),
        ("metadata.labels", 'app="dask"\ndask.org/role="a \\"b\\""'),
        ("metadata.annotations", 'note="hello"'),
        ("spec.nodeName", "laptop"),
        ("spec.serviceAccountName", "default"),
        ("status.podIP", ADDRESS),
        ("status.podIPs", ADDRESS),
        ("status.hostIP", "127.0.0.1"),
        ("status.hostIPs", "127.0.0.1"),
    ],
)
def test_a_field_is_told_as_text(path: str, value: str) -> None:
    """Labels and annotations each, or all of them in order, quoted."""
    assert field(pod(), path, ADDRESS) == value


@pytest.mark.parametrize("path", ["spec.containers", "metadata.finalizers", "metadata.labels.app", "status.phase", ""])
def test_other_fields_may_not_be_asked_for(path: str) -> None:
    """The message lists those that may."""
    with pytest.raises(Unavailable, match=r"is none that a container may ask for; those are metadata\.name") as caught:
        field(pod(), path, ADDRESS)
    assert str(caught.value).startswith(f"fieldPath {path} ")


@pytest.mark.parametrize(
    ("name", "divisor", "value"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "0", "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", None, "2147483648"),
        ("limits.memory", "1Mi", "2048"),
        ("limits.memory", "1G", "3"),
        ("limits.hugepages-2Mi", "1Mi", "4"),
        ("requests.cpu", None, "1"),
        ("requests.cpu", "1m", "250"),
        ("requests.memory", "1M", "1000"),
        ("requests.memory", "1Gi", "1"),
    ],
)
def test_resources_are_divided_and_rounded_up(name: str, divisor: str | None, value: str) -> None:
    """Half a CPU is one, in CPUs."""
    assert told(name, RESOURCES, divisor=divisor) == value


@pytest.mark.parametrize("resources", [None, {}, {"limits": None}, {"limits": {"cpu": 0, "memory": "0"}}])
def test_without_a_limit_the_machine_is_the_limit(resources: dict[str, Any] | None) -> None:
    """A program that takes what it may gets all there is."""
    assert told("limits.cpu", resources) == str(os.cpu_count())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert told("limits.memory", resources, divisor="1Mi") == str(math.ceil(memory / 2**20))
    assert int(told("limits.ephemeral-storage", resources)) > 0


def test_without_a_request_the_limit_is_the_request() -> None:
    """And nothing without either."""
    assert told("requests.cpu", {"limits": {"cpu": 3}}) == "3"
    assert told("requests.memory") == "0"


def test_another_container_can_be_asked_about() -> None:
    """An init container too."""
    main = {"name": "main"}
    other = {"name": "other", "resources": {"limits": {"cpu": 7}}}
    asked = {"resource": "limits.cpu", "containerName": "other"}
    assert resource(pod(main, other), main, asked) == "7"
    assert resource(pod(main, initContainers=[other]), main, asked) == "7"
    with pytest.raises(Unavailable, match="container gone not found; the Pod has main, other"):
        resource(pod(main, other), main, {**asked, "containerName": "gone"})


def test_what_is_no_resource_or_no_quantity_is_said() -> None:
    """With the container and the field."""
    with pytest.raises(Unavailable, match=r"resource most\.cpu is unknown; ask for limits\.cpu or requests\.cpu"):
        told("most.cpu")
    with pytest.raises(Unavailable, match=r'limits\.memory of container "main": "2GB" is no quantity'):
        told("limits.memory", {"limits": {"memory": "2GB"}})
