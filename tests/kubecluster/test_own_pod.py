"""A cluster goes with the Pod that its program runs in."""

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from kubecluster import KubeCluster, make_cluster_spec, own_pod
from kubecluster.api import connect
from kubecluster.containers import Body
from kubecluster.resource import ClusterResource
from models.kinds import DASK_CLUSTER, POD, Key
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld

HERE = [{"ip": str(each[4][0])} for each in socket.getaddrinfo(socket.gethostname(), None)]
OURS = Key(POD, "default", "notebook")


def pod(world: LivingWorld, addresses: list[Body], name: str = "notebook") -> Body:
    """A Pod that runs for ever."""
    world.statuses["notebook"] = {"phase": "Running", "podIPs": addresses, "containerStatuses": []}
    spec = {"containers": [{"name": "main", "image": "notebook"}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    made = world.api.create(POD, body).body
    world.api.set_status(Key(POD, "default", name), world.statuses["notebook"])
    return made


@pytest.fixture
def inside(quiet_world: LivingWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterResource]:
    """A cluster that is to be, seen from a Pod of its namespace."""
    as_in_a_pod(monkeypatch)
    connected = connect(kubeconfig=str(quiet_world.kubeconfig), timeout_seconds=5)
    yield ClusterResource(connected, "default", "simple")
    connected.close()


def as_in_a_pod(monkeypatch: pytest.MonkeyPatch, namespace: str = "default") -> None:
    """The environment of a Pod around which the Kubernetes is."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("POD_NAMESPACE", namespace)


@pytest.mark.parametrize(("environ", "host"), [({"POD_NAME": "notebook"}, None), ({}, "notebook")])
def test_a_pod_is_found_by_the_downward_api_or_by_its_hosts_name(
    inside: ClusterResource, quiet_world: LivingWorld, environ: dict[str, str], host: str | None
) -> None:
    """Its name and its uid make the reference; it blocks nobody's deletion, which would take another right."""
    uid = pod(quiet_world, HERE)["metadata"]["uid"]
    found = own_pod.reference(inside, 60, environ, host)
    assert found == {"apiVersion": "v1", "kind": "Pod", "name": "notebook", "uid": uid}


def test_a_pod_that_only_has_the_hosts_name_is_not_ours(inside: ClusterResource, quiet_world: LivingWorld) -> None:
    """A Pod's spec may name its host as another Pod is called: the cluster would go with that."""
    pod(quiet_world, [{"ip": "192.0.2.1"}])
    assert own_pod.reference(inside, 60, {}, "notebook") is None


@pytest.mark.parametrize(
    ("timeout", "words"), [(60, "outlives this Pod by 60 s (owner_timeout)"), (0, "stays when this Pod goes")]
)
def test_where_pods_cannot_be_read_a_word_says_what_follows(
    inside: ClusterResource, quiet_world: LivingWorld, timeout: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The cluster is made all the same."""
    quiet_world.server.troubles.append(Refusal(403, "get", "pods", 'User "eve" cannot get pods'))
    assert own_pod.reference(inside, timeout, {"POD_NAME": "notebook"}) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"The DaskCluster default/simple {words}" in record.getMessage()


def test_a_pod_of_another_namespace_owns_nothing_and_is_not_looked_for(
    quiet_world: LivingWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Kubernetes deletes what has an owner in another namespace."""
    as_in_a_pod(monkeypatch, "elsewhere")
    connected = connect(kubeconfig=str(quiet_world.kubeconfig), timeout_seconds=5)
    assert own_pod.reference(ClusterResource(connected, "default", "simple"), 60, {"POD_NAME": "notebook"}) is None
    connected.close()
    assert caplog.records == []


def made(world: LivingWorld, monkeypatch: pytest.MonkeyPatch, **more: Any) -> KubeCluster:
    """A cluster that a program makes in the Pod."""
    pod(world, HERE)
    as_in_a_pod(monkeypatch)
    monkeypatch.setenv("POD_NAME", "notebook")
    name = None if "custom_cluster_spec" in more else "a"
    return KubeCluster(name=name, quiet=True, port_forward="always", **more)


def test_a_cluster_goes_with_its_pod(world: LivingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if that has no time to end in order: garbage collection deletes it."""
    cluster = made(world, monkeypatch)
    assert world.names(DASK_CLUSTER) == ["a-cluster"]
    world.api.delete(OURS, world.get(POD, "notebook")["metadata"]["uid"])
    world.leaves_nothing()
    cluster.close()


@pytest.mark.parametrize("when", ["at first", "later"])
def test_a_cluster_that_is_to_stay_has_no_such_owner(
    world: LivingWorld, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """It outlives its program and that program's Pod."""
    cluster = made(world, monkeypatch, shutdown_on_close=False if when == "at first" else None)
    cluster.shutdown_on_close = False
    assert not world.get(DASK_CLUSTER, "a-cluster")["metadata"].get("ownerReferences")
    cluster.close()
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_a_manifests_own_owners_stay(world: LivingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pod comes beside them, and goes from among them."""
    uid = pod(world, HERE, "other")["metadata"]["uid"]
    theirs = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": uid}
    spec = make_cluster_spec("mine")
    spec["metadata"]["ownerReferences"] = [theirs]
    with made(world, monkeypatch, custom_cluster_spec=spec) as cluster:
        owners = world.get(DASK_CLUSTER, "mine")["metadata"]["ownerReferences"]
        assert [each["name"] for each in owners] == ["other", "notebook"]
        cluster.shutdown_on_close = False
        assert world.get(DASK_CLUSTER, "mine")["metadata"]["ownerReferences"] == [theirs]
