"""KubeCluster's arguments: where they come from, what they may be, and what becomes of them."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
from dask_kubernetes.operator import KubeCluster  # type: ignore[import-untyped]  # it has no types
from dask_kubernetes.operator.kubecluster.kubecluster import CreateMode as TheirMode  # type: ignore[import-untyped]

from kubecluster.names import ClusterNames, Naming
from kubecluster.options import HANDED_ON, TABLE, CreateMode, Options, PortForward
from kubecluster.specs import make_cluster_spec
from tests.kubecluster.surroundings import UUID, options

SAMPLES: dict[str, tuple[Any, Any, Any]] = {
    "name": ("given", "configured", f"dask-jane-{UUID}"),
    "namespace": ("given", "configured", None),
    "image": ("given", "configured", "ghcr.io/dask/dask:latest"),
    "n_workers": (2, 3, 0),
    "resources": ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, {}),
    "env": ([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], []),
    "worker_command": (["given"], ["configured"], None),
    "port_forward_cluster_ip": (True, False, None),
    "create_mode": (CreateMode.CREATE_ONLY, CreateMode.CONNECT_ONLY, CreateMode.CREATE_OR_CONNECT),
    "shutdown_on_close": (True, False, None),
    "idle_timeout": (10, 20, 0),
    "resource_timeout": (10, 0.5, 60),
    "scheduler_service_type": ("NodePort", "LoadBalancer", "ClusterIP"),
    "custom_cluster_spec": (make_cluster_spec("given"), make_cluster_spec("configured"), None),
    "scheduler_forward_port": (8888, 8889, None),
    "jupyter": (False, True, False),
    "quiet": (False, True, False),
    "context": ("given", "configured", None),
    "kubeconfig": ("/given", "/configured", None),
    "scheduler_resources": ({"limits": {"cpu": "1"}}, {}, None),
    "worker_resources": ({"limits": {"cpu": "1"}}, {}, None),
    "gpus": (1, 0, None),
    "naming": (Naming.CLASSIC, Naming.CURRENT, Naming.CLASSIC),
    "wait_for_workers": (False, True, False),
    "wait_timeout": (1, 2, 600),
    "owner_timeout": (1, 2, 3600),
    "port_forward": (PortForward.ALWAYS, PortForward.NEVER, PortForward.AUTO),
    "labels": ({"a": "given"}, {"a": "configured"}, {}),
    "annotations": ({"a": "given"}, {"a": "configured"}, {}),
    "security_context": ({"runAsUser": 1}, {"runAsUser": 2}, None),
    "service_account": ("given", "configured", None),
    "node_selector": ({"a": "given"}, {"a": "configured"}, None),
    "tolerations": ([{"key": "given"}], [{"key": "configured"}], None),
    "volumes": ([{"name": "given"}], [{"name": "configured"}], None),
    "volume_mounts": ([{"name": "given", "mountPath": "/a"}], [], None),
}
"""For each argument a value that is given, one that is configured, and what it is otherwise."""


def besides(name: str, argument: Any) -> dict[str, Any]:
    """An argument with what it does not go without."""
    return {name: argument, **({"volumes": [{"name": "given"}]} if name == "volume_mounts" else {})}


@pytest.mark.parametrize("name", SAMPLES)
def test_an_argument_wins_over_the_configuration_and_that_over_the_default(name: str) -> None:
    """An argument counts first, also one that says no; then Dask's configuration; then the default."""
    argument, configured, default = SAMPLES[name]
    said = {TABLE[name].key: configured}
    assert getattr(options(said, **besides(name, argument)), name) == argument
    assert getattr(options(said), name) == configured
    assert getattr(options(said, **{name: None}), name) == configured
    assert getattr(options(), name) == default


def test_every_argument_is_described_once() -> None:
    """The table, the resolved options and these samples have the same names, keys and sentences of their own."""
    assert [*TABLE, "given"] == [field.name for field in dataclasses.fields(Options)] == [*SAMPLES, "given"]
    assert len({option.key for option in TABLE.values()}) == len(TABLE)
    assert len({option.meaning for option in TABLE.values()}) == len(TABLE)
    assert all(option.meaning.endswith(".") for option in TABLE.values())


