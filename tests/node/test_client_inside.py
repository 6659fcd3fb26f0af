"""KubeCluster in a Pod of the same Kubernetes cluster, with the rights of a user and no kubeconfig."""

import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.node.images import DASK_IMAGE
from tests.node.place import Place

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "kubecluster" / "src"
PACKAGES = Path(sysconfig.get_path("purelib"))
"""What the tests' environment has: the image has Dask alone."""

PROGRAM = f"""
from kubecluster import KubeCluster
from distributed import Client

with KubeCluster(name="inside", image="{DASK_IMAGE}", n_workers=1) as cluster, Client(cluster) as client:
    client.wait_for_workers(1)
    assert client.submit(pow, 7, 2).result(timeout=60) == 49
    cluster.scale(2)
    client.wait_for_workers(2)
    print("reached at", cluster.scheduler_address, cluster.dashboard_link)
print("closed")
"""


def inside(name: str) -> dict[str, Any]:
    """A Pod that runs the program."""
    paths = {"sources": SOURCES, "packages": PACKAGES}
    container = {
        "name": "main",
        "image": DASK_IMAGE,
        "command": ["python", "-c", PROGRAM],
        "env": [
            {"name": "PYTHONPATH", "value": "/sources:/packages"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        ],
        "volumeMounts": [{"name": volume, "mountPath": f"/{volume}", "readOnly": True} for volume in paths],
    }
    volumes = [{"name": volume, "hostPath": {"path": str(path)}} for volume, path in paths.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [container], "volumes": volumes},
    }


def test_in_a_pod_nothing_is_forwarded(place: Place) -> None:
    """With the role for users, a Pod makes a cluster in its own namespace and reaches it by its Service's name."""
    place.node.kubectl("apply", f"--kustomize={ROOT / 'deploy' / 'users'}")
    who = f"--serviceaccount={place.namespace}:default"
    place.kubectl("create", "rolebinding", "dask-user", "--clusterrole=dask-user", who)
    place.create(inside("notebook"))
    place.eventually(lambda: phase(place, "notebook") in ("Succeeded", "Failed"), "the end of the program")
    log = place.kubectl("logs", "notebook")
    assert phase(place, "notebook") == "Succeeded", log
    host = f"inside-cluster-scheduler.{place.namespace}.svc"
    assert log.endswith(f"reached at tcp://{host}:8786 http://{host}:8787/status\nclosed\n"), log
    place.leaves_nothing({"inside"})


def phase(place: Place, pod: str) -> str:
    return str(place.get("pod", pod)["status"].get("phase"))
