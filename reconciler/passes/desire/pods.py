"""The user's PodSpec with what the reconciler adds to it."""

from collections.abc import Mapping
from typing import Any

from models.resources import PodSpec
from reconciler.passes.values import Body
from reconciler.rules.labels import SCHEDULER_GATE

WORKER_NAME = "DASK_WORKER_NAME"
SCHEDULER_ADDRESS = "DASK_SCHEDULER_ADDRESS"


def with_environment(spec: PodSpec, variables: Mapping[str, str]) -> Body:
    """The spec with the variables in each container that does not set them itself.

    They come before the user's, so that `$(DASK_WORKER_NAME)` expands in the user's own values.
    """
    containers = [_with_environment(container, variables) for container in spec.get("containers") or ()]
    return {**spec, "containers": containers}


def can_be_gated(spec: PodSpec) -> bool:
    """Whether the Pod can be held back: one that names its node is past scheduling, and a gate on it is refused."""
    return not spec.get("nodeName")


def gated(spec: PodSpec) -> Body:
    """The spec with a scheduling gate that holds the Pod back until the scheduler is ready (KEP-3521)."""
    return {**spec, "schedulingGates": [*(spec.get("schedulingGates") or ()), {"name": SCHEDULER_GATE}]}


def _with_environment(container: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    users = list(container.get("env") or ())
    taken = {variable.get("name") for variable in users}
    added = [{"name": name, "value": value} for name, value in variables.items() if name not in taken]
    return {**container, "env": [*added, *users]} if added else container
