"""Which of a container's resources are GPUs."""

from typing import Any

import pytest

from models.observed import Container, Pod


def container(resources: Any) -> Container:
    return Container.model_validate({"name": "worker", "resources": resources})


@pytest.mark.parametrize(
    "name",
    ["nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb", "amd.com/gpu", "gpu.intel.com/i915"],
)
def test_gpus_and_their_partitions_are_kept(name: str) -> None:
    """As containers ask for them in their limits, and as they are written again."""
    found = container({"limits": {name: "2", "cpu": "4"}, "requests": {name: "2"}})
    assert found.gpus == ((name, 2),)
    assert Container.model_validate(found.wire()) == found


@pytest.mark.parametrize(
    "resources",
    [
        None,
        {},
        {"limits": None},
        {"limits": {"cpu": "4", "memory": "1Gi", "nvidia.com/gpumem": "3"}},
        {"limits": {"gpu.intel.com/millicores": "500", "gpu.intel.com/tiles": "1"}},
        {"limits": {"nvidia.com/gpu": "0.5"}},
        {"requests": {"nvidia.com/gpu": "1"}},
    ],
)
def test_all_else_is_left_out(resources: Any) -> None:
    """Other resources, parts of GPUs, and what Kubernetes would not take."""
    assert container(resources).gpus == ()


def test_pods_are_read_with_their_gpus() -> None:
    """Straight from JSON, too."""
    body = {"metadata": {"name": "a", "namespace": "b"}, "spec": {"containers": [{"name": "c"}]}}
    body["spec"]["containers"][0] |= {"resources": {"limits": {"nvidia.com/gpu": 1}}}  # type: ignore[index]
    assert Pod.model_validate(body).spec.containers[0].gpus == (("nvidia.com/gpu", 1),)