def test_every_argument_of_dask_kubernetes_is_there_in_its_order() -> None:
    """Whatever its KubeCluster takes, ours takes, here or handed on to Dask's Cluster."""
    theirs = [name for name in inspect.signature(KubeCluster.__init__).parameters if name not in ("self", "kwargs")]
    assert [name for name in theirs if name not in HANDED_ON] == list(TABLE)[: len(theirs) - 2]


@pytest.mark.parametrize("mode", ["CONNECT_ONLY", "connect_only", "connect-only", CreateMode.CONNECT_ONLY])
def test_a_create_mode_may_be_a_word(mode: Any) -> None:
    """A text counts in any case; dask-kubernetes passes over it in silence."""
    assert options(create_mode=mode).create_mode is CreateMode.CONNECT_ONLY
    assert options({"create-mode": mode}).create_mode is CreateMode.CONNECT_ONLY


def test_dask_kubernetes_create_mode_is_understood() -> None:
    """A program that still imports the old enum means the same by it."""
    assert [options(create_mode=each).create_mode for each in TheirMode] == list(CreateMode)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"n_workers": "3"}, TypeError, "^n_workers is '3'; it must be a whole number$"),
        (
            {"create_mode": "JOIN"},
            ValueError,
            "create_mode is 'JOIN'; it must be one of CREATE_ONLY, CREATE_OR_CONNECT",
        ),
        ({"create_mode": 1}, TypeError, "create_mode is 1; it must be one of"),
        ({"naming": "clasic"}, ValueError, "naming is 'clasic'; it must be one of classic, current; .* 'classic'"),
        ({"resource_timeout": 0}, ValueError, "resource_timeout is 0; it must be a number of seconds above 0"),
        ({"wait_timeout": "1m"}, TypeError, "wait_timeout is '1m'; it must be a number of seconds"),
        ({"scheduler_forward_port": 70000}, ValueError, "scheduler_forward_port is 70000; it must be 65535 or less"),
        ({"wait_for_workers": "all"}, TypeError, "wait_for_workers is 'all'"),
        ({"n_workers": 1, "wait_for_workers": 2}, ValueError, "wait_for_workers is 2, but n_workers is 1"),
        ({"shutdown_on_close": "no"}, TypeError, "shutdown_on_close is 'no'; it must be True or False"),
        ({"namespace": 7}, TypeError, "namespace is 7; it must be text, in quotes"),
        ({"kubeconfig": 7}, TypeError, "kubeconfig is 7; it must be text"),
        ({"image": ""}, ValueError, "image is empty"),
        (
            {"port_forward": "sometimes"},
            ValueError,
            "port_forward is 'sometimes'; it must be one of auto, always, never",
        ),
        ({"name": "a.b"}, ValueError, "makes a DaskCluster called 'a.b-cluster'"),
        ({"name": "a" * 46}, ValueError, "54 characters; 53 is the most"),
        ({"name": "a" * 54, "create_mode": "connect_only"}, ValueError, "^the name 'a{54}' has 54 characters"),
        ({"gpus": 2, "resources": {"limits": {"nvidia.com/gpu": 1}}}, ValueError, "gpus is 2, but"),
    ],
)
def test_values_that_make_no_sense_are_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    """The error names the argument, shows the value and says what it must be."""
    with pytest.raises(error, match=message):
        options(**given)


def test_an_error_names_the_key_of_the_configuration() -> None:
    """Whoever configured a wrong value finds it."""
    message = r"^n_workers \(kubernetes.count.start in Dask's configuration\) is 'two'; it must be a whole number$"
    with pytest.raises(TypeError, match=message):
        options({"count.start": "two"})


@pytest.mark.parametrize(
    ("given", "configured", "expected"),
    [
        ({}, {}, "auto"),
        ({"port_forward": "Always"}, {}, "always"),
        ({"port_forward": False}, {}, "never"),
        ({"port_forward_cluster_ip": True}, {}, "always"),
        ({"port_forward_cluster_ip": False}, {}, "auto"),
        ({"port_forward": "auto", "port_forward_cluster_ip": True}, {}, "auto"),
        ({}, {"port-forward": "never"}, "never"),
        ({}, {"port-forward-cluster-ip": True}, "always"),
        ({}, {"port-forward": "never", "port-forward-cluster-ip": True}, "never"),
        ({"port_forward_cluster_ip": True}, {"port-forward": "never"}, "always"),
        ({"port_forward": "never"}, {"port-forward-cluster-ip": True}, "never"),
    ],
)
def test_ports_are_forwarded_by_either_word(given: dict[str, Any], configured: dict[str, Any], expected: str) -> None:
    """Our word wins over dask-kubernetes', an argument over the configuration."""
    assert options(configured, **given).port_forward == expected


