"""Addresses: protocol, host and port, and the Service's ports when the user names none."""

from typing import Any

import pytest

from reconciler.rules import addresses as address
from reconciler.rules.dask_options import DaskOptions
from tests.builders import cluster
from tests.manifests import pod_spec


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
        ({"command": ["sh", "-c"], "args": ["exec dask scheduler --protocol tls --port 8786"]}, "tls"),
        ({"command": ["/bin/bash", "-lc", "cd /x && dask-scheduler --protocol=ucx; echo"]}, "ucx"),
        ({"args": ["sh", "-c", "dask scheduler --protocol 'tls' && true"]}, "tls"),
        ({"args": ["sh", "-c", "dask scheduler \\\n  --protocol \\\n  tls\n"]}, "tls"),
        ({"args": ["sh", "-c", "# dask scheduler --protocol ucx\ndask scheduler"]}, "tcp"),
        ({"args": ["sh", "-c", "dask scheduler --protocol tls --name 'unended"]}, "tls"),
        ({"args": ["sh", "-c", "dask scheduler --protocol $P"], "env": [{"name": "P", "value": "tls"}]}, "tls"),
        ({"args": ["dask", "scheduler", "--protocol", "$(P)"], "env": [{"name": "P", "value": "ucx"}]}, "ucx"),
        ({"args": ["sh", "-c", "dask scheduler --protocol ${P}"]}, "tcp"),
        ({"args": ["sh", "-c", "P=tls dask scheduler --protocol ${P}"]}, "tls"),
        ({"args": ["dask", "scheduler", "--protocol", "ucx,tcp"]}, "ucx"),
        ({"args": ["dask", "scheduler", "--host", "tls://0.0.0.0:8786"]}, "tls"),
        ({"args": ["dask", "scheduler", "--host=tls://"]}, "tls"),
        ({"args": ["dask", "scheduler", "--host", "0.0.0.0:8786"]}, "tcp"),
        ({"args": ["dask", "scheduler", "--contact-address", "wss://dask.example.org:443", "--host", "tcp://"]}, "wss"),
        ({"args": ["dask", "scheduler", "--tls-cert", "/tls/tls.crt"]}, "tls"),
        ({"args": ["dask", "scheduler", "--tls-cert", "/tls/tls.crt", "--protocol", "tcp"]}, "tcp"),
        ({"env": [{"name": "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "value": "true"}]}, "tls"),
        ({"env": [{"name": "DASK_DISTRIBUTED__COMM__DEFAULT-SCHEME", "value": "tls"}]}, "tls"),
        ({"env": [{"name": "DASK_distributed__comm__default_scheme", "value": "'tls'"}]}, "tls"),
        ({"args": ["sh", "-c", "export DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME=tls; dask scheduler"]}, "tls"),
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
    """As Dask reads it: `--protocol` wins over certificates, these over addresses, all over the environment."""
    assert _with_scheduler(**container) == scheme


def test_where_certificates_are_named_the_scheme_is_tls_unless_something_says_otherwise() -> None:
    """What a file or a ConfigMap tells the scheduler cannot be seen."""
    for args, scheme in ([], "tls"), (["--protocol", "tcp"], "tcp"):
        spec = {"spec": pod_spec(args=["dask", "scheduler", *args]), "tls": {"secretName": "dask-tls"}}
        assert address.scheme(cluster(scheduler=spec)) == scheme


@pytest.mark.parametrize(
    ("args", "port", "dashboard"),
    [
        (["dask", "scheduler"], None, None),
        (["dask", "scheduler", "--port", "8799", "--dashboard-address", ":8790"], 8799, 8790),
        (["dask", "scheduler", "--port=8799", "--dashboard-address=0.0.0.0:8790"], 8799, 8790),
        (["sh", "-c", "exec dask scheduler --port 8799,0 --dashboard-address 8790"], 8799, 8790),
        (["dask", "scheduler", "--host", "tls://0.0.0.0:8799"], 8799, None),
        (["dask", "scheduler", "--host", "[::]:8799"], 8799, None),
        (["dask", "scheduler", "--host", "::1"], None, None),
        (["dask", "scheduler", "--port", "0", "--dashboard-address", "x"], None, None),
    ],
)
def test_the_ports_are_what_the_scheduler_is_told(args: list[str], port: int | None, dashboard: int | None) -> None:
    """A random port is as good as none."""
    options = DaskOptions({"args": args})
    assert (options.port, options.dashboard_port) == (port, dashboard)


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
        ([{"name": "other", "port": 1}], None, None),
        ([{"name": "other", "port": 1, "targetPort": 8786}], 1, None),
        ([{"name": "a", "port": 1, "targetPort": "8787"}, {"name": "b", "port": 2, "targetPort": "8786"}], 2, 1),
        ([{"name": "a", "port": 1, "targetPort": "dashboard"}, {"port": 2, "targetPort": "tcp-comm"}], 2, 1),
        ([{"name": "dask-tcp-comm", "port": 9786, "targetPort": "tcp-comm"}], 9786, None),
        ([], 8786, 8787),
    ],
)
def test_ports_are_found_by_name_and_then_by_number(
    ports: list[dict[str, Any]], comm: int, dashboard: int | None
) -> None:
    """`tcp-comm` or `comm`, then 8786; `http-dashboard` or `dashboard`, then 8787; then by where they lead."""
    one = cluster("simple", scheduler={"service": {"ports": ports}})
    assert address.comm_port(one) == comm
    expected = None if dashboard is None else f"http://simple-scheduler.default.svc:{dashboard}"
    assert address.dashboard_address(one) == expected


def test_where_no_port_leads_to_the_scheduler_there_is_no_address() -> None:
    """Nobody is sent to a port that no Service has."""
    assert address.scheduler_address(cluster(scheduler={"service": {"ports": [{"port": 1}]}})) is None


@pytest.mark.parametrize(
    ("ports", "container", "found"),
    [
        ([{"name": "scheduler", "port": 8799}, {"name": "web", "port": 8787}], {"args": ["--port", "8799"]}, 8799),
        ([{"name": "a", "port": 80, "targetPort": 8799}], {"args": ["--port", "8799"]}, 80),
        ([{"name": "a", "port": 80, "targetPort": 8786}], {"args": ["--port", "8799"]}, None),
        (
            [{"name": "a", "port": 80, "targetPort": "listen"}],
            {"ports": [{"name": "listen", "containerPort": 8786}, {"name": "web", "containerPort": 1}]},
            80,
        ),
        (
            [{"name": "a", "port": 80, "targetPort": "listen"}],
            {"args": ["--port=8799"], "ports": [{"name": "listen", "containerPort": 8799}]},
            80,
        ),
    ],
)
def test_a_port_that_leads_to_where_the_scheduler_listens_is_found(
    ports: list[dict[str, Any]], container: dict[str, Any], found: int | None
) -> None:
    """By the number or the name of the container's port, and by what the scheduler's own options say."""
    one = cluster(scheduler={"spec": pod_spec(**container), "service": {"ports": ports}})
    assert address.comm_port(one) == found


def test_without_ports_the_service_gets_daskss_two() -> None:
    """The target is the number, unless the container declares a port of a known name."""
    assert address.service_ports(cluster()) == [
        {"name": "tcp-comm", "protocol": "TCP", "port": 8786, "targetPort": 8786},
        {"name": "http-dashboard", "protocol": "TCP", "port": 8787, "targetPort": 8787},
    ]
    declared = pod_spec(ports=[{"name": "comm", "containerPort": 9000}, {"containerPort": 1}])
    ports = address.service_ports(cluster(scheduler={"spec": declared}))
    assert [port["targetPort"] for port in ports] == ["comm", 8787]


def test_without_ports_the_service_leads_to_where_the_scheduler_listens() -> None:
    """Its own options know better than the name of a port that was declared."""
    told = pod_spec(args=["--port", "9000", "--dashboard-address", ":9001"])
    declared = pod_spec(args=["--port", "9000"], ports=[{"name": "comm", "containerPort": 8786}])
    same = pod_spec(args=["--port", "9000"], ports=[{"name": "comm", "containerPort": 9000}])
    targets = [
        [port["targetPort"] for port in address.service_ports(cluster(scheduler={"spec": spec}))]
        for spec in (told, declared, same)
    ]
    assert targets == [[9000, 9001], [9000, 8787], ["comm", 8787]]
    assert address.comm_port(cluster(scheduler={"spec": told})) == 8786


def _listening(of_service: list[dict[str, Any]] | None = None, **container: Any) -> int:
    written = {} if of_service is None else {"service": {"ports": of_service}}
    return address.listening_port(cluster(scheduler={"spec": pod_spec(**container), **written}))


COMM = {"name": "tcp-comm", "port": 9000}


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param(_listening(), 8786, id="nothing said"),
        pytest.param(_listening(args=["dask", "scheduler", "--port", "9001"]), 9001, id="its own option"),
        pytest.param(
            _listening([{**COMM, "targetPort": 8786}], args=["dask", "scheduler", "--port", "9001"]),
            9001,
            id="its own option, whatever the Service says",
        ),
        pytest.param(_listening([{**COMM, "targetPort": 9002}]), 9002, id="the Service's target"),
        pytest.param(
            _listening([{**COMM, "targetPort": "dask"}], ports=[{"name": "dask", "containerPort": 9003}]),
            9003,
            id="the target's name",
        ),
        pytest.param(_listening([{**COMM, "targetPort": "nobody"}]), 8786, id="a name that nobody has"),
        pytest.param(_listening([COMM]), 9000, id="a Service without a target leads to its own number"),
        pytest.param(_listening([{"name": "web", "port": 80}]), 8786, id="no port leads there"),
    ],
)
def test_the_pods_own_port_is_where_its_service_leads(port: int, expected: int) -> None:
    """Unless the scheduler is told itself where to listen."""
    assert port == expected
