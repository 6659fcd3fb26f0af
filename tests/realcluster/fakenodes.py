"""Nodes that only pretend: Pods become Running without containers, by thousands (kwok)."""

import json
from pathlib import Path

from tests.realcluster.controlplane import ControlPlane
from tests.realcluster.processes import Processes

COUNT = 4
ANNOTATION = "kwok.x-k8s.io/node"


def start(plane: ControlPlane, processes: Processes) -> str:
    """Start kwok.

    Returns:
        The nodes to create.
    """
    instance = plane.instance
    command = [
        instance.program("kwok"),
        f"--kubeconfig={plane.kubeconfig('kwok')}",
        f"--config={Path(instance.programs) / 'kwok-stages.yaml'}",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        "--node-lease-duration-seconds=40",
    ]
    processes.start("kwok", command)
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": _nodes(tainted=instance.node)})


def _nodes(*, tainted: bool) -> list[dict[str, object]]:
    """Fake nodes; beside a real one they carry a taint, so that only Pods that ask for it get there."""
    capacity = {"cpu": "10k", "memory": "100Ti", "pods": "10k", "nvidia.com/gpu": "1000"}
    taints = [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}] if tainted else []
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"fake-{number}",
                "annotations": {ANNOTATION: "fake", "node.alpha.kubernetes.io/ttl": "0"},
                "labels": {"kubernetes.io/os": "linux", "type": "kwok", "kubernetes.io/hostname": f"fake-{number}"},
            },
            "spec": {"taints": taints},
            "status": {"capacity": capacity, "allocatable": capacity},
        }
        for number in range(COUNT)
    ]
