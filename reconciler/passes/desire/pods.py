"""The user's PodSpec with what the reconciler adds to it."""

from collections.abc import Mapping
from typing import Any

from models.resources import DaskCluster, PodSpec
from reconciler.passes.values import Body
from reconciler.rules.addresses import comm_port
from reconciler.rules.labels import SCHEDULER_GATE

WORKER_NAME = "DASK_WORKER_NAME"
SCHEDULER_ADDRESS = "DASK_SCHEDULER_ADDRESS"


def with_environment(spec: PodSpec, variables: Mapping[str, str | None]) -> Body:
    """The spec with the variables in each container, init containers too, that does not set them itself.

    Those without a value are left out. They come before the user's, so that `$(DASK_WORKER_NAME)` expands in the
    user's own values.
    """
    known = {name: value for name, value in variables.items() if value is not None}
    changed = {
        part: [_with_environment(container, known) for container in spec.get(part) or ()]
        for part in ("initContainers", "containers")
        if part == "containers" or spec.get(part)
    }
    return {**spec, **changed}


def knows_its_scheduler(spec: PodSpec, cluster: DaskCluster) -> bool:
    """Whether a Pod made from the spec is told where its scheduler is: by us, or by its user."""
    return comm_port(cluster) is not None or any(
        _brings_an_address(container, cluster) for container in spec.get("containers") or ()
    )


def _brings_an_address(container: dict[str, Any], cluster: DaskCluster) -> bool:
    """Whether the user says where the scheduler is: by the variable, or by an address in the command."""
    hosts = ("://", f"{cluster.metadata.name}-scheduler", f"{cluster.metadata.name}-service")
    words = (*(container.get("command") or ()), *(container.get("args") or ()))
    variables = {variable.get("name") for variable in container.get("env") or ()}
    return SCHEDULER_ADDRESS in variables or any(host in str(word) for word in words for host in hosts)


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