def test_words_that_contradict_each_other_are_refused() -> None:
    """Ports cannot be forwarded always and never."""
    with pytest.raises(ValueError, match="port_forward is 'never' and port_forward_cluster_ip is True"):
        options(port_forward="never", port_forward_cluster_ip=True)


@pytest.mark.parametrize("name", ["namespace", "context", "kubeconfig"])
def test_what_is_configured_to_be_empty_is_not_set(name: str) -> None:
    """A variable of the environment can often be emptied only."""
    assert getattr(options({TABLE[name].key: ""}), name) is None


def test_values_come_in_one_form() -> None:
    """Commands are lists, amounts are text, ports are numbers, and paths know the user's home."""
    found = options(
        worker_command="dask worker",
        resources={"limits": {"cpu": 1}},
        scheduler_forward_port="8787",
        kubeconfig=Path("~/kube"),
        wait_for_workers=0,
    )
    assert found.worker_command == ["dask", "worker"]
    assert found.resources == {"limits": {"cpu": "1"}}
    assert found.scheduler_forward_port == 8787
    assert found.kubeconfig == str(Path.home() / "kube")
    assert options(scheduler_forward_port=0).scheduler_forward_port is None


@pytest.mark.parametrize(
    ("given", "name", "cluster", "candidates"),
    [
        ({"name": "rapids-dask"}, "rapids-dask", "rapids-dask-cluster", ("rapids-dask-cluster", "rapids-dask")),
        ({"name": "a", "naming": "current"}, "a", "a", ("a", "a-cluster")),
        ({"name": "a-cluster"}, "a-cluster", "a-cluster", ("a-cluster",)),
        ({"name": "{HUB_USER}"}, "jane-doe", "jane-doe-cluster", ("jane-doe-cluster", "jane-doe")),
    ],
)
def test_the_name_says_what_is_made_and_what_is_looked_for(
    given: dict[str, Any], name: str, cluster: str, candidates: tuple[str, ...]
) -> None:
    """Placeholders are filled in first; the naming set then says what the DaskCluster is called."""
    found = options(**given)
    assert (found.name, found.candidates) == (name, candidates)
    assert found.names == ClusterNames(found.naming, cluster)
    assert found.manifest()["metadata"]["name"] == cluster


def test_an_existing_cluster_may_have_a_name_too_long_to_be_made() -> None:
    """Who only joins is not held to the name that a new DaskCluster would get."""
    name = "a" * 53
    assert name in options(name=name, create_mode="connect_only").candidates


def test_the_manifest_says_all_that_was_given() -> None:
    """Every argument that ends up in the DaskCluster is the one of `make_cluster_spec`."""
    given: dict[str, Any] = {
        "image": "me/dask:1",
        "n_workers": 2,
        "resources": {"limits": {"cpu": "1"}},
        "env": {"A": "b"},
        "worker_command": "run",
        "scheduler_service_type": "NodePort",
        "idle_timeout": 60,
        "jupyter": True,
        "scheduler_resources": {"limits": {"cpu": "2"}},
        "worker_resources": {"limits": {"cpu": "3"}},
        "gpus": 1,
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "security_context": {"runAsNonRoot": True},
        "service_account": "s",
        "node_selector": {"e": "f"},
        "tolerations": [{"operator": "Exists"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "volume_mounts": [{"name": "v", "mountPath": "/v"}],
    }
    assert set(given) | {"name"} == {name for name, option in TABLE.items() if option.in_manifest}
    assert options(name="c-cluster", **given).manifest() == make_cluster_spec("c-cluster", **given)


def test_what_may_be_secret_is_not_shown() -> None:
    """Neither variables nor a manifest are in the options' text."""
    spec = make_cluster_spec("c", env={"TOKEN": "SECRET"})
    assert "SECRET" not in repr(options(env={"TOKEN": "SECRET"})) + repr(options(custom_cluster_spec=spec))
