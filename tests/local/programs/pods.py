"""Pods that the programs make."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
NAMESPACE = "default"
SERVER_PORT = 8000


def _pod(name: str, *command: str) -> dict[str, Any]:
    container = {"name": "main", "image": "x", "command": [*command]}
    spec = {"terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


COUNTER = _pod("counter", "sh", "-c", "for i in 1 2 3; do echo $i; done")
SERVER = _pod("server", "python", "-m", "http.server", str(SERVER_PORT))


def patiently(ask: Callable[[], T]) -> T:
    """An answer, as soon as somebody listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            if answer := ask():
                return answer
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
