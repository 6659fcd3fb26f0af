"""Our CRDs beside dask-kubernetes', and in their place, on a real API server."""

import json
from collections.abc import Iterator
from functools import partial

import pytest
from dask_kubernetes.operator import make_cluster_spec  # type: ignore[import-untyped]  # it has no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.kinds import CUSTOM_KINDS, GROUP, Kind
from tests.apiserver.installing import accepted, install, install_upstream, is_accepted, refusal, uninstall, until
from tests.manifests import Manifest, autoscaler, cluster, job, manifest
from tests.realcluster import RealCluster
from tests.upstream import complete, resources, upstream_schema

pytestmark = pytest.mark.apiserver
UPSTREAM_GROUP = "dask-kubernetes.test"


@pytest.fixture(scope="module")
def both(api_server: RealCluster) -> Iterator[RealCluster]:
    """The API server with our CRDs and, under another group, dask-kubernetes'."""
    install(api_server)
    install_upstream(api_server, UPSTREAM_GROUP)
    yield api_server
    for kind in CUSTOM_KINDS:
        api_server.kubectl("delete", f"customresourcedefinition/{kind.plural}.{UPSTREAM_GROUP}")


def under(api_group: str, body: Manifest, name: str) -> Manifest:
    return {**body, "apiVersion": f"{api_group}/v1", "metadata": {"name": name}}


@pytest.mark.parametrize("kind", CUSTOM_KINDS, ids=str)
def test_every_field_that_dask_kubernetes_knows_is_accepted(both: RealCluster, kind: Kind) -> None:
    """A resource that sets all of them, and that dask-kubernetes' CRD accepts, passes strict validation."""
    body = manifest(kind, "c", complete(upstream_schema(kind)["properties"]["spec"]))
    assert refusal(both, under(UPSTREAM_GROUP, body, "c")) == ""
    assert refusal(both, body) == ""


@pytest.mark.parametrize("kind", CUSTOM_KINDS, ids=str)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_dask_kubernetes_accepts_is_accepted(both: RealCluster, kind: Kind, data: st.DataObject) -> None:
    """Of random resources, none is refused by our CRDs that dask-kubernetes' CRDs accept."""
    bodies = data.draw(st.lists(resources(kind), min_size=1, max_size=20))
    theirs = accepted(both, [under(UPSTREAM_GROUP, body, f"n{n}") for n, body in enumerate(bodies)])
    ours = accepted(both, [under(GROUP, body, f"n{n}") for n, body in enumerate(bodies)])
    refused = [bodies[int(name.removeprefix("n"))] for name in theirs - ours]
    assert not refused, [refusal(both, body) for body in refused]


@pytest.mark.parametrize(
    "told", [{}, {"n_workers": 2, "env": {"A": "b"}, "resources": {"limits": {"cpu": 1}}}], ids=str
)
def test_what_dask_kubernetes_client_makes_is_accepted(both: RealCluster, told: Manifest) -> None:
    """Its `KubeCluster` writes null for whatever it was not told."""
    assert refusal(both, make_cluster_spec(name="c", **told)) == ""


@pytest.mark.parametrize("flags", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_dask_kubernetes_crds_are_replaced_under_resources_that_are_in_use(
    api_server: RealCluster, namespace: str, flags: tuple[str, ...]
) -> None:
    """Even a resource that ours would refuse can still be labelled, and deleted in spite of a finalizer."""
    uninstall(api_server)
    install_upstream(api_server, GROUP)
    bodies = [cluster("x" * 60), job("a.b", replicas=-1), autoscaler(minimum=3, maximum=2)]
    names = [(f"{body['kind']}.v1.{GROUP}", body["metadata"]["name"], f"--namespace={namespace}") for body in bodies]
    for body in bodies:
        body["metadata"]["finalizers"] = ["kopf.zalando.org/KopfFinalizerMarker"]
        until(partial(is_accepted, api_server, body), "dask-kubernetes' CRDs are not in force")
        api_server.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(body))
    try:
        install(api_server, *flags)
        for name in names:
            api_server.kubectl("label", *name, "team=a")
            api_server.kubectl("delete", "--wait=false", *name)
    finally:
        for name in names:
            api_server.kubectl("patch", *name, "--type=merge", "--patch", '{"metadata": {"finalizers": null}}')
    kinds = ",".join(f"{kind.plural}.{GROUP}" for kind in CUSTOM_KINDS)
    listing = ("get", kinds, f"--namespace={namespace}", "--output=name")
    until(lambda: api_server.kubectl(*listing) == "", "still there")
