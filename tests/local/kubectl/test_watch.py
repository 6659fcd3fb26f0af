"""`kubectl get --watch` before the API in memory."""

import subprocess

from models.kinds import DASK_WORKER_GROUP, Key
from reconciler.memory import MemoryAPI
from tests.local.kubectl.sides import Side
from tests.manifests import group


def test_each_change_is_a_line_below_one_head(api: MemoryAPI, here: Side) -> None:
    """What there is first, then what becomes of it, until it goes."""
    meta = {"name": "g", "namespace": here.namespace}
    api.create(DASK_WORKER_GROUP, {**group(), "metadata": meta})
    command = [here.program, f"--kubeconfig={here.kubeconfig}", f"--namespace={here.namespace}"]
    asked = [f"--cache-dir={here.kubeconfig.parent / 'kubectl'}", "get", "daskworkergroups", "--watch"]
    with subprocess.Popen([*command, *asked], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        lines = (line.split() for line in watching.stdout)
        try:
            assert next(lines) == ["NAME", "CLUSTER", "WORKERS", "UPDATED", "READY", "REASON", "AGE"]
            assert next(lines)[:2] == ["g", "c"]
            api.set_status(Key(DASK_WORKER_GROUP, here.namespace, "g"), {"workers": "1/2", "updatedReplicas": 2})
            assert next(lines)[:4] == ["g", "c", "1/2", "2"]
            api.create(DASK_WORKER_GROUP, {**group("h"), "metadata": {**meta, "name": "h"}})
            assert next(lines)[:2] == ["h", "c"]
        finally:
            watching.kill()
