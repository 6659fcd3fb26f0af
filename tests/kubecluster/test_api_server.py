"""The API's requests against a real API server."""

import base64
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubecluster.api import Body, Kubernetes, connect, path
from kubecluster.errors import (
    AlreadyExists,
    ClusterNotFound,
    Conflict,
    Invalid,
    NotAllowed,
    NotInstalled,
    QuotaExceeded,
    RequestFailed,
)
from tests.apiserver.installing import install
from tests.kubecluster.rights import may
from tests.kubecluster.sockets import Proxy
from tests.realcluster import RealCluster
from tests.realcluster.eventually import eventually

pytestmark = pytest.mark.apiserver
WORKER = {"replicas": 1, "spec": {"containers": [{"name": "w", "image": "x"}]}}
SCHEDULER = {"spec": {"containers": [{"name": "s", "image": "x"}]}, "service": {"ports": [{"name": "c", "port": 1}]}}
CLUSTER: Body = {
    "apiVersion": "kubernetes.dask.org/v1",
    "kind": "DaskCluster",
    "metadata": {"name": "big"},
    "spec": {"worker": WORKER, "scheduler": SCHEDULER},
}


@pytest.fixture(scope="module")
def server(api_server: RealCluster) -> RealCluster:
    """The API server with Dask's definitions."""
    install(api_server)
    return api_server


@pytest.fixture
def api(server: RealCluster) -> Iterator[Kubernetes]:
    """The administrator's connection."""
    with closing(connect(kubeconfig=str(server.kubeconfig))) as connected:
        yield connected


def settings(name: str, **labels: str) -> Body:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


def changed(config: Path, target: Path, *, cluster: dict[str, Any], user: dict[str, Any] | None = None) -> Path:
    """A copy of a kubeconfig with another cluster's or user's entries."""
    document = yaml.safe_load(config.read_text())
    document["clusters"][0]["cluster"] |= cluster
    document["users"][0]["user"] = user or document["users"][0]["user"]
    target.write_text(yaml.safe_dump(document))
    return target


def test_an_object_lives_and_dies(api: Kubernetes, namespace: str) -> None:
    """Created, read, listed by its labels, changed, deleted, and deleted again."""
    maps, one = (path("configmaps", namespace, name, group="") for name in ("", "one"))
    assert api.create(maps, settings("one", app="x"))["metadata"]["uid"]
    api.create(maps, settings("two", app="y"))
    assert api.get(one)["data"] == {"a": "1"}
    assert [body["metadata"]["name"] for body in api.list(maps, labels="app=x")] == ["one"]
    assert [body["metadata"]["name"] for body in api.list(maps, fields="metadata.name=two")] == ["two"]
    assert api.patch(one, {"data": {"a": None, "b": "2"}})["data"] == {"b": "2"}
    api.delete(one)
    api.delete(one)
    with pytest.raises(RequestFailed, match=f"There is no configmaps {namespace}/one"):
        api.get(one)


