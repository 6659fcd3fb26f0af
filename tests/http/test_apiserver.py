"""The same, with a real API server at the other end."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from models.kinds import POD, Key, Kind
from reconciler.api import HTTPAPI
from reconciler.api.client import Manner
from reconciler.api.credentials import configuration
from reconciler.wire.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, Unreachable
from tests.http.connection import connected
from tests.realcluster import RealCluster

pytestmark = pytest.mark.apiserver

MANNER = Manner(5.0, 10.0, 30.0, "dask-reconciler/test", 2, compress=False)


def pod(namespace: str, **spec: object) -> dict[str, object]:
    containers = [{"name": "c", "image": "i"}]
    metadata = {"name": "p", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


@pytest.fixture
def stranger(api_server: RealCluster, namespace: str) -> Iterator[HTTPAPI]:
    """A service account without any rights."""
    with connected(api_server.kubeconfig_for(namespace, "default")) as api:
        yield api


@pytest.fixture
def editor(api_server: RealCluster, namespace: str) -> Iterator[HTTPAPI]:
    """A service account that may write in its namespace."""
    api_server.kubectl("create", "serviceaccount", "editor", f"--namespace={namespace}")
    account = f"--serviceaccount={namespace}:editor"
    api_server.kubectl("create", "rolebinding", "editor", "--clusterrole=edit", account, f"--namespace={namespace}")
    with connected(api_server.kubeconfig_for(namespace, "editor")) as api:
        yield api


def test_missing_rights_are_told_in_the_servers_words(stranger: HTTPAPI, namespace: str) -> None:
    """A Forbidden names who may not do what to which resource."""
    who = f'User "system:serviceaccount:{namespace}:default"'
    with pytest.raises(Forbidden, match=f'pods is forbidden: {who} cannot list resource "pods" in API group ""'):
        stranger.list(POD, namespace)
    with pytest.raises(Forbidden, match=f'{who} cannot create resource "pods"'):
        stranger.create(POD, pod(namespace))
    with pytest.raises(Forbidden, match=f'{who} cannot watch resource "pods"'):
        stranger.watch(POD, namespace, version="1", timeout_seconds=5)


def test_an_exceeded_quota_is_told_in_the_servers_words(
    api_server: RealCluster, editor: HTTPAPI, namespace: str
) -> None:
    """What was asked for, what is used and what the limit is are in the message."""
    api_server.kubectl("create", "quota", "small", "--hard=pods=0", f"--namespace={namespace}")
    api_server.kubectl("wait", "--for=jsonpath={.status.hard.pods}=0", "quota/small", f"--namespace={namespace}")
    with pytest.raises(Forbidden, match="exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0"):
        editor.create(POD, pod(namespace))


def test_unknown_fields_come_back_as_warnings(editor: HTTPAPI, namespace: str) -> None:
    """An unknown field stops nothing; each is named with its path."""
    reply = editor.create(POD, pod(namespace, nonsense=1) | {"more": 2})
    assert sorted(reply.warnings) == ['unknown field "more"', 'unknown field "spec.nonsense"']
    assert "nonsense" not in reply.body["spec"]


def test_a_life(editor: HTTPAPI, namespace: str) -> None:
    """Create, list, patch, apply and delete work, and each refusal has its class."""
    key = Key(POD, namespace, "p")
    uid = editor.create(POD, pod(namespace)).body["metadata"]["uid"]
    with pytest.raises(AlreadyExists):
        editor.create(POD, pod(namespace))
    listed = json.loads(editor.list(POD, namespace, labels="!x", fields="metadata.name=p"))
    assert [item["metadata"]["uid"] for item in listed["items"]] == [uid]
    version = listed["items"][0]["metadata"]["resourceVersion"]
    editor.patch(key, {"metadata": {"labels": {"x": "y"}, "resourceVersion": version, "uid": uid}})
    with pytest.raises(Conflict, match="the object has been modified"):
        editor.patch(key, {"metadata": {"labels": {"x": "z"}, "resourceVersion": version}})
    with pytest.raises(Conflict, match="field is immutable"):
        editor.patch(key, {"metadata": {"labels": {"x": "z"}, "uid": "another"}})
    with pytest.raises(Invalid, match="pod updates may not change fields"):
        editor.patch(key, {"spec": {"hostNetwork": True}})
    applied = editor.apply(key, {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"x": "taken"}}}).body
    assert applied["metadata"]["labels"] == {"x": "taken"}
    managers = {(entry["manager"], entry["operation"]) for entry in applied["metadata"]["managedFields"]}
    assert managers == {("dask-reconciler", "Update"), ("dask-reconciler", "Apply")}
    with pytest.raises(Conflict, match="UID in the precondition"):
        editor.delete(key, "another")
    editor.delete(key, uid)


def test_what_is_not_there(api_server: RealCluster, namespace: str) -> None:
    """Missing objects, namespaces and kinds are not found; for a kind the message holds the remedy."""
    with connected(api_server.kubeconfig) as api:
        with pytest.raises(NotFound, match='pods "none" not found'):
            api.patch(Key(POD, namespace, "none"), {"metadata": {"labels": {}}})
        with pytest.raises(NotFound, match='namespaces "none" not found'):
            api.create(POD, pod("none"))
        with pytest.raises(NotFound, match=r"LIST nones: .* is its custom resource definition installed"):
            api.list(Kind("none.example", "v1", "None", "nones"), None)


def test_a_list_may_come_compressed(api_server: RealCluster, namespace: str) -> None:
    """The API server compresses a list of some length, and it is the same list."""
    api_server.kubectl(
        "create",
        "--filename=-",
        stdin="\n---\n".join(
            json.dumps(pod(namespace) | {"metadata": {"name": f"p{number}", "namespace": namespace}})
            for number in range(80)
        ),
    )
    sizes = []
    bodies = []
    for compress in (False, True):
        with connected(
            api_server.kubeconfig, compress=compress, observe=lambda seen: sizes.append(seen.bytes_received)
        ) as api:
            bodies.append(json.loads(api.list(POD, namespace))["items"])
    assert bodies[0] == bodies[1]
    assert sizes[1] < sizes[0] / 5


def test_a_pods_token_is_read_again_when_it_is_rotated(
    api_server: RealCluster, editor: HTTPAPI, namespace: str, tmp_path: Path
) -> None:
    """In a Pod, a token that no longer holds is replaced by the next one in the file, without a restart."""
    assert editor.list(POD, namespace)
    admin = yaml.safe_load(api_server.kubectl("config", "view", "--raw", "--minify", "--flatten"))
    cluster = admin["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (tmp_path / "token").write_text("expired")
    environ = {"KUBERNETES_SERVICE_HOST": str(server.hostname), "KUBERNETES_SERVICE_PORT": str(server.port)}
    api = HTTPAPI(configuration(environ=environ, service_account=tmp_path), MANNER)
    try:
        with pytest.raises(Forbidden, match="Unauthorized") as caught:
            api.list(POD, namespace)
        assert caught.value.status == 401
        (tmp_path / "token").write_text(
            api_server.kubectl("create", "token", "editor", f"--namespace={namespace}").strip()
        )
        assert json.loads(api.list(POD, namespace))["kind"] == "PodList"
    finally:
        api.close()


def test_a_server_under_another_authority_is_not_trusted(api_server: RealCluster, tmp_path: Path) -> None:
    """Without the cluster's own certificate nothing is sent."""
    document = yaml.safe_load(api_server.kubectl("config", "view", "--raw", "--minify", "--flatten"))
    del document["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    with connected(tmp_path / "config") as api, pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        api.list(POD, None)
