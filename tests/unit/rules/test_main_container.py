"""The main container: the one that runs Dask, or a job's command."""

import pytest

from reconciler.rules.labels import DEFAULT_CONTAINER
from reconciler.rules.main_container import main_container, main_first, main_of_pod, main_of_spec
from tests.builders import RUNNING, pod


@pytest.mark.parametrize(
    ("names", "main"),
    [
        (["main"], "main"),
        (["a", "b"], "a"),
        (["vault-agent", "main"], "main"),
        (["istio-proxy", "linkerd-proxy", "etl"], "etl"),
        (["fluent-bit", "otel-collector", "app-log-exporter", "train"], "train"),
        (["metrics", "scheduler"], "scheduler"),
        (["logger", "dask-worker"], "dask-worker"),
        (["helper", "job-runner"], "job-runner"),
        (["helper", "job"], "job"),
        (["vault-agent", "istio-proxy"], "vault-agent"),
        ([], ""),
    ],
)
def test_the_main_container_is_the_one_called_as_dasks_are_or_the_first_that_is_no_sidecar(
    names: list[str], main: str
) -> None:
    """Sidecars often stand first, and what runs Dask is not always called so."""
    assert main_container(names, {}) == main


def test_the_user_has_the_last_word() -> None:
    """By the annotation that `kubectl logs` heeds; one that names no container says nothing."""
    names = ["scheduler", "helper"]
    assert main_container(names, {DEFAULT_CONTAINER: "helper"}) == "helper"
    assert main_container(names, {DEFAULT_CONTAINER: "other"}) == "scheduler"


def test_a_pods_statuses_are_not_in_the_order_of_its_spec() -> None:
    """The kubelet sorts them by name."""
    one = pod("p", containers={"train": RUNNING, "assist": RUNNING})
    assert [status.name for status in one.status.container_statuses] == ["assist", "train"]
    assert main_of_pod(one) == "train"
    assert [status.name for status in main_first(one)] == ["train", "assist"]
    assert main_of_pod(one.model_copy(update={"spec": pod("q").spec.model_copy(update={"containers": ()})})) == "assist"


def test_a_spec_without_containers_has_no_main_one() -> None:
    """The API server says what is wrong with it."""
    assert main_of_spec({}, {}) == main_of_spec({"containers": None}, {}) == {}
    assert main_of_spec({"containers": [{"image": "x"}]}, {}) == {"image": "x"}
