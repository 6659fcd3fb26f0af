"""Pods: what is added to the user's PodSpec, and what is not."""

from typing import Any

import pytest

from reconciler.passes.desire.pods import gated, knows_its_scheduler, with_environment
from tests.builders import cluster
from tests.manifests import pod_spec

OURS = {"DASK_WORKER_NAME": "w", "DASK_SCHEDULER_ADDRESS": "tcp://s:1"}
ADDED = [{"name": "DASK_WORKER_NAME", "value": "w"}, {"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://s:1"}]


def _env(*users: dict[str, Any]) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = with_environment(pod_spec(env=list(users)), OURS)["containers"][0]["env"]
    return env


def test_our_variables_come_before_the_users() -> None:
    """`$(DASK_WORKER_NAME)` expands in variables that stand behind it."""
    users = {"name": "ARGS", "value": "--name $(DASK_WORKER_NAME)"}
    assert _env(users) == [*ADDED, users]


def test_a_variable_that_the_user_sets_is_the_users() -> None:
    """Whether by value or by reference."""
    mine = {"name": "DASK_SCHEDULER_ADDRESS", "value": "tls://mine:1"}
    assert _env(mine) == [ADDED[0], mine]
    by_reference = {"name": "DASK_WORKER_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert _env(by_reference, mine) == [by_reference, mine]


def test_every_container_gets_them() -> None:
    """Which of them runs Dask is the user's business; init containers wait for the scheduler, or run beside Dask."""
    native = {"name": "d", "restartPolicy": "Always", "env": [ADDED[0]]}
    spec = {"containers": [{"name": "a"}, {"name": "b", "env": None}], "initContainers": [{"name": "c"}, native]}
    changed = with_environment(spec, OURS)
    assert [container["env"] for container in changed["containers"]] == [ADDED, ADDED]
    assert [container["env"] for container in changed["initContainers"]] == [ADDED, ADDED[::-1]]


def test_a_variable_that_has_no_value_is_left_out() -> None:
    """An address that is not known is none."""
    assert with_environment(pod_spec(), {"DASK_SCHEDULER_ADDRESS": None}) == pod_spec()


PORTLESS = cluster(scheduler={"service": {"ports": [{"name": "x", "port": 1}]}})


@pytest.mark.parametrize(
    ("container", "knows"),
    [
        ({}, False),
        ({"args": ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"]}, False),
        ({"env": [{"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://mine:1"}]}, True),
        ({"env": [{"name": "DASK_SCHEDULER_ADDRESS", "valueFrom": {}}]}, True),
        ({"args": ["dask", "worker", "tcp://mine:1"]}, True),
        ({"command": ["sh", "-c", "exec dask worker simple-scheduler:1"]}, True),
        ({"args": ["dask-worker", "simple-service.default:1"]}, True),
    ],
)
def test_a_pod_is_told_where_its_scheduler_is_by_us_or_by_its_user(container: dict[str, Any], *, knows: bool) -> None:
    """Where the Service shows no port that leads there, the user may know better."""
    assert knows_its_scheduler(pod_spec(**container), PORTLESS) is knows
    assert knows_its_scheduler(pod_spec(**container), cluster())


def test_the_users_template_is_not_changed() -> None:
    """What was observed stays as it was; everything else in the spec is passed on."""
    spec = {**pod_spec(), "tolerations": [{"key": "gpu"}], "newInKubernetes": {"x": 1}}
    before = {**spec, "containers": [dict(spec["containers"][0])]}
    changed = with_environment(spec, OURS)
    assert spec == before
    assert {name: changed[name] for name in spec if name != "containers"} == {
        "tolerations": [{"key": "gpu"}],
        "newInKubernetes": {"x": 1},
    }


def test_a_spec_without_containers_is_passed_on() -> None:
    """The API server says what is wrong with it."""
    assert with_environment({}, OURS) == {"containers": []}


def test_our_gate_comes_behind_the_users() -> None:
    """Other gates stay for whoever set them."""
    ours = {"name": "kubernetes.dask.org/scheduler-ready"}
    assert gated({})["schedulingGates"] == [ours]
    assert gated({"schedulingGates": [{"name": "a/b"}]})["schedulingGates"] == [{"name": "a/b"}, ours]
