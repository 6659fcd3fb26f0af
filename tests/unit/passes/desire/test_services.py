"""Services: the user's, completed and held to the truth, and the one for clients."""

from typing import Any

import pytest

from reconciler.passes.desire.services import comm_service_spec, user_service_spec
from tests.builders import cluster
from tests.manifests import pod_spec

TRUTH = {"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"}
PORTS = [
    {"name": "tcp-comm", "protocol": "TCP", "port": 8786, "targetPort": 8786},
    {"name": "http-dashboard", "protocol": "TCP", "port": 8787, "targetPort": 8787},
]


def _spec(**service: Any) -> dict[str, Any]:
    return user_service_spec(cluster("simple", scheduler={"service": service}))


def test_what_the_user_leaves_out_is_filled_in() -> None:
    """Type, selector and both ports."""
    assert _spec() == {"type": "ClusterIP", "selector": TRUTH, "ports": PORTS}


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"dask.org/cluster-name": "another", "dask.org/component": "worker"},
        {"dask.org/component": "scheduler"},
    ],
)
def test_the_selector_always_finds_this_clusters_scheduler(selector: dict[str, str]) -> None:
    """A manifest written for another name or naming set works."""
    assert _spec(selector=selector)["selector"] == TRUTH


def test_the_users_own_selector_keys_stay() -> None:
    """They may select by a label that flows down."""
    assert _spec(selector={"zone": "a"})["selector"] == {**TRUTH, "zone": "a"}


def test_the_users_fields_win_where_they_are_given() -> None:
    """Type, ports and anything else that a ServiceSpec may hold."""
    ports = [{"name": "tcp-comm", "port": 9786, "targetPort": "comm", "nodePort": 30000}]
    spec = _spec(type="NodePort", ports=ports, externalTrafficPolicy="Local")
    assert (spec["type"], spec["externalTrafficPolicy"]) == ("NodePort", "Local")
    assert spec["ports"] == [{"protocol": "TCP", **ports[0]}]


def test_clients_get_a_plain_service_with_the_same_ports() -> None:
    """ClusterIP, whatever the user's Service is, and no node ports, which only one Service can have."""
    ports = [{"name": "tcp-comm", "port": 9786, "targetPort": 8786, "nodePort": 30000, "protocol": "TCP"}]
    one = cluster("simple", scheduler={"service": {"type": "LoadBalancer", "ports": ports, "selector": {"zone": "a"}}})
    assert comm_service_spec(one) == {
        "type": "ClusterIP",
        "selector": TRUTH,
        "ports": [{"name": "tcp-comm", "port": 9786, "targetPort": 8786, "protocol": "TCP"}],
    }


def test_both_services_lead_to_ports_that_the_container_names() -> None:
    """A declared port of a known name is the target."""
    spec = pod_spec(ports=[{"name": "tcp-comm", "containerPort": 1}, {"name": "dashboard", "containerPort": 2}])
    one = cluster("simple", scheduler={"spec": spec})
    for service in (user_service_spec(one), comm_service_spec(one)):
        assert [port["targetPort"] for port in service["ports"]] == ["tcp-comm", "dashboard"]
