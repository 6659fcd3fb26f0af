"""The main container: the one that runs Dask, or a job's command."""

import pytest

from reconciler.rules.labels import DEFAULT_CONTAINER
from reconciler.rules.main_container import main_of_spec, working_containers, working_first, working_of_pod
from tests.builders import RUNNING, pod


@pytest.mark.parametrize(
    ("names", "working"),
    [
        (["main"], ["main"]),
        (["b", "a"], ["b", "a"]),
        (["vault-agent", "main"], ["main"]),
        (["istio-proxy", "linkerd-proxy", "etl", "upload"], ["etl", "upload"]),
        (["fluent-bit", "otel-collector", "app-log-exporter", "train"], ["train"]),
        (["metrics", "scheduler"], ["scheduler"]),
        (["logger", "dask-worker"], ["dask-worker"]),
        (["helper", "job-runner"], ["job-runner"]),
        (["helper", "job", "worker"], ["job"]),
        (["vault-agent", "istio-proxy"], ["vault-agent", "istio-proxy"]),
        ([], []),
    ],
)
def test_a_pod_is_there_for_what_is_called_as_dasks_are_or_else_for_what_is_no_sidecar(
    names: list[str], working: list[str]
) -> None:
    """Sidecars often stand first, and what runs Dask is not always called so."""
    assert working_containers(names, {}) == working


def test_the_user_has_the_last_word() -> None:
    """By the annotation that `kubectl logs` heeds; one that names no container says nothing."""
    names = ["scheduler", "helper"]
    assert working_containers(names, {DEFAULT_CONTAINER: "helper"}) == ["helper"]
    assert working_containers(names, {DEFAULT_CONTAINER: "other"}) == ["scheduler"]


def test_a_pods_statuses_are_not_in_the_order_of_its_spec() -> None:
    """The kubelet sorts them by name."""
    one = pod("p", containers={"train": RUNNING, "assist": RUNNING})
    assert [status.name for status in one.status.container_statuses] == ["assist", "train"]
    assert working_of_pod(one) == ["train", "assist"]
    assert [status.name for status in working_first(one)] == ["train", "assist"]
    bare = one.model_copy(update={"spec": pod("q").spec.model_copy(update={"containers": ()})})
    assert working_of_pod(bare) == ["assist", "train"]


def test_a_spec_without_containers_has_no_main_one() -> None:
    """The API server says what is wrong with it."""
    assert main_of_spec({}, {}) == main_of_spec({"containers": None}, {}) == {}
    assert main_of_spec({"containers": [{"image": "x"}]}, {}) == {"image": "x"}
