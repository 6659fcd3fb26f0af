"""The statuses of Pods, as Kubernetes writes them from the first moment to the last."""

from typing import Any

from reconciler.passes.values import Body
from tests.builders import terminated

READY: Body = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
NEW: Body = {}
NO_NODE = "0/1 nodes are available: 1 Insufficient cpu."
UNSCHEDULABLE: Body = {"conditions": [{"type": "PodScheduled", "status": "False", "message": NO_NODE}]}
SCHEDULED: Body = {"conditions": [{"type": "PodScheduled", "status": "True"}]}


def container(name: str = "main", *, ready: bool = False, **status: Any) -> Body:
    return {"name": name, "ready": ready, **status}


def waiting(reason: str, message: str = "", **status: Any) -> Body:
    return container(state={"waiting": {"reason": reason, "message": message}}, **status)


def on_node(*containers: Body, **status: Any) -> Body:
    return {**SCHEDULED, "containerStatuses": list(containers), **status}


def failed(code: int = 1, reason: str = "Error") -> Body:
    return on_node(container(state=terminated(code, reason)), phase="Failed")


NO_IMAGE = on_node(waiting("ImagePullBackOff", 'Back-off pulling image "dask".'))
SUCCEEDED = on_node(container(state=terminated(0, "Completed")), phase="Succeeded")
