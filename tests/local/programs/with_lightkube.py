"""What people do with lightkube."""

from typing import Any

from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from lightkube.resources.core_v1 import Pod as TypedPod

from tests.local.programs.pods import COUNTER, NAMESPACE

Pod: Any = TypedPod
client: Any = Client(field_manager="somebody")
meta = ObjectMeta(name="m", namespace=NAMESPACE)
client.create(ConfigMap(metadata=meta, data={"a": "b"}))
client.apply(ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=meta, data={"a": "c"}), force=True)
client.patch(ConfigMap, "m", {"data": {"d": "e"}})
assert client.get(ConfigMap, "m").data == {"a": "c", "d": "e"}
client.delete(ConfigMap, "m")

counter = client.create(Pod.from_dict(COUNTER))
version = counter.metadata.resourceVersion
for _, pod in client.watch(Pod, fields={"metadata.name": "counter"}, resource_version=version):
    if pod.status.phase == "Succeeded":
        break
assert [*client.log("counter", follow=True)] == ["1\n", "2\n", "3\n"]
client.delete(Pod, "counter")

clusters: Any = create_namespaced_resource("kubernetes.dask.org", "v1", "DaskCluster", "daskclusters")
assert [one.metadata.name for one in client.list(clusters)] == ["idle"]
