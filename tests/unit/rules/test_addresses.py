"""Addresses: protocol, host and port, and the Service's ports when the user names none."""

from typing import Any

import pytest

from reconciler.rules import addresses as address
from tests.builders import cluster, pod_spec


def _with_scheduler(**container: Any) -> str:
    return address.scheme(cluster(scheduler={"spec": pod_spec(**container)}))


def test_the_host_is_the_service_and_ends_at_svc() -> None:
    """The address resolves whatever the domain of the Kubernetes cluster is."""
    one = cluster("simple", namespace="science")
    assert address.scheduler_address(one) == "tcp://simple-scheduler.science.svc:8786"
    assert address.dashboard_address(one) == "http://simple-scheduler.science.svc:8787"


@pytest.mark.parametrize(
    ("container", "scheme"),
    [
        ({}, "tcp"),
        ({"args": []}, "tcp"),
        ({"args": ["dask", "scheduler"]}, "tcp"),
        ({"args": ["dask", "scheduler", "--protocol", "ucx"]}, "ucx"),
        ({"args": ["dask", "scheduler", "--protocol=tls"]}, "tls"),
        ({"args": ["dask", "scheduler", "--protocol", "ucx://"]}, "ucx"),
        ({"args": ["--protocol=tls://"]}, "tls"),
        ({"command": ["dask", "scheduler", "--protocol", "ucxx"], "args": ["--port", "1"]}, "ucxx"),
        ({"command": ["dask", "scheduler", "--protocol"], "args": ["ucxx"]}, "ucxx"),
        ({"args": ["dask", "scheduler", "--protocol"]}, "tcp"),
        ({"args": ["dask", "scheduler", "--protocol="]}, "tcp"),
        ({"env": [{"name": "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "value": "tls"}]}, "tls"),
        ({"env": [{"name": "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "valueFrom": {}}]}, "tcp"),
        (
            {
                "args": ["--protocol", "ucx"],
                "env": [{"name": "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "value": "tls"}],
            },
            "ucx",
        ),
    ],
)
def test_the_scheme_is_what_the_scheduler_is_told(container: dict[str, Any], scheme: str) -> None:
    """`--protocol` wins over the environment, and both over `tcp`."""
    assert _with_scheduler(**container) == scheme


def test_the_container_called_scheduler_is_asked_and_not_its_sidecars() -> None:
    """A sidecar's flags say nothing about the scheduler."""
    sidecar = {"name": "proxy", "image": "proxy", "args": ["--protocol", "http"]}
    scheduler = {"name": "scheduler", "image": "dask", "args": ["dask-scheduler", "--protocol", "ucx"]}
    assert address.scheme(cluster(scheduler={"spec": {"containers": [sidecar, scheduler]}})) == "ucx"
    assert address.scheme(cluster(scheduler={"spec": {"containers": []}})) == "tcp"
    assert address.scheme(cluster(scheduler={"spec": {}})) == "tcp"


@pytest.mark.parametrize(
    ("ports", "comm", "dashboard"),
    [
        ([{"name": "tcp-comm", "port": 1}, {"name": "http-dashboard", "port": 2}], 1, 2),
        ([{"name": "comm", "port": 1}, {"name": "dashboard", "port": 2}], 1, 2),
        ([{"name": "comm", "port": 3}, {"name": "tcp-comm", "port": 1}], 1, None),
        ([{"name": "tcp-comm", "port": 1}, {"name": "other", "port": 8786}], 1, None),
        ([{"name": "a", "port": 8787}, {"name": "b", "port": 8786}], 8786, 8787),
        ([{"port": 8786}], 8786, None),
        ([{"name": "other", "port": 1}], 8786, None),
        ([], 8786, 8787),
    ],
)
def test_ports_are_found_by_name_and_then_by_number(
    ports: list[dict[str, Any]], comm: int, dashboard: int | None
) -> None:
    """`tcp-comm` or `comm`, then 8786; `http-dashboard` or `dashboard`, then 8787."""
    one = cluster("simple", scheduler={"service": {"ports": ports}})
    assert address.comm_port(one) == comm
    expected = None if dashboard is None else f"http://simple-scheduler.default.svc:{dashboard}"
    assert address.dashboard_address(one) == expected


def test_without_ports_the_service_gets_daskss_two() -> None:
    """The target is the number, unless the container declares a port of a known name."""
    assert address.service_ports(cluster()) == [
        {"name": "tcp-comm", "protocol": "TCP", "port": 8786, "targetPort": 8786},
        {"name": "http-dashboard", "protocol": "TCP", "port": 8787, "targetPort": 8787},
    ]
    declared = pod_spec(ports=[{"name": "comm", "containerPort": 9000}, {"containerPort": 1}])
    ports = address.service_ports(cluster(scheduler={"spec": declared}))
    assert [port["targetPort"] for port in ports] == ["comm", 8787]
