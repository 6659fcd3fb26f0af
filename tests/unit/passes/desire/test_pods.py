"""Pods: what is added to the user's PodSpec, and what is not."""

from typing import Any

from reconciler.passes.desire.pods import gated, with_environment
from tests.builders import pod_spec

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
    """Which of them runs Dask is the user's business; init containers run no Dask."""
    spec = {"containers": [{"name": "a"}, {"name": "b", "env": None}], "initContainers": [{"name": "c"}]}
    changed = with_environment(spec, OURS)
    assert [container["env"] for container in changed["containers"]] == [ADDED, ADDED]
    assert changed["initContainers"] == [{"name": "c"}]


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
