"""Why a KubeCluster does not start, each for real, and what its user is told. Most goes wrong at the same time."""

import re
import textwrap
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubecluster import (
    CrashLoop,
    ImagePullFailed,
    KubeCluster,
    KubeClusterError,
    NoKubernetes,
    NoOperator,
    NotAllowed,
    QuotaExceeded,
    Unreachable,
    Unschedulable,
    WrongContext,
)
from tests.apiserver.installing import install
from tests.node.images import DASK_IMAGE
from tests.node.place import Place
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node

PATIENCE_SECONDS = 15
BROKEN = {"image": DASK_IMAGE, "resource_timeout": PATIENCE_SECONDS, "quiet": True}
TROUBLE: dict[str, tuple[dict[str, Any], type[KubeClusterError], str]] = {
    "image": (
        {"image": "localhost/nonesuch:1"},
        ImagePullFailed,
        r"localhost/nonesuch:1.*\nEvents:\n",
    ),
    "room": (
        {"resources": {"requests": {"memory": "100Ti"}}},
        Unschedulable,
        r"Insufficient memory",
    ),
    "gpus": (
        {"gpus": 99, "n_workers": 1, "worker_command": "dask-worker", "wait_for_workers": True},
        Unschedulable,
        r"Insufficient nvidia\.com/gpu",
    ),
    "scheduler": (
        {"env": {"PYTHONHOME": "/nowhere"}},
        CrashLoop,
        r"The last log lines of the Pod scheduler-cluster-scheduler:\n.*No module named 'encodings'",
    ),
    "worker": (
        {"worker_command": "dask-worker --nonesuch", "n_workers": 1, "wait_for_workers": True},
        CrashLoop,
        r"missing port number in address '--nonesuch'",
    ),
}


def start(place: Place, **more: Any) -> KubeClusterError:
    """The error with which a cluster does not start."""
    try:
        cluster = KubeCluster(
            **{"kubeconfig": str(place.node.kubeconfig), "namespace": place.namespace, **BROKEN, **more}
        )
    except KubeClusterError as error:
        return error
    cluster.close()
    raise AssertionError("it started")


@pytest.fixture(scope="module")
def errors(shared: Place) -> dict[str, Future[KubeClusterError]]:
    """Clusters in all kinds of trouble, started at once; for each, the error."""
    with ThreadPoolExecutor(len(TROUBLE)) as pool:
        return {name: pool.submit(start, shared, name=name, **case[0]) for name, case in TROUBLE.items()}


@pytest.mark.parametrize("name", TROUBLE)
def test_each_trouble_is_an_error_of_its_own(
    shared: Place, errors: dict[str, Future[KubeClusterError]], name: str
) -> None:
    """Its type says what kind, its message what was seen and what to do; and what was made is deleted again."""
    error = errors[name].result()
    _, kind, words = TROUBLE[name]
    assert type(error) is kind, error
    assert re.search(words, str(error), re.DOTALL), error
    assert str(error).startswith(f"The DaskCluster {shared.namespace}/{name}-cluster is not ready")
    assert error.__notes__ == [
        f"The DaskCluster {shared.namespace}/{name}-cluster was deleted again; see shutdown_on_close."
    ]
    shared.leaves_nothing({f"{name}-cluster"})


def test_a_used_up_quota_is_told(place: Place) -> None:
    """With the quota's name and the numbers, as Kubernetes has them."""
    place.kubectl("create", "quota", "small", "--hard=pods=0")
    error = start(place, name="quota")
    assert type(error) is QuotaExceeded, error
    assert "small" in str(error)


def test_missing_rights_are_told(place: Place) -> None:
    """Who may not make clusters is told which rule it takes, at once; with the role for users, all works."""
    config = str(place.node.kubeconfig_for(place.namespace, "default"))
    error = start(place, name="rights", kubeconfig=config)
    assert type(error) is NotAllowed, error
    assert '"resources": ["daskclusters"]' in str(error)


def test_wrong_places_are_told(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, a context that is not in it, and a server that is not there are three different things."""
    error: KubeClusterError = start(place, context="nonesuch")
    assert type(error) is WrongContext, error
    assert "realcluster" in str(error), "the contexts that there are"
    document = yaml.safe_load(place.node.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "nobody").write_text(yaml.safe_dump(document))
    error = start(place, kubeconfig=str(tmp_path / "nobody"))
    assert type(error) is Unreachable, error
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nonesuch"))
    error = start(place, kubeconfig=None)
    assert type(error) is NoKubernetes, error


def test_that_nobody_acts_is_told(api_server: RealCluster, namespace: str) -> None:
    """Where the definitions are installed and no operator runs, the error asks for one."""
    install(api_server)
    error = start(Place(api_server, namespace), name="alone")
    assert type(error) is NoOperator, error
    assert textwrap.shorten(str(error), 1000).endswith(f"does it look after the namespace {namespace}?")