def test_daskclusters_are_refused_with_reasons(api: Kubernetes, namespace: str) -> None:
    """A wrong field, a name that is taken, one that is not there, a change of an old state, and no such kind."""
    clusters, big = (path("daskclusters", namespace, name) for name in ("", "big"))
    with pytest.raises(ClusterNotFound, match=f"There is no DaskCluster {namespace}/big"):
        api.get(big)
    with pytest.raises(Invalid, match=r"Correct it: spec\.worker\.replicas: Invalid value: -1"):
        api.create(clusters, CLUSTER | {"spec": {"worker": WORKER | {"replicas": -1}, "scheduler": SCHEDULER}})
    version = api.create(clusters, CLUSTER)["metadata"]["resourceVersion"]
    with pytest.raises(AlreadyExists, match=f"There is DaskCluster {namespace}/big already"):
        api.create(clusters, CLUSTER)
    api.patch(big, {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(Conflict, match=f"DaskCluster {namespace}/big was changed"):
        api.patch(big, {"metadata": {"resourceVersion": version, "labels": {"a": "c"}}})
    with pytest.raises(NotInstalled, match=r"does not know daskclusters\.kubernetes\.dask\.org"):
        api.get(path("daskclusters", namespace, "big", version="v9"))


def test_a_namespace_that_is_not_there_is_told(api: Kubernetes) -> None:
    """The remedy is to create the namespace, not the definitions."""
    with pytest.raises(RequestFailed, match="There is no namespace 'nowhere'"):
        api.create(path("daskclusters", "nowhere"), CLUSTER)


def test_the_role_that_is_asked_for_is_enough(api: Kubernetes, server: RealCluster, namespace: str) -> None:
    """Whoever may not do something is told the rule of a Role; with that Role it is done."""
    clusters = path("daskclusters", namespace)
    with closing(connect(kubeconfig=str(server.kubeconfig_for(namespace, "default")))) as mine:
        assert mine.namespace == namespace
        right = ("create", "kubernetes.dask.org", "daskclusters", namespace)
        assert not may(mine, *right)
        with pytest.raises(NotAllowed, match=f"'system:serviceaccount:{namespace}:default' may not create") as caught:
            mine.create(clusters, CLUSTER)
        rule = re.search(r"rule ({.*?})", str(caught.value))
        assert rule is not None
        group = "rbac.authorization.k8s.io"
        api.create(path("roles", namespace, group=group), {"metadata": {"name": "it"}, "rules": [json.loads(rule[1])]})
        binding = {
            "metadata": {"name": "it"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "it"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        }
        api.create(path("rolebindings", namespace, group=group), binding)
        eventually(lambda: may(mine, *right), "the right")
        assert mine.create(clusters, CLUSTER)["metadata"]["uid"]


def test_a_quota_that_is_used_up_is_told(api: Kubernetes, namespace: str) -> None:
    """The error is the quota's own, with its name and numbers."""
    quotas = path("resourcequotas", namespace, group="")
    api.create(quotas, {"metadata": {"name": "tiny"}, "spec": {"hard": {"pods": "0"}}})
    eventually(lambda: "hard" in api.list(quotas)[0].get("status", {}), "the quota's first count")
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    with pytest.raises(QuotaExceeded, match=f"namespace '{namespace}'.*exceeded quota: tiny, requested: pods=1"):
        api.create(path("pods", namespace, group=""), pod)


def test_a_wrong_token_is_told(server: RealCluster, tmp_path: Path) -> None:
    """Whom the server does not know is told to log in."""
    config = changed(server.kubeconfig, tmp_path / "kubeconfig", cluster={}, user={"token": "wrong"})
    with closing(connect(kubeconfig=str(config))) as api, pytest.raises(NotAllowed, match="does not know who we are"):
        api.list(path("pods", "default", group=""))


def test_a_command_may_give_a_certificate(server: RealCluster, tmp_path: Path) -> None:
    """Who we are can be said by a certificate that a command hands out."""
    name = server.kubeconfig.parent / "pki" / "apiserver-kubelet-client"
    if not name.with_suffix(".crt").exists():
        pytest.skip("the keys of a cluster that was there before are its own")
    status = {"clientCertificateData": f"{name}.crt", "clientKeyData": f"{name}.key"}
    login = tmp_path / "login"
    login.write_text(
        f"#!{sys.executable}\nimport json\nstatus = {{key: open(file).read() for key, file in {status!r}.items()}}\n"
        "version = 'client.authentication.k8s.io/v1'\n"
        "print(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status}))\n"
    )
    login.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(login)}}
    config = changed(server.kubeconfig, tmp_path / "kubeconfig", cluster={}, user=user)
    with closing(connect(kubeconfig=str(config))) as api:
        review = path("selfsubjectreviews", None, group="authentication.k8s.io")
        user_info = api.create(review, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})[
            "status"
        ]
        assert user_info["userInfo"]["username"] == "apiserver-kubelet-client"


def test_questions_survive_cuts(server: RealCluster, tmp_path: Path, namespace: str) -> None:
    """While connections break again and again, each of several threads' questions gets its answer."""
    document = yaml.safe_load(server.kubeconfig.read_text())
    host, _, port = document["clusters"][0]["cluster"]["server"].removeprefix("https://").rpartition(":")
    assert base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])
    with Proxy(host, int(port)) as proxy:
        cluster = {"server": f"https://127.0.0.1:{proxy.port}", "tls-server-name": "kubernetes"}
        config = changed(server.kubeconfig, tmp_path / "kubeconfig", cluster=cluster)
        answered = [0] * 4
        with closing(connect(kubeconfig=str(config))) as api, ThreadPoolExecutor() as pool:

            def ask(number: int) -> None:
                for _ in range(50):
                    assert api.list(path("pods", namespace, group="")) == []
                    answered[number] += 1

            asked = [pool.submit(ask, number) for number in range(len(answered))]

            def go_on(before: list[int]) -> bool:
                return all(one.done() or now > then for one, now, then in zip(asked, answered, before, strict=True))

            while not all(one.done() for one in asked):
                proxy.cut()
                before = [*answered]
                eventually(lambda before=before: go_on(before), "an answer for each")  # type: ignore[misc]
            for one in asked:
                one.result()
        assert proxy.taken > 4
