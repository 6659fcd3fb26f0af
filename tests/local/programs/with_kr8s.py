"""What people do with kr8s, which dask-kubernetes is made with."""

import urllib.request
from typing import Any

import kr8s
from kr8s.objects import ConfigMap, Pod, new_class

from tests.local.programs.pods import COUNTER, SERVER, SERVER_PORT, patiently

counter: Any = Pod(COUNTER)
counter.create()
counter.wait("jsonpath='{.status.phase}'=Succeeded", timeout=30)
assert [*counter.logs()] == ["1", "2", "3"]
counter.delete()

settings: Any = ConfigMap({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "b"}})
settings.create()
settings.patch({"data": {"a": "c"}})
settings.refresh()
assert settings.data == {"a": "c"}
assert [one.name for one in kr8s.get("configmaps")] == ["m"]
settings.delete()

assert [one.name for one in kr8s.get("daskclusters.kubernetes.dask.org")] == ["idle"]
Group: Any = new_class("DaskWorkerGroup", "kubernetes.dask.org/v1", scalable=True, scalable_spec="worker.replicas")
worker = {"replicas": 1, "spec": {"containers": [{"name": "worker", "image": "dask", "command": ["sleep", "600"]}]}}
group = Group({"metadata": {"name": "g"}, "spec": {"cluster": "idle", "worker": worker}})
group.create()
group.scale(2)
group.refresh()
assert group.replicas == 2
group.delete()

server: Any = Pod(SERVER)
server.create()
server.wait("condition=Ready", timeout=30)


def asked() -> int:
    with server.portforward(remote_port=SERVER_PORT) as port:
        return int(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).status)


assert patiently(asked) == 200
server.delete()
