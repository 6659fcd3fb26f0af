"""What people do with the official client."""

from typing import Any

import kubernetes
import kubernetes.dynamic
import kubernetes.stream

from tests.local.programs.pods import COUNTER, NAMESPACE, SERVER, SERVER_PORT, patiently

client: Any = kubernetes.client  # typed here and there
watch: Any = kubernetes.watch
portforward: Any = kubernetes.stream.portforward
dynamic: Any = kubernetes.dynamic.DynamicClient

config: Any = kubernetes.config
config.load_kube_config()
core = client.CoreV1Api()

core.create_namespaced_pod(NAMESPACE, COUNTER)
phases = []
for event in watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=30):
    phases.append(event["object"].status.phase)
    if phases[-1] == "Succeeded":
        break
assert phases[-1] == "Succeeded", phases
assert core.read_namespaced_pod_log("counter", NAMESPACE) == "1\n2\n3\n"
assert [*watch.Watch().stream(core.read_namespaced_pod_log, "counter", NAMESPACE, follow=True)] == ["1", "2", "3"]

core.patch_namespaced_pod("counter", NAMESPACE, {"metadata": {"labels": {"a": "b"}}})
[found] = core.list_namespaced_pod(NAMESPACE, label_selector="a in (b,c)").items
assert found.metadata.name == "counter"
core.delete_namespaced_pod("counter", NAMESPACE)
try:
    core.read_namespaced_pod("counter", NAMESPACE)
except client.ApiException as error:
    assert error.status == 404, error  # noqa: PT017 -- a program, no test
else:
    raise AssertionError("it is still there")

assert client.VersionApi().get_code().major == "1"
question = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
assert client.AuthorizationV1Api().create_self_subject_access_review(question).status.allowed
clusters = dynamic(client.ApiClient()).resources.get(api_version="kubernetes.dask.org/v1", kind="DaskCluster")
assert [item.metadata.name for item in clusters.get(namespace=NAMESPACE).items] == ["idle"]
listed = client.CustomObjectsApi().list_cluster_custom_object("kubernetes.dask.org", "v1", "daskclusters")
assert [item["metadata"]["name"] for item in listed["items"]] == ["idle"]

core.create_namespaced_pod(NAMESPACE, SERVER)
patiently(lambda: core.read_namespaced_pod("server", NAMESPACE).status.phase == "Running")


def asked() -> bytes:
    forward = portforward(core.connect_get_namespaced_pod_portforward, "server", NAMESPACE, ports=str(SERVER_PORT))
    connection = forward.socket(SERVER_PORT)
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = connection.recv(99)
    connection.close()
    return bytes(answer)


assert patiently(asked).startswith(b"HTTP/1.0 200")
core.delete_namespaced_pod("server", NAMESPACE)
