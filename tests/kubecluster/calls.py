"""One of each call, and what answers it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from kubecluster.api import Kubernetes, connect, path
from tests.http.connection import kubeconfig
from tests.http.rawserver import Connection, answer

POD = path("pods", "default", "p", group="")
PODS = path("pods", "default", group="")
CLUSTER = path("daskclusters", "ns", "big")
CLUSTERS = path("daskclusters", "ns")
BODY = {"kind": "Pod", "metadata": {"name": "p"}}
SERVED = answer(json.dumps(BODY).encode())
Act = Callable[[Connection], bool]
Call = Callable[[Kubernetes], object]
CALLS: dict[str, Call] = {
    "get": lambda api: api.get(CLUSTER),
    "list": lambda api: api.list(CLUSTERS),
    "create": lambda api: api.create(CLUSTERS, {"metadata": {"name": "big"}}),
    "patch": lambda api: api.patch(CLUSTER, {}),
    "delete": lambda api: api.delete(CLUSTER),
    "log": lambda api: api.log("ns", "p"),
    "get pod": lambda api: api.get(POD),
}


def connected(folder: Path, url: str, timeout_seconds: float = 5, **user: Any) -> AbstractContextManager[Kubernetes]:
    """A connection that is closed in the end."""
    config = kubeconfig(folder / "kubeconfig", url, user or None)
    return closing(connect(kubeconfig=str(config), timeout_seconds=timeout_seconds))


def refused(code: int, message: str = "", reason: str = "", **details: Any) -> Act:
    """What the API server says when it does not do something."""
    status = {"kind": "Status", "code": code, "message": message, "reason": reason, "details": details}
    return answer(json.dumps(status).encode(), first=f"HTTP/1.1 {code} No\r\n".encode())
